"""One tweet with its thread, and all that is done with tweets."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Response

from linnet.errors import Invalid, TweetNotFound
from linnet.ids import TweetId, UserId
from linnet.read.timelines.likes import likers_page
from linnet.read.timelines.people import retweeters_page
from linnet.read.timelines.thread import thread_screen
from linnet.read.views.pages import PageView
from linnet.read.views.tweets import TweetView
from linnet.web.answers import go_to
from linnet.web.asking import Ask, PageRoute, parse_id, safe_path
from linnet.web.pages.layout import show, with_query
from linnet.write.actions import likes, pins, tweets
from linnet.write.deps import WriteDeps


class _Thread(msgspec.Struct, frozen=True):
    """A ``ThreadView`` as it is sent: only a look at an ancestor tells a tweet from the place where one was."""

    ancestors: list[msgspec.Raw]
    tweet: TweetView
    replies: PageView[TweetView]

    @property
    def ancestors_there(self) -> list[TweetView | None]:
        """None where a tweet was."""
        return [None if _placeholder.decode(item).deleted else _tweet.decode(item) for item in self.ancestors]


class _Placeholder(msgspec.Struct, frozen=True):
    deleted: bool = False


_thread = msgspec.json.Decoder(_Thread)
_tweet = msgspec.json.Decoder(TweetView)
_placeholder = msgspec.json.Decoder(_Placeholder)


async def thread(ask: Ask) -> Response[Any]:
    """A tweet, what it answers, and the answers to it. Only the id counts; the name is for people."""
    ask.username()
    return await _show_thread(ask, ask.tweet_id())


async def _show_thread(ask: Ask, tweet_id: TweetId, *, draft: str = "", error: str = "") -> Response[Any]:
    view = _thread.decode(await thread_screen(ask.services.read, ask.viewer_id, tweet_id, ask.range()))
    original = view.tweet.retweet_of or view.tweet
    older = None if view.replies.next is None else with_query(thread_path(view.tweet), before=view.replies.next)
    return await show(
        ask,
        "thread.html",
        title=f"{original.author.name}: {original.text}"[:80],
        status=422 if error else 200,
        thread=view,
        older=older,
        draft=draft,
        error=error,
    )


def thread_path(tweet: Any) -> str:
    """Where a tweet's page is."""
    return f"/@{quote(tweet.author.username)}/{tweet.id}"


async def compose(ask: Ask) -> Response[Any]:
    """A page to write on."""
    return await show(ask, "compose.html", title="New tweet", draft=ask.query("text")[:1000], error="")


async def post(ask: Ask) -> Response[Any]:
    """Posts a tweet or an answer. What cannot be posted is shown again, with what is wrong: nothing typed is lost."""
    fields = await ask.form()
    text = fields.get("text", "")
    reply_to = parse_id(fields.get("reply_to", ""))
    try:
        tweet = await tweets.post_tweet(
            ask.services.write,
            ask.actor.user_id,
            text=text,
            reply_to=None if reply_to is None else TweetId(reply_to),
            # One form is one tweet, however often an impatient finger sends it.
            idempotency_key=fields.get("once") or None,
        )
    except Invalid as error:
        sentence = error.errors[0].message if error.errors else error.sentence
        if reply_to is not None:
            return await _show_thread(ask, TweetId(reply_to), draft=text, error=sentence)
        return await show(ask, "compose.html", title="New tweet", status=422, draft=text, error=sentence)
    back = safe_path(fields.get("back", ""))
    return go_to(f"{back}#t{tweet.id}" if reply_to is not None else back)


_Verb = Callable[[WriteDeps, UserId, TweetId], Awaitable[Any]]

_VERBS: dict[str, _Verb] = {
    "like": likes.like,
    "unlike": likes.unlike,
    "retweet": tweets.retweet,
    "unretweet": tweets.undo_retweet,
    "pin": pins.pin,
    "unpin": pins.unpin,
    "delete": tweets.delete_tweet,
}
_LIMITS = {"like": "like", "retweet": "tweet"}


async def act(ask: Ask) -> Response[Any]:
    """Likes, retweets, pins or deletes a tweet, or takes that back."""
    fields = await ask.form()
    verb = _VERBS.get(ask.path("verb"))
    if verb is None:
        raise TweetNotFound
    tweet_id = ask.tweet_id()
    await verb(ask.services.write, ask.actor.user_id, tweet_id)
    back = safe_path(fields.get("back", ""))
    if ask.path("verb") == "delete":
        return go_to("/" if back.rpartition("/")[2] == str(tweet_id) else back)
    return go_to(f"{back}#t{tweet_id}")


async def likers(ask: Ask) -> Response[Any]:
    """Who likes a tweet."""
    tweet_id = ask.tweet_id()
    page = await likers_page(ask.services.read, ask.viewer_id, tweet_id, ask.range())
    older = None if page.next is None else with_query(f"/tweets/{tweet_id}/likes", before=page.next)
    return await show(ask, "people.html", title="Liked by", people=page.items, older=older, empty="Nobody yet.")


async def retweeters(ask: Ask) -> Response[Any]:
    """Who retweeted a tweet."""
    tweet_id = ask.tweet_id()
    page = await retweeters_page(ask.services.read, ask.viewer_id, tweet_id, ask.range())
    older = None if page.next is None else with_query(f"/tweets/{tweet_id}/retweets", before=page.next)
    return await show(ask, "people.html", title="Retweeted by", people=page.items, older=older, empty="Nobody yet.")


PAGES = (
    PageRoute("GET", "/compose", compose),
    PageRoute("POST", "/tweets", post, limit="tweet"),
    PageRoute("GET", "/tweets/{tweet_id}/likes", likers, user=False),
    PageRoute("GET", "/tweets/{tweet_id}/retweets", retweeters, user=False),
    PageRoute("POST", "/tweets/{tweet_id}/{verb}", act, limit="like"),
    PageRoute("GET", "/{handle}/{tweet_id}", thread, user=False),
)
