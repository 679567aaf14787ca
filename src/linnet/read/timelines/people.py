"""Screens about people: one person, oneself, one's log-ins, and the lists of people.

A list is edges → profiles → how the viewer stands to them → view: for a page one query of edges, one fetch of profiles
and four queries for the viewer, whatever its length. Who is gone, or kept away by a block, is left out, and the page
filled up from below.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

import msgspec

from linnet.domain.names import fold_login
from linnet.domain.timeline import Range
from linnet.domain.user import FollowEdge, Profile, Relationship
from linnet.domain.visibility import Hidden
from linnet.errors import UserNotFound
from linnet.ids import SessionId, TweetId, UserId
from linnet.read.deps import ReadDeps
from linnet.read.hydration.viewers import unused_since_ms
from linnet.read.timelines.spread import fetch_spread_edges
from linnet.read.timelines.thread import find_original
from linnet.read.views.pages import PageView
from linnet.read.views.users import (
    MeView,
    ProfileView,
    SessionView,
    UserView,
    me_view,
    profile_view,
    session_view,
    user_view,
)
from linnet.stores.postgres import followrequests, follows, profiles, relations, sessions, topusers, tweets, users

# Enough for anybody, and a bound.
_MAX_SESSIONS: Final = 200
# How often a page is filled up before it is shown short, with a cursor to go on: only where very many are gone.
_MAX_FILLS: Final = 8
MAX_REQUESTERS: Final = 100
_TOP_USERS_PER_READ: Final = 1000

FetchEdges = Callable[[Range], Awaitable[list[FollowEdge]]]
"""Edges of a range, newest first."""


async def user_screen(deps: ReadDeps, viewer_id: UserId | None, user_id: UserId) -> UserView:
    """Raises ``UserNotFound``."""
    profile = await _find_profile(deps, user_id)
    relationships, _ = await _fetch_relationships(deps, viewer_id, [user_id])
    return user_view(profile, relationships.get(user_id))


async def people_screen(deps: ReadDeps, viewer_id: UserId | None, user_ids: Sequence[UserId]) -> list[UserView]:
    """Several people in the order that was asked for; who is gone is left out."""
    profiles_by_id = await deps.profiles.fetch(user_ids)
    relationships, _ = await _fetch_relationships(deps, viewer_id, user_ids)
    return [
        user_view(profiles_by_id[user_id], relationships.get(user_id))
        for user_id in user_ids
        if user_id in profiles_by_id
    ]


async def profile_screen(deps: ReadDeps, viewer_id: UserId | None, user_id: UserId) -> ProfileView:
    """A user on a page of their own. Raises ``UserNotFound``."""
    profile = await _find_own_profile(deps, user_id) if viewer_id == user_id else await _find_profile(deps, user_id)
    relationships, _ = await _fetch_relationships(deps, viewer_id, [user_id])
    activity = await profiles.find_activity(deps.db, user_id)
    return profile_view(profile, relationships.get(user_id), activity)


async def user_by_username_screen(deps: ReadDeps, viewer_id: UserId | None, username: str) -> ProfileView:
    """Whatever the case of the letters. Raises ``UserNotFound``, also for what no username can be."""
    folded = fold_login(username)
    user_id = await users.find_id_by_username(deps.db, folded) if folded else None
    if user_id is None:
        raise UserNotFound
    return await profile_screen(deps, viewer_id, user_id)


async def me_screen(deps: ReadDeps, user_id: UserId) -> MeView:
    """One's own account, with what only its owner may see. Raises ``UserNotFound`` when it is gone."""
    profile = await _find_own_profile(deps, user_id)
    account = await users.find_account(deps.db, user_id)
    if account is None:
        raise UserNotFound
    return me_view(profile, account, await profiles.find_activity(deps.db, user_id))


async def sessions_screen(deps: ReadDeps, user_id: UserId, current_id: SessionId) -> list[SessionView]:
    """One's log-ins, newest first."""
    rows = await sessions.fetch_by_user(
        deps.db, user_id, unused_since_ms=unused_since_ms(deps.clock), page_size=_MAX_SESSIONS
    )
    return [session_view(row, current_id=current_id) for row in rows]


