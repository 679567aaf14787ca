"""What one put by for later."""

from typing import Any

from litestar import Response

from linnet.read.timelines.bookmarks import bookmarks_page
from linnet.web.asking import Ask, PageRoute
from linnet.web.cards import tweet_cards
from linnet.web.pages.layout import older_path, show


async def bookmarks(ask: Ask) -> Response[Any]:
    """The newest bookmark first."""
    page = await bookmarks_page(ask.services.read, ask.actor.user_id, ask.range())
    cards = tweet_cards(ask, page.items)
    return await show(ask, "bookmarks.html", title="Bookmarks", cards=cards, older=older_path("/bookmarks", page))


PAGES = (PageRoute("GET", "/bookmarks", bookmarks),)
