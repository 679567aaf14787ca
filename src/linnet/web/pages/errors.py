"""What is shown when a page cannot be: in plain words, with a way on."""

from litestar import Response

from linnet.web.answers import html
from linnet.web.services import WebServices
from linnet.web.templates import render

_HEADINGS = {
    403: "That is not for you to do",
    404: "Nothing here",
    405: "That does not work here",
    413: "That is too large",
    429: "A little slower, please",
    500: "Something broke",
    503: "One moment, please",
}


def error_page(
    services: WebServices, status: int, sentence: str, *, retry_after_seconds: int | None = None
) -> Response[str]:
    """Needs neither of the stores, so that it can say that one is away."""
    headers = {} if retry_after_seconds is None else {"Retry-After": str(retry_after_seconds)}
    heading = _HEADINGS.get(status, "That did not work")
    page = render("error.html", services.read.clock, title=heading, sentence=sentence, status=status)
    return html(page, status=status, headers=headers)
