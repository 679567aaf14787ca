"""Where the hashtags of a text are, and when two of them are the same tag."""

import unicodedata

import msgspec
import regex

from linnet.domain.characters import EMOJI_MARKS

# A tag is a key of an index in PostgreSQL, which takes up to 2,704 bytes. Four bytes for each of 140 characters fit
# well below; but case folding and NFKC can make one character eighteen, so the folded form has a bound of its own.
MAX_FOLDED_BYTES = 1_000

# Not letters, yet parts of words, as in twitter-text: joiners (Persian, Sinhala), the Hebrew maqaf, geresh and
# gershayim, the Catalan and the Katakana middle dot, Japanese voicing and ditto marks and wave dashes, the Tibetan
# tsheg, the Cyrillic kavyka.
_INSIDE_WORDS = r"\u200C\u200D\u05BE\u05F3\u05F4\u00B7\u30FB\u30A0\u3003\u309B\u309C\u301C\uFF5E\u0F0B\u0F0C\uA67E"
# Hangul fillers are letters by category, and nobody can see them.
_FILLERS = r"\u115F\u1160\u3164\uFFA0"
# Letter-like numbers (\p{Nl}) are in for the ideographic zero of 二〇二六.
_TAG_CHARS = rf"[[\p{{L}}\p{{M}}\p{{Nd}}\p{{Nl}}_{_INSIDE_WORDS}]--[{EMOJI_MARKS}{_FILLERS}]]"

# "#one#two" is neither, "&#39;" is an HTML entity, "#http://…" is a link in disguise.
_HASHTAG = regex.compile(rf"(?<![{_TAG_CHARS}&#＃])[#＃]({_TAG_CHARS}++)(?![#＃]|://)", regex.V1)
_LETTER = regex.compile(r"\p{L}", regex.V1)
_JOINERS = "\u200c\u200d"

# Never told apart when tags are matched: what cannot be seen (Default_Ignorable, white space that NFKC itself puts
# before voicing marks) and the Arabic tatweel, which only stretches a word.
_UNSEEN = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{White_Space}\u0640]++", regex.V1)


class Hashtag(msgspec.Struct, frozen=True):
    """``text`` is the tag as typed, without its sign. Half-open offsets in code points, from the sign on."""

    text: str
    start: int
    end: int


def find_hashtags(text: str) -> list[Hashtag]:
    """Every hashtag, in order, repeated ones too. The text is NFC. Links are not looked at here."""
    hashtags: list[Hashtag] = []
    for match in _HASHTAG.finditer(text):
        tag = match[1].rstrip(_JOINERS)
        if not _LETTER.search(tag):
            continue
        folded = fold_tag(tag)
        if folded and len(folded.encode()) <= MAX_FOLDED_BYTES:
            hashtags.append(Hashtag(tag, match.start(), match.start(1) + len(tag)))
    return hashtags


def fold_tag(tag: str) -> str:
    """The form under which a tag is stored and looked up; folding twice changes nothing.

    Unicode's NFKC_Casefold, made for comparing identifiers: ``ＴＡＧ``, ``Tag`` and ``tag`` are one tag, ``ｶﾞ`` and
    ``ガ``, ``Straße`` and ``STRASSE``, with and without joiners. Accents count: ``resume`` is not ``résumé``. So does
    the Turkish dotted ``İ``, since nothing says in which language a tag is.
    """
    folded = tag
    # One turn does for nearly all; removing something between two characters can make them compose in the next.
    while True:
        once = unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", _UNSEEN.sub("", folded)).casefold())
        if once == folded:
            return folded
        folded = once
