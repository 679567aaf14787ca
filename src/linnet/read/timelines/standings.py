"""Screen: what one knows alone of people: what one noted of them, when they are heard again, whether one shows them."""

from collections.abc import Sequence

import msgspec

from linnet.ids import UserId
from linnet.read.deps import ReadDeps
from linnet.stores.postgres import endorsements, relations, remarks


class Standing(msgspec.Struct, frozen=True):
    """``muted_until_ms``: None: not muted, or until one says otherwise. ``endorsed``: shown on the viewer's page."""

    remark: str = ""
    muted_until_ms: int | None = None
    endorsed: bool = False


async def standings(deps: ReadDeps, viewer_id: UserId, user_ids: Sequence[UserId]) -> dict[UserId, Standing]:
    """By person; all of them, also those of whom nothing is known."""
    if not user_ids:
        return {}
    async with deps.db.session() as db:
        noted = await remarks.fetch(db, viewer_id, user_ids)
        ends = await relations.fetch_mute_ends(db, viewer_id, user_ids)
        shown = await endorsements.fetch_among(db, viewer_id, user_ids)
    return {user_id: Standing(noted.get(user_id, ""), ends.get(user_id), user_id in shown) for user_id in user_ids}
