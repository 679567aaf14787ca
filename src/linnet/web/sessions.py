"""Who looks: the session cookie, and the token that proves a form is one of ours.

The cookie holds the same token that an API client sends in its header. A form carries a digest of it: another site can
make a browser send the cookie, but cannot read it, and so cannot know the digest.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

from litestar import Request
from litestar.datastructures import Cookie

from linnet.domain.session import SESSION_DAYS
from linnet.read.hydration.viewers import Viewer, Viewers

COOKIE: Final = "linnet_session"
CSRF_FIELD: Final = "csrf"

AnyRequest = Request[Any, Any, Any]


async def find_viewer(viewers: Viewers, token: str | None) -> Viewer | None:
    """Whose token it is; None also for one that is not valid any more: a page is then shown as to a stranger."""
    if not token:
        return None
    return viewers.peek(token) or await viewers.find(token)


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
    """What the forms of a session carry."""
    return hashlib.sha256(b"linnet form " + token.encode()).hexdigest()


def is_ours(request: AnyRequest, fields: Mapping[str, str], token: str | None) -> bool:
    """Whether a form was sent from one of our pages.

    Browsers say from where they send a form. One that says nothing is no browser, or a very old one: then only the
    digest counts, which nobody has who is not logged in; and for a stranger there is nothing to misuse.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in ("same-origin", "none"):
            return False
    else:
        origin = request.headers.get("origin")
        if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
            return False
    return token is None or hmac.compare_digest(
        fields.get(CSRF_FIELD, "").encode("utf-8", "replace"), csrf_of(token).encode()
    )
