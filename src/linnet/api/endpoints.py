"""An endpoint: a handler together with everything the documentation says about it.

Handlers take a ``Call`` and read what they need from it, so that a request costs no more than the route it takes; they
are bound to Litestar by ``routes``. What Litestar would read from a signature stands here in an ``Endpoint``:
``openapi`` writes the document from it, the docstring included.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

import msgspec
from litestar.types import HTTPScope, Receive

from linnet.api.answers import Answer
from linnet.api.bodies import pick_fields, read_fields, read_file, read_json_object
from linnet.api.limits import client_of
from linnet.api.params import Query, parse_id, parse_query, parse_range
from linnet.api.problems import ProblemType
from linnet.api.services import ApiServices
from linnet.domain.limits import LIMIT_NAMES
from linnet.domain.timeline import Range
from linnet.errors import (
    AttachmentNotFound,
    ConversationNotFound,
    FilterNotFound,
    Invalid,
    ListNotFound,
    NotFound,
    SessionNotFound,
    TweetNotFound,
    Unauthenticated,
    UserNotFound,
)
from linnet.ids import AttachmentId, SessionId, TweetId, UserId
from linnet.read.hydration.viewers import Viewer

T = TypeVar("T", bound=msgspec.Struct)

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Access = Literal["everyone", "viewer", "user"]
"""Who may call: ``everyone`` (a token is not looked at), ``viewer`` (better with a token), ``user`` (only with one)."""


class Call:
    """One request, as handlers see it."""

    __slots__ = ("_receive", "_scope", "did_nothing", "services", "viewer")

    def __init__(self, services: ApiServices, scope: HTTPScope, receive: Receive, viewer: Viewer | None) -> None:
        self.services = services
        self.viewer = viewer
        # For a handler that finds out that all was done before: then it counts as a request, and as nothing else.
        self.did_nothing = False
        self._scope = scope
        self._receive = receive

    @property
    def viewer_id(self) -> UserId | None:
        """Who looks, if they said so."""
        return None if self.viewer is None else self.viewer.user_id

    @property
    def actor(self) -> Viewer:
        """Who acts. Raises ``Unauthenticated``."""
        if self.viewer is None:
            raise Unauthenticated
        return self.viewer

    @property
    def address(self) -> bytes:
        """Where the request comes from, as ``domain.addresses`` counts it."""
        return client_of(self._scope, self.services.proxies)

    def path(self, name: str) -> str:
        """A part of the path, whatever it is."""
        value: str = self._scope["path_params"][name]
        return value

    def user_id(self) -> UserId:
        """``{user_id}`` of the path. Raises ``UserNotFound``."""
        return UserId(self._path_id("user_id", UserNotFound))

    def tweet_id(self) -> TweetId:
        """``{tweet_id}`` of the path. Raises ``TweetNotFound``."""
        return TweetId(self._path_id("tweet_id", TweetNotFound))

    def attachment_id(self) -> AttachmentId:
        """``{attachment_id}`` of the path. Raises ``AttachmentNotFound``."""
        return AttachmentId(self._path_id("attachment_id", AttachmentNotFound))

    def list_id(self) -> int:
        """``{list_id}`` of the path. Raises ``ListNotFound``."""
        return self._path_id("list_id", ListNotFound)

    def conversation_id(self) -> TweetId:
        """``{conversation_id}`` of the path. Raises ``ConversationNotFound``."""
        return TweetId(self._path_id("conversation_id", ConversationNotFound))

    def filter_id(self) -> int:
        """``{filter_id}`` of the path. Raises ``FilterNotFound``."""
        return self._path_id("filter_id", FilterNotFound)

    def session_id(self) -> SessionId:
        """``{session_id}`` of the path. Raises ``SessionNotFound``."""
        return SessionId(self._path_id("session_id", SessionNotFound))

    def range(self) -> Range:
        """Which page is asked for. Raises ``Invalid``."""
        return parse_range(self._scope["query_string"])

    @property
    def query_string(self) -> bytes:
        """The query as it came, for those who remember what they made of it."""
        return self._scope["query_string"]

    def query(self, *allowed: str) -> dict[str, str]:
        """The query's parameters. Raises ``Invalid``."""
        return parse_query(self._scope["query_string"], allowed)

    def header(self, name: str) -> str | None:
        """A header's only value. Raises ``Invalid`` when there are several."""
        wanted = name.lower().encode()
        values = [value for given, value in self._scope["headers"] if given == wanted]
        if len(values) > 1:
            raise Invalid.field(name, "This header may be given once.")
        return values[0].decode("latin-1") if values else None

    def device(self) -> str:
        """What the client calls itself: a list of log-ins is of no use without it."""
        agents = [value for given, value in self._scope["headers"] if given == b"user-agent"]
        return agents[0].decode("latin-1") if agents else ""

    async def raw_fields(self, wish: type[msgspec.Struct]) -> dict[str, Any]:
        """The body's fields for an action that judges them all itself, so that one answer names every bad one."""
        return pick_fields(await self._body(), wish)

    async def json_object(self) -> dict[str, Any]:
        """The body, whatever is in it, for an action to which a field that is not there says something."""
        return await self._body()

    async def picture(self, *, max_bytes: int = 0) -> bytes:
        """The body as the file of a picture, whatever is in it; 0 bytes: as many as a profile's may have.

        Raises ``Refused``.
        """
        return await read_file(
            self._scope,
            self._receive,
            media_types=PICTURE_MEDIA_TYPES,
            max_bytes=max_bytes or self.services.write.pictures.rules.max_bytes,
            timeout_seconds=self.services.options.upload_timeout_seconds,
        )

    async def fields(self, wish: type[T]) -> T:
        """The body. Raises ``Invalid`` naming every field that is missing, unknown or of a wrong type."""
        return read_fields(await self._body(), wish)

    async def _body(self) -> dict[str, Any]:
        options = self.services.options
        return await read_json_object(
            self._scope,
            self._receive,
            max_bytes=options.max_body_bytes,
            timeout_seconds=options.body_timeout_seconds,
        )

    def _path_id(self, name: str, missing: type[NotFound]) -> int:
        number = parse_id(self._scope["path_params"][name])
        if number is None:
            raise missing
        return number


