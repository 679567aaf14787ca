"""One request for a page, as handlers see it, and what a handler's address is made of."""

import re
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec
from litestar import Response

from linnet.domain.preferences import Preferences
from linnet.domain.timeline import Range
from linnet.errors import Forbidden, Limited, NotFound, Unauthenticated
from linnet.ids import MAX_ID, TweetId, UserId, random_bytes
from linnet.read.hydration.viewers import Viewer
from linnet.read.views.users import UserView
from linnet.web.answers import takes_gzip
from linnet.web.forms import Form, read_form
from linnet.web.services import WebServices
from linnet.web.sessions import AnyRequest, comes_from_here, csrf_of, is_ours

ITEMS_PER_PAGE = 20
_MAX_ID_DIGITS = 19
_PLACE_ON_PAGE = re.compile(r"t[0-9]{1,19}", re.ASCII)


class StrangeForm(Forbidden):
    """This form did not come from this site, or its page is too old. Please go back, reload and try again."""

    code = "strange_form"


class PageNotFound(NotFound):
    """There is nothing at this address."""


class Ask:
    """A request. ``me`` is the user who is logged in, if somebody is; ``version`` that of their profile."""

    def __init__(
        self,
        request: AnyRequest,
        services: WebServices,
        viewer: Viewer | None,
        me: UserView | None,
        *,
        token: str | None,
        version: int = 0,
    ) -> None:
        self.request = request
        self.services = services
        self.viewer = viewer
        self.me = me
        self._version = version
        self.token = token if viewer is not None else None
        # Set by whatever was refused before it did anything: it does not count as an action.
        self.did_nothing = False
        self.limited: Limited | None = None
        self._came_from = "/"

    def admit(self) -> None:
        """For handlers that answer limits themselves. Raises ``Limited``."""
        if self.limited is not None:
            raise self.limited

    @property
    def viewer_id(self) -> UserId | None:
        return None if self.viewer is None else self.viewer.user_id

    @property
    def actor(self) -> Viewer:
        """Raises ``Unauthenticated``."""
        if self.viewer is None:
            raise Unauthenticated
        return self.viewer

    async def usual(self) -> Preferences:
        """With what whoever is logged in begins a post."""
        if self.viewer_id is None:
            return Preferences()
        return await self.services.read.preferences.fetch(self.viewer_id, self._version)

    @cached_property
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

    @cached_property
    def here_path(self) -> str:
        """This page's address without its query."""
        return path_of(self.request)

    @property
    def here(self) -> str:
        """This page's address, to come back to. After a form that was refused: where the form came from."""
        if self.request.method not in ("GET", "HEAD"):
            return self._came_from
        return self._here

    @cached_property
    def _here(self) -> str:
        query = self.request.scope["query_string"]
        return f"{self.here_path}?{query.decode('latin-1')}" if query else self.here_path

    @property
    def device(self) -> str:
        """What the browser calls itself."""
        return self.request.headers.get("user-agent", "")

    @property
    def takes_gzip(self) -> bool:
        """Whether the browser reads what is compressed."""
        return takes_gzip(self.request.scope["headers"])

    @property
    def address(self) -> bytes:
        """Where the request comes from, as it is counted."""
        client = self.request.scope["client"]
        forwarded = self.request.headers.getall("x-forwarded-for", [])
        return self.services.proxies.find_client(client[0] if client else "", forwarded)

    def query(self, name: str) -> str:
        """A parameter's first value, or nothing. What a page does not know it does not mind."""
        return self._query.get(name, "")

    @cached_property
    def _query(self) -> dict[str, str]:
        raw = self.request.scope["query_string"]
        # What is not written in UTF-8 shows as such: it is looked for and not found, as other nonsense is.
        pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, errors="replace") if raw else []
        return dict(reversed(pairs))

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
        form = await self._read()
        return self._check(form)

    async def form_of_stranger(self) -> dict[str, str]:
        """The fields of a form that one gets who is not logged in, whoever one is by now. Raises ``StrangeForm``.

        That the browser says where it comes from is enough: what it makes is a session of its own.
        """
        form = await self._read()
        if not comes_from_here(self.request, public_url=self.services.options.public_url):
            raise StrangeForm
        return form.fields

    async def file(self, name: str, *, max_bytes: int) -> bytes:
        """The file of that name, nothing when none was chosen. Raises ``StrangeForm`` or ``FormTooLarge``."""
        form = await self._read(max_file_bytes=max_bytes)
        self._check(form)
        return form.files.get(name, b"")

    async def form_with_files(self, *, max_bytes: int) -> Form:
        """All of a form of ours, with files of so many bytes together. Raises ``StrangeForm`` or ``FormTooLarge``."""
        form = await self._read(max_file_bytes=max_bytes)
        self._check(form)
        return form

    async def _read(self, *, max_file_bytes: int = 0) -> Form:
        max_bytes = self.services.options.max_body_bytes
        request = self.request
        form = await read_form(request.scope, request.receive, max_bytes=max_bytes, max_file_bytes=max_file_bytes)
        back, at = form.fields.get("back", ""), form.fields.get("at", "")
        if _PLACE_ON_PAGE.fullmatch(at):
            # One form serves a whole page: the button says from which tweet of it.
            form.fields["back"] = back = f"{back.partition('#')[0]}#{at}"
        self._came_from = safe_path(back)
        return form

    def _check(self, form: Form) -> dict[str, str]:
        if not is_ours(self.request, form.fields, self.token, public_url=self.services.options.public_url):
            raise StrangeForm
        return form.fields


def path_of(request: AnyRequest) -> str:
    """A page's address without its query."""
    return quote(request.scope["path"], safe="/@:~")


def here_of(request: AnyRequest) -> str:
    """A page's address, to come back to."""
    query = request.scope["query_string"].decode("latin-1")
    return f"{path_of(request)}?{query}" if query else path_of(request)


def is_script(request: AnyRequest) -> bool:
    """Whether a script of ours asks, which wants a sentence to show and not a page."""
    return request.headers.get("accept", "").startswith(("application/json", "text/event-stream"))


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
    """A handler's address. ``limit`` names its rule in ``domain.limits``; ``user``: only for who is logged in.

    ``answers_limits``: what was typed must not be lost when it was too often, so the handler is called all the same,
    and says by ``ask.admit()`` before it does anything that it may be refused.
    """

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    user: bool = True
    limit: str = "request"
    answers_limits: bool = False
