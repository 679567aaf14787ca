"""Editing one's own tweet, and what a tweet said before."""

from functools import partial
from typing import Any, Final

import msgspec
from litestar import Response

from linnet.errors import (
    Conflict,
    Forbidden,
    IdempotencyKeyReused,
    Invalid,
    Limited,
    LinnetError,
    PictureTooLarge,
    PictureUnreadable,
)
from linnet.ids import TweetId
from linnet.read.timelines.history import history_screen
from linnet.read.timelines.thread import tweet_screen
from linnet.read.views.tweets import TweetView
from linnet.web.answers import go_to
from linnet.web.asking import Ask, PageRoute
from linnet.web.pages.errors import plainly
from linnet.web.pages.layout import show, with_query
from linnet.web.pages.tweets import thread_path
from linnet.web.posting import Draft, Editing, Shown, receive_draft

_MAX_DRAFT_CHARS: Final = 1000
_tweet = msgspec.json.Decoder(TweetView)


async def edit(ask: Ask) -> Response[Any]:
    """A page to edit on. ``text``: what was typed by who was logged out meanwhile."""
    tweet = await _find_own(ask, ask.tweet_id())
    more = Shown(tweet.warning, tweet.sensitive, None, tweet.attachments)
    return await _show_editor(ask, tweet, ask.query("text")[:_MAX_DRAFT_CHARS] or tweet.text, more)


async def _find_own(ask: Ask, tweet_id: TweetId) -> TweetView:
    tweet = _tweet.decode(await tweet_screen(ask.services.read, ask.viewer_id, tweet_id))
    if tweet.author.id != str(ask.actor.user_id) or tweet.retweet_of is not None:
        raise Forbidden
    return tweet


async def _show_editor(
    ask: Ask, tweet: TweetView, draft: str, more: Shown, *, once: str = "", error: LinnetError | None = None
) -> Response[Any]:
    return await show(
        ask,
        "edit.html",
        title="Edit your tweet",
        error=error,
        beside=False,
        tweet=tweet,
        draft=draft,
        more=more,
        once=once or ask.once,
        back=thread_path(tweet),
        sentence="" if error is None else plainly(error),
    )


async def save(ask: Ask) -> Response[Any]:
    """Edits it. What cannot be said is shown again, with what is wrong: nothing typed is lost."""
    return await receive_draft(ask, partial(_save, ask))


async def _save(ask: Ask, draft: Draft) -> Response[Any]:
    tweet_id = ask.tweet_id()
    if ask.viewer is None:
        again = with_query(f"/tweets/{tweet_id}/edit", text=draft.text[:_MAX_DRAFT_CHARS])
        return go_to(with_query("/login", next=again))
    tweet = await _find_own(ask, tweet_id)
    editing = Editing(ask, draft)
    try:
        ask.admit()
        edited = await editing.edit(tweet_id)
    except (Invalid, Limited, Conflict, PictureUnreadable, PictureTooLarge) as error:
        # To make pictures is work, whatever becomes of the rest.
        ask.did_nothing = isinstance(error, Invalid | Conflict) and not draft.sent
        # What came through before is not what is sent now: this is another edit.
        once = "" if isinstance(error, IdempotencyKeyReused) else draft.once
        return await _show_editor(ask, tweet, draft.text, await editing.shown(), once=once, error=error)
    ask.did_nothing = not edited.changed and not draft.sent
    # Memory need not wait for the signal.
    ask.services.read.tweets.forget([tweet_id])
    return go_to(thread_path(tweet))


async def history(ask: Ask) -> Response[Any]:
    """All that it has said."""
    found = await history_screen(ask.services.read, ask.viewer_id, ask.tweet_id())
    tweet = _tweet.decode(found.tweet)
    return await show(
        ask,
        "history.html",
        title="What this tweet has said",
        beside=False,
        tweet=tweet,
        versions=list(reversed(found.versions)),
        back=thread_path(tweet),
    )


PAGES = (
    PageRoute("GET", "/tweets/{tweet_id}/edit", edit),
    PageRoute("POST", "/tweets/{tweet_id}/edit", save, user=False, limit="tweet", answers_limits=True),
    PageRoute("GET", "/tweets/{tweet_id}/history", history, user=False),
)
