"""Tweets as clients see them.

The structs are the contract. A page is not encoded from them, which would cost more than everything else in it: a tweet
is encoded once, when it is put into the cache, in pieces between which the author and the viewer's part are set, and a
page is those pieces joined. ``tests/unit/test_views.py`` holds the pieces and the structs together.
"""

import msgspec

from linnet.clock import rfc3339
from linnet.domain.attachments import unpack_attachments
from linnet.domain.timeline import Entry
from linnet.domain.tweet import Narrowed, Tweet
from linnet.domain.visibility import Audience, audience_of
from linnet.ids import UserId, unix_ms_of
from linnet.read.views.attachments import AttachmentView, attachment_view
from linnet.read.views.filters import FilterMatchView
from linnet.read.views.polls import PollFacts, PollView, poll_facts


class AuthorView(msgspec.Struct, frozen=True):
    """Who wrote a tweet."""

    id: str
    username: str
    name: str
    avatar_url: str


class ReplyToView(msgspec.Struct, frozen=True):
    """Which tweet is answered. The tweet may be gone; ``username`` is empty when its author is."""

    tweet_id: str
    user_id: str
    username: str


class TweetCountsView(msgspec.Struct, frozen=True):
    replies: int
    retweets: int
    likes: int


class TweetViewerView(msgspec.Struct, frozen=True):
    """What the viewer did with it."""

    liked: bool
    retweeted: bool
    bookmarked: bool


class HashtagView(msgspec.Struct, frozen=True):
    """Offsets count code points, from 0, end exclusive."""

    text: str
    start: int
    end: int


class MentionView(msgspec.Struct, frozen=True):
    username: str
    user_id: str
    start: int
    end: int


class LinkView(msgspec.Struct, frozen=True):
    url: str
    start: int
    end: int


class EntitiesView(msgspec.Struct, frozen=True):
    hashtags: list[HashtagView]
    mentions: list[MentionView]
    links: list[LinkView]


