"""A tag's tweets, and the tags that one follows."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from litestar import Response

from linnet.domain.tag import read_tag
from linnet.ids import UserId
from linnet.read.timelines.followedtags import followed_among, followed_tags_page
from linnet.read.timelines.tag import tag_page
from linnet.web.answers import go_to
from linnet.web.asking import Ask, PageRoute, safe_path
from linnet.web.cards import tweet_cards
from linnet.web.folding import visible_page
from linnet.web.pages.layout import older_path, show, with_query
from linnet.write.actions import followedtags
from linnet.write.deps import WriteDeps

_FOLLOWED = "/followed-tags"


async def tag(ask: Ask) -> Response[Any]:
    """The tweets that carry a tag."""
    named = ask.path("tag").removeprefix("#")
    page = await visible_page(partial(tag_page, ask.services.read, ask.viewer_id, named), ask.range(), "public")
    return await show(
        ask,
        "tag.html",
        title=f"#{named}",
        cards=tweet_cards(ask, page.items, context="public"),
        older=older_path(ask.here_path, page),
        # What no tweet can carry cannot be followed.
        tag=named if read_tag(named) else None,
        followed=bool(await followed_among(ask.services.read, ask.viewer_id, [named])),
    )


async def followed_tags(ask: Ask) -> Response[Any]:
    """Whichever one followed last first."""
    page = await followed_tags_page(ask.services.read, ask.actor.user_id, ask.range())
    older = None if page.next is None else with_query(_FOLLOWED, before=page.next)
    return await show(ask, "followed_tags.html", title="Tags you follow", tags=page.items, older=older)


async def _act(verb: Callable[[WriteDeps, UserId, str], Awaitable[object]], ask: Ask) -> Response[Any]:
    """Does it, and goes back to where it was asked for."""
    fields = await ask.form()
    await verb(ask.services.write, ask.actor.user_id, ask.path("tag"))
    return go_to(safe_path(fields.get("back", "")))


PAGES = (
    PageRoute("GET", "/tags/{tag}", tag, user=False),
    PageRoute("GET", _FOLLOWED, followed_tags),
    PageRoute("POST", "/tags/{tag}/follow", partial(_act, followedtags.follow_tag), limit="follow"),
    PageRoute("POST", "/tags/{tag}/unfollow", partial(_act, followedtags.unfollow_tag)),
)
