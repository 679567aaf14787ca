"""``linnet bench``: measures scenarios one after the other, each on an empty place, and shows what came of it."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from linnet.bench.catalogue import SCENARIOS
from linnet.bench.given import Given, kept_clean, parse_given
from linnet.bench.machine import LoadAverage, count_processors, load_average, look_at_stores
from linnet.bench.plots import draw_plots, refuse_without_matplotlib
from linnet.bench.report import Options, Report, make_report, write_json
from linnet.bench.scenario import Effort, Scenario
from linnet.bench.serving import Site, open_site, scratch_directory
from linnet.bench.table import WIDTH, show_report
from linnet.cli.failures import Failure

T = TypeVar("T")

_INTERRUPTED = 130
_Tell = Callable[[int, str], None]


def _show_list(context: click.Context, parameter: click.Parameter, value: object) -> None:
    if value:
        for scenario in SCENARIOS.values():
            click.echo(f"{scenario.name:<10}{scenario.sentence}")
        context.exit()


@click.command()
@click.argument("names", metavar="[SCENARIO]...", nargs=-1, type=click.Choice(list(SCENARIOS)))
@click.option(
    "--list", is_flag=True, expose_value=False, is_eager=True, callback=_show_list, help="Say which there are."
)
@click.option("--quick", is_flag=True, help="See in two minutes that all of it runs; the figures are rough.")
@click.option("--rounds", type=click.IntRange(1, 1000), help="Rounds of each side, in turns.  [default: 5, quick: 1]")
@click.option("--seconds", type=click.FloatRange(0.1, 600), help="Length of a round.  [default: 2, quick: 0.3]")
@click.option("--tweets", type=click.IntRange(1000), help="Tweets to be searched.  [default: 100000, quick: 2000]")
@click.option("--streams", type=click.IntRange(1), help="Streams open at once.  [default: 1000, quick: 50]")
@click.option("--seed", type=int, default=1, show_default=True, help="What the data is made from.")
@click.option("--database-url", metavar="URL", help="Measure on this PostgreSQL, whose database must be empty.")
@click.option("--valkey-url", metavar="URL", help="Measure on this Valkey, which must hold no keys.")
@click.option(
    "--json",
    "json_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write every figure, and what it takes to measure it again, to FILE.",
)
@click.option(
    "--plots", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Draw pictures into DIR."
)
@click.option("--check", is_flag=True, help="Exit with 1 when a goal is missed.")
def bench(
    *,
    names: tuple[str, ...],
    quick: bool,
    rounds: int | None,
    seconds: float | None,
    tweets: int | None,
    streams: int | None,
    seed: int,
    database_url: str | None,
    valkey_url: str | None,
    json_path: Path | None,
    plots: Path | None,
    check: bool,
) -> None:
    """Measure what linnet costs, each figure beside a reference.

    A reference is measured on the same machine in turns with linnet, so that their ratio means something elsewhere too.
    Each SCENARIO (by default all of them, in about ten minutes) has a place of its own, which is gone afterwards.

    Goals that are missed are shown; with --check they are also an error.
    """
    options = resolve(names, quick=quick, rounds=rounds, seconds=seconds, tweets=tweets, streams=streams, seed=seed)
    given = _given(database_url, valkey_url)
    if plots is not None:
        refuse_without_matplotlib()
    _refuse_unwritable(json_path, plots)
    report = _run_until_told(lambda is_told: _measure_all(options, given, is_told))
    show_report(Console(width=WIDTH), report)
    write_json(json_path, report)
    if plots is not None:
        for path in draw_plots(report, plots):
            click.echo(f"drew {path}", err=True)
    if check and (missed := report.count_missed()):
        raise Failure(f"{missed} of {report.count_goals()} goals were missed.")


def resolve(
    names: Sequence[str],
    *,
    quick: bool,
    rounds: int | None,
    seconds: float | None,
    tweets: int | None,
    streams: int | None,
    seed: int,
) -> Options:
    """What was asked for, and for the rest what is usual. A scenario that is named twice is measured once."""
    usual = Options(list(SCENARIOS), 1, 0.3, 2_000, 50, seed) if quick else Options(list(SCENARIOS), seed=seed)
    wanted = {"rounds": rounds, "seconds": seconds, "tweets": tweets, "streams": streams}
    chosen: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
    if names:
        chosen["scenarios"] = list(dict.fromkeys(names))
    return msgspec.structs.replace(usual, **chosen)


def _given(database_url: str | None, valkey_url: str | None) -> Given | None:
    if database_url is None and valkey_url is None:
        return None
    if not database_url or not valkey_url:
        raise click.UsageError("--database-url and --valkey-url belong together: give both, or neither.")
    return parse_given(database_url, valkey_url)


def _refuse_unwritable(json_path: Path | None, plots: Path | None) -> None:
    """Before ten minutes are spent: raises ``OSError``, which is told in a sentence."""
    if json_path is not None:
        is_new = not json_path.exists()
        json_path.touch()
        if is_new:
            json_path.unlink()
    if plots is not None:
        plots.mkdir(parents=True, exist_ok=True)


def _run_until_told(begin: Callable[[Callable[[], bool]], Coroutine[Any, Any, T]]) -> T:
    """Runs to the end, or until a signal; then everything that was started is stopped and taken away first.

    The work may ask whether a signal came: up to Python 3.11 ``asyncio.wait_for`` loses a cancellation that comes in
    the moment of its answer.
    """
    told = False

    async def until_told() -> T:
        task = asyncio.ensure_future(begin(lambda: told))

        def on_signal() -> None:
            nonlocal told
            if not told:
                told = True
                click.echo("Stopping …", err=True)
                task.cancel()

        loop = asyncio.get_running_loop()
        for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Who starts it with nohup wants it to outlive the terminal. What a shell starts in the background ignores
            # Ctrl-C, which does not reach it there; who sends that signal all the same means it.
            if signal_number != signal.SIGHUP or signal.getsignal(signal_number) != signal.SIG_IGN:
                loop.add_signal_handler(signal_number, on_signal)
        return await task

    try:
        done = asyncio.run(until_told())
    except asyncio.CancelledError:
        if not told:
            raise
    if told:
        click.echo("Stopped: nothing was measured to the end, and nothing is left behind.", err=True)
        sys.exit(_INTERRUPTED)
    return done


async def _measure_all(options: Options, given: Given | None, is_told: Callable[[], bool]) -> Report:
    before, began = load_average(), time.monotonic()
    measured, stores = [], None
    with _told_on_stderr(len(options.scenarios)) as say:

        def tell(number: int, what: str) -> None:
            if is_told():
                raise asyncio.CancelledError
            say(number, what)

        for number, name in enumerate(options.scenarios):
            tell(number, f"{name}: starting a place")
            with scratch_directory() as scratch:
                effort = Effort(
                    scratch=scratch,
                    seed=options.seed,
                    rounds=options.rounds,
                    seconds=options.seconds,
                    tweets=options.tweets,
                    streams=options.streams,
                    tell=partial(tell, number),
                )
                async with _place(SCENARIOS[name], given) as site:
                    stores = stores or await look_at_stores(site)
                    measured.append(await SCENARIOS[name].run(site, effort))
    load = LoadAverage(before, load_average(), count_processors())
    return make_report(options, measured, stores=stores, load=load, seconds=time.monotonic() - began)


@asynccontextmanager
async def _place(scenario: Scenario, given: Given | None) -> AsyncIterator[Site]:
    """A place for one scenario; with given servers it is theirs, and they are empty again afterwards."""
    if given is None:
        async with open_site(scenario.settings) as site:
            yield site
        return
    async with kept_clean(given), open_site({**scenario.settings, **given.settings}, given=given.urls) as site:
        yield site


@contextmanager
def _told_on_stderr(scenarios: int) -> Iterator[_Tell]:
    """A function that says what is being done. Where nobody watches, it says only which scenario has begun."""
    console = Console(stderr=True)
    if not console.is_terminal:
        last = -1

        def say(number: int, said: str) -> None:
            nonlocal last
            if number != last:
                last = number
                click.echo(f"measuring {said.partition(':')[0]} …", err=True)

        yield say
        return
    bar = Progress(
        BarColumn(bar_width=20), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True
    )
    with bar:
        task = bar.add_task("", total=scenarios)
        yield lambda number, said: bar.update(task, description=said, completed=number)
