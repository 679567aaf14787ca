"""The pages as one application, and what is shown when something goes wrong on any of them."""

from typing import Any

import structlog
from litestar import Litestar, Response
from litestar.exceptions import HTTPException

from linnet.errors import Invalid, Kind, Limited, LinnetError, Unauthenticated, Unavailable
from linnet.ids import LeaseExhausted
from linnet.web.answers import go_to, refusal
from linnet.web.asking import PageNotFound, PageRoute, bind_pages, safe_path
from linnet.web.pages import accounts, errors, explore, home, live, notifications, people, settings, statics, tweets
from linnet.web.services import WebServices
from linnet.web.sessions import AnyRequest

log = structlog.get_logger()

PAGES: tuple[PageRoute, ...] = (
    *home.PAGES,
    *accounts.PAGES,
    *tweets.PAGES,
    *people.PAGES,
    *explore.PAGES,
    *notifications.PAGES,
    *settings.PAGES,
    *live.PAGES,
    *statics.PAGES,
)

_STATUSES: dict[Kind, int] = {
    "invalid": 422,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "limited": 429,
    "unavailable": 503,
    "internal": 500,
}


def create_pages(services: WebServices) -> Litestar:
    """One process's application. It opens and closes nothing: the services are ready, and somebody else's to end."""

    def answer_error(request: AnyRequest, error: LinnetError) -> Response[Any]:
        if _is_script(request):
            return refusal(_STATUSES[error.kind], error.code, _sentence(error))
        if isinstance(error, Unauthenticated):
            # Who has to log in goes there, and comes back after it.
            back = request.scope["path"] if request.method in ("GET", "HEAD") else "/"
            return go_to(f"/login?next={safe_path(back)}")
        if isinstance(error, Unavailable):
            log.warning("unavailable", cause=error.cause, path=request.scope["path"])
        wait = error.retry_after_seconds if isinstance(error, Limited | Unavailable) else None
        return errors.error_page(services, _STATUSES[error.kind], _sentence(error), retry_after_seconds=wait)

    def answer_exhausted(request: AnyRequest, error: LeaseExhausted) -> Response[Any]:
        return answer_error(request, Unavailable(str(error)))

    def answer_framework(request: AnyRequest, error: HTTPException) -> Response[Any]:
        if error.status_code >= 500:
            return answer_bug(request, error)
        sentence = PageNotFound.public_sentence() if error.status_code == 404 else "This cannot be read."
        status = error.status_code if error.status_code in (404, 405, 413) else 400
        if _is_script(request):
            return refusal(status, "unreadable", sentence)
        return errors.error_page(services, status, sentence)

    def answer_bug(request: AnyRequest, error: Exception) -> Response[Any]:
        log.error("page failed", exc_info=error, method=request.method, path=request.scope["path"])
        if _is_script(request):
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


def _is_script(request: AnyRequest) -> bool:
    """Whether a script of ours asks, which wants a sentence to show and not a page."""
    return request.headers.get("accept", "").startswith("application/json")


def _sentence(error: LinnetError) -> str:
    return error.errors[0].message if isinstance(error, Invalid) and error.errors else error.sentence
