"""A tweet's document: everything that it can be found by, as lexemes of one ``tsvector``.

The words as they stand, with their positions, so that phrases are found; and marks: what the text links to, who wrote
it, whom it answers, and when. So one look into one index answers any combination. Marks hold a sign that no word can
hold. A document is a pure function of the tweet's row, and can be made anew at any time.

*Slices* say when: each tweet is in one slice of each width, and any stretch of time is a few of them. They bound how
much a search for common words has to look at.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from linnet.domain.languages import DICTIONARIES, guess_language
from linnet.domain.text import TextRules, find_entities, fold_tag
from linnet.domain.words import find_words
from linnet.ids import TweetId, UserId

# Of an id: 4.7 hours, three days, fifty days, two years. The low 16 bits of an id are no time.
_SLICE_SHIFTS: Final = (40, 44, 48, 52)
# A stretch is made of at most so many slices of each width; the widest reach over everybody's lifetime.
_MAX_SLICES: Final = (18, 18, 18, 2048)

HAS_LINK: Final = "has/link"
HAS_HASHTAG: Final = "has/hashtag"
HAS_MENTION: Final = "has/mention"
HAS_PICTURE: Final = "has/picture"
IS_REPLY: Final = "is/reply"

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


class Document(msgspec.Struct, frozen=True):
    """``lexemes`` is a tsvector as PostgreSQL reads it. ``words`` are to be stemmed by ``dictionary`` (empty: none)."""

    author_id: UserId
    tweet_id: TweetId
    answered_id: UserId | None
    lexemes: str
    words: str = ""
    language: str = ""
    dictionary: str = ""


def document_of(
    author_id: UserId,
    tweet_id: TweetId,
    text: str,
    reply_to_author_id: UserId | None,
    rules: TextRules,
    *,
    beside: Sequence[str] = (),
    has_pictures: bool = False,
) -> Document:
    """The document of a tweet or a reply. Retweets have none: their originals are found.

    ``beside``: what else it says, as a warning and descriptions of its pictures. Their words count like those of the
    text; a tag or a name among them is nothing but a word.
    """
    words = find_words(text)
    positions: dict[str, list[int]] = {}
    for position, word in enumerate(words, 1):
        positions.setdefault(word, []).append(position)
    behind = len(words) + 1
    for more in map(find_words, beside):
        # No phrase goes from one into the next.
        for position, word in enumerate(more, behind + 1):
            positions.setdefault(word, []).append(position)
        behind += len(more) + 1
        words = [*words, *more]
    # A word has no sign in it that would have to be quoted.
    lexemes = [f"'{word}':{','.join(map(str, at))}" for word, at in positions.items()]
    lexemes += [quote(mark) for mark in _marks(author_id, tweet_id, text, reply_to_author_id, rules)]
    if has_pictures:
        lexemes.append(quote(HAS_PICTURE))
    language = guess_language(words)
    if language is None:
        return Document(author_id, tweet_id, reply_to_author_id, " ".join(lexemes))
    return Document(
        author_id,
        tweet_id,
        reply_to_author_id,
        " ".join(lexemes),
        " ".join(positions),
        language,
        DICTIONARIES[language],
    )


def quote(lexeme: str) -> str:
    """A lexeme as tsvector and tsquery read it."""
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"


def stem_mark(language: str, stem: str) -> str:
    """The stem of a word in a language: other languages' stems are other marks, or ``news`` would find ``new``."""
    return f"{language}/{stem}"


def tag_mark(folded_tag: str) -> str:
    return f"#{folded_tag}"


def mention_mark(username: str) -> str:
    return f"@{username}"


@lru_cache(4096)
def author_mark(user_id: int) -> str:
    return f"from/{_short(user_id)}"


def answered_mark(user_id: int) -> str:
    return f"to/{_short(user_id)}"


def slices_between(from_id: int, before_id: int) -> list[str]:
    """Slices that together hold all tweets with ``from_id`` ≤ id < ``before_id``, and some others."""
    for level, (shift, most) in enumerate(zip(_SLICE_SHIFTS, _MAX_SLICES, strict=True)):
        first, last = from_id >> shift, max(from_id, before_id - 1) >> shift
        if last - first < most:
            return [_slice_mark(level, number) for number in range(first, last + 1)]
    return []


def _marks(
    author_id: UserId, tweet_id: TweetId, text: str, reply_to_author_id: UserId | None, rules: TextRules
) -> Iterable[str]:
    yield author_mark(author_id)
    for level, shift in enumerate(_SLICE_SHIFTS):
        yield _slice_mark(level, tweet_id >> shift)
    if reply_to_author_id is not None:
        yield IS_REPLY
        yield answered_mark(reply_to_author_id)
    entities = find_entities(text, rules)
    if entities.links:
        yield HAS_LINK
    if entities.hashtags:
        yield HAS_HASHTAG
        yield from {tag_mark(fold_tag(tag.text)) for tag in entities.hashtags}
    if entities.mentions:
        yield HAS_MENTION
        yield from {mention_mark(mention.username) for mention in entities.mentions}


@lru_cache(4096)
def _slice_mark(level: int, number: int) -> str:
    return f"{level}/{_short(number)}"


def _short(number: int) -> str:
    digits = ""
    while True:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
        if not number:
            return digits
