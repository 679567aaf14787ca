"""``linnet timelines``: whether home timelines are what they should be."""

import asyncio
import sys

import click
import msgspec

from linnet.bootstrap import open_services
from linnet.bootstrap.logs import configure_logs
from linnet.cli.failures import Failure
from linnet.cli.stores import with_stores
from linnet.read.timelines.verify import Checked, verify_windows
from linnet.settings import Settings


class VerifyReport(msgspec.Struct, frozen=True):
    """What ``verify`` found. ``differences`` are those that stayed while it looked again."""

    windows: int
    entries: int
    differences: tuple[Checked, ...]

    @property
    def repaired(self) -> int:
        return sum(checked.repaired for checked in self.differences)


@click.group()
def timelines() -> None:
    """Compare home timelines with their definition."""


@timelines.command()
@click.option("--sample", type=click.IntRange(min=1), default=1000, show_default=True, help="How many to look at.")
@click.option("--repair", is_flag=True, help="Drop those that differ: the next read builds them again.")
@click.option("--json", "as_json", is_flag=True, help="Say what was found as one JSON object, for machines.")
@with_stores
def verify(settings: Settings, *, sample: int, repair: bool, as_json: bool) -> None:
    """Compare kept timelines with PostgreSQL.

    Looks at the windows that Valkey keeps for recent readers, entry by entry, while people go on to post: what is only
    late is looked at again. Exits with 1 when one differs and is not repaired.
    """
    configure_logs(settings.log)
    report = asyncio.run(_verify(settings, sample=sample, repair=repair))
    if as_json:
        click.echo(_as_json(report))
    else:
        for checked in report.differences:
            click.echo(_as_text(checked))
        click.echo(f"{report.windows} windows with {report.entries} entries, {len(report.differences)} differences")
    if left := len(report.differences) - report.repaired:
        raise Failure(f"{left} of {report.windows} windows differ from their definition; --repair drops them.")


async def _verify(settings: Settings, *, sample: int, repair: bool) -> VerifyReport:
    windows = entries = 0
    differences: list[Checked] = []
    async with open_services(settings, role="command") as services:
        with click.progressbar(
            length=sample, label="Comparing", file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as bar:
            async for checked in verify_windows(services.read, sample=sample, repair=repair):
                windows += 1
                entries += checked.entries
                if checked.differs:
                    differences.append(checked)
                bar.update(1)
    return VerifyReport(windows, entries, tuple(differences))


def _as_text(checked: Checked) -> str:
    found = [
        f"{len(checked.missing)} missing" if checked.missing else "",
        f"{len(checked.extra)} too many" if checked.extra else "",
        "" if checked.in_order else "out of order",
        "dropped" if checked.repaired else "",
    ]
    return f"user {checked.reader_id}: {', '.join(filter(None, found))}"


def _as_json(report: VerifyReport) -> str:
    view = {
        "windows": report.windows,
        "entries": report.entries,
        "repaired": report.repaired,
        "differences": [
            {
                "user_id": str(checked.reader_id),
                "missing": [str(tweet_id) for tweet_id in checked.missing],
                "extra": [str(tweet_id) for tweet_id in checked.extra],
                "in_order": checked.in_order,
                "repaired": checked.repaired,
            }
            for checked in report.differences
        ],
    }
    return msgspec.json.encode(view).decode()
