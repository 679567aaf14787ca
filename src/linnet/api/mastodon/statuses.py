"""Statuses: post, read, delete, and what one does with them."""

import re
from contextlib import suppress
from typing import Final, cast, get_args

import msgspec

from linnet.api.answers import Answer
from linnet.api.mastodon.answers import answer
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.entities import Context, Status
from linnet.api.mastodon.paging import view_links, wanted_of
from linnet.api.mastodon.params import Params
from linnet.api.mastodon.polls import poll_draft_of
from linnet.api.mastodon.rendering import account_of, read_tweet, status_of, statuses_of, version_of
from linnet.api.mastodon.scheduled import DUE, answer_scheduled
from linnet.api.params import parse_id
from linnet.domain.attachments import parse_focus
from linnet.domain.event import TweetRef
from linnet.domain.scheduled import parse_due
from linnet.domain.timeline import Range
from linnet.domain.tweet import Visibility
from linnet.errors import AttachmentNotFound, Forbidden, Invalid, TweetNotFound
from linnet.ids import AttachmentId, TweetId, UserId, first_id_at
from linnet.read.timelines.history import history_screen
from linnet.read.timelines.likes import likers_page
from linnet.read.timelines.people import retweeters_page
from linnet.read.timelines.thread import ancestors_of, changed_screen, posted_screen, replies_page, tweet_screen
from linnet.write.actions import attachments, bookmarks, conversations, edits, likes, pins, tweets
from linnet.write.actions.attachments import check_chosen
from linnet.write.actions.scheduled import schedule_tweet

_KEY: Final = re.compile(r"[!-~]{1,255}")
# Answers to answers: so many are looked up, and so many shown. Deeper ones are found from there.
_MOST_DESCENDANTS: Final = 200
_MOST_LOOKS: Final = 60
_ANSWERS_PER_LOOK: Final = 100
# What linnet does not have must not be posted as something else than was meant.
_MISSING: Final = {
    "quoted_status_id": "linnet has no quotes yet.",
}


async def post_status(call: Call) -> Answer:
    """A tweet, or an answer to one; or what is to be one later."""
    params = await call.body()
    for name, sentence in _MISSING.items():
        if any(params.texts(name)):
            raise Invalid.field(name, sentence)
    visibility = _visibility_of(params)
    key = _key_of(call)
    reply_to = _answered(params)
    attached = await _attached(call, params)
    if params.text(DUE):
        made = await schedule_tweet(
            call.write,
            call.me,
            due_ms=parse_due(params.text(DUE), field=DUE),
            text=params.text("status"),
            reply_to=reply_to,
            attached=attached,
            warning=params.text("spoiler_text"),
            sensitive=params.flag("sensitive") if params.has("sensitive") else None,
            visibility=visibility,
            poll=poll_draft_of(params),
            idempotency_key=key,
        )
        return await answer_scheduled(call, made.id)
    oldest_new_id = first_id_at(call.write.clock.now_ms())
    tweet = await tweets.post_tweet(
        call.write,
        call.me,
        text=params.text("status"),
        reply_to=reply_to,
        idempotency_key=key,
        attached=attached,
        warning=params.text("spoiler_text"),
        sensitive=params.flag("sensitive") if params.has("sensitive") else None,
        visibility=visibility,
        poll=poll_draft_of(params),
    )
    call.did_nothing = tweet.id < oldest_new_id
    return answer(await status_of(call, await posted_screen(call.read, call.me, tweet, again=key is not None)))


def _key_of(call: Call) -> str | None:
    key = call.header(b"idempotency-key") or None
    if key is not None and not _KEY.fullmatch(key):
        raise Invalid.field("Idempotency-Key", "This must be 1 to 255 visible ASCII characters.")
    return key


def _visibility_of(params: Params) -> Visibility | None:
    """None: nothing is said."""
    chosen = params.text("visibility")
    if not chosen:
        return None
    if chosen not in get_args(Visibility):
        raise Invalid.field("visibility", "This must be public, unlisted, private or direct.")
    return cast(Visibility, chosen)


def _answered(params: Params) -> TweetId | None:
    if not params.text("in_reply_to_id"):
        return None
    number = params.number("in_reply_to_id")
    if not number:
        raise TweetNotFound
    return TweetId(number)


def _chosen(call: Call, params: Params) -> list[AttachmentId]:
    """The pictures that it names."""
    texts = [text for text in params.texts("media_ids") if text]
    numbers = [parse_id(text) for text in texts]
    chosen = [AttachmentId(number) for number in numbers if number is not None]
    if len(chosen) < len(texts):
        raise Invalid.field("media_ids", "These must be ids of pictures that were uploaded.")
    check_chosen(chosen, most=call.write.options.photos.per_tweet)
    return chosen


async def _attached(call: Call, params: Params) -> list[AttachmentId]:
    """The pictures that it names, described as it says on the way."""
    chosen = _chosen(call, params)
    for attachment_id, description, focus in _attributes(params):
        if attachment_id in chosen:
            # Of one that is not there posting says so, as of one of which nothing is said.
            with suppress(AttachmentNotFound):
                await attachments.describe(call.write, call.me, attachment_id, description=description, focus=focus)
    return chosen


