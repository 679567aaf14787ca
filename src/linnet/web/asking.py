"""One request for a page, as handlers see it, and how handlers become routes."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import msgspec
from litestar import Response
from litestar.datastructures import UploadFile
from litestar.handlers import HTTPRouteHandler, route

from linnet.domain.timeline import Range
from linnet.errors import Forbidden, Limited, NotFound, Unauthenticated
from linnet.ids import MAX_ID, TweetId, UserId, random_bytes
from linnet.read.hydration.viewers import Viewer
from linnet.read.views.users import UserView, user_view
from linnet.stores.valkey.keys import pack_id
from linnet.web.services import WebServices
from linnet.web.sessions import COOKIE, AnyRequest, csrf_of, find_viewer, is_ours

ITEMS_PER_PAGE = 20
_MAX_ID_DIGITS = 19


class StrangeForm(Forbidden):
    """This form did not come from this site, or its page is too old. Please go back, reload and try again."""

    code = "strange_form"


class PageNotFound(NotFound):
    """There is nothing at this address."""


class Ask:
    """A request. ``me`` is the user who is logged in, if somebody is."""

    def __init__(self, request: AnyRequest, services: WebServices, viewer: Viewer | None, me: UserView | None) -> None:
        self.request = request
        self.services = services
        self.viewer = viewer
        self.me = me
        self.token = request.cookies.get(COOKIE) if viewer is not None else None

    @property
    def viewer_id(self) -> UserId | None:
        return None if self.viewer is None else self.viewer.user_id

    @property
    def actor(self) -> Viewer:
        """Raises ``Unauthenticated``."""
        if self.viewer is None:
            raise Unauthenticated
        return self.viewer

    @property
    def csrf(self) -> str:
        """What forms carry; nothing for strangers."""
        return csrf_of(self.token) if self.token else ""

    @property
    def once(self) -> str:
        """What makes one form one tweet, however often it is sent."""
        return random_bytes(12).hex()

    @property
    def is_secure(self) -> bool:
        """Whether cookies may be kept to TLS."""
        return self.services.options.is_behind_tls or self.request.scope["scheme"] == "https"

    @property
    def here_path(self) -> str:
        """This page's address without its query."""
        return quote(self.request.scope["path"], safe="/@:~")

    @property
    def here(self) -> str:
        """This page's address, to come back to. After a form that was refused: the first page."""
        if self.request.method not in ("GET", "HEAD"):
            return "/"
        query = self.request.scope["query_string"].decode("latin-1")
        return f"{self.here_path}?{query}" if query else self.here_path

    @property
    def device(self) -> str:
        """What the browser calls itself."""
        return self.request.headers.get("user-agent", "")

    @property
    def address(self) -> bytes:
        """Where the request comes from, as it is counted."""
        client = self.request.scope["client"]
        forwarded = self.request.headers.getall("x-forwarded-for", [])
        return self.services.proxies.find_client(client[0] if client else "", forwarded)

    def query(self, name: str) -> str:
        """A parameter's first value, or nothing. What a page does not know it does not mind."""
        values = self.request.query_params.getall(name, [])
        return values[0] if values else ""

    def path(self, name: str) -> str:
        """A part of the path."""
        value: str = self.request.path_params[name]
        return value

    def tweet_id(self) -> TweetId:
        """``{tweet_id}`` of the path. Raises ``NotFound``."""
        return TweetId(_require_id(self.path("tweet_id")))

    def user_id(self) -> UserId:
        """``{user_id}`` of the path. Raises ``NotFound``."""
        return UserId(_require_id(self.path("user_id")))

    def username(self) -> str:
        """``{handle}`` of the path without its ``@``. Raises ``NotFound`` when it has none."""
        handle = self.path("handle")
        if not handle.startswith("@"):
            raise PageNotFound
        return handle[1:]

    def range(self) -> Range:
        """Which page of a list: what is older than ``before``. A cursor that is none begins at the top."""
        before = parse_id(self.query("before"))
        return Range(ITEMS_PER_PAGE, before=MAX_ID if before is None else before)

    async def form(self) -> dict[str, str]:
        """The fields of a form of ours, the first of each name. Raises ``StrangeForm``."""
        fields, _ = await self.form_with_file("")
        return fields

    async def form_with_file(self, name: str) -> tuple[dict[str, str], bytes]:
        """The fields, and the bytes of the file of that name; no bytes when none was chosen. Raises ``StrangeForm``."""
        data = await self.request.form()
        fields: dict[str, str] = {}
        content = b""
        for key, value in data.multi_items():
            if isinstance(value, UploadFile):
                content = await value.read() if key == name else content
            else:
                fields.setdefault(key, str(value))
        if not is_ours(self.request, fields, self.token):
            raise StrangeForm
        return fields, content


