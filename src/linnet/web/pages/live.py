"""What only scripts ask for: tweets as pieces of a page, to be put where they belong.

Errors are said in a sentence, see ``app``; nobody is led anywhere.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response

from linnet.domain.timeline import Range
from linnet.ids import TweetId
from linnet.read.timelines.home import home_page
from linnet.read.timelines.thread import posted_screen
from linnet.read.views.tweets import TweetView
from linnet.web.answers import SECURITY_HEADERS
from linnet.web.asking import Ask, PageRoute, parse_id
from linnet.web.pages.layout import decode_tweets
from linnet.web.templates import render
from linnet.write.actions.tweets import post_tweet

# Whoever missed more than this had better begin anew.
_MOST_NEW = 60


async def post(ask: Ask) -> Response[Any]:
    """Posts a tweet or an answer, and gives it back as it stands in a list."""
    fields = await ask.form()
    reply_to = parse_id(fields.get("reply_to", ""))
    tweet = await post_tweet(
        ask.services.write,
        ask.actor.user_id,
        text=fields.get("text", ""),
        reply_to=None if reply_to is None else TweetId(reply_to),
        idempotency_key=fields.get("once") or None,
    )
    # A form that is sent again may find its tweet liked already.
    item = await posted_screen(ask.services.read, ask.actor.user_id, tweet, again=True)
    return _json({"id": str(tweet.id), "html": _pieces(ask, decode_tweets([item]))})


async def newer(ask: Ask) -> Response[Any]:
    """What came to the home timeline after a tweet; ``more``: so much that the page had better be loaded anew."""
    after = parse_id(ask.query("after")) or 1
    page = await home_page(ask.services.read, ask.actor.user_id, Range(_MOST_NEW, after=after))
    more = len(page.items) >= _MOST_NEW
    return _json({"html": "" if more else _pieces(ask, decode_tweets(page.items)), "more": more})


def _pieces(ask: Ask, tweets: Sequence[TweetView]) -> str:
    return render("pieces.html", ask.services.read.clock, ask=ask, tweets=tweets)


def _json(body: Any) -> Response[bytes]:
    headers = {**SECURITY_HEADERS, "Cache-Control": "no-store"}
    return Response(msgspec.json.encode(body), media_type="application/json", headers=headers)


PAGES = (
    PageRoute("POST", "/fragments/tweets", post, limit="tweet"),
    PageRoute("GET", "/fragments/newer", newer),
)
