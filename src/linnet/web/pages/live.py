"""What only scripts ask for: tweets as pieces of a page, to be put where they belong, and what is new.

Errors are said in a sentence, see ``app``; nobody is led anywhere.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from litestar import Response
from litestar.response.base import ASGIResponse
from litestar.types import Message, Receive, Scope, Send

from linnet.domain.filters import Context
from linnet.domain.timeline import Range
from linnet.errors import TweetNotFound
from linnet.ids import TweetId
from linnet.read.hydration.viewers import Viewer
from linnet.read.streams import MAX_WATCHED, Streams, StreamWish, parse_bookmark, serve_stream
from linnet.read.timelines.home import home_page
from linnet.read.timelines.thread import posted_screen, tweet_screen
from linnet.read.views.tweets import TweetView
from linnet.web.answers import SECURITY, Answer, json_answer
from linnet.web.asking import ITEMS_PER_PAGE, Ask, PageRoute, parse_id
from linnet.web.folding import fold_of, is_hidden
from linnet.web.pages.layout import decode_tweets
from linnet.web.posting import Draft, Posting, chosen_in, receive_draft
from linnet.web.templates import render
from linnet.write.actions import polls

# Whoever missed more than this had better begin anew.
_MOST_NEW = 60


async def post(ask: Ask) -> Response[Any]:
    """Posts a tweet or an answer, and gives it back as it stands in a list; or where it waits for its time."""
    return await receive_draft(ask, partial(_post, ask))


async def _post(ask: Ask, draft: Draft) -> Response[Any]:
    posting = Posting(ask, draft)
    if draft.later:
        await posting.schedule()
        return json_answer({"later": "/scheduled"})
    tweet = await posting.post()
    # A form that is sent again may find its tweet liked already.
    item = await posted_screen(ask.services.read, ask.actor.user_id, tweet, again=True)
    return json_answer({"id": str(tweet.id), "html": _pieces(ask, decode_tweets([item]))})


async def vote(ask: Ask) -> Response[Any]:
    """Votes in a tweet's poll, and gives the poll back as it stands in the tweet from now on."""
    fields = await ask.form()
    chosen = chosen_in(fields, ask.tweet_id())
    tweet_id = await polls.vote(ask.services.write, ask.actor.user_id, ask.tweet_id(), chosen)
    [tweet] = decode_tweets([await tweet_screen(ask.services.read, ask.viewer_id, tweet_id)])
    services = ask.services
    html = render("poll.html", services.read.clock, place=services.write.options.place, ask=ask, tweet=tweet)
    return json_answer({"html": html})


async def newer(ask: Ask) -> Response[Any]:
    """What came to the home timeline after a tweet; ``more``: so much that the page had better be loaded anew."""
    after = parse_id(ask.query("after")) or 1
    page = await home_page(ask.services.read, ask.actor.user_id, Range(_MOST_NEW, after=after))
    more = len(page.items) >= _MOST_NEW
    items = [item for item in page.items if not is_hidden(item, "home")]
    return json_answer({"html": "" if more else _pieces(ask, decode_tweets(items)), "more": more})


async def edited(ask: Ask) -> Response[Any]:
    """Tweets as they are now, for a page that shows them as they were; those that are gone are left out."""
    ids = [parse_id(part) for part in ask.query("ids").split(",")[:_MOST_NEW]]
    context: Context = "home" if ask.query("context") == "home" else "thread"
    items: list[bytes] = []
    for tweet_id in dict.fromkeys(ids):
        if tweet_id is not None:
            with suppress(TweetNotFound):
                items.append(await tweet_screen(ask.services.read, ask.viewer_id, TweetId(tweet_id)))
    return json_answer({"html": _pieces(ask, decode_tweets(items), context)})


class _StreamAnswer(Response[None]):
    """An answer that goes on until its client has enough."""

    def __init__(self, streams: Streams, viewer: Viewer, wish: StreamWish) -> None:
        super().__init__(None)
        self._open = streams, viewer, wish

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:
        """What the framework sends."""
        return _Serving(*self._open)


class _Serving(ASGIResponse):
    def __init__(self, streams: Streams, viewer: Viewer, wish: StreamWish) -> None:
        super().__init__()
        self._open = streams, viewer, wish

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_for_pages(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *SECURITY]
            await send(message)

        await serve_stream(*self._open, receive, send_for_pages)


async def stream(ask: Ask) -> Response[Any]:
    """The interface's stream for whoever is logged in here."""
    return _StreamAnswer(ask.services.streams, ask.actor, _wish(ask))


async def news(ask: Ask) -> Response[Any]:
    """What a stream would begin with, for pages that have none: the same events, and no more."""
    events = await ask.services.streams.glance(ask.actor, _wish(ask))
    return Answer(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


def _wish(ask: Ask) -> StreamWish:
    """What is no id is passed over: a script of another version asks, and hears less."""
    # A browser that comes back by itself sends the header, beside the parameter of the first time.
    since = parse_bookmark(ask.request.headers.get("last-event-id") or ask.query("last_event_id"))
    watched = [parse_id(part) for part in ask.query("watched").split(",") if part]
    ids = [TweetId(tweet_id) for tweet_id in watched if tweet_id is not None]
    return StreamWish(since, ITEMS_PER_PAGE, tuple(ids[:MAX_WATCHED]))


def _pieces(ask: Ask, tweets: Sequence[TweetView], context: Context = "home") -> str:
    return render(
        "pieces.html",
        ask.services.read.clock,
        place=ask.services.write.options.place,
        ask=ask,
        tweets=[(tweet, fold_of(tweet, context)) for tweet in tweets],
    )


PAGES = (
    PageRoute("POST", "/fragments/tweets", post, limit="tweet"),
    PageRoute("POST", "/fragments/tweets/{tweet_id}/vote", vote, limit="vote"),
    PageRoute("GET", "/fragments/newer", newer),
    PageRoute("GET", "/fragments/edited", edited),
    PageRoute("GET", "/fragments/news", news),
    PageRoute("GET", "/stream", stream),
)