def _attributes(params: Params) -> list[tuple[AttachmentId, str | None, tuple[float, float] | None]]:
    """What is said of each; None is what is not said."""
    return [
        (
            AttachmentId(parse_id(each.text("id")) or 0),
            each.text("description") if each.has("description") else None,
            parse_focus(each.text("focus")) if each.text("focus") else None,
        )
        for each in params.records("media_attributes")
    ]


async def get_status(call: Call) -> Answer:
    """One of them."""
    return answer(await _shown(call, call.tweet_id()))


async def get_statuses(call: Call) -> Answer:
    """Several, by their ids; those that are gone are left out."""
    found: list[Status] = []
    for text in call.query().texts("id")[:20]:
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
        try:
            found.append(await _shown(call, TweetId(number)))
        except TweetNotFound:
            continue
    return answer(found)


async def put_status(call: Call) -> Answer:
    """Edits one's own: it says all that it is to say, and has all its pictures. To whom it goes stays as it was.

    An app that sends nothing of the pictures but what is to be said of some of them means to keep them.
    """
    params = await call.body()
    for name, sentence in _MISSING.items():
        if any(params.texts(name)):
            raise Invalid.field(name, sentence)
    key = _key_of(call)
    described = tuple(
        edits.Described(some_id, description, focus) for some_id, description, focus in _attributes(params)
    )
    wish = edits.Wish(
        text=params.text("status"),
        warning=params.text("spoiler_text"),
        sensitive=params.flag("sensitive"),
        attached=None if described and not params.has("media_ids") else tuple(_chosen(call, params)),
        described=described,
        # Apps send a poll back as they found it.
        poll_options=tuple(params.texts("poll[options]")) or None,
    )
    try:
        edited = await edits.edit_tweet(call.write, call.me, call.tweet_id(), wish, idempotency_key=key)
    except Forbidden as error:
        # Others' are not looked for here.
        raise TweetNotFound from error
    call.did_nothing = not edited.changed
    tweet_id = edited.tweet.id
    return answer(await status_of(call, await changed_screen(call.read, call.me, tweet_id, changed_ids=[tweet_id])))


async def delete_status(call: Call) -> Answer:
    """One's own; with its text, to be written anew, and its pictures as well unless these are to go at once."""
    tweet_id = call.tweet_id()
    keeps = not call.query().flag("delete_media")
    item = await tweet_screen(call.read, call.me, tweet_id)
    tweet = read_tweet(item)
    status = await status_of(call, item)
    try:
        await tweets.delete_tweet(call.write, call.me, tweet_id, keeps_attachments=keeps)
    except Forbidden as error:
        # Others' are not looked for here.
        raise TweetNotFound from error
    call.read.tweets.forget([tweet_id])
    return answer(msgspec.structs.replace(status, text=tweet.text))


async def get_source(call: Call) -> Answer:
    """One's own, as it was written."""
    tweet = read_tweet(await tweet_screen(call.read, call.me, call.tweet_id()))
    if tweet.author.id != str(call.me):
        raise TweetNotFound
    return answer({"id": tweet.id, "text": tweet.text, "spoiler_text": tweet.warning})


async def get_history(call: Call) -> Answer:
    """All that it has said, from the beginning on; the last is what it says now."""
    history = await history_screen(call.read, call.viewer_id, call.tweet_id())
    account = (await status_of(call, history.tweet)).account
    return answer([version_of(call, version, account) for version in history.versions])


async def get_context(call: Call) -> Answer:
    """What it answers, up to the beginning, and what answers it, branch by branch, each from the oldest on."""
    tweet_id = call.tweet_id()
    above = await ancestors_of(call.read, call.viewer_id, tweet_id)
    start = read_tweet(await tweet_screen(call.read, call.viewer_id, tweet_id))
    root = start.retweet_of or start
    below: list[bytes] = []
    looks = _MOST_LOOKS
    waiting = [TweetRef(UserId(int(root.author.id)), TweetId(int(root.id)))]
    # Depth first: a stack, of which the last is shown next.
    stack: list[bytes | TweetRef] = list(waiting)
    while stack and len(below) < _MOST_DESCENDANTS:
        each = stack.pop()
        if isinstance(each, bytes):
            below.append(each)
            continue
        if looks == 0:
            continue
        looks -= 1
        page = await replies_page(call.read, call.viewer_id, each, Range(_ANSWERS_PER_LOOK))
        # Newest first, so that the oldest is on top of the stack; what answers it is looked up right after it.
        for item in page.items:
            reply = read_tweet(item)
            # Direct answers are not counted, so under what is direct one has to look.
            if reply.counts.replies or reply.visibility == "direct":
                stack.append(TweetRef(UserId(int(reply.author.id)), TweetId(int(reply.id))))
            stack.append(item)
    ancestors, descendants = await statuses_of(call, above), await statuses_of(call, below)
    return answer(Context(ancestors, descendants))


async def favourite(call: Call) -> Answer:
    """Quiet when it is so already."""
    return answer(await _shown(call, await likes.like(call.write, call.me, call.tweet_id())))


