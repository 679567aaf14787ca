"""Answers: pages, redirects, files. Every one of them carries the headers that keep a page to itself."""

from collections.abc import Mapping

from litestar import Response
from litestar.datastructures import Cookie

# No inline script and no inline style anywhere, so none that somebody smuggled in is ever run.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
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


def go_to(path: str, *cookies: Cookie) -> Response[None]:
    """After a form: the browser gets the page at ``path``, and going back does not send the form again."""
    response: Response[None] = Response(
        None, status_code=303, headers={**SECURITY_HEADERS, "Cache-Control": "no-store", "Location": path}
    )
    for cookie in cookies:
        response.set_cookie(cookie)
    return response


def refusal(status: int, code: str, sentence: str) -> Response[dict[str, str]]:
    """What a script is told instead of a page."""
    headers = {**SECURITY_HEADERS, "Cache-Control": "no-store"}
    return Response(
        {"code": code, "sentence": sentence}, status_code=status, media_type="application/json", headers=headers
    )
