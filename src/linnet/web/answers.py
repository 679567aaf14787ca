"""Answers: pages, redirects, files. Every one of them carries the headers that keep a page to itself.

An ``Answer`` knows its bytes when it is made, and is packed here for browsers that take it so: what the framework does
to make and to compress a response of its own costs several times as much.
"""

import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from litestar import Response
from litestar.datastructures import Cookie
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from linnet.web.sessions import ended_cookie

# No inline script and no inline style anywhere, so none that somebody smuggled in is ever run.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        # blob: is a picture that was chosen and is not sent yet.
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
# nosniff is not among them: the edge in front says it of every answer.
SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
SECURITY: Final = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
"""The same, as they are sent."""
# What one person is shown is nobody's to keep. The browser may go back to it, which no-store would forbid.
_PRIVATE: Final = "private, no-cache"


AUTHORIZE: Final = "/oauth/authorize"
"""Where people let apps in."""


def popup_headers(*, leads_to: str = "") -> list[tuple[bytes, bytes]]:
    """The same for the pages on which people let apps in.

    Apps in a browser open them beside themselves and wait until they are closed, which a policy about openers would
    hide from them. ``leads_to`` is where such a page's form ends: the app's address, as a policy names it.
    """
    policy = CONTENT_SECURITY_POLICY.replace("form-action 'self'", f"form-action 'self' {leads_to}".rstrip())
    changed = {**SECURITY_HEADERS, "Content-Security-Policy": policy, "Cross-Origin-Opener-Policy": "unsafe-none"}
    return [(name.lower().encode(), value.encode()) for name, value in changed.items()]


POPUP: Final = popup_headers()

# Smaller ones hardly get shorter.
_PACKED_FROM_BYTES: Final = 1000
# A page is packed for one reader, and at once. Lower levels take as long, the usual sixth twice as long.
_PACK_LEVEL: Final = 3
_GZIP_FRAME: Final = 31


class Answer(Response[Any]):
    """A whole answer. To a HEAD request it is sent without its body. ``packs``: unless it is packed already."""

    security = SECURITY

    # The framework's own __init__ is what costs: nothing that it sets is used here.
    def __init__(
        self, body: bytes, *, status: int = 200, media_type: str, headers: Mapping[str, str], packs: bool = True
    ) -> None:
        self.body = body
        self.status_code = self._status = status
        content_type = f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type
        self.headers = {"Content-Type": content_type, **headers}
        self._packs = packs
        self._cookies: list[str] = []

    def set_cookie(self, cookie: Cookie) -> None:  # type: ignore[override]  # in one way of several
        """Beside those that were set before."""
        self._cookies.append(written(cookie))

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:
        """What the framework sends: this."""
        return self  # type: ignore[return-value]  # all that it does with one is to call it

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = self.body
        headers = self.security.copy()
        headers += [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]
        headers += [(b"set-cookie", cookie.encode()) for cookie in self._cookies]
        if self._packs and len(body) >= _PACKED_FROM_BYTES:
            headers.append((b"vary", b"Accept-Encoding"))
            if takes_gzip(scope["headers"]):
                body = pack(body)
                headers.append((b"content-encoding", b"gzip"))
        headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        if scope["method"] == "HEAD":  # type: ignore[typeddict-item]  # only HTTP comes here
            body = b""
        await send({"type": "http.response.body", "body": body, "more_body": False})


def pack(body: bytes) -> bytes:
    """As gzip."""
    packer = zlib.compressobj(_PACK_LEVEL, zlib.DEFLATED, _GZIP_FRAME)
    return packer.compress(body) + packer.flush()


def takes_gzip(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the browser reads what is compressed."""
    wanted = b",".join(value for name, value in headers if name == b"accept-encoding").replace(b" ", b"")
    return any(part.partition(b";")[0] == b"gzip" and not part.endswith(b";q=0") for part in wanted.split(b","))


def written(cookie: Cookie) -> str:
    """A cookie as its header has it. What stands in ours needs no quotes."""
    parts = [f"{cookie.key}={cookie.value}"]
    if cookie.httponly:
        parts.append("HttpOnly")
    if cookie.max_age is not None:
        parts.append(f"Max-Age={cookie.max_age}")
    parts += [f"Path={cookie.path}", f"SameSite={cookie.samesite}"]
    if cookie.secure:
        parts.append("Secure")
    return "; ".join(parts)


def html(page: str | bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A page."""
    return Answer(
        page if isinstance(page, bytes) else page.encode(),
        status=status,
        media_type="text/html",
        headers={"Cache-Control": _PRIVATE, **(headers or {})},
    )


def go_to(path: str, *cookies: Cookie) -> Answer:
    """After a form: the browser gets the page at ``path``, and going back does not send the form again."""
    headers = {"Cache-Control": "no-store", "Location": path}
    answer = Answer(b"", status=303, media_type="text/plain", headers=headers)
    for cookie in cookies:
        answer.set_cookie(cookie)
    return answer


def leave_to(path: str, *, secure: bool) -> Answer:
    """After a log-out: the cookie goes, and what the browser keeps of pages that were for one person."""
    answer = go_to(path, ended_cookie(secure=secure))
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


def json_answer(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """What a script is given instead of a page."""
    return Answer(
        msgspec.json.encode(body),
        status=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def refusal(status: int, code: str, sentence: str, headers: Mapping[str, str] | None = None) -> Answer:
    """What a script is told instead of a page."""
    return json_answer({"code": code, "sentence": sentence}, status=status, headers=headers)
