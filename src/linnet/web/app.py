"""The pages as one application, and what is shown when something goes wrong on any of them."""

from typing import Any, Final
from urllib.parse import quote

import structlog
from litestar import Litestar, Response
from litestar.exceptions import HTTPException

from linnet.errors import LinnetError, Unauthenticated, Unavailable
from linnet.ids import LeaseExhausted
from linnet.web.answers import go_to, refusal
from linnet.web.asking import PageRoute, here_of, is_script, safe_path
from linnet.web.pages import (
    about,
    accounts,
    bookmarks,
    edits,
    errors,
    explore,
    filters,
    home,
    lists,
    live,
    messages,
    notifications,
    oauth,
    people,
    pushes,
    reports,
    scheduled,
    settings,
    statics,
    tags,
    tweets,
)
from linnet.web.routes import LIMIT_HEADERS, bind_pages
from linnet.web.services import WebServices
from linnet.web.sessions import AnyRequest

log = structlog.get_logger()

PAGES: tuple[PageRoute, ...] = (
    *home.PAGES,
    *about.PAGES,
    *accounts.PAGES,
    *oauth.PAGES,
    *tweets.PAGES,
    *people.PAGES,
    *reports.PAGES,
    *explore.PAGES,
    *tags.PAGES,
    *notifications.PAGES,
    *messages.PAGES,
    *bookmarks.PAGES,
    *edits.PAGES,
    *scheduled.PAGES,
    *lists.PAGES,
    *filters.PAGES,
    *settings.PAGES,
    *pushes.PAGES,
    *live.PAGES,
    *statics.PAGES,
)

# What Litestar finds wrong with a request before it is ours, and may be said to people.
_FRAMEWORK_STATUSES: Final = frozenset((404, 405, 408, 413))


def create_pages(services: WebServices) -> Litestar:
    """One process's application. It opens and closes nothing: the services are ready, and somebody else's to end."""

    def answer_error(request: AnyRequest, error: LinnetError) -> Response[Any]:
        if isinstance(error, Unavailable):
            log.warning("unavailable", cause=error.cause, path=request.scope["path"])
        status = errors.status_of(error)
        headers = {**errors.headers_of(error), **request.state.get(LIMIT_HEADERS, {})}
        if is_script(request):
            return refusal(status, error.code, errors.plainly(error), headers)
        if isinstance(error, Unauthenticated):
            # Who has to log in goes there, and comes back after it.
            back = here_of(request) if request.method in ("GET", "HEAD") else "/"
            return go_to(f"/login?next={quote(safe_path(back), safe='/@')}")
        return errors.error_page(services, status, errors.plainly(error), headers=headers)

    def answer_exhausted(request: AnyRequest, error: LeaseExhausted) -> Response[Any]:
        return answer_error(request, Unavailable(str(error)))

    def answer_framework(request: AnyRequest, error: HTTPException) -> Response[Any]:
        if error.status_code >= 500:
            return answer_bug(request, error)
        status = error.status_code if error.status_code in _FRAMEWORK_STATUSES else 400
        sentence = errors.SENTENCES.get(status, "This cannot be read.")
        if is_script(request):
            return refusal(status, "unreadable", sentence, error.headers)
        return errors.error_page(services, status, sentence, headers=error.headers)

    def answer_bug(request: AnyRequest, error: Exception) -> Response[Any]:
        log.error("page failed", exc_info=error, method=request.method, path=request.scope["path"])
        if is_script(request):
            return refusal(500, LinnetError.code, LinnetError.public_sentence())
        return errors.error_page(services, 500, LinnetError.public_sentence())

    handlers: dict[Any, Any] = {
        LinnetError: answer_error,
        LeaseExhausted: answer_exhausted,
        HTTPException: answer_framework,
        Exception: answer_bug,
    }
    return Litestar(
        bind_pages(PAGES, services),
        exception_handlers=handlers,
        openapi_config=None,
        logging_config=None,
    )
