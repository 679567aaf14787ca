"""A batch of one lane's events: what it does, in which order.

Reading comes first, then Valkey, then PostgreSQL, all before the commit that deletes the events: so effects in Valkey
happen at least once and are safe to repeat, effects in PostgreSQL happen exactly once, and rows are locked only at the
end. A posted tweet that is gone by now is neither pushed nor noted, so it does not matter that its deletion, which the
same batch may hold, comes before it.
"""

from collections.abc import Sequence

import msgspec

from linnet.domain.event import Event, TopUserCrossed, TweetDeleted, TweetPosted, UserFollowed, UserUnfollowed
from linnet.stores.postgres.pool import Session
from linnet.stores.valkey.changes import Change
from linnet.write.after_commit import best_effort, forget
from linnet.write.deps import WriteDeps
from linnet.write.fanout.counters import apply_counters
from linnet.write.fanout.plan import plan_pushes
from linnet.write.fanout.push import push
from linnet.write.fanout.topusers import cross
from linnet.write.fanout.visibility import apply_follow_changes


class Numbered(msgspec.Struct, frozen=True):
    """An event with the id of its row."""

    id: int
    event: Event


class Applied(msgspec.Struct, frozen=True):
    """What a batch did. ``deliveries``: how many windows took an entry. ``change``: what processes must forget."""

    deliveries: int
    change: Change


async def apply_batch(deps: WriteDeps, session: Session, batch: Sequence[Numbered]) -> Applied:
    """Applies events in the caller's transaction. Safe to run again if that is rolled back."""
    posted = [numbered.event for numbered in batch if isinstance(numbered.event, TweetPosted)]
    deleted = [numbered.event for numbered in batch if isinstance(numbered.event, TweetDeleted)]
    changes = [
        (numbered.id, numbered.event) for numbered in batch if isinstance(numbered.event, UserFollowed | UserUnfollowed)
    ]
    crossed = [numbered.event for numbered in batch if isinstance(numbered.event, TopUserCrossed)]

    plan = await plan_pushes(session, posted)
    deliveries = await push(deps, plan)
    await apply_follow_changes(deps, changes)
    changed = await apply_counters(deps, session, posted, deleted, [event for _, event in changes], plan.existing)
    for event in crossed:
        await cross(deps, event)
    return Applied(deliveries, Change(changed.tweet_ids, changed.user_ids, (), plan.posted_by_top_users))


async def announce(deps: WriteDeps, applied: Applied) -> None:
    """After the commit: processes forget what they hold of it, and those who pull learn of it at once."""
    if applied.change.tweet_ids or applied.change.user_ids or applied.change.posted:
        await best_effort([forget(deps, applied.change)], what="announce")
