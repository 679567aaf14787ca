"""What a tweet's text may be, how long it is, and what in it is a hashtag, a mention or a link.

Step 0 of the write path: an action asks ``check_text`` before it touches a store. The rules are DESIGN's "Text", and
twitter-text's for entities; ``links``, ``hashtags`` and ``mentions`` hold one kind each. All offsets are in code points
of the normalised text, half-open, and all work is linear in the length of what was sent.
"""

import unicodedata
from collections.abc import Sequence

import msgspec
import regex

from linnet.domain.characters import WHITE_SPACE, find_forbidden, is_blank
from linnet.domain.hashtags import Hashtag, find_hashtags, fold_tag
from linnet.domain.links import MAX_URL_CHARS, Link, find_links
from linnet.domain.mentions import Mention, find_mentions
from linnet.errors import Invalid

__all__ = [
    "Entities",
    "Hashtag",
    "Link",
    "Mention",
    "TextRules",
    "TweetText",
    "check_text",
    "count_chars",
    "find_entities",
    "fold_tag",
    "normalise",
]

_LINE_END = regex.compile(r"\r\n|[\r\x85\u2028\u2029]", regex.V1)


class TextRules(msgspec.Struct, frozen=True):
    """``link_chars`` is what a link counts whatever its length; ``max_hashtags`` is of different tags in one text."""

    max_chars: int = 140
    link_chars: int = 23
    max_hashtags: int = 20

    @property
    def max_stored_chars(self) -> int:
        """The most code points a text can have with its links written out, so that a row has a bound at all.

        One link of the greatest length always fits.
        """
        return max(20 * self.max_chars, self.max_chars + MAX_URL_CHARS)


class Entities(msgspec.Struct, frozen=True):
    """Each in the order of the text; no two overlap, of whatever kind."""

    hashtags: tuple[Hashtag, ...] = ()
    mentions: tuple[Mention, ...] = ()
    links: tuple[Link, ...] = ()


class TweetText(msgspec.Struct, frozen=True):
    """A text that may be posted: normalised, with ``chars`` as the person's counter shows it."""

    text: str
    entities: Entities
    chars: int


def normalise(raw: str) -> str:
    """NFC, trimmed of Unicode white space, line ends as ``\\n``, a tab as one space; twice changes nothing.

    A tab comes with anything pasted from a table. It is white space to everyone but a parser, so it is not refused like
    the other control characters.
    """
    text = _LINE_END.sub("\n", raw).replace("\t", " ")
    return unicodedata.normalize("NFC", text).strip(WHITE_SPACE)


def find_entities(text: str, rules: TextRules) -> Entities:
    """What a normalised text links to. Where two overlap, the one that starts first stays: a tag in a link is none.

    Of more than ``max_hashtags`` different tags (by their folded forms) the later ones stay plain text.
    """
    links = find_links(text)
    hashtags = find_hashtags(text) if "#" in text or "＃" in text else []
    mentions = find_mentions(text) if "@" in text or "＠" in text else []
    if links and (hashtags or mentions):
        # Tags and mentions never meet: neither may hold the other's sign, nor begin inside a word.
        links, kept = _drop_overlapping(links, [*hashtags, *mentions])
        hashtags = [tag for tag in hashtags if tag.start in kept]
        mentions = [mention for mention in mentions if mention.start in kept]
    return Entities(_drop_beyond(hashtags, rules.max_hashtags), tuple(mentions), links)


def count_chars(text: str, links: Sequence[Link], rules: TextRules) -> int:
    """The length people are told: code points, with every link as ``link_chars``."""
    return len(text) - sum(link.end - link.start for link in links) + rules.link_chars * len(links)


def check_text(raw: str, rules: TextRules) -> TweetText:
    """The text to store, or ``Invalid`` with a sentence about the field ``text``."""
    trimmed = raw.strip(WHITE_SPACE)
    if not trimmed:
        raise _invalid("Your text is empty. Say something!")
    if len(trimmed) > rules.max_stored_chars:
        # Before any other work, so that a megabyte costs nothing.
        raise _invalid(_too_long(len(trimmed), rules.max_chars))
    text = normalise(trimmed)
    if forbidden := find_forbidden(text):
        raise _invalid(f"Your text holds {forbidden}. Please remove it.")
    if is_blank(text):
        raise _invalid("Your text has nothing in it that can be seen. Say something!")
    entities = find_entities(text, rules)
    chars = count_chars(text, entities.links, rules)
    if chars > rules.max_chars:
        raise _invalid(_too_long(chars, rules.max_chars))
    return TweetText(text, entities, chars)


def _drop_overlapping(links: tuple[Link, ...], signs: Sequence[Hashtag | Mention]) -> tuple[tuple[Link, ...], set[int]]:
    """The links and the starts of the signs that stay."""
    entities: list[Link | Hashtag | Mention] = [*links, *signs]
    kept_links: list[Link] = []
    kept_starts: set[int] = set()
    end = 0
    for entity in sorted(entities, key=lambda entity: entity.start):
        if entity.start < end:
            continue
        end = entity.end
        if isinstance(entity, Link):
            kept_links.append(entity)
        else:
            kept_starts.add(entity.start)
    return tuple(kept_links), kept_starts


def _drop_beyond(hashtags: Sequence[Hashtag], max_hashtags: int) -> tuple[Hashtag, ...]:
    if len(hashtags) <= max_hashtags:
        return tuple(hashtags)
    # A dict, because it keeps the order in which tags first appear.
    folded = [fold_tag(tag.text) for tag in hashtags]
    counted = set(list(dict.fromkeys(folded))[:max_hashtags])
    return tuple(tag for tag, form in zip(hashtags, folded, strict=True) if form in counted)


def _too_long(chars: int, max_chars: int) -> str:
    return f"Your text has {chars} characters; {max_chars} are allowed."


def _invalid(sentence: str) -> Invalid:
    return Invalid.field("text", sentence)
