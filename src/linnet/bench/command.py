"""``linnet bench``: measures scenarios one after the other and shows what came of it."""

import asyncio
from pathlib import Path

import click
from rich.console import Console

from linnet.bench.catalogue import SCENARIOS
from linnet.bench.figures import Measured
from linnet.bench.report import write_json
from linnet.bench.scenario import Effort, Scenario
from linnet.bench.serving import open_site, scratch_directory
from linnet.bench.table import WIDTH, show_measured


@click.command()
@click.argument("names", metavar="[SCENARIO]...", nargs=-1, type=click.Choice(list(SCENARIOS)))
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Rounds of each side.")
@click.option("--seconds", type=click.FloatRange(0.1), default=2.0, show_default=True, help="Length of one round.")
@click.option("--seed", type=int, default=1, show_default=True, help="What the data is made from.")
@click.option("--tweets", type=click.IntRange(1000), default=100_000, show_default=True, help="Tweets to be searched.")
@click.option("--streams", type=click.IntRange(1), default=1000, show_default=True, help="Streams to be open at once.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), metavar="FILE", help="Write all figures to FILE.")
def bench(
    *, names: tuple[str, ...], rounds: int, seconds: float, seed: int, tweets: int, streams: int, json_path: Path | None
) -> None:
    """Measure what linnet costs, each figure beside a reference taken in turns with it."""
    measured = []
    for name in names or SCENARIOS:
        click.echo(f"measuring {name} …", err=True)
        with scratch_directory() as scratch:
            effort = Effort(scratch=scratch, seed=seed, rounds=rounds, seconds=seconds, tweets=tweets, streams=streams)
            measured.append(asyncio.run(_measure(SCENARIOS[name], effort)))
    show_measured(Console(width=WIDTH), measured)
    write_json(json_path, measured)


async def _measure(scenario: Scenario, effort: Effort) -> Measured:
    async with open_site(scenario.settings) as site:
        return await scenario.run(site, effort)
