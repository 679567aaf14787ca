"""A route of the Mastodon API: its handler, who may ask, and by which scope."""

from collections.abc import Awaitable, Callable
from typing import Literal
from urllib.parse import quote

import msgspec
from litestar.types import HTTPScope, Receive

from linnet.api.answers import Answer
from linnet.api.limits import client_of
from linnet.api.mastodon.answers import NeedsPerson
from linnet.api.mastodon.params import Params, read_params, read_query
from linnet.api.params import parse_id
from linnet.api.services import ApiServices
from linnet.domain.addresses import base_of
from linnet.errors import NotFound, TweetNotFound, UserNotFound
from linnet.ids import TweetId, UserId
from linnet.read.deps import ReadDeps
from linnet.read.hydration.viewers import Viewer
from linnet.read.streams import Crowd
from linnet.read.timelines.size import SizeOfPlace
from linnet.write.deps import WriteDeps

Access = Literal["everyone", "viewer", "app", "client", "user"]
"""``everyone``: a token is not looked at. ``viewer``: better with a token. ``app``: with a token, of an app or of
somebody. ``client``: only with an app's own. ``user``: only with somebody's.
"""


class Call:
    """One request, as handlers see it. ``app_id``: an app asks by a token of its own, which names nobody."""

    __slots__ = ("_receive", "_scope", "app_id", "crowd", "did_nothing", "path", "services", "size", "viewer")

    def __init__(
        self,
        services: ApiServices,
        scope: HTTPScope,
        receive: Receive,
        viewer: Viewer | None,
        path: dict[str, str],
        *,
        size: SizeOfPlace,
        crowd: Crowd,
        app_id: int | None = None,
    ) -> None:
        self.services = services
        self.size = size
        self.crowd = crowd
        self.viewer = viewer
        self.app_id = app_id
        self.path = path
        self.did_nothing = False
        self._scope = scope
        self._receive = receive

    @property
    def read(self) -> ReadDeps:
        return self.services.read

    @property
    def write(self) -> WriteDeps:
        return self.services.write

    @property
    def viewer_id(self) -> UserId | None:
        return None if self.viewer is None else self.viewer.user_id

    @property
    def actor(self) -> Viewer:
        """Who acts. Raises ``NeedsPerson``."""
        if self.viewer is None:
            raise NeedsPerson
        return self.viewer

    @property
    def me(self) -> UserId:
        """Who acts. Raises ``NeedsPerson``."""
        return self.actor.user_id

    @property
    def base(self) -> str:
        """Where people reach this server, without a slash at the end: what addresses in answers begin with."""
        configured = self.services.options.public_url
        return base_of(configured, host=self.header(b"host") or "", scheme=self._scope["scheme"])

    @property
    def address(self) -> bytes:
        """Where the request comes from, as ``domain.addresses`` counts it."""
        return client_of(self._scope, self.services.proxies)

    @property
    def token(self) -> str:
        """By which ``actor`` asks, who was found by it."""
        return (self.header(b"authorization") or "")[7:].strip()

    @property
    def here(self) -> str:
        """The path that was asked for, as an address has it."""
        return quote(self._scope["path"], safe="/:@~")

    def header(self, name: bytes) -> str | None:
        """A header's first value; ``name`` in small letters."""
        return next((value.decode("latin-1") for given, value in self._scope["headers"] if given == name), None)

    def query(self) -> Params:
        """What stands in the address. Raises ``Invalid``."""
        return read_query(self._scope["query_string"])

    async def body(self, *, with_query: bool = True, more_bytes: int = 0) -> Params:
        """What was sent; ``more_bytes`` for a file in it. Raises ``Invalid`` or ``Refused``."""
        options = self.services.options
        return await read_params(
            self._scope,
            self._receive,
            max_bytes=options.max_body_bytes + more_bytes,
            timeout_seconds=options.upload_timeout_seconds if more_bytes else options.body_timeout_seconds,
            with_query=with_query,
        )

    def user_id(self) -> UserId:
        """``:id`` of a path about an account. Raises ``UserNotFound``."""
        return UserId(self.id_of(UserNotFound))

    def tweet_id(self) -> TweetId:
        """``:id`` of a path about a status. Raises ``TweetNotFound``."""
        return TweetId(self.id_of(TweetNotFound))

    def id_of(self, missing: type[NotFound]) -> int:
        """``:id`` of a path about anything. Raises ``missing`` for what can be none."""
        number = parse_id(self.path["id"])
        if number is None:
            raise missing
        return number


Handler = Callable[[Call], Awaitable[Answer]]


class Route(msgspec.Struct, frozen=True):
    """``scopes``: a token of an app needs one of them. ``limit`` names its rule in ``domain.limits``.

    ``has``: what linnet has of it, for the table of docs/mastodon-api.md, which says what the words mean.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    handler: Handler
    scopes: tuple[str, ...] = ()
    access: Access = "user"
    limit: str = "request"
    has: Literal["yes", "empty", "refused"] = "yes"
