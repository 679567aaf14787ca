"""Screen: what one knows alone of people: what one noted of them, and when they are heard again."""

from collections.abc import Sequence

import msgspec

from linnet.ids import UserId
from linnet.read.deps import ReadDeps
from linnet.stores.postgres import relations, remarks


class Standing(msgspec.Struct, frozen=True):
    """``muted_until_ms``: None: not muted, or until one says otherwise."""

    remark: str = ""
    muted_until_ms: int | None = None


async def standings(deps: ReadDeps, viewer_id: UserId, user_ids: Sequence[UserId]) -> dict[UserId, Standing]:
    """By person; all of them, also those of whom nothing is known."""
    if not user_ids:
        return {}
    async with deps.db.session() as db:
        noted = await remarks.fetch(db, viewer_id, user_ids)
        ends = await relations.fetch_mute_ends(db, viewer_id, user_ids)
    return {user_id: Standing(noted.get(user_id, ""), ends.get(user_id)) for user_id in user_ids}
