"""Tweets: post, answer, read, delete, retweet."""

import re
from collections.abc import Sequence

import msgspec

from linnet.api import examples
from linnet.api.answers import Answer, json_answer, no_content, page_answer, view_answer
from linnet.api.endpoints import Call, Endpoint, HeaderDoc, Success
from linnet.api.params import PAGE, IdText, require_id
from linnet.domain.polls import PollDraft
from linnet.domain.tweet import Visibility
from linnet.errors import Forbidden, IdempotencyKeyReused, Invalid, TweetNotFound
from linnet.ids import AttachmentId, TweetId, first_id_at
from linnet.read.timelines.everyone import everyone_page
from linnet.read.timelines.people import retweeters_page
from linnet.read.timelines.thread import ThreadView, posted_screen, thread_screen, tweet_screen
from linnet.read.views.pages import PageView
from linnet.read.views.tweets import TweetView
from linnet.read.views.users import UserView
from linnet.write.actions import tweets

_KEY = re.compile(r"[!-~]{1,255}")

_IDEMPOTENCY_KEY = HeaderDoc(
    "Idempotency-Key",
    "Chosen by the client, best at random. For an hour the same key gives the same tweet, however often it is sent;"
    " the same key with another body is refused.",
    "4fd0c2f8-b4c3-4d1e-9f0a",
    pattern="^[!-~]{1,255}$",
)
_LOCATION = HeaderDoc("Location", "The tweet's address.", f"/api/tweets/{examples.TWEET_ID}")


class PollBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a tweet asks: 2 to 4 different options of up to 50 characters, for 300 to 2,629,746 seconds (a month).

    ``hides_votes``: how often each option was chosen is shown when the poll has ended.
    """

    options: list[str]
    expires_in: int
    multiple: bool = False
    hides_votes: bool = False


class TweetBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A tweet, or with ``reply_to`` an answer to one.

    ``attachments`` are the ids of pictures that were uploaded, up to 4, in their order; beside them the text may be
    empty. A ``warning`` is shown first, and the rest when somebody asks for it. What has one is ``sensitive``, too:
    its pictures are shown when somebody asks for them. A ``poll`` stands beside a text, and not beside pictures.
    """

    text: str
    reply_to: IdText | None = None
    attachments: list[IdText] = []
    warning: str = ""
    sensitive: bool = False
    visibility: Visibility = "public"
    poll: PollBody | None = None


class PlainTweetBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tweet."""

    text: str


class AnswerBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer to a tweet."""

    tweet_id: IdText
    text: str


async def post_tweet(call: Call) -> Answer:
    """Post a tweet

    Or, with `reply_to`, answer one. 1 to 140 characters (unless the server is told otherwise), counted as code points
    after normalisation to NFC and trimming; a link counts 23 whatever its length. No control characters. With an
    `Idempotency-Key` the request can be sent again safely. `visibility`: `unlisted` is for everybody who comes across
    it, and in no list of what strangers say (everyone's tweets, tags, search, what is popular); `private` is for
    followers, and for whom it mentions or answers; `direct` is for whom it mentions or answers, and nobody else.
    """
    body = await call.fields(TweetBody)
    reply_to = None if body.reply_to is None else TweetId(require_id("reply_to", body.reply_to))
    attached = [AttachmentId(require_id("attachments", text)) for text in body.attachments]
    return await _post(
        call,
        body.text,
        reply_to,
        attached=attached,
        warning=body.warning,
        sensitive=body.sensitive,
        visibility=body.visibility,
        poll=None if body.poll is None else _draft_of(body.poll),
    )


def _draft_of(body: PollBody) -> PollDraft:
    return PollDraft(tuple(body.options), body.expires_in, multiple=body.multiple, hides_votes=body.hides_votes)


async def post_tweet_plainly(call: Call) -> Answer:
    """Post a tweet

    Another spelling of `POST /api/tweets`.
    """
    return await _post(call, (await call.fields(PlainTweetBody)).text, None)


async def post_answer(call: Call) -> Answer:
    """Answer a tweet

    Another spelling of `POST /api/tweets` with `reply_to`.
    """
    body = await call.fields(AnswerBody)
    return await _post(call, body.text, TweetId(require_id("tweet_id", body.tweet_id)))


async def _post(
    call: Call,
    text: str,
    reply_to: TweetId | None,
    *,
    attached: Sequence[AttachmentId] = (),
    warning: str = "",
    sensitive: bool = False,
    visibility: Visibility = "public",
    poll: PollDraft | None = None,
) -> Answer:
    services, author_id = call.services, call.actor.user_id
    key = call.header(_IDEMPOTENCY_KEY.name)
    if key is not None and not _KEY.fullmatch(key):
        raise Invalid.field(_IDEMPOTENCY_KEY.name, "This must be 1 to 255 visible ASCII characters.")
    oldest_new_id = first_id_at(services.write.clock.now_ms())
    tweet = await tweets.post_tweet(
        services.write,
        author_id,
        text=text,
        reply_to=reply_to,
        idempotency_key=key,
        attached=attached,
        warning=warning,
        sensitive=sensitive,
        visibility=visibility,
        poll=poll,
    )
    # Posted before, with the same key: nothing was done, so nothing counts.
    call.did_nothing = tweet.id < oldest_new_id
    shown = await posted_screen(services.read, author_id, tweet, again=key is not None)
    return json_answer(shown, 201, (b"location", b"/api/tweets/%d" % tweet.id))