async def followers_page(
    deps: ReadDeps, viewer_id: UserId | None, user_id: UserId, wanted: Range
) -> PageView[UserView]:
    """Who follows a user, the newest follow first. Raises ``UserNotFound``. Totals are in the user's counts."""
    await _find_profile(deps, user_id)

    async def fetch(part: Range) -> list[FollowEdge]:
        return await fetch_spread_edges(
            deps, viewer_id, user_id, part, lambda db, each: follows.fetch_followers(db, user_id, each)
        )

    return await people_page(deps, viewer_id, fetch, wanted)


async def following_page(
    deps: ReadDeps, viewer_id: UserId | None, user_id: UserId, wanted: Range
) -> PageView[UserView]:
    """Whom a user follows, the newest follow first. Raises ``UserNotFound``. Totals are in the user's counts."""
    await _find_profile(deps, user_id)

    async def fetch(part: Range) -> list[FollowEdge]:
        return await fetch_spread_edges(
            deps, viewer_id, user_id, part, lambda db, each: follows.fetch_following(db, user_id, each)
        )

    return await people_page(deps, viewer_id, fetch, wanted)


async def retweeters_page(
    deps: ReadDeps, viewer_id: UserId | None, tweet_id: TweetId, wanted: Range
) -> PageView[UserView]:
    """Who retweeted a tweet, the newest retweet first; a retweet stands for its original. Raises ``TweetNotFound``."""
    ref = await find_original(deps, viewer_id, tweet_id)

    async def fetch(part: Range) -> list[FollowEdge]:
        return await fetch_spread_edges(
            deps, viewer_id, ref.author_id, part, lambda db, each: tweets.fetch_retweeters(db, ref, each)
        )

    return await people_page(deps, viewer_id, fetch, wanted)


async def blocked_page(deps: ReadDeps, user_id: UserId, wanted: Range) -> PageView[UserView]:
    """Whom one blocks oneself, the newest block first."""
    return await people_page(deps, user_id, partial(relations.fetch_blocked, deps.db, user_id), wanted, of_all=True)


async def muted_page(deps: ReadDeps, user_id: UserId, wanted: Range) -> PageView[UserView]:
    """Whom one mutes, the newest mute first."""
    return await people_page(deps, user_id, partial(relations.fetch_muted, deps.db, user_id), wanted, of_all=True)


async def requesters_page(deps: ReadDeps, user_id: UserId, wanted: Range) -> PageView[UserView]:
    """Who asked to follow one, the newest request first."""
    return await people_page(deps, user_id, partial(followrequests.fetch_requesters, deps.db, user_id), wanted)


async def count_requesters(deps: ReadDeps, user_id: UserId) -> int:
    """How many asked to follow one; ``MAX_REQUESTERS`` means so many or more."""
    return await followrequests.count_requesters(deps.db, user_id, page_size=MAX_REQUESTERS)


async def top_users_page(deps: ReadDeps, viewer_id: UserId | None, wanted: Range) -> PageView[UserView]:
    """Whose tweets are pulled, the newest account first. A user on the way out is not listed any more."""
    edges = await _fetch_top_users(deps)

    async def fetch(part: Range) -> list[FollowEdge]:
        inside = [edge for edge in edges if part.after < edge.id < part.before]
        return inside[-part.limit :] if part.ascending else inside[: part.limit]

    return await people_page(deps, viewer_id, fetch, wanted)


class _Listed(msgspec.Struct, frozen=True):
    """One place in a list. ``edge_id`` orders it; no relationship for anonymous viewers and oneself."""

    edge_id: int
    profile: Profile
    relationship: Relationship | None


class _Found(msgspec.Struct, frozen=True):
    """People of a page, newest first. ``next_id``: where to go on, None at the end."""

    people: Sequence[_Listed]
    next_id: int | None


_FetchPeople = Callable[[Sequence[FollowEdge]], Awaitable[list[_Listed]]]


async def people_page(
    deps: ReadDeps, viewer_id: UserId | None, fetch: FetchEdges, wanted: Range, *, of_all: bool = False
) -> PageView[UserView]:
    """A page of any list of people, without those between whom and the viewer a block stands, unless it is ``of_all``.

    Whom the viewer mutes is in it: a list is something one goes to look at.
    """

    async def fetch_people(edges: Sequence[FollowEdge]) -> list[_Listed]:
        return await _fetch_people(deps, viewer_id, edges, of_all=of_all)

    collect = _collect_above if wanted.ascending else _collect_below
    found = await collect(fetch, fetch_people, wanted)
    return PageView(
        items=[user_view(listed.profile, listed.relationship) for listed in found.people],
        next=None if found.next_id is None else str(found.next_id),
        prev=str(found.people[0].edge_id) if found.people else None,
    )


