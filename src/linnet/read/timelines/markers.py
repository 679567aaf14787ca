"""Screen: how far one has read, as one's apps noted it."""

from linnet.ids import UserId
from linnet.read.deps import ReadDeps
from linnet.stores.postgres import markers
from linnet.stores.postgres.markers import Marker


async def markers_screen(deps: ReadDeps, user_id: UserId) -> dict[str, Marker]:
    """By timeline; one that was never marked is not there."""
    return {marker.timeline: marker for marker in await markers.fetch(deps.db, user_id)}