async def unfavourite(call: Call) -> Answer:
    """Quiet when it is so already."""
    return answer(await _shown(call, await likes.unlike(call.write, call.me, call.tweet_id())))


async def bookmark(call: Call) -> Answer:
    """Quiet when it is so already."""
    return answer(await _shown(call, await bookmarks.bookmark(call.write, call.me, call.tweet_id())))


async def unbookmark(call: Call) -> Answer:
    """Quiet when it is so already."""
    return answer(await _shown(call, await bookmarks.unbookmark(call.write, call.me, call.tweet_id())))


async def mute(call: Call) -> Answer:
    """Its conversation, of which one is not notified any more. Quiet when it is so already."""
    return answer(await _shown(call, await conversations.mute_conversation(call.write, call.me, call.tweet_id())))


async def unmute(call: Call) -> Answer:
    """Quiet when it is so already."""
    return answer(await _shown(call, await conversations.unmute_conversation(call.write, call.me, call.tweet_id())))


async def reblog(call: Call) -> Answer:
    """The retweet, which has an id of its own, around what is in it."""
    # A retweet is for those whom its original is for: whatever an app would rather have.
    await call.body()
    return answer(await _shown(call, await tweets.retweet(call.write, call.me, call.tweet_id())))


async def unreblog(call: Call) -> Answer:
    """The tweet that was in it; named by itself or by the retweet."""
    tweet = read_tweet(await tweet_screen(call.read, call.me, call.tweet_id()))
    original_id = TweetId(int((tweet.retweet_of or tweet).id))
    await tweets.undo_retweet(call.write, call.me, original_id)
    return answer(await _shown(call, original_id))


async def pin(call: Call) -> Answer:
    """One's own; another one that was pinned is so no more."""
    return await _pinned(call, await pins.pin(call.write, call.me, call.tweet_id()))


async def unpin(call: Call) -> Answer:
    """Quiet when it is so already."""
    return await _pinned(call, await pins.unpin(call.write, call.me, call.tweet_id()))


async def _pinned(call: Call, change: pins.PinChange) -> Answer:
    item = await changed_screen(call.read, call.me, change.tweet_id, changed_ids=change.changed_ids)
    return answer(await status_of(call, item))


async def get_favourited_by(call: Call) -> Answer:
    """Who likes it, the newest like first."""
    params = call.query()
    page = await likers_page(call.read, call.viewer_id, call.tweet_id(), wanted_of(params, default=40, most=80).range)
    return answer([account_of(call, user) for user in page.items], 200, *view_links(call, params, page))


async def get_reblogged_by(call: Call) -> Answer:
    """Who retweeted it, the newest retweet first."""
    params = call.query()
    page = await retweeters_page(
        call.read, call.viewer_id, call.tweet_id(), wanted_of(params, default=40, most=80).range
    )
    return answer([account_of(call, user) for user in page.items], 200, *view_links(call, params, page))


async def _shown(call: Call, tweet_id: TweetId) -> Status:
    return await status_of(call, await tweet_screen(call.read, call.viewer_id, tweet_id))


_ONE = "/api/v1/statuses/{id}"
_READ = ("read:statuses",)
_WRITE = ("write:statuses",)
_LIKE = ("write:favourites",)
_BOOKMARK = ("write:bookmarks",)

ROUTES = (
    Route("POST", "/api/v1/statuses", post_status, _WRITE, limit="tweet"),
    Route("GET", "/api/v1/statuses", get_statuses, _READ, access="viewer"),
    Route("GET", _ONE, get_status, _READ, access="viewer"),
    Route("PUT", _ONE, put_status, _WRITE, limit="tweet"),
    Route("DELETE", _ONE, delete_status, _WRITE),
    Route("GET", f"{_ONE}/source", get_source, _READ),
    Route("GET", f"{_ONE}/history", get_history, _READ, access="viewer"),
    Route("GET", f"{_ONE}/context", get_context, _READ, access="viewer"),
    Route("GET", f"{_ONE}/favourited_by", get_favourited_by, _READ, access="viewer"),
    Route("GET", f"{_ONE}/reblogged_by", get_reblogged_by, _READ, access="viewer"),
    Route("POST", f"{_ONE}/favourite", favourite, _LIKE, limit="like"),
    Route("POST", f"{_ONE}/unfavourite", unfavourite, _LIKE),
    Route("POST", f"{_ONE}/bookmark", bookmark, _BOOKMARK),
    Route("POST", f"{_ONE}/unbookmark", unbookmark, _BOOKMARK),
    Route("POST", f"{_ONE}/mute", mute, ("write:mutes",)),
    Route("POST", f"{_ONE}/unmute", unmute, ("write:mutes",)),
    Route("POST", f"{_ONE}/reblog", reblog, _WRITE, limit="retweet"),
    Route("POST", f"{_ONE}/unreblog", unreblog, _WRITE),
    Route("POST", f"{_ONE}/pin", pin, ("write:accounts",), limit="pin"),
    Route("POST", f"{_ONE}/unpin", unpin, ("write:accounts",)),
)
