"""Who asks: the token of ``Authorization: Bearer …``."""

from collections.abc import Iterable

from linnet.errors import Unauthenticated
from linnet.read.hydration.viewers import Viewer, Viewers


class InvalidToken(Unauthenticated):
    """This token is not valid, or not any more. Please log in again."""

    code = "invalid_token"


async def find_viewer(viewers: Viewers, headers: Iterable[tuple[bytes, bytes]]) -> Viewer | None:
    """None when nobody says who they are. Whoever does it wrongly is refused, and not taken for nobody.

    Raises ``InvalidToken``.
    """
    given: bytes | None = None
    for name, value in headers:
        if name == b"authorization":
            if given is not None:
                raise InvalidToken
            given = value
    if given is None:
        return None
    if given[:7].lower() != b"bearer ":
        raise InvalidToken
    token = given[7:].strip().decode("latin-1")
    viewer = viewers.peek(token) or await viewers.find(token)
    if viewer is None:
        raise InvalidToken
    return viewer
