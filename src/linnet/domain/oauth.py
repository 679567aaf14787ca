"""The rules of OAuth that need no store: where an app may be answered, and who may redeem a code."""

import base64
import hashlib
import hmac
import re
from typing import ClassVar, Final

import msgspec

from linnet.errors import Kind, LinnetError
from linnet.ids import SessionId, UserId

OUT_OF_BAND: Final = "urn:ietf:wg:oauth:2.0:oob"
"""The redirect of an app that cannot be called: the person carries the code over."""

CODE_SECONDS: Final = 600
MAX_NAME_CHARS: Final = 60
MAX_WEBSITE_CHARS: Final = 2000
MAX_REDIRECT_CHARS: Final = 2000
MAX_REDIRECTS: Final = 20
MAX_STATE_CHARS: Final = 2000

# RFC 3986: what a URI may be written with, percent-escapes as they come.
_URI: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,99}):(?P<rest>[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+)")
# What browsers run or open themselves, and never an app.
_NO_APPS: Final = frozenset(
    ("about", "blob", "data", "file", "filesystem", "ftp", "javascript", "mailto", "vbscript", "view-source")
)
# RFC 7636: 43 to 128 of the unreserved characters; the challenge is a digest in base64url.
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class App(msgspec.Struct, frozen=True):
    """A program that people may let in. ``secret_hash`` and ``token_hash`` are digests; no token: none is valid now.

    ``tokens_count``: how many of its own tokens were taken back, so that the next one is another.
    """

    id: int
    name: str
    website: str | None
    redirect_uris: list[str]
    scopes: str
    secret_hash: bytes
    token_hash: bytes | None
    tokens_count: int


class Code(msgspec.Struct, frozen=True):
    """What a person granted, until it is redeemed: then ``session_id`` says what it became."""

    user_id: UserId
    app_id: int
    redirect_uri: str
    scopes: str
    challenge: str | None
    expires_ms: int
    session_id: SessionId | None


class OAuthError(LinnetError):
    """This request for access is not right."""

    kind: ClassVar[Kind] = "invalid"
    code = "invalid_request"


class InvalidClient(OAuthError):
    """The app is unknown here, or its secret is wrong. It has to register again."""

    kind = "unauthenticated"
    code = "invalid_client"


class InvalidGrant(OAuthError):
    """The code is wrong, was used, is too old, or was given to somebody else."""

    code = "invalid_grant"


class InvalidScope(OAuthError):
    """The app asks for more than it registered for, or for something that linnet does not know."""

    code = "invalid_scope"


class InvalidRedirect(OAuthError):
    """The app wants the answer at an address that it did not register."""

    code = "invalid_redirect_uri"


class UnsupportedGrant(OAuthError):
    """linnet grants access by authorization_code and client_credentials."""

    code = "unsupported_grant_type"


class UnsupportedResponse(OAuthError):
    """linnet answers with a code, and with nothing else."""

    code = "unsupported_response_type"


def can_redirect_to(uri: str) -> bool:
    """Whether an app may register it. It is kept and compared as it is written, and goes into a header."""
    if uri == OUT_OF_BAND:
        return True
    found = _URI.fullmatch(uri) if len(uri) <= MAX_REDIRECT_CHARS else None
    if found is None or found["scheme"].lower() in _NO_APPS:
        return False
    if found["scheme"].lower() in ("http", "https"):
        # A name before the host would show people another place than the one that is meant.
        return re.match(r"//[A-Za-z0-9\[][A-Za-z0-9.:\[\]-]*(?:[/?]|$)", found["rest"]) is not None
    return True


def place_of(uri: str) -> str:
    """Where a redirect leads, as a content security policy names it: an origin, or the scheme of an app's own."""
    scheme, _, rest = uri.partition(":")
    if scheme.lower() in ("http", "https"):
        host = re.split(r"[/?]", rest.removeprefix("//"), maxsplit=1)[0]
        return f"{scheme.lower()}://{host}"
    return f"{scheme.lower()}:"


def is_challenge(text: str) -> bool:
    """Whether a verifier can have made it."""
    return _CHALLENGE.fullmatch(text) is not None


def answers_challenge(verifier: str, challenge: str | None) -> bool:
    """Whether who redeems a code is who asked for it. One who asked without a challenge has nothing to answer.

    Who brings a verifier to a code without a challenge is refused: their challenge was taken out on the way.
    """
    if challenge is None:
        return not verifier
    if _VERIFIER.fullmatch(verifier) is None:
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return hmac.compare_digest(digest, challenge)
