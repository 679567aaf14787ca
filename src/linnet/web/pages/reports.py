"""Telling whoever runs this place about somebody, and perhaps about a tweet of theirs."""

from typing import Any, Final

from litestar import Response

from linnet.errors import CannotReportYourself, Invalid, Limited, LinnetError
from linnet.ids import TweetId
from linnet.read.timelines.people import profile_screen
from linnet.web.answers import go_to
from linnet.web.asking import Ask, PageRoute, parse_id
from linnet.web.pages.accounts import errors_by_field
from linnet.web.pages.layout import show
from linnet.write.actions.reports import ReportWish, report

_WHY: Final = (
    ("spam", "It is spam: the same again and again, or bait"),
    ("legal", "It is against the law"),
    ("other", "Something else"),
)


async def report_form(ask: Ask) -> Response[Any]:
    """An empty one; after it was sent a word of thanks."""
    return await _show(ask, {"tweet": ask.query("tweet"), "category": "other"})


async def send_report(ask: Ask) -> Response[Any]:
    """What was typed is kept when some of it is not right."""
    fields = await ask.form()
    tweet_id = parse_id(fields.get("tweet", ""))
    rules = [name.removeprefix("rule_") for name, value in fields.items() if name.startswith("rule_") and value]
    wish = ReportWish(
        ask.user_id(),
        [] if tweet_id is None else [TweetId(tweet_id)],
        fields.get("category", ""),
        fields.get("comment", ""),
        rules,
    )
    try:
        ask.admit()
        await report(ask.services.write, ask.actor.user_id, wish)
    except (Invalid, Limited, CannotReportYourself) as error:
        ask.did_nothing = not isinstance(error, Limited)
        return await _show(ask, fields, error)
    return go_to(f"/users/{wish.about_id}/report?done=yes")


async def _show(ask: Ask, fields: dict[str, str], error: LinnetError | None = None) -> Response[Any]:
    user = await profile_screen(ask.services.read, ask.viewer_id, ask.user_id())
    return await show(
        ask,
        "report.html",
        title=f"Report @{user.username}",
        error=error,
        beside=False,
        user=user,
        fields=fields,
        errors={} if error is None else errors_by_field(error),
        why=_WHY,
        done=ask.query("done") == "yes",
    )


PAGES = (
    PageRoute("GET", "/users/{user_id}/report", report_form),
    PageRoute("POST", "/users/{user_id}/report", send_report, limit="report", answers_limits=True),
)