class TweetView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tweet, a reply, or a retweet: then ``retweet_of`` holds the original and ``text`` is empty.

    What a tweet does not have is left out: pictures, a warning to be read before it, and that it is sensitive.

    ``viewer`` is null for whoever is not logged in. ``filtered``: filters of theirs that it matches, if there are any;
    whether one holds hangs on where the tweet is shown. ``visibility`` is not there when the tweet is public; otherwise
    it is ``unlisted`` (for everybody, in no list of what strangers say), ``private`` (for followers, and whom it
    mentions), or ``direct`` (for whom it mentions or answers). ``conversation_id``: the first tweet of the conversation
    that it belongs to, where that is another one. ``muted``: the viewer is not notified of that conversation. ``poll``
    is there when the tweet has one, ``edited_at`` when it says something else since then.
    """

    id: str
    text: str
    created_at: str
    author: AuthorView
    reply_to: ReplyToView | None
    retweet_of: "TweetView | None"
    counts: TweetCountsView
    pinned: bool
    entities: EntitiesView
    attachments: list[AttachmentView] = []
    warning: str = ""
    sensitive: bool = False
    viewer: TweetViewerView | None
    poll: PollView | msgspec.UnsetType = msgspec.UNSET
    filtered: list[FilterMatchView] | msgspec.UnsetType = msgspec.UNSET
    visibility: Narrowed | msgspec.UnsetType = msgspec.UNSET
    edited_at: str | msgspec.UnsetType = msgspec.UNSET
    conversation_id: str | msgspec.UnsetType = msgspec.UNSET
    muted: bool = False


class DeletedTweetView(msgspec.Struct, frozen=True):
    """Stands in a thread where a tweet was, or one that is kept from the viewer. ``deleted`` is always true."""

    id: str
    deleted: bool = True


class TweetFacts(msgspec.Struct, frozen=True, array_like=True):
    """A tweet between the cache and a page: JSON up to the author, JSON from behind the author to the viewer.

    A retweet has no JSON of its own: timelines say which tweet it shows. ``audience``: None: everybody, everywhere.
    ``poll`` goes behind the viewer's place.
    """

    author_id: UserId
    head: bytes
    tail: bytes
    audience: Audience | None = None
    poll: PollFacts | None = None


NO_ENTITIES = b'{"hashtags":[],"mentions":[],"links":[]}'
_VIEWERS = {
    (liked, retweeted, bookmarked): msgspec.json.encode(
        TweetViewerView(liked=liked, retweeted=retweeted, bookmarked=bookmarked)
    )
    for liked in (False, True)
    for retweeted in (False, True)
    for bookmarked in (False, True)
}


def tweet_facts(tweet: Tweet, *, replied_username: str) -> TweetFacts:
    """The cacheable part of a tweet. ``replied_username``: of the author it answers, empty when they are gone."""
    if tweet.retweet_of is not None:
        return TweetFacts(tweet.author_id, b"", b"")
    reply_to: ReplyToView | None = None
    if tweet.reply_to is not None:
        reply_to = ReplyToView(str(tweet.reply_to.tweet_id), str(tweet.reply_to.author_id), replied_username)
    counts = TweetCountsView(tweet.replies_count, tweet.retweets_count, tweet.likes_count)
    return TweetFacts(
        tweet.author_id,
        b'{"id":"%d","text":%b,"created_at":"%b","author":'
        % (tweet.id, msgspec.json.encode(tweet.text), rfc3339(unix_ms_of(tweet.id)).encode()),
        b',"reply_to":%b,"retweet_of":null,"counts":%b,"pinned":%b,"entities":%b%b%b,"viewer":'
        % (
            msgspec.json.encode(reply_to),
            msgspec.json.encode(counts),
            b"true" if tweet.pinned else b"false",
            tweet.entities.encode() if tweet.entities is not None else NO_ENTITIES,
            _more_of(tweet),
            _belonging_of(tweet),
        ),
        audience_of(tweet),
        poll_facts(tweet),
    )


def _belonging_of(tweet: Tweet) -> bytes:
    """For whom it is, and what it goes on with, where there is something to say of that."""
    said = b"" if tweet.visibility is None else b',"visibility":"%b"' % tweet.visibility.encode()
    if tweet.conversation_id not in (None, tweet.id):
        said += b',"conversation_id":"%d"' % tweet.conversation_id
    return said


def _more_of(tweet: Tweet) -> bytes:
    """What most tweets do not have."""
    more = b""
    if tweet.attachments is not None:
        views = [attachment_view(attachment) for attachment in unpack_attachments(tweet.attachments)]
        more += b',"attachments":' + msgspec.json.encode(views)
    if tweet.warning is not None:
        more += b',"warning":' + msgspec.json.encode(tweet.warning)
    if tweet.sensitive:
        more += b',"sensitive":true'
    if tweet.edited_ms is not None:
        more += _EDITED_AT + b'"%b"' % rfc3339(tweet.edited_ms).encode()
    return more


_EDITED_AT = b',"edited_at":'


def edited_at_in(item: bytes) -> bytes:
    """When a tweet that is JSON was edited, or the one in a retweet; nothing: never. Later ones are larger.

    Also of the tail of a ``TweetFacts``. No text says it: there quotes are escaped.
    """
    at = item.find(_EDITED_AT)
    if at < 0:
        return b""
    start = at + len(_EDITED_AT) + 1
    return item[start : item.index(b'"', start)]


_BEFORE_COUNTS, _BEHIND_COUNTS = b',"retweet_of":null,"counts":', b',"pinned":'


def counts_json(facts: TweetFacts) -> bytes | None:
    """A tweet's counts alone; a retweet has none of its own."""
    at = facts.tail.find(_BEFORE_COUNTS)
    if at < 0:
        return None
    start = at + len(_BEFORE_COUNTS)
    return facts.tail[start : facts.tail.index(_BEHIND_COUNTS, start)]


def author_json(user_id: UserId, *, username: str, name: str, avatar_url: str) -> bytes:
    """The author's place in a tweet."""
    return msgspec.json.encode(AuthorView(str(user_id), username, name, avatar_url))


def viewer_json(*, liked: bool, retweeted: bool, bookmarked: bool) -> bytes:
    """The viewer's place in a tweet."""
    return _VIEWERS[liked, retweeted, bookmarked]


def tweet_json(facts: TweetFacts, author: bytes, viewer: bytes) -> bytes:
    """A tweet or a reply."""
    return b"".join((facts.head, author, facts.tail, viewer, b"}"))


def retweet_json(entry: Entry, author: bytes, original: bytes, viewer: bytes) -> bytes:
    """A retweet around its original."""
    return (
        b'{"id":"%d","text":"","created_at":"%b","author":%b,"reply_to":null,"retweet_of":%b,'
        b'"counts":{"replies":0,"retweets":0,"likes":0},"pinned":false,"entities":%b,"viewer":%b}'
        % (entry.id, rfc3339(unix_ms_of(entry.id)).encode(), author, original, NO_ENTITIES, viewer)
    )


def deleted_json(tweet_id: int) -> bytes:
    """The placeholder of a tweet that is gone."""
    return msgspec.json.encode(DeletedTweetView(str(tweet_id)))