async def list_tweets(call: Call) -> Answer:
    """List everyone's tweets

    Newest first.
    """
    return page_answer(await everyone_page(call.services.read, call.viewer_id, call.range()))


async def get_tweet(call: Call) -> Answer:
    """Read a tweet

    Also a reply or a retweet, by its own id.
    """
    return json_answer(await tweet_screen(call.services.read, call.viewer_id, call.tweet_id()))


async def delete_tweet(call: Call) -> Answer:
    """Delete a tweet

    One's own; a retweet by its own id undoes it. Deleting twice is quiet. It is gone everywhere within seconds.
    """
    await tweets.delete_tweet(call.services.write, call.actor.user_id, call.tweet_id())
    return no_content()


async def get_thread(call: Call) -> Answer:
    """Read a thread

    The tweet, what it answers up to the beginning, and a page of the answers to it, newest first. A placeholder stands
    where an answered tweet is gone, or not for the one who asks.
    """
    return json_answer(await thread_screen(call.services.read, call.viewer_id, call.tweet_id(), call.range()))


async def list_retweeters(call: Call) -> Answer:
    """List who retweeted a tweet

    Newest retweet first.
    """
    return view_answer(await retweeters_page(call.services.read, call.viewer_id, call.tweet_id(), call.range()))


async def put_retweet(call: Call) -> Answer:
    """Retweet a tweet

    Once per person: the second time changes nothing. Answers the retweet, which is an item of its own in timelines,
    with the original inside. Retweeting a retweet is retweeting the original.
    """
    services, user_id = call.services, call.actor.user_id
    retweet_id = await tweets.retweet(services.write, user_id, call.tweet_id())
    return json_answer(await tweet_screen(services.read, user_id, retweet_id))


async def delete_retweet(call: Call) -> Answer:
    """Undo a retweet

    Named by the original. Quiet when there is none.
    """
    await tweets.undo_retweet(call.services.write, call.actor.user_id, call.tweet_id())
    return no_content()


_POSTED = Success("The new tweet.", TweetView, examples.NEW_TWEET, status=201, headers=(_LOCATION,))
_POST_PROBLEMS = (IdempotencyKeyReused,)

ENDPOINTS = (
    Endpoint(
        "POST",
        "/api/tweets",
        post_tweet,
        "tweets",
        _POSTED,
        body=TweetBody,
        body_example=TweetBody(examples.TEXT),
        headers=(_IDEMPOTENCY_KEY,),
        problems=(*_POST_PROBLEMS, TweetNotFound),
        limit="tweet",
    ),
    Endpoint(
        "GET",
        "/api/tweets",
        list_tweets,
        "tweets",
        Success("A page of tweets.", PageView[TweetView], examples.EVERYONE),
        access="viewer",
        query=PAGE,
    ),
    Endpoint(
        "GET",
        "/api/tweets/{tweet_id}",
        get_tweet,
        "tweets",
        Success("The tweet.", TweetView, examples.TWEET),
        access="viewer",
        problems=(TweetNotFound,),
    ),
    Endpoint(
        "DELETE",
        "/api/tweets/{tweet_id}",
        delete_tweet,
        "tweets",
        Success("Gone.", status=204),
        problems=(Forbidden, TweetNotFound),
    ),
    Endpoint(
        "GET",
        "/api/tweets/{tweet_id}/thread",
        get_thread,
        "tweets",
        Success("The thread.", ThreadView, examples.THREAD),
        access="viewer",
        query=PAGE,
        problems=(TweetNotFound,),
    ),
    Endpoint(
        "GET",
        "/api/tweets/{tweet_id}/retweets",
        list_retweeters,
        "tweets",
        Success("A page of users.", PageView[UserView], examples.RETWEETERS),
        access="viewer",
        query=PAGE,
        problems=(TweetNotFound,),
    ),
    Endpoint(
        "PUT",
        "/api/tweets/{tweet_id}/retweet",
        put_retweet,
        "tweets",
        Success("The retweet.", TweetView, examples.RETWEET),
        problems=(TweetNotFound,),
        limit="retweet",
    ),
    Endpoint(
        "DELETE",
        "/api/tweets/{tweet_id}/retweet",
        delete_retweet,
        "tweets",
        Success("There is no retweet any more.", status=204),
        problems=(TweetNotFound,),
    ),
    Endpoint(
        "POST",
        "/api/tweet",
        post_tweet_plainly,
        "other spellings",
        _POSTED,
        body=PlainTweetBody,
        body_example=PlainTweetBody(examples.TEXT),
        headers=(_IDEMPOTENCY_KEY,),
        problems=_POST_PROBLEMS,
        limit="tweet",
    ),
    Endpoint(
        "POST",
        "/api/answer",
        post_answer,
        "other spellings",
        Success("The new tweet.", TweetView, examples.REPLY, status=201, headers=(_LOCATION,)),
        body=AnswerBody,
        body_example=AnswerBody(examples.TWEET_ID, examples.REPLY_TEXT),
        headers=(_IDEMPOTENCY_KEY,),
        problems=(*_POST_PROBLEMS, TweetNotFound),
        limit="tweet",
    ),
)
