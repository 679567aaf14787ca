"""``linnet bench growth``: the same on places of several sizes, and what each thing costs as the place grows.

Places are made by ``linnet bench place`` and kept in a directory if one is named; a million people with fifty million
follows take about 20 GB there. Times of a shared machine differ from hour to hour, so what is compared from size to
size is the home page's cost beside that of the constant answer, measured in turns with it.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import click
from rich.console import Console

from linnet.bench.growth_figures import QUICK, Sample, Size
from linnet.bench.growth_measures import measure_homes, measure_place
from linnet.bench.growth_places import keep_place, open_place_site
from linnet.bench.growth_report import show, summed_up, this_machine
from linnet.bench.place.shape import PlaceShape
from linnet.bench.report import write_json
from linnet.bench.scenario import Effort
from linnet.bench.serving import scratch_directory
from linnet.cli.failures import Failure
from linnet.clock import SystemClock
from linnet.embedded import EmbeddedError


@click.command()
@click.option(
    "--people",
    "people",
    type=int,
    multiple=True,
    default=(10_000, 100_000),
    show_default=True,
    help="How many people; once for each size.",
)
@click.option("--quick", is_flag=True, help="See that all of it runs; the figures mean nothing.")
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Rounds of each side.")
@click.option("--seconds", type=click.FloatRange(0.1), default=2.0, show_default=True, help="Length of one round.")
@click.option("--seed", type=int, default=1, show_default=True, help="What the places are made from.")
@click.option(
    "--places",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep the places in DIR, and use those that are there. Without it they are gone afterwards.",
)
@click.option("--json", "json_path", type=click.Path(path_type=Path), metavar="FILE", help="Write all figures to FILE.")
@click.option(
    "--plots", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Draw cost against size into DIR."
)
def growth(
    *,
    people: tuple[int, ...],
    quick: bool,
    rounds: int,
    seconds: float,
    seed: int,
    places: Path | None,
    json_path: Path | None,
    plots: Path | None,
) -> None:
    """Measure the same on places of several sizes: what a page, a tweet, a search costs as the place grows."""
    with scratch_directory() as scratch:
        sizes = []
        machine = this_machine()
        now_ms = SystemClock().now_ms()
        shapes = [PlaceShape(number, now_ms, seed=seed) for number in sorted(set(people))]
        for shape in shapes:
            shape.check()
        for shape in shapes:
            place_scratch = scratch / str(shape.people)
            place_scratch.mkdir()
            effort = Effort(scratch=place_scratch, seed=seed, rounds=rounds, seconds=seconds, tell=_tell)
            directory = (places or place_scratch) / f"people-{shape.people}"
            try:
                sizes.append(asyncio.run(_measure(directory, shape, effort, QUICK if quick else Sample())))
            except EmbeddedError as error:
                raise Failure(str(error)) from error
            # After each size: the next one may take long.
            write_json(json_path, summed_up(machine, sizes, []))
        directories = [(places or scratch / str(shape.people)) / f"people-{shape.people}" for shape in shapes]
        effort = Effort(scratch=scratch, seed=seed, rounds=rounds, seconds=seconds, tell=_tell)
        homes = []
        if len(shapes) > 1:
            homes = asyncio.run(_measure_homes(directories, shapes, effort, QUICK if quick else Sample()))
        found = summed_up(machine, sizes, homes)
        write_json(json_path, found)
        show(Console(width=130), found)
        if plots is not None:
            # Only here: it needs what a server does not.
            from linnet.bench.growth_plots import draw_growth

            plots.mkdir(parents=True, exist_ok=True)
            draw_growth(found, plots)


async def _measure_homes(
    directories: Sequence[Path], shapes: Sequence[PlaceShape], effort: Effort, sample: Sample
) -> list[list[float]]:
    """All of them at once, so that a slow hour of the machine hits all alike."""
    async with AsyncExitStack() as stack:
        opened = []
        for directory, shape in zip(directories, shapes, strict=True):
            place = await keep_place(directory, shape)
            scratch = effort.scratch / f"home-{shape.people}"
            scratch.mkdir()
            opened.append((place, await stack.enter_async_context(open_place_site(place, scratch))))
        return await measure_homes(opened, effort, sample)


async def _measure(directory: Path, shape: PlaceShape, effort: Effort, sample: Sample) -> Size:
    place = await keep_place(directory, shape)
    async with open_place_site(place, effort.scratch) as site:
        return await measure_place(place, site, effort, sample)


def _tell(said: str) -> None:
    click.echo(f"  {said} …", err=True)
