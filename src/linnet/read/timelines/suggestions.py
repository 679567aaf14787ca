"""Screen: whom one might follow. First whom those one follows follow, then whom most people follow.

What is read is bounded, whoever asks: of the people one follows, the newest ones are asked whom they follow, until
that would be too much to read. Whoever follows very many says little by it and is not asked.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from linnet.domain.timeline import Range
from linnet.domain.user import Profile, Relationship
from linnet.ids import MAX_ID, UserId
from linnet.read.deps import ReadDeps
from linnet.read.hiding import fetch_hidden_among
from linnet.read.views.avatars import avatar_url
from linnet.read.views.popular import FollowedByView, SuggestionsView, SuggestionView
from linnet.read.views.tweets import AuthorView
from linnet.read.views.users import user_view
from linnet.stores.postgres import follows, home, suggestions

_ASKED_AT_MOST: Final = 200
_FOLLOWS_READ_AT_MOST: Final = 20_000
_FOLLOWS_PER_PERSON_AT_MOST: Final = 2_000
# More than are shown: some are hidden or gone, and of equals those with more followers come first.
_CANDIDATES: Final = 300
_MOST_PAGES: Final = 10
_NAMED_AT_MOST: Final = 3


class _Suggestion(msgspec.Struct, frozen=True):
    """``followed_by``: who of those who were asked follows this person, whom the viewer followed last first."""

    profile: Profile
    followed_by: Sequence[UserId] = ()


async def suggestions_screen(deps: ReadDeps, viewer_id: UserId, limit: int) -> SuggestionsView:
    """At most ``limit`` people, fewer only when there are no more whom one could follow."""
    async with deps.db.snapshot() as session:
        followed = await home.fetch_followed(session, viewer_id)
        newest = await follows.fetch_following(session, viewer_id, Range(_ASKED_AT_MOST))
        dismissed = await suggestions.fetch_dismissed(session, viewer_id)
    # All of them: somebody who is muted is followed, and not to be suggested.
    known = followed.user_ids | {viewer_id} | {edge.user_id for edge in newest} | dismissed
    asked = await _choose_asked(deps, [edge.user_id for edge in newest if edge.user_id in followed.user_ids])
    found = await _followed_by_followed(deps, viewer_id, asked, known, limit)
    if len(found) < limit:
        known |= {suggestion.profile.id for suggestion in found}
        found += await _most_followed(deps, viewer_id, known, limit - len(found))
    return await _view(deps, viewer_id, found)


async def _choose_asked(deps: ReadDeps, user_ids: Sequence[UserId]) -> list[UserId]:
    if not user_ids:
        return []
    counts = await suggestions.fetch_following_counts(deps.db, user_ids)
    asked: list[UserId] = []
    left = _FOLLOWS_READ_AT_MOST
    for user_id in user_ids:
        count = counts.get(user_id, 0)
        if 0 < count <= min(left, _FOLLOWS_PER_PERSON_AT_MOST):
            asked.append(user_id)
            left -= count
    return asked


async def _followed_by_followed(
    deps: ReadDeps, viewer_id: UserId, asked: Sequence[UserId], known: frozenset[UserId], limit: int
) -> list[_Suggestion]:
    if not asked:
        return []
    counted = dict(
        await suggestions.fetch_followed_by(deps.db, asked, excluded_ids=known, page_size=_CANDIDATES + limit)
    )
    profiles = await _fetch_met(deps, viewer_id, list(counted))
    best = sorted(profiles.values(), key=lambda profile: (-counted[profile.id], -profile.followers_count, profile.id))[
        :limit
    ]
    if not best:
        return []
    order = {user_id: place for place, user_id in enumerate(asked)}
    followers: dict[UserId, list[UserId]] = {profile.id: [] for profile in best}
    for followed_id, follower_id in await suggestions.fetch_follows_between(deps.db, asked, list(followers)):
        followers[followed_id].append(follower_id)
    return [_Suggestion(profile, sorted(followers[profile.id], key=order.__getitem__)) for profile in best]


async def _most_followed(deps: ReadDeps, viewer_id: UserId, known: frozenset[UserId], limit: int) -> list[_Suggestion]:
    found: list[_Suggestion] = []
    below = (MAX_ID, MAX_ID)
    for _ in range(_MOST_PAGES):
        page_size = limit + len(found) + 10
        page = await suggestions.fetch_most_followed(deps.db, excluded_ids=known, below=below, page_size=page_size)
        profiles = await _fetch_met(deps, viewer_id, [user_id for user_id, _ in page])
        found += [_Suggestion(profiles[user_id]) for user_id, _ in page if user_id in profiles]
        if len(found) >= limit or len(page) < page_size:
            break
        user_id, followers = page[-1]
        below = (followers, user_id)
    return found[:limit]


async def _fetch_met(deps: ReadDeps, viewer_id: UserId, user_ids: Sequence[UserId]) -> dict[UserId, Profile]:
    """Without those who are gone, do not wish to be suggested, or whom the viewer is not to meet."""
    if not user_ids:
        return {}
    hidden = (await fetch_hidden_among(deps, viewer_id, user_ids)).on("suggestions")
    found = await deps.profiles.fetch([user_id for user_id in user_ids if user_id not in hidden])
    return {UserId(user_id): profile for user_id, profile in found.items() if profile.is_discoverable}


async def _view(deps: ReadDeps, viewer_id: UserId, found: Sequence[_Suggestion]) -> SuggestionsView:
    suggested_ids = [suggestion.profile.id for suggestion in found]
    followers = await follows.fetch_followers_among(deps.db, viewer_id, suggested_ids) if found else set()
    # Two more than are named: somebody may be gone.
    named_ids = {user_id for suggestion in found for user_id in suggestion.followed_by[: _NAMED_AT_MOST + 2]}
    named = {UserId(user_id): profile for user_id, profile in (await deps.profiles.fetch(named_ids)).items()}
    return SuggestionsView(
        [
            SuggestionView(
                user_view(
                    suggestion.profile,
                    Relationship(following=False, followed_by=suggestion.profile.id in followers),
                ),
                FollowedByView(len(suggestion.followed_by), _name(suggestion.followed_by, named)),
            )
            for suggestion in found
        ]
    )


def _name(user_ids: Sequence[UserId], named: Mapping[UserId, Profile]) -> list[AuthorView]:
    profiles = [named[user_id] for user_id in user_ids if user_id in named][:_NAMED_AT_MOST]
    return [
        AuthorView(str(profile.id), profile.username, profile.name, avatar_url(profile.id, profile.avatar))
        for profile in profiles
    ]
