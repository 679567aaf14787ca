"""Counts everything that is counted again, names what differs, and mends it: an operator's verb.

While people go on to post, a counter is rightly behind what there is as long as an event waits that will change it. But
a change and its event are committed together, and so are the counter and the end of the event: so at any one moment a
counter of which no event speaks equals what there is, and a difference then is one. What events speak of is looked at
again, since they pass within moments.

A repair first takes the locks under which event workers change what it is about, and compares again under them. Then no
event that it cannot see can change that, so it may be written; what comes later is counted on top.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from linnet.errors import Conflict
from linnet.ids import UserId
from linnet.stores.postgres import outbox, recounts
from linnet.stores.postgres.pool import Reader, run_again
from linnet.stores.valkey.changes import Change
from linnet.write.actions.recounted import (
    Difference,
    Found,
    Kind,
    TagCounters,
    TweetCounters,
    UserCounters,
)
from linnet.write.actions.recounted_notes import REPLIES, RETWEETS, LikeNotes, LikesThere, NotedTweets, Notes
from linnet.write.actions.recounted_polls import PollCounters, VoteNotes, VotesThere
from linnet.write.after_commit import best_effort, forget, wake
from linnet.write.deps import WriteDeps
from linnet.write.fanout.popular import rescore_popular
from linnet.write.rules import refuse_other_rules

T = TypeVar("T")


class RecountOptions(msgspec.Struct, frozen=True):
    """What events still speak of is looked at ``looks`` times, ``pause_seconds`` apart.

    Of what differs the first ``listed`` are named; all of it is counted, and mended. With more than ``most_waiting``
    events nothing is begun: nearly everything would be late, and each look reads them all.
    """

    page_size: int = 500
    listed: int = 1000
    most_waiting: int = 50_000
    looks: int = 20
    pause_seconds: float = 0.25


class StillBehind(Conflict):
    """Too many events wait to count anything again: ask again when they are applied."""

    code = "still_behind"


class Recounted(msgspec.Struct):
    """What came of it. ``differing``: how many counters and notes are wrong; ``differences``: the first of them.

    ``held_back``: how many could not be compared, because events about them kept waiting.
    """

    compared: int = 0
    held_back: int = 0
    differing: int = 0
    repaired: int = 0
    differences: list[Difference] = []

    def add(self, found: Sequence[Difference], *, repaired: bool, listed: int) -> None:
        self.differing += len(found)
        self.repaired += len(found) if repaired else 0
        self.differences += [
            msgspec.structs.replace(wrong, repaired=repaired) for wrong in found[: listed - len(self.differences)]
        ]


async def recount(
    deps: WriteDeps,
    *,
    repair: bool,
    options: RecountOptions | None = None,
    progress: Callable[[int], None] = lambda compared: None,
) -> Recounted:
    """Counts again, in pages; ``progress`` is told how many more are done.

    Raises ``Unavailable`` when a store is away; what was repaired until then stays. ``StillBehind`` and, of a repair,
    ``OtherRules`` are raised before anything is done: whom other rules make a top user would be none for the workers.
    """
    options = options or RecountOptions()
    if repair:
        await refuse_other_rules(deps)
    if (waiting := await outbox.count(deps.db)) > options.most_waiting:
        raise StillBehind(f"{waiting:,} events wait: ask again when they are applied.")
    size = options.page_size
    # Notes first, wrong ones before missing ones, for tweets are counted by the notes under them. Of these likes and
    # votes come last, since they are mended by events, which hold back what they speak of.
    kinds: Sequence[Kind[Any]] = (
        Notes(deps, size, REPLIES),
        NotedTweets(deps, size, REPLIES),
        Notes(deps, size, RETWEETS),
        NotedTweets(deps, size, RETWEETS),
        LikeNotes(deps, size),
        LikesThere(deps, size),
        VoteNotes(deps, size),
        VotesThere(deps, size),
        TweetCounters(deps, size),
        PollCounters(deps, size),
        UserCounters(deps, size),
        TagCounters(deps, size),
    )
    result = Recounted()
    for kind in kinds:
        await _recount(kind, result, options, progress, repair=repair)
    if repair:
        # A ranking is made of counters; events bring it up to date, and these were mended without any, now or by a
        # repair that was killed before it came here.
        await rescore_popular(deps)
    return result


async def _recount(
    kind: Kind[T], result: Recounted, options: RecountOptions, progress: Callable[[int], None], *, repair: bool
) -> None:
    late: dict[T, Sequence[Difference]] = {}
    after = kind.first
    while page := await kind.fetch(after):
        after = page[-1]
        late |= await _look(kind, page, result, options, repair=repair)
        result.compared += len(page)
        progress(len(page))
    # All late ones wait together, once everything else is done.
    for _ in range(options.looks - 1):
        if not late:
            return
        await asyncio.sleep(options.pause_seconds)
        again, known, late = list(late), late, {}
        for at in range(0, len(again), options.page_size):
            late |= await _look(kind, again[at : at + options.page_size], result, options, repair=repair)
        # What was seen to be wrong is, until it is seen to be right.
        late = {item: wrong or known[item] for item, wrong in late.items()}
    for wrong in late.values():
        result.held_back += not wrong
        result.add(wrong, repaired=False, listed=options.listed)


async def _look(
    kind: Kind[T], items: Sequence[T], result: Recounted, options: RecountOptions, *, repair: bool
) -> dict[T, Sequence[Difference]]:
    """Compares at one moment; returns what is to be looked at again, and what is known of it.

    That is nothing, when events still speak of it; or that it is wrong, when such events kept it from being mended.
    """
    async with kind.deps.db.snapshot() as session:
        found = await kind.compare(session, items)
        held = await _held_back(session, found)
    late: dict[T, Sequence[Difference]] = {}
    for one in found:
        if one.item in held:
            late[one.item] = ()
        elif not repair:
            result.add(one.differences, repaired=False, listed=options.listed)
        elif await _repair(kind, one.item):
            result.add(one.differences, repaired=True, listed=options.listed)
        else:
            late[one.item] = one.differences
    return late


async def _held_back(db: Reader, found: Sequence[Found[T]]) -> set[T]:
    concerned = {user_id for one in found for user_id in one.users}
    held = await recounts.fetch_held_back(db, concerned) if concerned else set()
    return {one.item for one in found if one.users & held}


async def _repair(kind: Kind[T], item: T) -> bool:
    """False when an event came in between: then it is for the next look."""
    deps = kind.deps
    said: list[Change | UserId | None] = []

    async def attempt() -> bool:
        said.clear()
        async with deps.db.transaction() as session:
            await kind.lock(session, item)
            found = await kind.compare(session, [item])
            # After what it would change, so that no event can be missed between the two.
            if await _held_back(session, found):
                return False
            said.extend([await kind.mend(session, one) for one in found])
            return True

    repaired = await run_again(attempt)
    for word in said:
        if isinstance(word, Change):
            await best_effort([forget(deps, word)], what="forget after a repair")
        elif word is not None:
            await best_effort([wake(deps, UserId(word))], what="wake after a repair")
    return repaired
