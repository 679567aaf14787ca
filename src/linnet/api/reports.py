"""Telling whoever runs this place about somebody."""

import msgspec

from linnet.api import examples
from linnet.api.answers import Answer, view_answer
from linnet.api.endpoints import Call, Endpoint, Success
from linnet.api.params import parse_id
from linnet.errors import CannotReportYourself, Invalid, UserNotFound
from linnet.ids import TweetId, UserId
from linnet.read.views.reports import ReportView, report_view
from linnet.write.actions.reports import ReportWish, report


class ReportBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``tweet_ids``: up to 20 tweets of that person. ``category``: spam, legal, violation or other.

    ``rules``: which rules of this place were broken, by their places in the list, from 1 on.
    """

    user_id: str
    tweet_ids: list[str] = []
    category: str = "other"
    comment: str = ""
    rules: list[int] = []


async def post_report(call: Call) -> Answer:
    """Report somebody

    Tells whoever runs this place about a person, and perhaps about some of their tweets. The person is never told.
    Reported again before anybody looked at it, it is the same report with the newer words. Tweets that are gone are
    left out.
    """
    body = await call.fields(ReportBody)
    about_id = parse_id(body.user_id)
    if about_id is None:
        raise UserNotFound
    tweet_ids = [parse_id(text) for text in body.tweet_ids]
    wish = ReportWish(
        UserId(about_id),
        [TweetId(tweet_id) for tweet_id in tweet_ids if tweet_id is not None],
        body.category,
        body.comment,
        [str(number) for number in body.rules],
    )
    return view_answer(report_view(await report(call.services.write, call.actor.user_id, wish)), 201)


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "POST",
        "/api/reports",
        post_report,
        "about",
        Success("The report.", ReportView, examples.REPORT, status=201),
        body=ReportBody,
        body_example=ReportBody(examples.ADA_ID, [examples.TWEET_ID], "other", examples.REPORT.comment),
        problems=(UserNotFound, CannotReportYourself, Invalid),
        limit="report",
    ),
)
