"""One tweet with its thread, writing one, and all that is done with tweets."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import quote

import msgspec
from litestar import Response
from markupsafe import Markup

from linnet.domain.preferences import Preferences, narrower
from linnet.domain.tweet import Visibility
from linnet.errors import (
    Blocked,
    Forbidden,
    Invalid,
    Limited,
    LinnetError,
    NotFound,
    PictureTooLarge,
    PictureUnreadable,
    TooManyScheduled,
)
from linnet.ids import TweetId, UserId
from linnet.read.timelines.likes import likers_page
from linnet.read.timelines.people import retweeters_page
from linnet.read.timelines.thread import thread_screen, tweet_screen
from linnet.read.views.pages import PageView
from linnet.read.views.tweets import TweetView
from linnet.web.answers import go_to
from linnet.web.asking import Ask, PageRoute, is_script, parse_id, safe_path
from linnet.web.cards import tweet_cards
from linnet.web.folding import is_hidden
from linnet.web.pages.errors import plainly
from linnet.web.pages.layout import show, with_query
from linnet.web.posting import Draft, Posting, Shown, chosen_in, receive_draft, visibility_of
from linnet.write.actions import bookmarks, conversations, likes, pins, polls, tweets
from linnet.write.deps import WriteDeps

# Far more than can be posted, and little enough for an address.
_MAX_DRAFT_CHARS: Final = 1000


class _Thread(msgspec.Struct, frozen=True):
    """A ``ThreadView`` as it is sent, with its tweets as they were encoded."""

    ancestors: list[msgspec.Raw]
    tweet: msgspec.Raw
    replies: PageView[msgspec.Raw]


class _Placeholder(msgspec.Struct, frozen=True):
    deleted: bool = False


# Of a form that nobody has filled in yet.
_NOTHING: Final = Shown()
_thread = msgspec.json.Decoder(_Thread)
_tweet = msgspec.json.Decoder(TweetView)
_placeholder = msgspec.json.Decoder(_Placeholder)


def thread_path(tweet: TweetView) -> str:
    """Where a tweet's page is; of a retweet, the original's."""
    shown = tweet.retweet_of or tweet
    return f"/@{quote(shown.author.username)}/{shown.id}"


async def thread(ask: Ask) -> Response[Any]:
    """A tweet, what it answers, and the answers to it. Only the id counts; the name is for people."""
    ask.username()
    return await _show_thread(ask, ask.tweet_id())


async def permalink(ask: Ask) -> Response[Any]:
    """For who knows a tweet's id alone."""
    return go_to(thread_path(await _find(ask, ask.tweet_id())))


async def _show_thread(
    ask: Ask, tweet_id: TweetId, *, draft: str = "", more: Shown = _NOTHING, error: LinnetError | None = None
) -> Response[Any]:
    view = _thread.decode(await thread_screen(ask.services.read, ask.viewer_id, tweet_id, ask.range()))
    tweet = _tweet.decode(view.tweet)
    shown = tweet.retweet_of or tweet
    older = None if view.replies.next is None else with_query(thread_path(tweet), before=view.replies.next)
    [main] = tweet_cards(ask, [bytes(view.tweet)], look="main")
    usual = await ask.usual()
    return await show(
        ask,
        "thread.html",
        title=f"{shown.author.name}: {shown.warning or shown.text}"[:80],
        error=error,
        indexable=await _is_indexable(ask, shown),
        ancestors=[_ancestor(ask, bytes(item)) for item in view.ancestors],
        main=main,
        shown=shown,
        replies=tweet_cards(ask, _shown([bytes(item) for item in view.replies.items]), context="thread"),
        older=older,
        draft=draft or _others_in(ask, shown),
        more=_begun(more, usual),
        # An answer is for no more people than what it answers, unless somebody says so.
        visibility=more.visibility or narrower(shown.visibility or "public", usual.visibility),
        sentence="" if error is None else plainly(error),
    )


async def _is_indexable(ask: Ask, tweet: TweetView) -> bool:
    author_id = UserId(int(tweet.author.id))
    author = (await ask.services.read.profiles.fetch([author_id])).get(author_id)
    return author is None or author.is_indexable


def _begun(more: Shown, usual: Preferences) -> Shown:
    """What was sent before, or what one begins with."""
    return Shown(visibility=more.visibility, sensitive=usual.sensitive) if not more.is_sent else more


