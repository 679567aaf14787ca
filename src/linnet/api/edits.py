"""Edits of tweets: what one says now, and what it said before."""

import re

import msgspec

from linnet.api import examples
from linnet.api.answers import Answer, json_answer, view_answer
from linnet.api.attachments import FocusBody
from linnet.api.endpoints import Call, Endpoint, HeaderDoc, Success
from linnet.api.params import IdText, require_id
from linnet.errors import Forbidden, IdempotencyKeyReused, Invalid, TooManyEdits, TweetNotFound
from linnet.ids import AttachmentId
from linnet.read.timelines.history import history_screen
from linnet.read.timelines.thread import changed_screen
from linnet.read.views.history import TweetHistoryView
from linnet.read.views.tweets import TweetView
from linnet.write.actions import edits

_KEY = re.compile(r"[!-~]{1,255}")
_IDEMPOTENCY_KEY = HeaderDoc(
    "Idempotency-Key",
    "Chosen by the client, best at random. For an hour an edit with the same key is done once, whatever came after it;"
    " the same key with another body is refused.",
    "b0d1a2c4-77e0-4f0e-8a51",
    pattern="^[!-~]{1,255}$",
)


class DescribedBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be said of one of its pictures; what is left out or null stays."""

    id: IdText
    description: str | None = None
    focus: FocusBody | None = None


class EditBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out or null stays as it is. ``attachments`` are all its pictures, in their order.

    ``described`` says something else of some of them.
    """

    text: str | None = None
    warning: str | None = None
    sensitive: bool | None = None
    attachments: list[IdText] | None = None
    described: list[DescribedBody] | None = None


async def patch_tweet(call: Call) -> Answer:
    """Edit a tweet

    One's own tweet or answer; not a retweet. What is left out stays as it is; an empty `warning` takes it away. To whom
    it goes, and what it answers, cannot be changed. What it said before stays in its history, up to 100 times; an edit
    that changes nothing leaves nothing there. Who retweeted it is told. With an `Idempotency-Key` the request can be
    sent again safely, also after another edit.
    """
    key = call.header(_IDEMPOTENCY_KEY.name)
    if key is not None and not _KEY.fullmatch(key):
        raise Invalid.field(_IDEMPOTENCY_KEY.name, "This must be 1 to 255 visible ASCII characters.")
    services, user_id, tweet_id = call.services, call.actor.user_id, call.tweet_id()
    body = await call.fields(EditBody)
    attached = body.attachments
    wish = edits.Wish(
        text=body.text,
        warning=body.warning,
        sensitive=body.sensitive,
        attached=None if attached is None else tuple(_attachment_id("attachments", text) for text in attached),
        described=tuple(
            edits.Described(
                _attachment_id("described", each.id),
                each.description,
                None if each.focus is None else (each.focus.x, each.focus.y),
            )
            for each in body.described or ()
        ),
    )
    edited = await edits.edit_tweet(services.write, user_id, tweet_id, wish, idempotency_key=key)
    call.did_nothing = not edited.changed
    return json_answer(await changed_screen(services.read, user_id, tweet_id, changed_ids=[tweet_id]))


def _attachment_id(field: str, text: str) -> AttachmentId:
    return AttachmentId(require_id(field, text))


async def get_history(call: Call) -> Answer:
    """Read what a tweet has said

    For whoever may see the tweet: all that it has said, from the beginning on, and since when it did. The last is what
    it says now. Whom an earlier one mentioned stands in its text alone.
    """
    history = await history_screen(call.services.read, call.viewer_id, call.tweet_id())
    return view_answer(TweetHistoryView(history.versions))


_PATH = "/api/tweets/{tweet_id}"

ENDPOINTS = (
    Endpoint(
        "PATCH",
        _PATH,
        patch_tweet,
        "tweets",
        Success("The tweet.", TweetView, examples.EDITED_TWEET),
        body=EditBody,
        body_example=EditBody(examples.EDITED_TEXT),
        headers=(_IDEMPOTENCY_KEY,),
        problems=(Forbidden, TweetNotFound, IdempotencyKeyReused, TooManyEdits),
        limit="tweet",
    ),
    Endpoint(
        "GET",
        f"{_PATH}/history",
        get_history,
        "tweets",
        Success("All versions.", TweetHistoryView, examples.TWEET_HISTORY),
        access="viewer",
        problems=(TweetNotFound,),
    ),
)
