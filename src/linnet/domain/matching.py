"""How well the names of people fit what was typed into the search field, and in which order they are shown.

First whose username it is, then whose username begins so, then who has names that begin so, word by word; then those
whose names are like it, the most alike first. Within each the most followed come first.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

import regex

from linnet.domain.documents import quote
from linnet.domain.words import fold

# Of the trigrams of two words, how many they share: "smiht" is as near to "smith", "adom" just as near to "adam".
LEAST_ALIKE: Final = 0.4
_MAX_WORDS: Final = 5
_MAX_WORD_CHARS: Final = 30
_BREAK: Final = regex.compile(r"[\p{P}\p{S}\p{Z}]+", regex.V1)
_USERNAME: Final = regex.compile(r"@?([a-z0-9_]{1,30})")

_IS_USERNAME, _BEGINS_USERNAME, _BEGINS_NAMES, _IS_ALIKE = 7, 6, 5, 0
_MAX_FOLLOWERS: Final = (1 << 31) - 1


def username_typed(query: str) -> str | None:
    """The beginning of a username, if that may be what was typed."""
    found = _USERNAME.fullmatch(query.lower())
    return None if found is None else found[1]


def words_typed(folded: str) -> list[str]:
    """The words of a query that was folded as names are (``fold_name`` of the migrations)."""
    return [word[:_MAX_WORD_CHARS] for word in folded.split()[:_MAX_WORDS]]


def names_query(words: Sequence[str]) -> str:
    """A tsquery over ``name_keys``: each word begins one of somebody's."""
    return " & ".join(_beginning(word) for word in words)


def alike_query(words: Sequence[str]) -> str:
    """A tsquery over ``name_keys``: each word begins one of somebody's, or has two neighbouring trigrams in them.

    A typing error breaks up to three trigrams in a row; without the beginning or the end of a word nobody is found.
    """
    parts = []
    for word in words:
        keys = [quote(f"t/{trigram}") for trigram in _trigrams(word)]
        pairs = [f"({one} & {next_one})" for one, next_one in pairwise(keys)]
        parts.append("(" + " | ".join([_beginning(word), *pairs]) + ")")
    return " & ".join(parts)


def closeness(words: Sequence[str], username: str, name: str) -> float:
    """From 0 (nothing in common) to 1: how alike each word is to the most alike of somebody's, on average."""
    if not words:
        return 0.0
    names = [set(_trigrams(part)) for part in _BREAK.split(fold(f"{username} {name}")) if part]
    return sum(max((_alike(set(_trigrams(word)), other) for other in names), default=0.0) for word in words) / len(
        words
    )


def score(
    user_id: int,
    followers: int,
    *,
    is_username: bool = False,
    begins_username: bool = False,
    alike: float | None = None,
) -> int:
    """Orders people, the largest first. Few share theirs, but some do: ``distinct`` tells them apart.

    ``alike`` None: the names begin so.
    """
    rank = _BEGINS_NAMES if alike is None else _IS_ALIKE
    rank = _BEGINS_USERNAME if begins_username else rank
    rank = _IS_USERNAME if is_username else rank
    nearness = 0 if rank else round((alike or 0.0) * 127)
    return (
        rank << 60
        | nearness << 53
        | min(max(followers, 0), _MAX_FOLLOWERS) << 22
        | (user_id ^ user_id >> 22) & 0x3FFFFF
    )


def distinct(scores: Iterable[int]) -> list[int]:
    """Scores that are sorted, the largest first, as cursors: whoever shares a score comes right after the other."""
    cursors: list[int] = []
    for points in scores:
        cursors.append(points if not cursors else min(points, cursors[-1] - 1))
    return cursors


def _beginning(word: str) -> str:
    return quote(f"w/{word}") + ":*"


def _trigrams(word: str) -> list[str]:
    padded = f"  {word} "
    return [padded[at : at + 3] for at in range(len(padded) - 2)]


def _alike(one: set[str], other: Iterable[str]) -> float:
    others = set(other)
    return 2 * len(one & others) / (len(one) + len(others))
