"""The stream: what is new, as it happens."""

from litestar.types import Receive, Scope, Send

from linnet.api import examples
from linnet.api.answers import Answer
from linnet.api.endpoints import Call, Endpoint, HeaderDoc, Success
from linnet.api.params import LIMIT, Query, range_of, require_id
from linnet.errors import Invalid, StreamsFull, TooManyStreams
from linnet.ids import TweetId
from linnet.read.hydration.viewers import Viewer
from linnet.read.streams import MAX_WATCHED, Streams, StreamWish, parse_bookmark, serve_stream
from linnet.read.streams.bookmarks import PATTERN
from linnet.read.streams.frames import EventView
from linnet.read.streams.serving import HEADERS, MEDIA_TYPE

_LAST_EVENT_ID = HeaderDoc("Last-Event-ID", "The id of the last event that one has.", examples.EVENT_ID, PATTERN)
_SINCE = Query(
    "last_event_id",
    {"type": "string", "pattern": PATTERN},
    "The same, for clients that cannot send the header the first time. The header goes before it.",
    examples.EVENT_ID,
)
_WATCHED = Query(
    "watched",
    {"type": "string", "pattern": r"^([1-9][0-9]{0,18}(,[1-9][0-9]{0,18})*)?$"},
    f"Ids of other tweets that one shows, at most {MAX_WATCHED}, parted by commas: of these, too, it is said when their"
    " counts change, and when they are gone.",
    examples.TWEET_ID,
)
_QUERY = (LIMIT, _SINCE, _WATCHED)
_NOT_A_BOOKMARK = "This must be the id of an event, or of a tweet."


class StreamAnswer(Answer):
    """An answer that goes on until its client has enough."""

    __slots__ = ("_streams", "_viewer", "_wish")

    def __init__(self, streams: Streams, viewer: Viewer, wish: StreamWish) -> None:
        super().__init__(200, b"", [*HEADERS])
        self._streams = streams
        self._viewer = viewer
        self._wish = wish

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") == "HEAD":
            await super().__call__(scope, receive, send)
        else:
            # Only now: whoever was refused on the way here has not opened anything.
            await serve_stream(self._streams, self._viewer, self._wish, receive, send)


async def stream(call: Call) -> Answer:
    """Hear what is new

    Server-sent events for whoever shows the newest part of their home timeline. `tweets`: new items, each to be put in
    its place by its id; one that is there already stays. `gone`: ids of items to be taken out. `counts`: tweets' counts
    as they are now. `notifications`: how many are unread, and the id of the newest one. `gap`: too much is new,
    load the first page again. Lines with nothing but a colon say that the connection is alive. Whoever applies all of
    them has the newest `limit` items at any time. To begin, open the stream, load the first page with the same `limit`
    when the first event comes, and apply what comes from then on; or send the `prev` of a page that one has as
    `Last-Event-ID`, and hear what is newer. Whoever comes back with the id of the last event is told what was missed,
    or `gap`. A stream ends when its session does, when its client does not read, or at any other time.
    """
    return StreamAnswer(call.services.streams, call.actor, _wish(call))


def _wish(call: Call) -> StreamWish:
    values = call.query(*(param.name for param in _QUERY))
    name, text = _LAST_EVENT_ID.name, call.header(_LAST_EVENT_ID.name)
    if text is None:
        name, text = _SINCE.name, values.get(_SINCE.name)
    since = None if text is None else parse_bookmark(text)
    if text is not None and since is None:
        raise Invalid.field(name, _NOT_A_BOOKMARK)
    watched = [part for part in values.get(_WATCHED.name, "").split(",") if part]
    if len(watched) > MAX_WATCHED:
        raise Invalid.field(_WATCHED.name, f"These must be at most {MAX_WATCHED}.")
    limit = range_of({key: text for key, text in values.items() if key == LIMIT.name}).limit
    return StreamWish(since, limit, tuple(TweetId(require_id(_WATCHED.name, part)) for part in watched))


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/stream",
        stream,
        "stream",
        Success("Events as they come, of this kind each.", EventView, examples.EVENT, media_type=MEDIA_TYPE),
        query=_QUERY,
        headers=(_LAST_EVENT_ID,),
        problems=(TooManyStreams, StreamsFull),
    ),
)
