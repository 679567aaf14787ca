"""Where the mentions of a text are. Whether such a person exists is for the write path to find out."""

import msgspec
import regex

from linnet.domain.names import MAX_USERNAME_CHARS

# "RT@somebody" is how people retweeted by hand before there was a button.
_MENTION = regex.compile(
    r"(?:(?<![A-Za-z0-9_!#$%&*@＠])(?<![\p{Latin}&&\p{L}])|(?<=(?<![A-Za-z0-9_+~.\-])[Rr][Tt]))"
    rf"[@＠]([A-Za-z0-9_]{{1,{MAX_USERNAME_CHARS}}}+)"
    # A longer word is nobody's name, and its first part could be a stranger's. An accented letter carries the word on,
    # another @ makes it an address, "://" a link.
    r"(?![A-Za-z0-9_@＠]|[\p{Latin}&&\p{L}]|[\u0300-\u036F]|://)",
    regex.V1,
)
# Behind a letter that is not Latin ("почта@example.com") only the dot tells an e-mail address from a mention, and
# mentions do stand right behind letters where words have no spaces ("の@name") or prefixes are glued on ("ב@name").
_WORD_CHAR = regex.compile(r"[\p{L}\p{M}\p{N}]", regex.V1)
_DOMAIN_FOLLOWS = regex.compile(r"[A-Za-z0-9\-]*+\.[A-Za-z0-9]")
# regex first looks for the dot as far as it may, so without a bound many mentions would cost the square of the text.
_DOMAIN_CHARS = 64


class Mention(msgspec.Struct, frozen=True):
    """``username`` is lower-cased. Half-open offsets in code points, from the sign on."""

    username: str
    start: int
    end: int


def find_mentions(text: str) -> list[Mention]:
    """Every mention, in order, repeated ones too. The text is NFC. Links are not looked at here."""
    mentions: list[Mention] = []
    for match in _MENTION.finditer(text):
        start, end = match.span()
        if start and _WORD_CHAR.match(text, start - 1) and _DOMAIN_FOLLOWS.match(text, end, end + _DOMAIN_CHARS):
            continue
        mentions.append(Mention(match[1].lower(), start, end))
    return mentions
