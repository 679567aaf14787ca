"""Reports as those see them who wrote them."""

import msgspec

from linnet.clock import rfc3339
from linnet.domain.reports import Report
from linnet.ids import unix_ms_of


class ReportView(msgspec.Struct, frozen=True):
    """``rules`` are those that were broken, in their words; ``resolved``: an operator is done with it."""

    id: str
    created_at: str
    user_id: str
    tweet_ids: list[str]
    category: str
    comment: str
    rules: list[str]
    resolved: bool


def report_view(report: Report) -> ReportView:
    return ReportView(
        id=str(report.id),
        created_at=rfc3339(unix_ms_of(report.id)),
        user_id=str(report.about_id),
        tweet_ids=[str(tweet_id) for tweet_id in report.tweet_ids],
        category=report.category,
        comment=report.comment,
        rules=report.rules,
        resolved=report.resolved_ms is not None,
    )
