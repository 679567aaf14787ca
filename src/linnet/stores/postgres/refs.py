"""Rows by reference, as queries take them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import TypeVar

from linnet.domain.event import TweetRef

K = TypeVar("K", bound=int)
V = TypeVar("V")


def among(refs: Collection[TweetRef]) -> dict[str, list[int]]:
    """Parameters of ``author_id = any(author_ids) and id = any(tweet_ids)``, which names the owners of the rows.

    Ids are nobody else's, so each author is enough once, and an id finds no tweet of another one of them.
    """
    return {"author_ids": list({ref.author_id for ref in refs}), "tweet_ids": [ref.tweet_id for ref in refs]}


def by_owner(pairs: Iterable[tuple[K, V]]) -> Iterator[tuple[K, list[V]]]:
    """For what Citus takes of one owner at a time: each with what is theirs, in the order in which rows are locked."""
    found: dict[K, list[V]] = defaultdict(list)
    for owner_id, value in pairs:
        found[owner_id].append(value)
    for owner_id in sorted(found):
        yield owner_id, found[owner_id]
