"""A batch of one lane's events: what it does, in which order.

Reading comes first, then Valkey, then PostgreSQL, all before the commit that deletes the events: so effects in Valkey
happen at least once and are safe to repeat, effects in PostgreSQL happen exactly once, and rows are locked only at the
end. A posted tweet that is gone by now is neither pushed nor noted, so it does not matter that its deletion, which the
same batch may hold, comes before it.
"""

from collections.abc import Awaitable, Mapping, Sequence

import msgspec

from linnet.ids import UserId
from linnet.stores.postgres.pool import Session
from linnet.stores.valkey.changes import Change
from linnet.write.after_commit import best_effort, forget
from linnet.write.deps import WriteDeps
from linnet.write.fanout.conversations import apply_conversations
from linnet.write.fanout.counters import apply_counters
from linnet.write.fanout.edits import end_old_words, without_old_words
from linnet.write.fanout.notifications import apply_notifications
from linnet.write.fanout.pins import apply_pins
from linnet.write.fanout.plan import plan_pushes
from linnet.write.fanout.popular import apply_popular
from linnet.write.fanout.profiles import apply_profile_changes
from linnet.write.fanout.push import push
from linnet.write.fanout.search import apply_search
from linnet.write.fanout.sessions import end_sessions
from linnet.write.fanout.sorting import Numbered, sort_events
from linnet.write.fanout.tags import apply_tags
from linnet.write.fanout.topusers import cross
from linnet.write.fanout.visibility import apply_view_changes, note_view_changes


class Applied(msgspec.Struct, frozen=True):
    """What a batch did. ``deliveries``: how many windows took an entry. ``change``: what processes must forget.

    ``notified``: whose notifications may have changed, and the version that they have now.
    """

    deliveries: int
    change: Change
    notified: Mapping[UserId, int]


async def apply_batch(deps: WriteDeps, session: Session, numbered: Sequence[Numbered]) -> Applied:
    """Applies events in the caller's transaction. Safe to run again if that is rolled back.

    Rows are locked in one order: tweets, users, then what each further step owns, every kind by its key.
    """
    batch = sort_events(numbered)
    plan = await plan_pushes(session, batch.posted)
    batch = without_old_words(batch, plan.edited)
    deliveries = await push(deps, plan)
    await apply_view_changes(deps, batch)
    settled = await apply_counters(deps, session, batch, plan.existing, plan.edited)
    await apply_tags(deps, session, batch, settled)
    await apply_search(deps, session, batch, settled)
    await apply_popular(deps, session, batch, settled)
    await apply_conversations(session, batch, settled)
    notified = await apply_notifications(deps, session, batch, settled)
    changed_pins = await apply_pins(deps, session, batch)
    await end_old_words(deps, session, settled)
    changed_profiles = await apply_profile_changes(deps, session, batch)
    await end_sessions(deps, batch)
    await note_view_changes(deps, session, batch)
    for event in batch.crossed:
        await cross(deps, event)
    return Applied(
        deliveries,
        Change(
            (
                *(tweet.ref.tweet_id for tweet in settled.tweets),
                *(ref.tweet_id for ref in settled.gone),
                *changed_pins,
                *(tweet.id for tweet in settled.edited),
            ),
            tuple({user.user_id for user in settled.users} | changed_profiles),
            tuple(token_hash for ended in batch.sessions for token_hash in ended.token_hashes),
            plan.posted_by_top_users,
            tuple(ended.user_id for ended in batch.sessions),
            tuple(changed_profiles),
        ),
        notified,
    )


async def announce(deps: WriteDeps, applied: Applied) -> None:
    """After the commit: processes forget what they hold of it; those who pull, or have streams, learn of it at once."""
    calls: list[Awaitable[int]] = []
    if applied.notified:
        # Once more: a Valkey that lost it before the commit may have been told the old count meanwhile.
        await best_effort([deps.badges.doubt(applied.notified)], what="announce")
        calls += deps.live.tell_notified(applied.notified)
    if applied.change != Change():
        calls.append(forget(deps, applied.change))
    if calls:
        await best_effort(calls, what="announce")
