"""``linnet doctor``: whether the installation is healthy, in plain words, and what to do where it is not."""

import asyncio
import os
import re
import shutil
import sys
import textwrap
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from linnet.bootstrap import open_services
from linnet.bootstrap.checkup import CheckupOptions, Finding, State, examine
from linnet.bootstrap.logs import configure_logs
from linnet.cli.failures import Failure, told_in_one_sentence
from linnet.cli.stores import DEFAULT_DATA_DIR, data_dir_option, find_settings
from linnet.clock import SystemClock, rfc3339
from linnet.embedded.datadir import is_in_use
from linnet.settings import Settings
from linnet.write.actions.recounted import Difference
from linnet.write.actions.recounts import Recounted, recount

_STATES: dict[State, tuple[str, str]] = {
    "well": ("well", "green"),
    "note": ("note", "yellow"),
    "wrong": ("WRONG", "red"),
}
_LONGEST_LINE = 110
_MARGIN = " " * 18
_NAMED_DIFFERENCES = 10
# Counting many things at once takes longer than a request may.
_COUNT_SECONDS = 600.0


class Report(msgspec.Struct, frozen=True):
    """Everything that was found. ``recount`` is None when nobody asked for it."""

    findings: list[Finding]
    recount: Recounted | None = None

    @property
    def is_healthy(self) -> bool:
        return not any(finding.state in ("wrong", "skipped") for finding in self.findings)


@click.command()
@data_dir_option
@click.option("--recount", "counts_again", is_flag=True, help="Count everything again, and say what differs.")
@click.option("--repair", is_flag=True, help="With --recount: make wrong counters right. People may go on meanwhile.")
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    default=CheckupOptions().sample,
    show_default=True,
    help="How many live timelines to compare.",
)
@click.option("--json", "as_json", is_flag=True, help="Say it all as one JSON object, for machines.")
def doctor(*, data_dir: Path | None, counts_again: bool, repair: bool, sample: int, as_json: bool) -> None:
    """Say whether this installation is healthy, and what to do.

    Looks and changes nothing, unless told to --repair. Exits with 0 when all is well, and with 1 when it is not.
    """
    if repair and not counts_again:
        raise click.UsageError("--repair mends what --recount finds: say both.")
    report = asyncio.run(_examine(data_dir, sample, as_json=as_json, counts_again=counts_again, repair=repair))
    if as_json:
        click.echo(_as_json(report))
    else:
        click.echo(f"\n{_summary(report)}")
    if not report.is_healthy:
        click.get_current_context().exit(1)


async def _examine(data_dir: Path | None, sample: int, *, as_json: bool, counts_again: bool, repair: bool) -> Report:
    findings: list[Finding] = []
    counted: Recounted | None = None

    def tell(finding: Finding) -> None:
        findings.append(finding)
        if not as_json and finding.state != "skipped":
            click.echo(_as_text(finding))
            # Whoever waits for a slow check sees what the others said.
            sys.stdout.flush()

    if not as_json:
        click.echo(f"linnet {version('linnet')}\n")
    try:
        with told_in_one_sentence():
            settings = find_settings(os.environ, data_dir, needs_valkey=True)
    except Failure as failure:
        tell(_without_servers(failure, data_dir))
        return Report(findings)
    configure_logs(settings.log)
    is_ours = data_dir is not None or not settings_name_servers()
    async for finding in examine(
        settings,
        data_dir=(data_dir or DEFAULT_DATA_DIR).resolve() if is_ours else None,
        options=CheckupOptions(sample=sample),
    ):
        tell(finding)
    if counts_again and (blocking := [finding for finding in findings if finding.blocks]):
        tell(Finding("counters", "skipped", f"Not counted, because of {blocking[0].check}."))
    elif counts_again:
        finding, counted = await _recount(settings, repair=repair)
        tell(finding)
    return Report(findings, counted)


def settings_name_servers() -> bool:
    """Whether the environment says where the servers are."""
    return bool(os.environ.get("LINNET_DATABASE_URL", "").strip())


def _without_servers(failure: Failure, data_dir: Path | None) -> Finding:
    """Nothing runs, or it cannot be told where."""
    directory = data_dir or DEFAULT_DATA_DIR
    if failure.exit_code == 1 and not (data_dir is None and settings_name_servers()) and is_in_use(directory):
        return Finding(
            "servers", "wrong", f"The linnet on {directory} is starting or stopping.", "Ask again in a moment."
        )
    sentence = failure.message[:1].upper() + failure.message[1:]
    return Finding("servers" if failure.exit_code == 1 else "settings", "wrong", sentence)


