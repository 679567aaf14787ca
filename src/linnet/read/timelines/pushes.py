"""Screens: what a device is to be told, as its person would find it when they looked now.

The same rows, rules and tweets as the notifications that a page shows: what is not there is not sent.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from linnet.domain.notification import KINDS
from linnet.domain.push import ALERT_OF, ALIKE, Subscription, Wishes, body_of, title_of
from linnet.domain.timeline import Range
from linnet.ids import SessionId, UserId, unix_ms_of
from linnet.read.deps import ReadDeps
from linnet.read.timelines.causes import causes_page
from linnet.read.views.avatars import avatar_url
from linnet.read.views.tweets import TweetView
from linnet.stores.postgres import causes, follows, pushes
from linnet.stores.postgres.causes import CauseRow

KEPT_HOURS: Final = 48
"""What is older is told nobody any more who was not reached."""

NO_PICTURE: Final = "/api/v1/pictures/avatar/missing.png"
_AT_ONCE: Final = 200
_tweets = msgspec.json.Decoder(TweetView)


class Due(msgspec.Struct, frozen=True):
    """One thing to be told. ``others``: how many more did the same lately."""

    row: CauseRow
    others: int

    @property
    def is_alike(self) -> bool:
        return self.row.kind in ALIKE


class DuePage(msgspec.Struct, frozen=True):
    """``items`` oldest first; with the last of them all up to ``last_id`` is done. ``more``: there is more above it."""

    items: list[Due]
    last_id: int
    more: bool


class Said(msgspec.Struct, frozen=True):
    """One thing in words. ``icon`` and ``url``, its page of ours, are paths from the server's root."""

    kind: str
    title: str
    body: str
    icon: str
    url: str


async def subscription_of(deps: ReadDeps, user_id: UserId, session_id: SessionId) -> Subscription | None:
    """That of a log-in or an app."""
    return await pushes.find(deps.db, user_id, session_id)


async def due_page(deps: ReadDeps, user_id: UserId, wishes: Wishes, *, after_id: int, read_id: int) -> DuePage:
    """What came after an id, is not read, not old and wanted; of what is alike, the newest."""
    first_ms = deps.clock.now_ms() - KEPT_HOURS * 3_600_000
    after_id = max(after_id, read_id)
    # Of every kind: what is not wanted now is not told later either, when more is.
    found = await causes.fetch(deps.db, user_id, Range(_AT_ONCE, after=max(after_id, 1)), kinds=KINDS)
    rows = [row for row in found if unix_ms_of(row.id) >= first_ms and ALERT_OF[row.kind] in wishes.alerts]
    rows = await _wanted(deps, user_id, rows, wishes)
    groups: dict[tuple[str, int], Due] = {}
    for row in rows:
        key = (row.kind, row.group_id if row.kind in ALIKE else row.id)
        newest_of = groups.get(key)
        # Newest first: the first of a group is the one that is told.
        groups[key] = Due(row, 0) if newest_of is None else Due(newest_of.row, newest_of.others + 1)
    items = sorted(groups.values(), key=lambda due: due.row.id)
    return DuePage(items, found[0].id if found else after_id, more=len(found) == _AT_ONCE)


async def _wanted(deps: ReadDeps, user_id: UserId, rows: Sequence[CauseRow], wishes: Wishes) -> list[CauseRow]:
    """Those of people whom the wishes name."""
    if wishes.policy == "none":
        return []
    if wishes.policy == "all" or not rows:
        return list(rows)
    actors = list({row.actor_id for row in rows})
    if wishes.policy == "followed":
        near = set(await follows.fetch_followed_among(deps.db, user_id, actors))
    else:
        near = set(await follows.fetch_followers_among(deps.db, user_id, actors))
    # Of a poll of their own they are told whoever else may tell them something.
    return [row for row in rows if row.actor_id in near or row.actor_id == user_id]


async def due_screen(deps: ReadDeps, user_id: UserId, due: Due) -> Said | None:
    """One thing in words; None when it is gone by now, or nothing to be shown any more."""
    number = due.row.id
    page = await causes_page(deps, user_id, Range(1, before=number + 1, after=number - 1), kinds=KINDS)
    people = await deps.profiles.fetch([due.row.actor_id])
    person = people.get(due.row.actor_id)
    if not page.items or person is None:
        return None
    told = page.items[0]
    if told.tweet is None:
        text = person.bio if told.row.kind == "followed" else ""
        url = "/follow-requests" if told.row.kind == "requested" else f"/@{person.username}"
    else:
        tweet = _tweets.decode(told.tweet)
        url = f"/@{tweet.author.username}/{tweet.id}"
        matches = [] if tweet.filtered is msgspec.UNSET else tweet.filtered
        holding = [match.filter for match in matches if "notifications" in match.filter.contexts]
        if any(each.action == "hide" for each in holding):
            return None
        text = f"Filtered: {holding[0].title}" if holding else tweet.warning or tweet.text
    kind = told.row.kind
    return Said(
        kind=ALERT_OF[kind],
        title=title_of(kind, person.name or person.username, others=due.others),
        body=body_of(text),
        # A bird is drawn as SVG, which few devices show.
        icon=NO_PICTURE if person.avatar is None else avatar_url(person.id, person.avatar),
        url=url,
    )
