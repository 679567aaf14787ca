"""Profiles and lists of people, and all that is done with people."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from litestar import Response

from linnet.clock import rfc3339
from linnet.domain.timeline import Range
from linnet.errors import Invalid, LinnetError, RequestNotFound
from linnet.ids import UserId
from linnet.read.timelines.endorsements import endorsed_page
from linnet.read.timelines.featured import featured_tags
from linnet.read.timelines.likes import liked_page
from linnet.read.timelines.people import (
    followers_page,
    following_page,
    profile_screen,
    requesters_page,
    user_by_username_screen,
)
from linnet.read.timelines.standings import Standing, standings
from linnet.read.timelines.user import Part, user_tweets_page
from linnet.read.views.pages import Page, PageView
from linnet.read.views.users import ProfileView, UserView
from linnet.web.answers import go_to
from linnet.web.asking import Ask, PageRoute, safe_path
from linnet.web.cards import tweet_cards
from linnet.web.folding import visible_page
from linnet.web.pages.errors import plainly
from linnet.web.pages.layout import older_path, show, with_query
from linnet.write.actions import blocks, endorsements, followrequests, follows
from linnet.write.actions.remarks import put_remark
from linnet.write.actions.suggestions import dismiss_suggestion
from linnet.write.deps import WriteDeps

# More of them are on a page of their own.
_ENDORSED: Final = 6


async def profile(ask: Ask) -> Response[Any]:
    """Somebody, and what they wrote."""
    user = await _find(ask)
    page = await _said(ask, user, "tweets")
    return await _show_profile(ask, user, "tweets", page, title=f"{user.name} (@{user.username})")


async def replies(ask: Ask) -> Response[Any]:
    """Somebody, and what they answered others."""
    user = await _find(ask)
    page = await _said(ask, user, "replies")
    return await _show_profile(ask, user, "replies", page, title=f"Answers by {user.name}")


async def pictures(ask: Ask) -> Response[Any]:
    """Somebody, and what of theirs has pictures."""
    user = await _find(ask)
    page = await user_tweets_page(
        ask.services.read, ask.viewer_id, _id_of(user), ask.range(), pinned_first=False, only_pictures=True
    )
    return await _show_profile(ask, user, "pictures", page, title=f"Pictures by {user.name}")


async def _said(ask: Ask, user: ProfileView, part: Part) -> Page:
    fetch = partial(user_tweets_page, ask.services.read, ask.viewer_id, _id_of(user), part=part)
    return await visible_page(fetch, ask.range(), "account")


async def liked(ask: Ask) -> Response[Any]:
    """Somebody, and what they like."""
    user = await _find(ask)
    page = await liked_page(ask.services.read, ask.viewer_id, _id_of(user), ask.range())
    return await _show_profile(ask, user, "likes", page, title=f"Liked by {user.name}")


async def _show_profile(
    ask: Ask,
    user: ProfileView,
    tab: str,
    page: Page,
    *,
    title: str,
    draft: str = "",
    error: LinnetError | None = None,
) -> Response[Any]:
    """``draft`` is what was to be noted, with what is wrong with it."""
    base = f"/@{user.username}"
    known = Standing()
    if ask.viewer_id is not None and user.viewer is not None:
        known = (await standings(ask.services.read, ask.viewer_id, [_id_of(user)]))[_id_of(user)]
    is_own_top = user.id == str(ask.viewer_id) and tab == "tweets" and not ask.query("before")
    return await show(
        ask,
        "profile.html",
        title=title,
        error=error,
        indexable=user.indexable,
        user=user,
        base=base,
        note=draft or known.remark,
        is_endorsed=known.endorsed,
        endorsed=await endorsed_page(ask.services.read, ask.viewer_id, _id_of(user), Range(_ENDORSED)),
        featured=await featured_tags(ask.services.read, ask.viewer_id, _id_of(user)),
        sentence="" if error is None else plainly(error),
        muted_until="" if known.muted_until_ms is None else rfc3339(known.muted_until_ms),
        tab=tab,
        cards=tweet_cards(
            ask,
            page.items,
            look="first" if tab == "tweets" else "listed",
            # What one goes to look at by itself is not folded.
            context=None if tab == "likes" else "account",
        ),
        older=older_path(base if tab == "tweets" else f"{base}/{tab}", page),
        # What of one's own doings elsewhere is newer than this page.
        newest=str(page.prev_id or 0) if is_own_top else "",
    )


async def followers(ask: Ask) -> Response[Any]:
    """Who follows somebody."""
    user = await _find(ask)
    page = await followers_page(ask.services.read, ask.viewer_id, _id_of(user), ask.range())
    empty = f"Nobody follows @{user.username} yet."
    return await _show_people(ask, user, "followers", page, title=f"Followers of {user.name}", empty=empty)


async def following(ask: Ask) -> Response[Any]:
    """Whom somebody follows."""
    user = await _find(ask)
    page = await following_page(ask.services.read, ask.viewer_id, _id_of(user), ask.range())
    empty = f"@{user.username} follows nobody yet."
    return await _show_people(ask, user, "following", page, title=f"Followed by {user.name}", empty=empty)


async def recommends(ask: Ask) -> Response[Any]:
    """Whom somebody shows on their page."""
    user = await _find(ask)
    page = await endorsed_page(ask.services.read, ask.viewer_id, _id_of(user), ask.range())
    empty = f"@{user.username} shows nobody on their page."
    return await _show_people(ask, user, "recommends", page, title=f"Recommended by {user.name}", empty=empty)


async def _show_people(
    ask: Ask, user: ProfileView, tab: str, page: PageView[UserView], *, title: str, empty: str
) -> Response[Any]:
    base = f"/@{user.username}"
    older = None if page.next is None else with_query(f"{base}/{tab}", before=page.next)
    tabs = (
        (f"{base}/followers", "Followers", tab == "followers"),
        (f"{base}/following", "Following", tab == "following"),
        (f"{base}/recommends", "Recommends", tab == "recommends"),
    )
    return await show(
        ask,
        "people.html",
        title=title,
        people=page.items,
        older=older,
        up=(base, f"@{user.username}"),
        tabs=tabs,
        empty=empty,
    )


async def follow_requests(ask: Ask) -> Response[Any]:
    """Who asked to follow one."""
    page = await requesters_page(ask.services.read, ask.actor.user_id, ask.range())
    return await show(
        ask,
        "people.html",
        title="Follow requests",
        people=page.items,
        older=None if page.next is None else with_query("/follow-requests", before=page.next),
        up=("/notifications", "Notifications"),
        undo="request",
        empty="Nobody waits. Who asks to follow you is listed here.",
    )


async def accept_or_pass(deps: WriteDeps, user_id: UserId, requester_id: UserId) -> None:
    """Accepts; whoever took their request back meanwhile is just not on the page any more."""
    with suppress(RequestNotFound):
        await followrequests.accept(deps, user_id, requester_id)


async def _find(ask: Ask) -> ProfileView:
    return await user_by_username_screen(ask.services.read, ask.viewer_id, ask.username())


def _id_of(user: ProfileView) -> UserId:
    return UserId(int(user.id))


_Verb = Callable[[WriteDeps, UserId, UserId], Awaitable[None]]


async def save_note(ask: Ask) -> Response[Any]:
    """What one notes of somebody. One that cannot be kept is shown again, with what is wrong."""
    fields = await ask.form()
    user_id, text = ask.user_id(), fields.get("note", "")
    try:
        await put_remark(ask.services.write, ask.actor.user_id, user_id, text)
    except Invalid as error:
        user = await profile_screen(ask.services.read, ask.viewer_id, user_id)
        page = await user_tweets_page(ask.services.read, ask.viewer_id, user_id, Range(15), part="tweets")
        return await _show_profile(ask, user, "tweets", page, title=user.name, draft=text, error=error)
    return go_to(safe_path(fields.get("back", "")))


async def mute_for_a_day(deps: WriteDeps, user_id: UserId, muted_id: UserId) -> None:
    """Until this time tomorrow."""
    await blocks.mute(deps, user_id, muted_id, seconds=86_400)


async def _act(verb: _Verb, ask: Ask) -> Response[Any]:
    """Does it, and goes back to where it was asked for."""
    fields = await ask.form()
    await verb(ask.services.write, ask.actor.user_id, ask.user_id())
    return go_to(safe_path(fields.get("back", "")))


_VERBS: Final[tuple[tuple[str, _Verb, str], ...]] = (
    ("follow", follows.follow, "follow"),
    ("unfollow", follows.unfollow, "request"),
    ("block", blocks.block, "block"),
    ("unblock", blocks.unblock, "request"),
    ("mute", blocks.mute, "mute"),
    ("unmute", blocks.unmute, "request"),
    ("mute-for-a-day", mute_for_a_day, "mute"),
    ("remove-follower", follows.remove_follower, "request"),
    ("endorse", endorsements.endorse, "request"),
    ("unendorse", endorsements.unendorse, "request"),
    ("not-interested", dismiss_suggestion, "request"),
    ("accept", accept_or_pass, "request"),
    ("refuse", followrequests.refuse, "request"),
)

PAGES = (
    PageRoute("GET", "/{handle}", profile, user=False),
    PageRoute("GET", "/{handle}/replies", replies, user=False),
    PageRoute("GET", "/{handle}/pictures", pictures, user=False),
    PageRoute("GET", "/{handle}/likes", liked, user=False),
    PageRoute("GET", "/{handle}/followers", followers, user=False),
    PageRoute("GET", "/{handle}/following", following, user=False),
    PageRoute("GET", "/{handle}/recommends", recommends, user=False),
    PageRoute("GET", "/follow-requests", follow_requests),
    PageRoute("POST", "/users/{user_id}/note", save_note),
    *(
        PageRoute("POST", f"/users/{{user_id}}/{name}", partial(_act, verb), limit=limit)
        for name, verb, limit in _VERBS
    ),
)
