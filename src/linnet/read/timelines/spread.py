"""What may be read from a replica, and what never is.

A replica is asked for one thing alone: which entries a list has below some id that is old. All that is younger comes
from the primary, and so does everything that decides whether an entry is shown: what it holds now, whether it is still
there, and whom the viewer keeps away. So a replica can lack nothing that somebody added, neither in the part that is
young, since nobody asks it for that, nor below, since it has replayed all of that; and what somebody took away is left
out when the page is hydrated, as it is anyway.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from linnet.domain.timeline import Range
from linnet.domain.user import FollowEdge
from linnet.errors import Unavailable
from linnet.ids import MAX_ID, UserId
from linnet.read.deps import ReadDeps
from linnet.stores.postgres.pool import ConcurrentUpdate, Database
from linnet.stores.postgres.replicas import READS


class _Placed(Protocol):
    @property
    def id(self) -> Any: ...


T = TypeVar("T", bound=_Placed)
R = TypeVar("R")


async def fetch_spread(
    deps: ReadDeps, wanted: Range, fetch: Callable[[Database, Range], Awaitable[list[T]]]
) -> list[T]:
    """What ``fetch`` gives on the primary: entries newest first, by ids that were minted when they were made."""
    replicas = deps.replicas
    old_id = 0 if replicas is None else replicas.old_id
    # Who scrolls up asks for what is new.
    if replicas is None or not replicas.all or wanted.ascending or wanted.after >= old_id - 1:
        return await fetch(deps.db, wanted)
    young: list[T] = []
    if wanted.before > old_id:
        young = await fetch(deps.db, Range(wanted.limit, MAX_ID, old_id - 1))
        if len(young) >= wanted.limit:
            return await fetch(deps.db, wanted)
        young = [entry for entry in young if entry.id < wanted.before]
    rest = Range(wanted.limit - len(young), min(wanted.before, old_id), wanted.after)
    return young + await ask_replica(deps, lambda db: fetch(db, rest))


async def fetch_spread_edges(
    deps: ReadDeps,
    viewer_id: UserId | None,
    owner_id: UserId,
    wanted: Range,
    fetch: Callable[[Database, Range], Awaitable[list[FollowEdge]]],
) -> list[FollowEdge]:
    """The same of people in a list of ``owner_id``'s. They may be there for some seconds after they left.

    But for the viewer: one's own lists, and parts of others' that one is in, are what the primary says.
    """
    if deps.replicas is None or not deps.replicas.all or viewer_id == owner_id:
        return await fetch(deps.db, wanted)
    edges = await fetch_spread(deps, wanted, fetch)
    return await fetch(deps.db, wanted) if any(edge.user_id == viewer_id for edge in edges) else edges


async def ask_replica(deps: ReadDeps, ask: Callable[[Database], Awaitable[R]]) -> R:
    """For what is old. The primary answers when no replica is fresh, or the one that is asked fails."""
    replicas = deps.replicas
    replica = None if replicas is None else replicas.pick()
    if replicas is None or replica is None:
        READS.labels("primary").inc()
        return await ask(deps.db)
    try:
        found = await ask(replica.db)
    except (Unavailable, ConcurrentUpdate) as error:
        replicas.doubt(replica, str(error))
        return await ask(deps.db)
    READS.labels("replica").inc()
    return found
