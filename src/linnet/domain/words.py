"""Which words a text holds, for searching: the same for what is written and for what is asked.

Words are folded (case, width, accents), so that ``Café`` is found as ``cafe``. Scripts that put no spaces between
words, and Hangul, which glues endings to words, give pairs of neighbouring characters instead: any part of a sentence
of two characters or more is then a row of pairs. Emoji are words. Everything is linear in the length of the text.
"""

import re
import unicodedata

import msgspec
import regex

MAX_WORD_CHARS = 64

_UNSEEN = regex.compile(r"[\p{Default_Ignorable_Code_Point}\u0640\u20E3\U0001F3FB-\U0001F3FF]++", regex.V1)
# Accents of Latin and Greek; Hebrew points and Arabic vowel signs, which most people leave out. Not the marks of other
# scripts: without its vowel signs an Indic word is another word, and й is no и.
_ACCENTS = regex.compile(
    r"(?<=[\p{Latin}\p{Greek}][\u0300-\u036F]*)[\u0300-\u036F]++|[\u0591-\u05C7\u064B-\u065F\u0670\u06D6-\u06ED]++",
    regex.V1,
)
# Letters that no decomposition takes apart, and Arabic and Cyrillic ones that people write either way.
_LETTERS = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "ı": "i",
        "ħ": "h",
        "ё": "е",
        "أ": "ا",
        "إ": "ا",
        "آ": "ا",
        "ى": "ي",
        "ی": "ي",
        "ک": "ك",
        "ة": "ه",
    }
)
_SPACELESS = (
    r"\p{Hani}\p{Hira}\p{Kana}\p{Bopo}\p{Hang}\p{Thai}\p{Laoo}\p{Khmr}\p{Mymr}\p{Tibt}\p{Yiii}\u30FC\u3005\u3007"
)
_WORD = regex.compile(
    rf"(?P<run>[[{_SPACELESS}]&&[\p{{L}}\p{{M}}\p{{Nl}}]]++)"
    r"|(?P<emoji>[\U0001F1E6-\U0001F1FF]{2}|(?!\p{Nd})\p{Extended_Pictographic})"
    rf"|(?P<word>[[\p{{L}}\p{{M}}\p{{N}}]--[{_SPACELESS}]]++)",
    regex.V1,
)
_ASCII_WORD = re.compile("[a-z0-9]+")
# What every link begins with says nothing about it.
_LINK_START = regex.compile(r"\bhttps?://(?:www\.)?", regex.IGNORECASE)


class Word(msgspec.Struct, frozen=True):
    """A word, folded. ``is_start``: a single character of a script without spaces, which begins many pairs."""

    text: str
    is_start: bool = False


def fold(text: str) -> str:
    """Without what people leave out or write in several ways: case, accents, width, what cannot be seen."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKC", _UNSEEN.sub("", text)).casefold()
    marked = unicodedata.normalize("NFD", plain)
    return unicodedata.normalize("NFC", _ACCENTS.sub("", marked)).translate(_LETTERS)


def find_words(text: str) -> list[str]:
    """The words of a text that is stored, in order. A run of spaceless letters gives its pairs and its last letter."""
    folded = _prepare(text)
    if folded.isascii():
        return [word[:MAX_WORD_CHARS] for word in _ASCII_WORD.findall(folded)]
    words: list[str] = []
    for match in _WORD.finditer(folded):
        found = match[0]
        if match["run"] is None:
            words.append(found[:MAX_WORD_CHARS])
        else:
            words += [found[at : at + 2] for at in range(len(found))]
    return words


def find_asked_words(text: str) -> list[Word]:
    """The words of a text that is asked for: of a run only pairs, unless it is a single letter."""
    words: list[Word] = []
    for match in _WORD.finditer(_prepare(text)):
        found = match[0]
        if match["run"] is None:
            words.append(Word(found[:MAX_WORD_CHARS]))
        elif len(found) == 1:
            words.append(Word(found, is_start=True))
        else:
            words += [Word(found[at : at + 2]) for at in range(len(found) - 1)]
    return words


def _prepare(text: str) -> str:
    return fold(_LINK_START.sub(" ", text) if "://" in text else text)