async def _recount(settings: Settings, *, repair: bool) -> tuple[Finding, Recounted | None]:
    patient = msgspec.structs.replace(settings.postgres, statement_timeout_seconds=_COUNT_SECONDS)
    try:
        with told_in_one_sentence():
            async with open_services(msgspec.structs.replace(settings, postgres=patient), role="command") as services:
                with Progress(
                    SpinnerColumn(),
                    TextColumn("{task.description} {task.completed:,.0f}"),
                    TimeElapsedColumn(),
                    console=Console(stderr=True),
                    transient=True,
                    disable=not sys.stderr.isatty(),
                ) as bars:
                    task = bars.add_task("Counting again", total=None)
                    counted = await recount(
                        services.write, repair=repair, progress=lambda compared: bars.advance(task, compared)
                    )
    except Failure as failure:
        return Finding("counters", "wrong", f"They could not be counted: {failure.message}"), None
    return _said_of(counted), counted


def _said_of(counted: Recounted) -> Finding:
    details = {
        "compared": counted.compared,
        "differing": counted.differing,
        "repaired": counted.repaired,
        "held_back": counted.held_back,
    }
    waits = f"; {counted.held_back:,} could not be compared, since events about them wait" if counted.held_back else ""
    again = f"Counted {counted.compared:,} things again"
    left = counted.differing - counted.repaired
    if left:
        mended = f" Mended: {counted.repaired:,}." if counted.repaired else ""
        sentence = f"{again}: {left:,} {'is' if left == 1 else 'are'} wrong{waits}.{mended}"
        advice = "Ask again." if counted.repaired else "`linnet doctor --recount --repair` makes them right."
        return Finding("counters", "wrong", sentence, advice, details, _named(counted))
    if counted.repaired:
        were = "was wrong, and is" if counted.repaired == 1 else "were wrong, and are"
        sentence = f"{again}: {counted.repaired:,} {were} mended{waits}."
        return Finding("counters", "note", sentence, details=details, examples=_named(counted))
    state: State = "note" if waits else "well"
    return Finding("counters", state, f"{again}: none is wrong{waits}.", details=details)


def _named(counted: Recounted) -> tuple[str, ...]:
    lines = [_difference(each) for each in counted.differences[:_NAMED_DIFFERENCES]]
    more = counted.differing - len(lines)
    return (*lines, *([f"and {more:,} more"] if more else []))


def _difference(found: Difference) -> str:
    if found.counter.startswith("note of"):
        how = f"the {found.counter} {'is left over' if found.stored else 'is missing'}"
    else:
        how = f"{found.counter} {found.stored:,}, counted {found.counted:,}"
    return f"{found.owner}: {how}{', mended' * found.repaired}"


def _as_text(finding: Finding) -> str:
    word, colour = _STATES[finding.state]
    advice = [f"→ {finding.advice}"] if finding.advice else []
    texts = [*finding.sentence.splitlines(), *finding.examples, *advice]
    lines = [line for text in texts for line in _wrapped(text)]
    first = f"{click.style(f'{word:<6}', fg=colour)}{finding.check:<{len(_MARGIN) - 6}}{lines[0]}"
    return "\n".join([first, *(_MARGIN + line for line in lines[1:])])


def _wrapped(text: str) -> list[str]:
    """Lines that fit a terminal; one line for whatever else reads this."""
    if not sys.stdout.isatty():
        return [text]
    width = min(shutil.get_terminal_size().columns, _LONGEST_LINE) - len(_MARGIN)
    # A command stays whole, to be copied.
    kept = re.sub(r"`[^`]*`", lambda command: command[0].replace(" ", "\xa0"), text)
    lines = textwrap.wrap(kept, max(40, width), break_on_hyphens=False, break_long_words=False)
    return [line.replace("\xa0", " ") for line in lines]


def _summary(report: Report) -> str:
    if report.is_healthy:
        return "All is well."
    wrong = [finding.check for finding in report.findings if finding.state == "wrong"]
    skipped = [finding.check for finding in report.findings if finding.state == "skipped"]
    lines = [f"Not well: {', '.join(dict.fromkeys(wrong))}."]
    if skipped:
        lines.append(f"Not looked at because of that: {', '.join(skipped)}.")
    return "\n".join(lines)


def _as_json(report: Report) -> str:
    view: dict[str, Any] = {
        "healthy": report.is_healthy,
        "version": version("linnet"),
        "checked_at": rfc3339(SystemClock().now_ms()),
        "checks": [
            {
                "check": finding.check,
                "state": finding.state,
                "sentence": finding.sentence,
                "examples": finding.examples,
                "advice": finding.advice or None,
                "details": finding.details,
            }
            for finding in report.findings
        ],
        "recount": None if report.recount is None else report.recount,
    }
    return msgspec.json.format(msgspec.json.encode(view)).decode()
