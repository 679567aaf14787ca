"""``linnet reports``: what people told whoever runs this place about others, and what came of it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from textwrap import indent

import click
import msgspec

from linnet.bootstrap import open_services
from linnet.bootstrap.logs import configure_logs
from linnet.bootstrap.services import Services
from linnet.cli.failures import Failure
from linnet.cli.stores import with_stores
from linnet.clock import rfc3339
from linnet.domain.event import TweetRef
from linnet.domain.reports import Report
from linnet.ids import TweetId, UserId, unix_ms_of
from linnet.settings import Settings
from linnet.stores.postgres import reports as stored
from linnet.stores.postgres import tweets, users
from linnet.write.actions.reports import resolve_report

_PAGE_SIZE = 200

_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object per line, for machines.")
_report_id = click.argument("report_id", type=click.IntRange(min=1, max=2**63 - 1))


class _Told(msgspec.Struct, frozen=True):
    """A report, and the names of those it is by and about: None for whoever left."""

    report: Report
    by: str | None
    about: str | None


@click.group()
def reports() -> None:
    """Read what people report, and say when you are done with it.

    Nobody sees a report but whoever runs this place. When either of the two leaves, it goes.
    """


@reports.command("list")
@click.option("--all", "with_resolved", is_flag=True, help="Also those that are resolved.")
@_json_option
@with_stores
def list_command(settings: Settings, *, with_resolved: bool, as_json: bool) -> None:
    """List the reports that wait for somebody.

    The oldest first.
    """
    configure_logs(settings.log)
    asyncio.run(_list(settings, with_resolved=with_resolved, as_json=as_json))


@reports.command()
@_report_id
@_json_option
@with_stores
def show(settings: Settings, *, report_id: int, as_json: bool) -> None:
    """Show a report whole, with the tweets that it is about."""
    configure_logs(settings.log)
    asyncio.run(_show(settings, report_id, as_json=as_json))


@reports.command()
@_report_id
@click.option("--note", default="", metavar="TEXT", help="What was done about it, for later.")
@_json_option
@with_stores
def resolve(settings: Settings, *, report_id: int, note: str, as_json: bool) -> None:
    """Say that nothing is left to be done about a report.

    Whoever reported sees no difference; they may report the same again. What was noted first stays.
    """
    configure_logs(settings.log)
    asyncio.run(_resolve(settings, report_id, note.strip(), as_json=as_json))


async def _list(settings: Settings, *, with_resolved: bool, as_json: bool) -> None:
    count = 0
    async with open_services(settings, role="command") as services:
        async for page in _pages(services, with_resolved=with_resolved):
            for told in page:
                count += 1
                click.echo(_as_json(told) if as_json else _as_line(told))
    if not as_json:
        click.echo(f"{count} {'report' if count == 1 else 'reports'}" if count else "Nothing waits for you.")


async def _pages(services: Services, *, with_resolved: bool) -> AsyncIterator[list[_Told]]:
    after_id = 0
    while page := await stored.fetch(services.db, after_id=after_id, page_size=_PAGE_SIZE, with_resolved=with_resolved):
        yield await _named(services, page)
        after_id = page[-1].id


async def _named(services: Services, found: Sequence[Report]) -> list[_Told]:
    people = {user_id for report in found for user_id in (report.user_id, report.about_id)}
    profiles = await users.fetch_profiles(services.db, sorted(people))
    names: dict[UserId, str] = {profile.id: profile.username for profile in profiles}
    return [_Told(report, names.get(report.user_id), names.get(report.about_id)) for report in found]


async def _find(services: Services, report_id: int) -> Report:
    report = await stored.find(services.db, report_id)
    if report is None:
        raise Failure(f"there is no report {report_id}; `linnet reports list --all` says which there are.")
    return report


async def _show(settings: Settings, report_id: int, *, as_json: bool) -> None:
    async with open_services(settings, role="command") as services:
        report = await _find(services, report_id)
        [told] = await _named(services, [report])
        refs = [TweetRef(report.about_id, tweet_id) for tweet_id in report.tweet_ids]
        texts = {tweet.id: tweet.text for tweet in await tweets.fetch(services.db, refs)} if refs else {}
    click.echo(_as_json(told, texts) if as_json else _as_text(told, texts))


async def _resolve(settings: Settings, report_id: int, note: str, *, as_json: bool) -> None:
    async with open_services(settings, role="command") as services:
        report = await _find(services, report_id)
        [told] = await _named(services, [await resolve_report(services.write, report, resolution=note)])
    click.echo(_as_json(told) if as_json else _as_line(told))


def _name(username: str | None) -> str:
    return "somebody who left" if username is None else f"@{username}"


def _as_line(told: _Told) -> str:
    report = told.report
    tweets_said = f", {len(report.tweet_ids)} of their tweets" if report.tweet_ids else ""
    state = "" if report.resolved_ms is None else f"  (resolved {rfc3339(report.resolved_ms)})"
    head = f"{report.id}  {rfc3339(unix_ms_of(report.id))}  {report.category}: {_name(told.about)}{tweets_said}"
    comment = " ".join(report.comment.split())
    shown = f"\n    {comment[:100]}{'…' if len(comment) > 100 else ''}" if comment else ""
    return f"{head}, by {_name(told.by)}{state}{shown}"


def _as_text(told: _Told, texts: dict[TweetId, str]) -> str:
    report = told.report
    parts = [
        f"Report {report.id} of {rfc3339(unix_ms_of(report.id))}",
        f"about    {_name(told.about)} (user {report.about_id})",
        f"by       {_name(told.by)} (user {report.user_id})",
        f"because  {report.category}",
        *(f"rule     {rule}" for rule in report.rules),
    ]
    if report.comment:
        parts += ["", indent(report.comment, "    ")]
    for tweet_id in report.tweet_ids:
        text = texts.get(tweet_id, "")
        parts += ["", f"tweet {tweet_id}", indent(text, "    ") if text else "    It is gone, or is a retweet."]
    if report.resolved_ms is not None:
        note = f": {report.resolution}" if report.resolution else "."
        parts += ["", f"Resolved {rfc3339(report.resolved_ms)}{note}"]
    return "\n".join(parts)


def _as_json(told: _Told, texts: dict[TweetId, str] | None = None) -> str:
    report = told.report
    view = {
        "id": str(report.id),
        "created_at": rfc3339(unix_ms_of(report.id)),
        "about": {"id": str(report.about_id), "username": told.about},
        "by": {"id": str(report.user_id), "username": told.by},
        "category": report.category,
        "comment": report.comment,
        "rules": report.rules,
        "tweet_ids": [str(tweet_id) for tweet_id in report.tweet_ids],
        "resolved_at": None if report.resolved_ms is None else rfc3339(report.resolved_ms),
        "resolution": report.resolution,
    }
    if texts is not None:
        view["texts"] = {str(tweet_id): text for tweet_id, text in texts.items()}
    return msgspec.json.encode(view).decode()
