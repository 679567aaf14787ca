"""What is shown when a page cannot be: in plain words, with a way on."""

from collections.abc import Mapping
from typing import Final

from litestar import Response

from linnet import logcontext
from linnet.errors import Invalid, Kind, Limited, LinnetError, Unavailable
from linnet.web.answers import html
from linnet.web.forms import FormTooLarge
from linnet.web.services import WebServices
from linnet.web.templates import render
from linnet.web.times import wait

_HEADINGS: Final[Mapping[int, str]] = {
    403: "That is not for you to do",
    404: "Nothing here",
    405: "That does not work here",
    408: "That took too long",
    413: "That is too large",
    422: "That is not quite right",
    429: "A little slower, please",
    500: "Something broke",
    503: "One moment, please",
}
SENTENCES: Final[Mapping[int, str]] = {
    404: "There is nothing at this address. Perhaps it was deleted, or the address has a typo in it.",
    405: "This address does something else. Nothing was changed.",
    408: "The form did not arrive in time. Please send it again.",
    413: "This is more than fits into a form.",
}
"""For what goes wrong before it is known what was wanted."""


_STATUSES: Final[Mapping[Kind, int]] = {
    "invalid": 422,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "limited": 429,
    "unavailable": 503,
    "internal": 500,
}


def status_of(error: LinnetError) -> int:
    """What an answer's status says of an error."""
    return 413 if isinstance(error, FormTooLarge) else _STATUSES[error.kind]


def plainly(error: LinnetError) -> str:
    """What is wrong, for the person who did it; and when to try again, if that helps."""
    if isinstance(error, Invalid) and error.errors:
        return error.errors[0].message
    seconds = wait_seconds(error)
    return error.sentence if seconds is None else f"{error.sentence} You can try again {wait(seconds)}."


def wait_seconds(error: LinnetError) -> int | None:
    """How long to wait; None when waiting does not help."""
    return error.retry_after_seconds if isinstance(error, Limited | Unavailable) else None


def headers_of(error: LinnetError) -> dict[str, str]:
    """What an answer's headers say of an error."""
    seconds = wait_seconds(error)
    return {} if seconds is None else {"Retry-After": str(seconds)}


def error_page(
    services: WebServices, status: int, sentence: str, *, headers: Mapping[str, str] | None = None
) -> Response[str]:
    """Needs neither of the stores, so that it can say that one is away.

    What went wrong on our side comes with the request's id, to name when asking for help.
    """
    title = _HEADINGS.get(status, "That did not work")
    request_id = logcontext.current().get("request_id", "") if status >= 500 else ""
    page = render(
        "error.html",
        services.read.clock,
        place=services.write.options.place,
        title=title,
        sentence=sentence,
        status=status,
        request_id=request_id,
    )
    return html(page, status=status, headers=headers)
