"""Answers: pages, redirects, files. Every one of them carries the headers that keep a page to itself."""

from collections.abc import Mapping

from litestar import Response
from litestar.datastructures import Cookie

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
# What one person is shown is nobody's to keep. The browser may go back to it, which no-store would forbid.
_PRIVATE = "private, no-cache"


def html(page: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response[str]:
    """A page."""
    return Response(
        page,
        status_code=status,
        media_type="text/html",
        headers={**SECURITY_HEADERS, "Cache-Control": _PRIVATE, **(headers or {})},
    )


def go_to(path: str, *cookies: Cookie) -> Response[str]:
    """After a form: the browser gets the page at ``path``, and going back does not send the form again."""
    headers = {**SECURITY_HEADERS, "Cache-Control": "no-store", "Location": path}
    response = Response("", status_code=303, media_type="text/plain", headers=headers)
    for cookie in cookies:
        response.set_cookie(cookie)
    return response


def leave_to(path: str, *, secure: bool) -> Response[str]:
    """After a log-out: the cookie goes, and what the browser keeps of pages that were for one person."""
    response = go_to(path, ended_cookie(secure=secure))
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def refusal(
    status: int, code: str, sentence: str, headers: Mapping[str, str] | None = None
) -> Response[dict[str, str]]:
    """What a script is told instead of a page."""
    return Response(
        {"code": code, "sentence": sentence},
        status_code=status,
        media_type="application/json",
        headers={**SECURITY_HEADERS, "Cache-Control": "no-store", **(headers or {})},
    )
