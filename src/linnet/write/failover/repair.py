"""Brings again, in a Valkey that may have lost its end, whatever was done there since the moment that it certainly has.

What is repaired are parts of primaries (see ``stores.valkey.keys``): all there is of a server of its own. A part for
which no mark of that primary speaks is emptied. In the others windows stay. What was pushed is pushed again, by the
plan that pushed it first; whose view changed is dropped, with a note of what they may see now; and everything else
that is only known of rows goes, because it can be asked for anew. All of it may be done twice, or broken off and begun
again.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec
import structlog

from linnet.domain.event import decode_event
from linnet.ids import MAX_ID, UserId, first_id_at
from linnet.stores.postgres import histories, outbox
from linnet.stores.postgres.pool import Session
from linnet.stores.valkey.client import Valkey
from linnet.stores.valkey.history import Mark, Marks, drop_all_but, drop_caches, drop_marks, find_marks, find_readers
from linnet.stores.valkey.keys import pack_id
from linnet.stores.valkey.windows import Windows
from linnet.write.deps import WriteDeps
from linnet.write.fanout.plan import plan_pushes
from linnet.write.fanout.push import push
from linnet.write.fanout.sorting import Numbered, sort_events
from linnet.write.fanout.topusers import drop_followers_windows
from linnet.write.fanout.visibility import VIEW_CHANGES, apply_view_changes

log = structlog.get_logger()

KEPT_HOURS: Final = 24
"""For how long it is known whose windows were dropped."""

_READERS_AT_ONCE: Final = 1000


class RepairOptions(msgspec.Struct, frozen=True):
    """``overlap_seconds``: how far before the moment that is certain everything is done again.

    It must be longer than a transaction takes from the minting of an id to its commit, and than clocks may differ. What
    lacks more than ``most_tweets``, or what was done more than ``KEPT_HOURS`` ago, is emptied instead.
    """

    overlap_seconds: float = 60.0
    most_tweets: int = 100_000
    tweets_at_once: int = 100


class Repaired(msgspec.Struct, frozen=True):
    """What was done. ``emptied``: it lacked too much, or nobody could say what, and is as good as new."""

    emptied: bool
    tweets: int = 0
    readers: int = 0


async def make_mark(deps: WriteDeps, options: RepairOptions, now_ms: int) -> Mark:
    """What a Valkey can be sure to hold that has heard everything until now."""
    oldest = await histories.find_oldest_event(deps.db)
    now_id = first_id_at(now_ms)
    below_id = min(now_id, MAX_ID if oldest is None else oldest) - (round(options.overlap_seconds * 1000) << 16)
    return Mark(max(0, below_id), now_ms)


async def repair(
    deps: WriteDeps, valkey: Valkey, session: Session, options: RepairOptions, doubted: Sequence[Valkey] | None = None
) -> Repaired:
    """Repairs what ``doubted`` primaries of ``valkey`` hold; None: all. Nobody else writes to them.

    Raises ``Unavailable`` when a store is away: then it is to be done again.
    """
    keys = deps.keys
    doubted = valkey.primaries if doubted is None else doubted
    marks = {primary: await find_marks(primary, keys, primary.parts) for primary in valkey.primaries}
    counting = [mark for primary in doubted for mark in marks[primary].by_part.values()]
    oldest = min(counting, key=lambda mark: mark.below_id, default=None)
    if oldest is not None and await _lacks_too_much(deps, session, oldest, options):
        oldest = None
    parts: set[int] = set()
    for primary in doubted:
        kept = frozenset[int]() if oldest is None else frozenset(marks[primary].by_part)
        await drop_marks(primary, keys, frozenset(primary.parts) - kept)
        await drop_all_but(primary, keys, kept)
        if kept:
            await drop_caches(primary, keys)
        parts |= kept
    there = msgspec.structs.replace(deps, valkey=valkey, windows=Windows(valkey, keys, deps.windows.options))
    await _drop_what_came(there, marks, doubted)
    if oldest is None:
        return Repaired(emptied=True)
    valkey.answer_only_for(parts)
    try:
        readers = await _show_anew(there, session, oldest.below_id)
        for author_id in await histories.fetch_crossing(session, from_id=oldest.below_id):
            await drop_followers_windows(there, author_id)
        tweets = await _push_again(there, session, oldest.below_id, options.tweets_at_once)
        await _show_what_waits(there, session)
    finally:
        valkey.answer_only_for(None)
    return Repaired(False, tweets, readers)


async def _drop_what_came(deps: WriteDeps, marks: Mapping[Valkey, Marks], doubted: Collection[Valkey]) -> None:
    """What has just moved to a primary that is believed may have come from one that is not, in a state that it lost.

    Others read there meanwhile: so windows are dropped as they are when somebody's view changes, notes stay.
    """
    keys = deps.keys
    for primary, found in marks.items():
        if primary in doubted or not (came := found.foreign | found.missing):
            continue
        reader_ids = await find_readers(primary, keys, came)
        for call in deps.windows.drop(b"".join(map(pack_id, reader_ids))):
            await call
        await drop_caches(primary, keys, came)


async def _lacks_too_much(deps: WriteDeps, session: Session, mark: Mark, options: RepairOptions) -> bool:
    if mark.below_id < first_id_at(deps.clock.now_ms() - KEPT_HOURS * 3_600_000):
        return True
    counted = await histories.count_tweets(session, from_id=mark.below_id, most=options.most_tweets + 1)
    return counted > options.most_tweets


async def _show_anew(deps: WriteDeps, session: Session, from_id: int) -> int:
    """Drops the windows of all whose view changed, and notes for each change what holds now."""
    readers, last_id = 0, UserId(0)
    while True:
        reader_ids = await histories.fetch_changed(
            session, from_id=from_id, after_user_id=last_id, page_size=_READERS_AT_ONCE
        )
        states = await histories.fetch_view_states(session, reader_ids, from_id=from_id)
        # A change that commits from now on has a larger number, and an event that waits.
        calls = [
            deps.windows.change(state.reader_id, state.author_id, shown=state.shown, change_id=state.change_id)
            for state in states
        ]
        for call in [*calls, *deps.windows.drop(b"".join(map(pack_id, reader_ids)))]:
            await call
        readers += len(reader_ids)
        if len(reader_ids) < _READERS_AT_ONCE:
            return readers
        last_id = reader_ids[-1]


async def _show_what_waits(deps: WriteDeps, session: Session) -> None:
    """The same for changes whose events wait: who made them was answered, and will read before a worker comes to them.

    The last thing that is done, so that it sees as much as possible of what people change meanwhile.
    """
    after = (0, 0)
    while page := await outbox.fetch_of_kinds(session, VIEW_CHANGES, after=after, page_size=_READERS_AT_ONCE):
        batch = sort_events([Numbered(row.id, decode_event(row.kind, row.payload)) for row in page])
        await apply_view_changes(deps, batch)
        after = (page[-1].actor_id, page[-1].id)


async def _push_again(deps: WriteDeps, session: Session, from_id: int, page_size: int) -> int:
    tweets = 0
    while True:
        page = await histories.fetch_tweets(session, from_id=from_id, page_size=page_size)
        await push(deps, await plan_pushes(session, page))
        tweets += len(page)
        if len(page) < page_size:
            return tweets
        from_id = page[-1].tweet_id + 1
