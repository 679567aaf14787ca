"""``linnet capacity``: machines for a number of people, with the reasoning; and the busy hour of these machines."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from rich.console import Console
from rich.table import Table

from linnet.capacity.demand import Demand, Machine
from linnet.capacity.figures import Figures, read_figures
from linnet.capacity.hour import Held, Scene, Summary, held_against_measured, scenes, summary
from linnet.capacity.plan import Need, Plan, Role, plan
from linnet.capacity.taking import take_figures

F = TypeVar("F", bound=Callable[..., Any])

_WIDTH = 130
_DEMAND, _MACHINE = Demand(), Machine()


def _option(name: str, kind: Any, default: object, said: str) -> Callable[[F], F]:
    return click.option(name, type=kind, default=default, show_default=True, help=said)


def _number(least: float, most: float) -> click.FloatRange:
    return click.FloatRange(least, most)


@click.command()
@_option("--online", click.IntRange(1, 10**9), _DEMAND.online, "People who are online at the same time.")
@_option("--reads", _number(0, 3600), _DEMAND.reads_per_hour, "Home pages that each reads in an hour.")
@_option("--posts", _number(0, 3600), _DEMAND.posts_per_hour, "Tweets that each posts in an hour.")
@_option("--searches", _number(0, 3600), _DEMAND.searches_per_hour, "Searches of each in an hour.")
@_option("--cold", _number(0, 1), _DEMAND.cold_share, "Share of home pages that find no window and build it.")
@_option("--followers", _number(0, 5000), _DEMAND.mean_followers, "Followers of each, in the mean, who are pushed to.")
@_option(
    "--windows",
    _number(1, 1000),
    _DEMAND.windows_per_online,
    "People with a window (who read in the last 14 days) for each who is online.",
)
@_option("--streams", _number(0, 1), _DEMAND.streams_share, "Share of those online who have a live page open.")
@_option("--celebrities", _number(0, 1), _DEMAND.celebrity_share, "Share of tweets by people who are pulled.")
@_option("--celebrity-followers", click.IntRange(0, 10**9), _DEMAND.celebrity_followers, "Followers of such people.")
@_option("--peak", _number(1, 100), _DEMAND.peak, "The busiest minute, as many times the mean of the hour.")
@_option("--spare", click.IntRange(0, 10), _MACHINE.spare, "Machines of each role that may be lost at once.")
@_option("--cores", click.IntRange(1, 1024), _MACHINE.cores, "Cores of a machine.")
@_option("--memory", _number(1, 10_000), _MACHINE.memory_gib, "GiB of memory of a machine.")
@_option("--busy", _number(0.05, 1), _MACHINE.busy, "Share of CPU that may be used in the busiest minute.")
@click.option(
    "--measured",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Costs, instead of those that come with linnet.",
)
@click.option(
    "--take",
    "taken",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    multiple=True,
    help="Take costs from what `linnet bench growth`, `online` or `streams` wrote with --json, and write a file of"
    " costs to standard output.",
)
@click.option("--simulate", is_flag=True, help="Simulate the busy hour on these machines, and a loss in its middle.")
@_option("--seed", click.IntRange(0), 1, "What the hour is made from.")
@_option("--reactions", click.IntRange(0, 10_000), 20, "Tweets of others that a celebrity's tweet brings in a minute.")
@click.option(
    "--plots",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Draw the simulated hour into DIR (needs matplotlib: `pip install 'linnet[bench]'`).",
)
@click.option("--json", "as_json", is_flag=True, help="Say all of it as one JSON object, for machines.")
def capacity(
    *,
    online: int,
    reads: float,
    posts: float,
    searches: float,
    cold: float,
    followers: float,
    windows: float,
    streams: float,
    celebrities: float,
    celebrity_followers: int,
    peak: float,
    spare: int,
    cores: int,
    memory: float,
    busy: float,
    measured: Path | None,
    taken: tuple[Path, ...],
    simulate: bool,
    seed: int,
    reactions: int,
    plots: Path | None,
    as_json: bool,
) -> None:
    """Say how many machines of each role so many people need, and why.

    Every line is what people do in a second of the busiest minute, times what linnet bench measured of it.
    """
    figures = read_figures(measured)
    if taken:
        click.echo(msgspec.json.format(msgspec.json.encode(take_figures(taken, figures))).decode())
        return
    demand = Demand(
        online=online,
        reads_per_hour=reads,
        posts_per_hour=posts,
        searches_per_hour=searches,
        cold_share=cold,
        mean_followers=followers,
        windows_per_online=windows,
        streams_share=streams,
        celebrity_share=celebrities,
        celebrity_followers=celebrity_followers,
        peak=peak,
    )
    found = plan(demand, Machine(cores=cores, memory_gib=memory, busy=busy, spare=spare), figures)
    played = scenes(found, figures, seed=seed, reactions=reactions) if simulate or plots else []
    held = held_against_measured(figures, seed=seed) if played else []
    summaries = [summary(scene) for scene in played]
    if as_json:
        click.echo(
            msgspec.json.encode(
                {"plan": found, "machines": found.machines, "figures": figures, "hour": summaries, "held": held}
            ).decode()
        )
    else:
        _show(Console(width=_WIDTH), found, figures, summaries, held)
    if plots is not None:
        _draw(played, plots)


def _draw(played: list[Scene], plots: Path) -> None:
    # Only here: it needs what a server does not.
    from linnet.capacity.drawing import draw_hour

    plots.mkdir(parents=True, exist_ok=True)
    draw_hour(played, plots / "busy-hour.png")


def _show(console: Console, found: Plan, figures: Figures, summaries: list[Summary], held: list[Held]) -> None:
    machine = found.machine
    console.print(
        f"{found.demand.online:,} people online, {found.machines} machines of {machine.cores} cores and"
        f" {machine.memory_gib:g} GiB, any {machine.spare} of each role may be lost.",
        highlight=False,
    )
    for role in found.roles:
        console.print(f"\n[bold]{role.name}: {role.machines}[/bold]", highlight=False)
        for need in role.needs:
            console.print(f"  {_as_text(need)}", highlight=False)
        for unit, usable in (("cores", machine.usable_cores), ("GiB", machine.usable_bytes / 2**30)):
            _show_total(console, role, "cores" if unit == "cores" else "GiB", usable)
        console.print(f"  {role.note}", highlight=False)
    console.print(
        f"\nDisk of PostgreSQL: {found.disk_gb:,.0f} GB for people and follows, {found.disk_gb_per_year:,.0f} GB a year"
        " for tweets if every hour were the mean one; times the machines that hold a copy.",
        highlight=False,
    )
    console.print(f"Measured: {'; '.join(sorted({figure.where for figure in figures.figures.values()}))}.")
    if summaries:
        _show_hours(console, summaries, held)


def _show_total(console: Console, role: Role, unit: Any, usable: float) -> None:
    if total := role.total(unit):
        console.print(
            f"  = {total:,.2f} {unit}, of {usable:,.1f} that may be used of a machine: {total / usable:,.2f} machines",
            highlight=False,
        )


def _as_text(need: Need) -> str:
    return f"{need.count:>14,.1f} {need.what} × {need.each:,.1f} {need.each_unit} = {need.value:,.2f} {need.unit}"


def _show_hours(console: Console, summaries: list[Summary], held: list[Held]) -> None:
    table = Table("the busy hour", "tweets", "deliveries", "p50", "p99", "p99.9", "max", "again", "workers busy")
    for one in summaries:
        lags = (f"{lag:,.0f} ms" for lag in (one.p50_ms, one.p99_ms, one.p999_ms, one.max_ms))
        table.add_row(
            one.what, f"{one.tweets:,}", f"{one.deliveries:,}", *lags, f"{one.again:,}", f"{one.worker_busy:.0%}"
        )
    console.print(table)
    table = Table("loads that were measured", "tweets/s", "windows", "p50", "measured", "p99", "measured")
    for load in held:
        table.add_row(
            load.load.name,
            f"{load.load.posts_per_second:,.1f}",
            f"{load.load.deliveries_per_post:,.0f}",
            f"{load.p50_ms:,.0f} ms",
            f"≤ {load.load.lag_p50_below_ms:,.0f} ms",
            f"{load.p99_ms:,.0f} ms",
            f"≤ {load.load.lag_p99_below_ms:,.0f} ms",
        )
    console.print(table)