async def _collect_below(fetch: FetchEdges, fetch_people: _FetchPeople, wanted: Range) -> _Found:
    """The newest below a cursor."""
    people: list[_Listed] = []
    before = wanted.before
    for _ in range(_MAX_FILLS):
        # One more than the page holds: whether there is a next page.
        page_size = wanted.limit + 1
        edges = await fetch(Range(page_size, before=before))
        inside = [edge for edge in edges if edge.id > wanted.after]
        people += await fetch_people(inside)
        if len(people) > wanted.limit:
            people = people[: wanted.limit]
            return _Found(people, people[-1].edge_id if people else None)
        if len(inside) < page_size:
            return _Found(people, None)
        before = inside[-1].id
    return _Found(people, before)


async def _collect_above(fetch: FetchEdges, fetch_people: _FetchPeople, wanted: Range) -> _Found:
    """The ones just above a cursor. Below them is at least what the cursor pointed at."""
    people: list[_Listed] = []
    after = wanted.after
    for _ in range(_MAX_FILLS):
        edges = await fetch(Range(wanted.limit, after=after))
        people = (await fetch_people(edges) + people)[-wanted.limit :]
        if len(people) == wanted.limit or len(edges) < wanted.limit:
            break
        after = edges[0].id
    return _Found(people, people[-1].edge_id if people else None)


async def _fetch_people(
    deps: ReadDeps, viewer_id: UserId | None, edges: Sequence[FollowEdge], *, of_all: bool
) -> list[_Listed]:
    """In the order of the edges, without those who are gone or not to be met."""
    if not edges:
        return []
    user_ids = [edge.user_id for edge in edges]
    profiles_by_id = await deps.profiles.fetch(user_ids)
    relationships, hidden = await _fetch_relationships(deps, viewer_id, user_ids)
    unmet: frozenset[UserId] = frozenset() if of_all else hidden.on("people")
    return [
        _Listed(edge.id, profiles_by_id[edge.user_id], relationships.get(edge.user_id))
        for edge in edges
        if edge.user_id in profiles_by_id and edge.user_id not in unmet
    ]


async def _fetch_relationships(
    deps: ReadDeps, viewer_id: UserId | None, user_ids: Sequence[UserId]
) -> tuple[dict[UserId, Relationship], Hidden]:
    """How the viewer stands to each, and whom of them the viewer keeps away: four queries.

    Nobody for an anonymous viewer, and never to oneself.
    """
    others = [user_id for user_id in user_ids if user_id != viewer_id]
    if viewer_id is None or not others:
        return {}, Hidden()
    async with deps.db.session() as db:
        followed = await follows.fetch_followed_among(db, viewer_id, others)
        followers = await follows.fetch_followers_among(db, viewer_id, others)
        asked = await followrequests.fetch_among(db, viewer_id, others)
        hidden = await relations.fetch_hidden_among(db, viewer_id, others)
    relationships = {
        user_id: Relationship(
            following=user_id in followed,
            followed_by=user_id in followers,
            blocking=user_id in hidden.blocking,
            muting=user_id in hidden.muted,
            requested=user_id in asked.to,
            requested_by=user_id in asked.by,
        )
        for user_id in others
    }
    return relationships, hidden


async def _fetch_top_users(deps: ReadDeps) -> list[FollowEdge]:
    """All of them, largest id first: few, and the store gives them in the other order."""
    edges: list[FollowEdge] = []
    after_user_id = 0
    while True:
        records = await topusers.fetch_page(deps.db, after_user_id=after_user_id, page_size=_TOP_USERS_PER_READ)
        edges += [FollowEdge(record.user_id, record.user_id) for record in records if record.until_id is None]
        if len(records) < _TOP_USERS_PER_READ:
            return edges[::-1]
        after_user_id = records[-1].user_id


async def _find_own_profile(deps: ReadDeps, user_id: UserId) -> Profile:
    """From the truth: whoever changed something sees it in every process at once, and does not ask often."""
    found = await users.fetch_profiles(deps.db, [user_id])
    if not found:
        raise UserNotFound
    return found[0]


async def _find_profile(deps: ReadDeps, user_id: UserId) -> Profile:
    profile = (await deps.profiles.fetch([user_id])).get(user_id)
    if profile is None:
        raise UserNotFound
    return profile
