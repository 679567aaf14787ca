"""Who looks: the session cookie, and the token that proves a form is one of ours.

The cookie holds the same token that an API client sends in its header. A form carries a digest of it: another site can
make a browser send the cookie, but cannot read it, and so cannot know the digest. On each page the digest lies under
another random pad: pages are compressed, and whoever watched how long they get, while putting guesses into them, could
read a value that is always the same.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from typing import Any, Final

from litestar import Request
from litestar.datastructures import Cookie

from linnet.domain.session import SESSION_DAYS
from linnet.ids import random_bytes
from linnet.read.hydration.viewers import Viewer, Viewers

COOKIE: Final = "linnet_session"
_COOKIE_NAME: Final = COOKIE.encode()
CSRF_FIELD: Final = "csrf"

AnyRequest = Request[Any, Any, Any]


async def find_viewer(viewers: Viewers, token: str | None) -> Viewer | None:
    """Whose token it is; None also for one that is not valid any more: a page is then shown as to a stranger."""
    if not token:
        return None
    return viewers.peek(token) or await viewers.find(token)


def token_of(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The token of the browser's cookie, if it has one."""
    token: bytes | None = None
    for name, value in headers:
        if name == b"cookie":
            for pair in value.split(b";"):
                key, _, content = pair.partition(b"=")
                if key.strip() == _COOKIE_NAME:
                    token = content.strip()
    return None if token is None else token.decode("latin-1")


def session_cookie(token: str, *, secure: bool) -> Cookie:
    """Kept as long as the session may be unused; never readable by scripts, nor sent along by other sites' forms."""
    return Cookie(
        key=COOKIE,
        value=token,
        path="/",
        max_age=SESSION_DAYS * 86400,
        httponly=True,
        secure=secure,
        samesite="lax",
    )


def ended_cookie(*, secure: bool) -> Cookie:
    """Takes the cookie away."""
    return Cookie(key=COOKIE, value="", path="/", max_age=0, httponly=True, secure=secure, samesite="lax")


def csrf_of(token: str) -> str:
    """What the forms of a session carry; another text at each call, and all of them mean the same."""
    digest = _digest_of(token)
    pad = random_bytes(len(digest))
    return urlsafe_b64encode(pad + _xor(pad, digest)).decode()


def is_csrf_of(token: str, text: str) -> bool:
    """Whether a form carries what a form of this session would."""
    digest = _digest_of(token)
    try:
        raw = urlsafe_b64decode(text.encode("ascii"))
    except ValueError:
        return False
    if len(raw) != 2 * len(digest):
        return False
    return hmac.compare_digest(_xor(raw[: len(digest)], raw[len(digest) :]), digest)


def comes_from_here(request: AnyRequest, *, public_url: str) -> bool:
    """Whether the browser says that a form was sent from one of our pages.

    One that says nothing is none, or a very old one. It is believed: for whoever is logged in the form's digest counts
    all the same, and for a stranger there is nothing to misuse by a program that could as well log in itself.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    if origin is None:
        return True
    # A proxy in front may ask for another host than people do.
    return bool(origin) and (
        origin == public_url.rstrip("/") or origin.partition("://")[2] == request.headers.get("host")
    )


def is_ours(request: AnyRequest, fields: Mapping[str, str], token: str | None, *, public_url: str = "") -> bool:
    """Whether a form was sent from one of our pages; without a ``token``, as far as the browser tells."""
    if not comes_from_here(request, public_url=public_url):
        return False
    return token is None or is_csrf_of(token, fields.get(CSRF_FIELD, ""))


def _digest_of(token: str) -> bytes:
    return hashlib.sha256(b"linnet form " + token.encode()).digest()


def _xor(left: bytes, right: bytes) -> bytes:
    """Of one length."""
    return (int.from_bytes(left) ^ int.from_bytes(right)).to_bytes(len(left))
