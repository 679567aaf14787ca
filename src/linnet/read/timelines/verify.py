"""Compares live windows with the definition, entry by entry, and mends by dropping what differs.

What is compared is what a reader is shown: the window with what is pulled merged in, without tweets that are gone.
While people post, a window may be a moment behind the truth, so a difference counts only when it stays.
"""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import msgspec

from linnet.domain.event import TweetRef
from linnet.domain.timeline import Entry, Range
from linnet.ids import MAX_ID, UserId
from linnet.read.deps import ReadDeps
from linnet.read.timelines.home import read_skeleton
from linnet.stores.postgres import fanout, home, users
from linnet.stores.valkey.keys import pack_id


class VerifyOptions(msgspec.Struct, frozen=True):
    """A difference is looked at ``looks`` times, ``pause_seconds`` apart, before it counts."""

    looks: int = 12
    pause_seconds: float = 0.25


class Checked(msgspec.Struct, frozen=True):
    """One reader's window. ``missing`` are tweets it should show and does not, ``extra`` the other way round."""

    reader_id: UserId
    entries: int
    missing: tuple[int, ...]
    extra: tuple[int, ...]
    in_order: bool
    repaired: bool = False

    @property
    def differs(self) -> bool:
        return bool(self.missing or self.extra or not self.in_order)


async def verify_windows(
    deps: ReadDeps, *, sample: int, repair: bool, options: VerifyOptions | None = None
) -> AsyncIterator[Checked]:
    """Checks up to ``sample`` live windows, as Valkey happens to list them. Does not build or renew any.

    Raises ``Unavailable`` when a store is away.
    """
    options = options or VerifyOptions()
    async for reader_id in deps.windows.scan_live(sample):
        checked = await _settled(deps, reader_id, options)
        if checked is None:
            continue
        if checked.differs and repair:
            for call in deps.windows.drop(pack_id(reader_id)):
                await call
            checked = msgspec.structs.replace(checked, repaired=True)
        yield checked


async def _settled(deps: ReadDeps, reader_id: UserId, options: VerifyOptions) -> Checked | None:
    for look in range(options.looks):
        checked = await check_window(deps, reader_id)
        if checked is None or not checked.differs:
            return checked
        if look + 1 < options.looks:
            await asyncio.sleep(options.pause_seconds)
    return checked


async def check_window(deps: ReadDeps, reader_id: UserId) -> Checked | None:
    """One look at one window; None when it is gone meanwhile."""
    if not await deps.windows.fetch_live([reader_id]):
        return None
    wanted = Range(deps.windows.options.max_entries)
    shown = (await read_skeleton(deps, reader_id, wanted)).entries
    expected = await home.fetch_oracle(deps.db, reader_id, before_id=MAX_ID, page_size=wanted.limit)
    known = {entry.id for entry in expected}
    unexpected = [entry for entry in shown if entry.id not in known]
    gone = await _gone(deps, unexpected)
    lowest = min((entry.id for entry in shown), default=0) if len(shown) == wanted.limit else 0
    shown_ids = {entry.id for entry in shown}
    # Below the last of a full page either side may have what the other's limit cut off.
    floor = max(lowest, expected[-1].id if len(expected) == wanted.limit else 0)
    return Checked(
        reader_id,
        len(shown),
        tuple(entry.id for entry in expected if entry.id >= floor and entry.id not in shown_ids),
        tuple(entry.id for entry in unexpected if entry.id >= floor and entry.id not in gone),
        all(newer.id > older.id for newer, older in pairwise(shown)),
    )


async def _gone(deps: ReadDeps, entries: list[Entry]) -> set[int]:
    """Tweets that are deleted, or whose original is, or the account of who wrote either: a page leaves them out."""
    if not entries:
        return set()
    people = {entry.author_id for entry in entries}
    people |= {entry.related_author_id for entry in entries if entry.original_id}
    present = {profile.id for profile in await users.fetch_profiles(deps.db, list(people))}
    refs = {TweetRef(entry.author_id, entry.id) for entry in entries}
    refs |= {TweetRef(entry.related_author_id, entry.original_id) for entry in entries if entry.original_id}
    there = {ref.tweet_id for ref in await fanout.fetch_existing(deps.db, list(refs))}
    return {
        entry.id
        for entry in entries
        if entry.id not in there
        or entry.author_id not in present
        or (entry.original_id and (entry.original_id not in there or entry.related_author_id not in present))
    }
