"""What single characters are allowed to be in anything that people type and others read.

Used by the rules of tweets (``text``) and of names (``names``). Python's own Unicode tables are as old as the
interpreter (3.11 knows Unicode 14), so categories are asked of ``regex``, which is newer: otherwise the emoji of the
last years would count as unassigned.
"""

import unicodedata

import regex

# The White_Space property. str.strip() would also take U+001C..001F, which are control characters and are refused.
WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)

# Scripts whose sentences have no spaces between words, or (Hangul) glue endings to whatever stands before. A link or a
# mention may touch their letters; touching any other letter makes it part of a word. For use inside a V1 set.
_SPACELESS = (
    r"\p{scx=Hani}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}\p{scx=Hang}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}"
    r"\p{scx=Tibt}\p{scx=Yiii}"
)

# Emoji selectors and the keycap are marks by category, and belong to the emoji before them, never to a word.
EMOJI_MARKS = r"\uFE0E\uFE0F\u20E3"

# A V1 set: letters, marks and digits of the scripts that put spaces between words.
SPACED_WORD_CHARS = rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{_SPACELESS}{EMOJI_MARKS}]]"

# Nothing of this can be seen, alone or in a row: white space, joiners, selectors, fillers (U+3164 and its kin are
# Default_Ignorable), the empty Braille cell, every control and format character.
_INVISIBLE_ONLY = regex.compile(
    r"[\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\u2800\U0001D159]*+", regex.V1
)

_CONTROL = regex.compile(r"[\p{Cc}--\n]", regex.V1)
_SURROGATE = regex.compile(r"\p{Cs}", regex.V1)
_NONCHARACTER = regex.compile(r"\p{Noncharacter_Code_Point}", regex.V1)

# U+202D and U+202E show letters in another order than they are stored: "gpj.exe" can be made to read "exe.jpg". Nobody
# types them by accident, so they are refused. Embeddings and isolates (U+202A..202C, U+2066..2069) stay allowed in
# tweets: phones and address books paste them around numbers and names, the person cannot see them to remove them, they
# do not turn letters round, and a page that isolates each tweet (dir="auto") contains one left open.
_TURNS_TEXT_ROUND = regex.compile(r"[\u202D\u202E]", regex.V1)
# A name stands inside other people's sentences, so there no character may reach beyond it.
_DIRECTS_TEXT = regex.compile(r"[\u202A-\u202E\u2066-\u2069]", regex.V1)


def is_blank(text: str) -> bool:
    """Whether a reader would see nothing at all."""
    return _INVISIBLE_ONLY.fullmatch(text) is not None


def find_forbidden(text: str) -> str | None:
    """What cannot be in any text, as the end of the sentence "… holds ___."; None when all is well.

    Unassigned characters pass: phones know next year's emoji before servers do. Line feeds pass, too.
    """
    if found := _SURROGATE.search(text):
        return f"half of a broken character ({_code_point(found[0])})"
    if found := _CONTROL.search(text):
        return f"a control character ({_code_point(found[0])})"
    if found := _NONCHARACTER.search(text):
        return f"a code that is no character ({_code_point(found[0])})"
    if found := _TURNS_TEXT_ROUND.search(text):
        return f"an invisible character that turns text around ({_code_point(found[0])})"
    return None


def find_direction_control(text: str) -> str | None:
    """The first character that changes the direction of what follows it, as "U+202A"; None when there is none."""
    found = _DIRECTS_TEXT.search(text)
    return _code_point(found[0]) if found else None


def is_compatible(text: str) -> bool:
    """Whether the text is its own NFKC form, so that it holds no look-alikes of plain letters and punctuation."""
    return unicodedata.is_normalized("NFKC", text)


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}"