PICTURE_MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp")

Handler = Callable[[Call], Awaitable[Answer]]


class OneOf(msgspec.Struct, frozen=True):
    """A body that is one of several views."""

    types: tuple[Any, ...]


class HeaderDoc(msgspec.Struct, frozen=True):
    """A header that a request may or an answer does carry."""

    name: str
    description: str
    example: str
    pattern: str = ""


class Success(msgspec.Struct, frozen=True):
    """What the endpoint answers when all is well. ``body`` is a view's type; None: nothing."""

    description: str
    body: Any = None
    example: Any = None
    status: int = 200
    headers: tuple[HeaderDoc, ...] = ()
    media_type: str = "application/json"


class Endpoint(msgspec.Struct, frozen=True):
    """A route. ``problems`` are those of its own; what every route of its kind can answer is added by ``openapi``.

    ``failure`` is an answer that is no success, and no problem either. ``limit`` names the rate limit that it counts
    under, beside that of requests (``domain.limits`` has them all): "tweet", "like", … Empty: it is never refused.
    """

    method: Method
    path: str
    handler: Handler
    tag: str
    success: Success
    access: Access = "user"
    body: type[msgspec.Struct] | None = None
    body_example: Any = None
    takes_picture: bool = False
    query: tuple[Query, ...] = ()
    headers: tuple[HeaderDoc, ...] = ()
    problems: tuple[ProblemType, ...] = ()
    failure: Success | None = None
    name: str = ""
    limit: str = "request"

    def __post_init__(self) -> None:
        if self.limit not in LIMIT_NAMES:
            raise ValueError(f"{self.path}: there is no limit {self.limit!r} among {', '.join(sorted(LIMIT_NAMES))}")

    @property
    def operation_id(self) -> str:
        return self.name or getattr(self.handler, "__name__", "")

    def spelled(self, path: str, *, name: str) -> "Endpoint":
        """The same handler at another address."""
        return msgspec.structs.replace(self, path=path, name=name, tag="other spellings")
