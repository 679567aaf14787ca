"""Answers in the words of the Mastodon API, readable by pages of any origin: what they may see a token says."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from linnet.api.answers import Answer, Header
from linnet.api.problems import Refused, headers_of, status_of
from linnet.domain.oauth import InvalidClient, OAuthError
from linnet.errors import Forbidden, Invalid, LinnetError, NotFound

CORS: Final[list[Header]] = [
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-expose-headers",
        b"Link, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id, Retry-After",
    ),
]
_PREFLIGHT: Final[list[Header]] = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, Idempotency-Key, X-Requested-With"),
    (b"access-control-max-age", b"86400"),
    (b"cache-control", b"no-store"),
]
_encoder = msgspec.json.Encoder()


class Error(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong. ``error_description`` is for OAuth, ``details`` says what is wrong with a field."""

    error: str
    error_description: str | msgspec.UnsetType = msgspec.UNSET
    details: Mapping[str, list[dict[str, str]]] | msgspec.UnsetType = msgspec.UNSET


class OutsideScopes(Forbidden):
    """This action is outside the authorized scopes"""

    code = "outside_scopes"


class NeedsApp(Forbidden):
    """This method requires an app's own token"""

    code = "needs_app"


class NeedsPerson(Invalid):
    """This method requires an authenticated user"""

    def __init__(self) -> None:
        super().__init__((), type(self).public_sentence())


def answer(body: Any, status: int = 200, *more: Header) -> Answer:
    """An entity, or a list of them."""
    return raw_answer(_encoder.encode(body), status, *more)


def raw_answer(body: bytes, status: int = 200, *more: Header, media_type: bytes = b"application/json") -> Answer:
    """What is encoded already."""
    headers = [
        (b"content-type", media_type + b"; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"content-length", b"%d" % len(body)),
        *CORS,
        *more,
    ]
    return Answer(status, body, headers)


def preflight() -> Answer:
    return Answer(204, b"", list(_PREFLIGHT))


def error_answer(error: LinnetError | Refused) -> Answer:
    """An error's kind and sentence, as clients of this API expect them."""
    more: Sequence[Header] = [(name.lower().encode(), value.encode()) for name, value in headers_of(error).items()]
    if isinstance(error, OAuthError):
        status = 401 if isinstance(error, InvalidClient) else 400
        return answer(Error(error.code, error.sentence), status, *more)
    status = status_of(type(error))
    if isinstance(error, Invalid) and error.errors:
        wrong: dict[str, list[dict[str, str]]] = {}
        for each in error.errors:
            wrong.setdefault(each.field, []).append({"error": "ERR_INVALID", "description": each.message})
        return answer(Error(f"Validation failed: {error.errors[0].message}", details=wrong), status, *more)
    if isinstance(error, NotFound):
        return answer(Error("Record not found"), status, *more)
    if isinstance(error, LinnetError) and error.kind == "unauthenticated":
        return answer(Error("The access token is invalid"), status, *more)
    return answer(Error(error.sentence), status, *more)