def _others_in(ask: Ask, shown: TweetView) -> str:
    """An answer to a direct tweet begins with whom else that mentions: else they would not have it."""
    if shown.visibility != "direct" or ask.me is None:
        return ""
    names = dict.fromkeys(mention.username for mention in shown.entities.mentions)
    return "".join(f"@{name} " for name in names if name not in (ask.me.username, shown.author.username))


def _shown(items: list[bytes]) -> list[bytes]:
    """Answers, without those that a filter hides: older ones are a link away."""
    return [item for item in items if not is_hidden(item, "thread")]


def _ancestor(ask: Ask, item: bytes) -> Markup | None:
    """None where a tweet was."""
    return None if _placeholder.decode(item).deleted else tweet_cards(ask, [item], context="thread")[0]


async def compose(ask: Ask) -> Response[Any]:
    """A page to write on. Other apps share to it, each with its own idea of what is title, text and address."""
    shared = [ask.query(name).strip() for name in ("title", "text", "url")]
    draft = "\n".join(dict.fromkeys(part for part in shared if part))[:_MAX_DRAFT_CHARS]
    chosen = ask.query("visibility")
    return await _show_composer(
        ask,
        draft,
        reply_to=parse_id(ask.query("reply_to")),
        more=Shown(visibility=visibility_of(chosen)) if chosen else _NOTHING,
    )


async def _show_composer(
    ask: Ask, draft: str, *, reply_to: int | None = None, more: Shown = _NOTHING, error: LinnetError | None = None
) -> Response[Any]:
    answered: TweetView | None = None
    if reply_to is not None:
        try:
            answered = await _find(ask, TweetId(reply_to))
        except NotFound:
            # The text is worth more than what it was to answer.
            answered = None
    usual = await ask.usual()
    wide = "public" if answered is None else (answered.retweet_of or answered).visibility or "public"
    return await show(
        ask,
        "compose.html",
        title="New tweet" if answered is None else "Answer",
        error=error,
        beside=False,
        draft=draft,
        more=_begun(more, usual),
        answered=answered,
        back="/" if answered is None else thread_path(answered),
        visibility=more.visibility or narrower(wide, usual.visibility),
        sentence="" if error is None else plainly(error),
    )


async def post(ask: Ask) -> Response[Any]:
    """Posts a tweet or an answer. What cannot be posted is shown again, with what is wrong: nothing typed is lost."""
    return await receive_draft(ask, partial(_post, ask))


async def _post(ask: Ask, draft: Draft) -> Response[Any]:
    text, reply_to = draft.text, draft.reply_to
    if ask.viewer is None:
        return go_to(_log_in_path(text, reply_to, draft.visibility))
    posting = Posting(ask, draft)
    try:
        ask.admit()
        if draft.later:
            await posting.schedule(reply_to, text)
            return go_to("/scheduled")
        tweet = await posting.post(reply_to, text)
    except (Invalid, Limited, PictureUnreadable, PictureTooLarge, TooManyScheduled) as error:
        # To make pictures is work, whatever becomes of the rest.
        ask.did_nothing = isinstance(error, Invalid) and not draft.sent
        shown = await posting.shown()
        if reply_to is not None:
            return await _show_thread(ask, reply_to, draft=text, more=shown, error=error)
        return await _show_composer(ask, text, more=shown, error=error)
    except (NotFound, Blocked) as error:
        return await _show_composer(ask, text, more=await posting.shown(), error=error)
    if reply_to is not None:
        # Its own page is there at once. Under what it answers it stands when a worker has noted it.
        return go_to(thread_path(await _find(ask, tweet.id)))
    return go_to(safe_path(draft.back))


def _log_in_path(text: str, reply_to: int | None, visibility: Visibility) -> str:
    """For who was logged out while writing: the text waits behind the log-in."""
    wish = {"text": text[:_MAX_DRAFT_CHARS]}
    if reply_to is not None:
        wish["reply_to"] = str(reply_to)
    if visibility != "public":
        wish["visibility"] = visibility
    return with_query("/login", next=with_query("/compose", **wish))


async def confirm_delete(ask: Ask) -> Response[Any]:
    """Asks whether it shall really go."""
    return await _confirm_delete(ask, "")


