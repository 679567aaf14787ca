"""Profiles and lists of people, and all that is done with people."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Response

from linnet.errors import UserNotFound
from linnet.ids import MAX_ID, UserId
from linnet.read.timelines.likes import liked_page
from linnet.read.timelines.people import followers_page, following_page, user_by_username_screen
from linnet.read.timelines.user import user_tweets_page
from linnet.read.views.users import ProfileView
from linnet.web.answers import go_to
from linnet.web.asking import Ask, PageRoute, safe_path
from linnet.web.pages.layout import decode_tweets, older_path, show, with_query
from linnet.write.actions import blocks, follows
from linnet.write.deps import WriteDeps


async def profile(ask: Ask) -> Response[Any]:
    """Somebody, and what they wrote."""
    user = await _find(ask)
    page = await user_tweets_page(ask.services.read, ask.viewer_id, UserId(int(user.id)), ask.range())
    return await show(
        ask,
        "profile.html",
        title=f"{user.name} (@{user.username})",
        user=user,
        tab="tweets",
        tweets=decode_tweets(page.items),
        older=older_path(f"/@{user.username}", page),
        is_first=ask.range().before == MAX_ID,
    )


async def liked(ask: Ask) -> Response[Any]:
    """Somebody, and what they like."""
    user = await _find(ask)
    page = await liked_page(ask.services.read, ask.viewer_id, UserId(int(user.id)), ask.range())
    return await show(
        ask,
        "profile.html",
        title=f"Liked by {user.name}",
        user=user,
        tab="likes",
        tweets=decode_tweets(page.items),
        older=older_path(f"/@{user.username}/likes", page),
        is_first=ask.range().before == MAX_ID,
    )


async def followers(ask: Ask) -> Response[Any]:
    """Who follows somebody."""
    user = await _find(ask)
    page = await followers_page(ask.services.read, ask.viewer_id, UserId(int(user.id)), ask.range())
    older = None if page.next is None else with_query(f"/@{user.username}/followers", before=page.next)
    return await show(
        ask,
        "people.html",
        title=f"Followers of {user.name}",
        people=page.items,
        older=older,
        empty="Nobody yet.",
    )


async def following(ask: Ask) -> Response[Any]:
    """Whom somebody follows."""
    user = await _find(ask)
    page = await following_page(ask.services.read, ask.viewer_id, UserId(int(user.id)), ask.range())
    older = None if page.next is None else with_query(f"/@{user.username}/following", before=page.next)
    return await show(
        ask,
        "people.html",
        title=f"Followed by {user.name}",
        people=page.items,
        older=older,
        empty="Nobody yet.",
    )


async def _find(ask: Ask) -> ProfileView:
    return await user_by_username_screen(ask.services.read, ask.viewer_id, ask.username())


_Verb = Callable[[WriteDeps, UserId, UserId], Awaitable[None]]

_VERBS: dict[str, _Verb] = {
    "follow": follows.follow,
    "unfollow": follows.unfollow,
    "block": blocks.block,
    "unblock": blocks.unblock,
    "mute": blocks.mute,
    "unmute": blocks.unmute,
}


async def act(ask: Ask) -> Response[Any]:
    """Follows, blocks or mutes somebody, or takes that back."""
    fields = await ask.form()
    verb = _VERBS.get(ask.path("verb"))
    if verb is None:
        raise UserNotFound
    await verb(ask.services.write, ask.actor.user_id, ask.user_id())
    return go_to(safe_path(fields.get("back", "")))


PAGES = (
    PageRoute("GET", "/{handle}", profile, user=False),
    PageRoute("GET", "/{handle}/likes", liked, user=False),
    PageRoute("GET", "/{handle}/followers", followers, user=False),
    PageRoute("GET", "/{handle}/following", following, user=False),
    PageRoute("POST", "/users/{user_id}/{verb}", act, limit="follow"),
)
