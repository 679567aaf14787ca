"""Where a client finds somebody's picture. There always is one: who has not chosen any is drawn a bird."""

from linnet.domain.avatars import HEADER_SIDE, SHOWN_SIDE, avatar_path
from linnet.ids import UserId


def avatar_url(user_id: UserId, avatar: str | None) -> str:
    """A path from the server's root. What lies there never changes: another picture has another path.

    A chosen picture is named in its middle size, 192 pixels; ``512.webp`` and ``64.webp`` lie beside it.
    """
    if avatar is None:
        return f"/media/avatars/default/{user_id}.svg"
    return f"/media/{avatar_path(avatar, SHOWN_SIDE)}"


def header_url(header: str | None) -> str | None:
    """The same of the wide picture above a profile, in its largest size, 1536 × 512 pixels; None: there is none."""
    return None if header is None else f"/media/{avatar_path(header, HEADER_SIDE)}"
