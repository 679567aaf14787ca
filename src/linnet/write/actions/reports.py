"""Verb: tell the operator about somebody. Whom it is about is never told, and whoever tells sees nothing change."""

from collections.abc import Sequence

import msgspec

from linnet.domain.event import TweetRef
from linnet.domain.names import Problems
from linnet.domain.reports import MAX_TWEETS, Report, check_category, check_comment, rules_of
from linnet.errors import CannotReportYourself, Unauthenticated, UserNotFound
from linnet.ids import TweetId, UserId
from linnet.stores.postgres import reports, tweets, users
from linnet.stores.postgres.pool import run_again
from linnet.write.actions.originals import pick_for
from linnet.write.deps import WriteDeps


class ReportWish(msgspec.Struct, frozen=True):
    """What somebody sent. ``rules`` are named by their numbers."""

    about_id: UserId
    tweet_ids: Sequence[TweetId] = ()
    category: str = ""
    comment: str = ""
    rules: Sequence[str] = ()


async def report(deps: WriteDeps, user_id: UserId, wish: ReportWish) -> Report:
    """Said again about the same, before an operator dealt with it, it is the same report with the newer words.

    Tweets that are gone, somebody else's, or not for whoever tells are left out: others may be there. One may report
    whom one does not meet any more: what they did before stays done.

    Raises ``Invalid``, ``UserNotFound``, ``CannotReportYourself``.
    """
    rules = rules_of(deps.options.place, wish.rules)
    problems = Problems()
    comment = problems.check(check_comment, wish.comment, field="comment")
    category = problems.check(check_category, wish.category, breaks_rules=bool(wish.rules), field="category")
    if len(wish.tweet_ids) > MAX_TWEETS:
        problems.add("status_ids", f"At most {MAX_TWEETS} tweets fit into a report.")
    problems.raise_if_any()
    if wish.about_id == user_id:
        raise CannotReportYourself
    if not await users.fetch_profiles(deps.db, [wish.about_id]):
        raise UserNotFound
    refs = [TweetRef(wish.about_id, tweet_id) for tweet_id in set(wish.tweet_ids)]
    async with deps.db.session() as db:
        shown = await pick_for(db, user_id, await tweets.fetch(db, refs)) if refs else []
    # In one order, so that the same is the same.
    tweet_ids = sorted(tweet.id for tweet in shown)
    new = Report(user_id, deps.ids.mint(), wish.about_id, tweet_ids, category, comment, rules)
    report_id = await run_again(lambda: reports.put(deps.db, new))
    if report_id is None:
        raise Unauthenticated
    return msgspec.structs.replace(new, id=report_id)


async def resolve_report(deps: WriteDeps, found: Report, *, resolution: str) -> Report:
    """An operator is done with it. One that is resolved already stays as it is."""
    now_ms = deps.clock.now_ms()
    if await run_again(lambda: reports.resolve(deps.db, found, resolution=resolution, now_ms=now_ms)):
        return msgspec.structs.replace(found, resolved_ms=now_ms, resolution=resolution)
    return await reports.find(deps.db, found.id) or found
