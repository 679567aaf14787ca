"""Everything that can go wrong, as RFC 9457 problem JSON.

A ``LinnetError`` has a kind, and the kind is a status: nothing else about an error is decided here. What goes wrong
before a request reaches any action (JSON that is none, a wrong content type) is a ``Refused``. Whatever else is raised
is a bug: the log gets all of it, the client a number to name when asking.
"""

from typing import Any, ClassVar

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from linnet import logcontext
from linnet.errors import FieldError, Invalid, Kind, Limited, LinnetError, Unavailable
from linnet.ids import LeaseExhausted

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
# Where the browsable page explains a code.
TYPE_PREFIX = "/api/docs#problem-"

STATUSES: dict[Kind, int] = {
    "invalid": 422,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "limited": 429,
    "unavailable": 503,
    "internal": 500,
}


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong. Programs read ``code``, people ``detail``; ``errors`` names what is wrong with an input.

    ``request_id`` is there when it went wrong on our side: what to name when asking for help.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] | msgspec.UnsetType = msgspec.UNSET
    request_id: str | msgspec.UnsetType = msgspec.UNSET


class Refused(Exception):
    """This request cannot be read."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"

    def __init__(self, sentence: str | None = None) -> None:
        self.sentence = sentence or type(self).public_sentence()
        super().__init__(self.sentence)

    @classmethod
    def public_sentence(cls) -> str:
        """The first line of the docstring: what everybody may read."""
        return (cls.__doc__ or "").strip().splitlines()[0]


class MalformedJson(Refused):
    """The body is not JSON."""

    code = "malformed_json"


class BodyTooSlow(Refused):
    """The body took too long to arrive."""

    status = 408
    code = "body_too_slow"


class BodyTooLarge(Refused):
    """The body is too large."""

    status = 413
    code = "body_too_large"


class NotJson(Refused):
    """The body must be sent as application/json."""

    status = 415
    code = "not_json"


class NotAPicture(Refused):
    """The body must be a picture: image/jpeg, image/png or image/webp, or a form (multipart/form-data) with one."""

    status = 415
    code = "not_a_picture"


class MalformedForm(Refused):
    """The form cannot be read: it must have one file in it, and nothing else."""

    code = "malformed_form"


ProblemType = type[LinnetError] | type[Refused]
"""A class of errors that clients meet, and that the documentation lists."""


def status_of(problem: ProblemType) -> int:
    return problem.status if issubclass(problem, Refused) else STATUSES[problem.kind]


def problem_of(error: LinnetError | Refused) -> Problem:
    """What the client is told of an error."""
    return Problem(
        type=TYPE_PREFIX + error.code,
        title=type(error).public_sentence(),
        status=status_of(type(error)),
        code=error.code,
        detail=error.sentence,
        errors=error.errors if isinstance(error, Invalid) else msgspec.UNSET,
    )


def headers_of(error: LinnetError | Refused) -> dict[str, str]:
    """The headers that a kind of error owes its client."""
    if isinstance(error, Limited | Unavailable):
        return {"Retry-After": str(error.retry_after_seconds)}
    if isinstance(error, LinnetError) and error.kind == "unauthenticated":
        return {"WWW-Authenticate": 'Bearer realm="linnet"'}
    return {}


def _respond(problem: Problem, headers: dict[str, str]) -> Response[bytes]:
    if problem.status >= 500:
        problem = msgspec.structs.replace(problem, request_id=logcontext.current().get("request_id", msgspec.UNSET))
    return Response(
        msgspec.json.encode(problem),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", **headers},
    )


_AnyRequest = Request[Any, Any, Any]


def answer_error(request: _AnyRequest, error: LinnetError | Refused) -> Response[bytes]:
    """Our own errors, which know what to say."""
    if isinstance(error, Unavailable):
        log.warning("unavailable", cause=error.cause, **_where(request))
    elif isinstance(error, LinnetError) and error.kind == "internal":
        log.error("failed", exc_info=error, **_where(request))
    return _respond(problem_of(error), headers_of(error))


def answer_exhausted(request: _AnyRequest, error: LeaseExhausted) -> Response[bytes]:
    """No id can be minted until the lease is renewed, which somebody is busy with."""
    return answer_error(request, Unavailable(str(error)))


FRAMEWORK_PROBLEMS = {
    400: (Refused.code, Refused.public_sentence()),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take this method."),
}
"""Code and sentence of what the web framework refuses by itself, by status."""


def answer_framework(request: _AnyRequest, error: HTTPException) -> Response[bytes]:
    """Unknown addresses, wrong methods, and what else never reaches a handler of ours."""
    if error.status_code >= 500:
        return answer_bug(request, error)
    status = error.status_code if error.status_code in FRAMEWORK_PROBLEMS else 400
    code, sentence = FRAMEWORK_PROBLEMS[status]
    allow = (error.headers or {}).get("allow")
    return _respond(
        Problem(TYPE_PREFIX + code, sentence, status, code, sentence),
        # In one order, whoever put them together.
        {"Allow": ", ".join(sorted(allow.split(", ")))} if allow else {},
    )


def answer_bug(request: _AnyRequest, error: Exception) -> Response[bytes]:
    """Nothing of the error leaves the log."""
    log.error("request failed", exc_info=error, **_where(request))
    return _respond(problem_of(LinnetError()), {})


def _where(request: _AnyRequest) -> dict[str, str]:
    """The address without its query, which may hold what is nobody's business."""
    return {"method": request.scope["method"], "path": request.scope["path"]}