async def _confirm_delete(ask: Ask, back: str) -> Response[Any]:
    tweet = await _find(ask, ask.tweet_id())
    if tweet.author.id != str(ask.actor.user_id) or tweet.retweet_of is not None:
        raise Forbidden
    return await show(
        ask,
        "delete.html",
        title="Delete this tweet?",
        beside=False,
        tweet=tweet,
        back=back or thread_path(tweet),
    )


async def _find(ask: Ask, tweet_id: TweetId) -> TweetView:
    return _tweet.decode(await tweet_screen(ask.services.read, ask.viewer_id, tweet_id))


async def delete(ask: Ask) -> Response[Any]:
    """Asks once, since nothing brings it back; a script has asked already. Then back, unless that was its own page."""
    fields = await ask.form()
    tweet_id = ask.tweet_id()
    if fields.get("sure") != "yes" and not is_script(ask.request):
        return await _confirm_delete(ask, safe_path(fields.get("back", "")))
    await tweets.delete_tweet(ask.services.write, ask.actor.user_id, tweet_id)
    path = safe_path(fields.get("back", "")).partition("#")[0]
    return go_to("/" if str(tweet_id) in path.split("/") else path)


_Verb = Callable[[WriteDeps, UserId, TweetId], Awaitable[Any]]


async def _act(verb: _Verb, ask: Ask) -> Response[Any]:
    """Does it, and goes back to where the tweet was."""
    fields = await ask.form()
    await verb(ask.services.write, ask.actor.user_id, ask.tweet_id())
    return go_to(safe_path(fields.get("back", "")))


async def vote(ask: Ask) -> Response[Any]:
    """Votes in a tweet's poll, and goes back to where the tweet was."""
    fields = await ask.form()
    await polls.vote(ask.services.write, ask.actor.user_id, ask.tweet_id(), chosen_in(fields, ask.tweet_id()))
    return go_to(safe_path(fields.get("back", "")))


async def likers(ask: Ask) -> Response[Any]:
    """Who likes a tweet."""
    page = await likers_page(ask.services.read, ask.viewer_id, ask.tweet_id(), ask.range())
    return await _show_people(ask, "Liked by", page.items, page.next)


async def retweeters(ask: Ask) -> Response[Any]:
    """Who retweeted a tweet."""
    page = await retweeters_page(ask.services.read, ask.viewer_id, ask.tweet_id(), ask.range())
    return await _show_people(ask, "Retweeted by", page.items, page.next)


async def _show_people(ask: Ask, title: str, people: Sequence[Any], following: str | None) -> Response[Any]:
    older = None if following is None else with_query(ask.here_path, before=following)
    up = (f"/tweets/{ask.tweet_id()}", "The tweet")
    return await show(ask, "people.html", title=title, people=people, older=older, up=up, empty="Nobody yet.")


_VERBS: Final[tuple[tuple[str, _Verb, str], ...]] = (
    ("like", likes.like, "like"),
    ("unlike", likes.unlike, "request"),
    ("bookmark", bookmarks.bookmark, "request"),
    ("unbookmark", bookmarks.unbookmark, "request"),
    # People are muted; a conversation has a word of its own, as addresses look alike.
    ("silence", conversations.mute_conversation, "request"),
    ("unsilence", conversations.unmute_conversation, "request"),
    ("retweet", tweets.retweet, "retweet"),
    ("unretweet", tweets.undo_retweet, "request"),
    ("pin", pins.pin, "pin"),
    ("unpin", pins.unpin, "request"),
)

PAGES = (
    PageRoute("GET", "/compose", compose),
    PageRoute("GET", "/tweets", compose),
    PageRoute("POST", "/tweets", post, user=False, limit="tweet", answers_limits=True),
    PageRoute("GET", "/tweets/{tweet_id}", permalink, user=False),
    PageRoute("GET", "/tweets/{tweet_id}/likes", likers, user=False),
    PageRoute("GET", "/tweets/{tweet_id}/retweets", retweeters, user=False),
    PageRoute("GET", "/tweets/{tweet_id}/delete", confirm_delete),
    PageRoute("POST", "/tweets/{tweet_id}/delete", delete),
    *(
        PageRoute("POST", f"/tweets/{{tweet_id}}/{name}", partial(_act, verb), limit=limit)
        for name, verb, limit in _VERBS
    ),
    PageRoute("POST", "/tweets/{tweet_id}/vote", vote, limit="vote"),
    PageRoute("GET", "/{handle}/{tweet_id}", thread, user=False),
)