def parse_id(text: str) -> int | None:
    """The id, or None when the text cannot be one."""
    if not (text.isascii() and text.isdigit()) or len(text) > _MAX_ID_DIGITS or text[0] == "0":
        return None
    number = int(text)
    return number if number <= MAX_ID else None


def _require_id(text: str) -> int:
    number = parse_id(text)
    if number is None:
        raise PageNotFound
    return number


def safe_path(wanted: str, *, otherwise: str = "/") -> str:
    """A place on this site to go back to, and never another site, however it is spelled."""
    if not wanted.startswith("/") or wanted.startswith(("//", "/\\")) or not wanted.isprintable() or "\\" in wanted:
        return otherwise
    parts = urlsplit(wanted)
    return wanted if not parts.scheme and not parts.netloc and wanted.isascii() else otherwise


Handler = Callable[[Ask], Awaitable[Response[Any]]]


class PageRoute(msgspec.Struct, frozen=True):
    """A handler's address. ``limit`` names its rule in ``domain.limits``; ``user``: only for who is logged in."""

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    user: bool = True
    limit: str = "request"
    max_body_bytes: int | None = None


def bind_pages(pages: tuple[PageRoute, ...], services: WebServices) -> list[HTTPRouteHandler]:
    """All routes, one for each path."""
    by_path: dict[str, dict[str, PageRoute]] = {}
    for page in pages:
        by_path.setdefault(page.path, {})[page.method] = page
    return [_bind(path, by_method, services) for path, by_method in by_path.items()]


def _bind(path: str, by_method: Mapping[str, PageRoute], services: WebServices) -> HTTPRouteHandler:
    async def handle(request: AnyRequest) -> Response[Any]:
        page = by_method["GET" if request.method == "HEAD" else request.method]
        return await _answer(page, services, request)

    methods: list[Any] = sorted({*by_method, "HEAD"} if "GET" in by_method else by_method)
    body_bytes = max([page.max_body_bytes or services.options.max_body_bytes for page in by_method.values()])
    return route(path.replace("}", ":str}"), http_method=methods, status_code=200, request_max_body_size=body_bytes)(
        handle
    )


async def _answer(page: PageRoute, services: WebServices, request: AnyRequest) -> Response[Any]:
    viewer = await find_viewer(services.viewers, request.cookies.get(COOKIE))
    me: UserView | None = None
    if viewer is not None:
        found = (await services.read.profiles.fetch([viewer.user_id])).get(viewer.user_id)
        # The account went while its session was still remembered: that is nobody.
        me, viewer = (None, None) if found is None else (user_view(found.profile, None), viewer)
    ask = Ask(request, services, viewer, me)
    await _count(page, ask)
    if page.user and viewer is None:
        raise Unauthenticated
    return await page.handler(ask)


async def _count(page: PageRoute, ask: Ask) -> None:
    """Raises ``Limited``."""
    limits = ask.services.limits
    plan = None if limits is None else limits.plan(page.limit)
    if limits is None or plan is None:
        return
    by_address = ask.viewer_id is None or plan.per_address
    subject = ask.address if by_address or ask.viewer_id is None else pack_id(ask.viewer_id)
    verdict = await limits.begin(plan, subject).settle()
    if verdict.refuser is not None:
        raise Limited(verdict.retry_after_seconds)
