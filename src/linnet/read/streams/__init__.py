"""Open streams: what changed for a reader while they look at a page. See ``docs/decisions/0016-streams.md``."""

from linnet.read.streams.bookmarks import Bookmark, bookmark_of, parse_bookmark
from linnet.read.streams.crowd import Crowd, Listener
from linnet.read.streams.rounds import RoundOptions
from linnet.read.streams.serving import serve_stream
from linnet.read.streams.stream import MAX_WATCHED, Stream, StreamWish
from linnet.read.streams.streams import StreamOptions, Streams

__all__ = [
    "MAX_WATCHED",
    "Bookmark",
    "Crowd",
    "Listener",
    "RoundOptions",
    "Stream",
    "StreamOptions",
    "StreamWish",
    "Streams",
    "bookmark_of",
    "parse_bookmark",
    "serve_stream",
]
