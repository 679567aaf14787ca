"""Telling whoever runs this place about somebody."""

from typing import Any

from linnet.api.answers import Answer
from linnet.api.mastodon.answers import answer
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.rendering import accounts_by_id
from linnet.api.params import parse_id
from linnet.clock import rfc3339
from linnet.domain.reports import Report
from linnet.errors import Invalid, UserNotFound
from linnet.ids import TweetId, UserId, unix_ms_of
from linnet.write.actions.reports import ReportWish, report


async def post_report(call: Call) -> Answer:
    """Whom it is about is not told. There is nobody elsewhere to forward it to."""
    params = await call.body()
    about_id = parse_id(params.text("account_id"))
    if about_id is None:
        raise UserNotFound
    tweet_ids = [parse_id(text) for text in params.texts("status_ids")]
    if None in tweet_ids:
        raise Invalid.field("status_ids", "These must be ids.")
    wish = ReportWish(
        UserId(about_id),
        [TweetId(tweet_id) for tweet_id in tweet_ids if tweet_id is not None],
        params.text("category"),
        params.text("comment"),
        params.texts("rule_ids"),
    )
    return answer(await _entity(call, await report(call.write, call.me, wish)))


async def _entity(call: Call, made: Report) -> dict[str, Any]:
    rules = call.write.options.place.rules
    accounts = await accounts_by_id(call, [made.about_id])
    account = accounts.get(str(made.about_id))
    if account is None:
        # Gone since the report was made.
        raise UserNotFound
    return {
        "id": str(made.id),
        "action_taken": made.resolved_ms is not None,
        "action_taken_at": None if made.resolved_ms is None else rfc3339(made.resolved_ms),
        "category": made.category,
        "comment": made.comment,
        "forwarded": False,
        "created_at": rfc3339(unix_ms_of(made.id)),
        "status_ids": [str(tweet_id) for tweet_id in made.tweet_ids],
        "rule_ids": [str(number) for number, rule in enumerate(rules, 1) if rule in made.rules],
        "target_account": account,
    }


ROUTES = (Route("POST", "/api/v1/reports", post_report, ("write:reports",), limit="report"),)
