"""What came of a growth run: figures of all sizes, and a table of them."""

import math
import os
import platform
import statistics

import msgspec
from rich.console import Console
from rich.table import Table

from linnet.bench.growth_figures import Size
from linnet.clock import SystemClock, rfc3339
from linnet.embedded.postgres_settings import memory_bytes

_GOAL = 1.2


class Machine(msgspec.Struct, frozen=True):
    """Where figures come from."""

    processors: int
    memory_gb: float
    python: str
    measured_at: str
    load_before: float


class Growth(msgspec.Struct, frozen=True):
    """What came out.

    ``homes`` are rounds in which the home pages of all sizes took turns, each size's CPU of the web process for a page;
    ``home_growth`` is the median of what the last is to the first in a round, and to be at most 1.2.
    """

    machine: Machine
    sizes: list[Size]
    homes: list[list[float]]
    home_growth: float
    is_met: bool


def this_machine() -> Machine:
    """With how busy it was in the last minute."""
    return Machine(
        os.cpu_count() or 1,
        round(memory_bytes() / 1e9, 1),
        platform.python_version(),
        rfc3339(SystemClock().now_ms()),
        os.getloadavg()[0],
    )


def summed_up(machine: Machine, sizes: list[Size], homes: list[list[float]]) -> Growth:
    """Smallest first. Without rounds of all sizes it is compared beside the constant answers of each size's own."""
    growth = sizes[-1].home_ratio / sizes[0].home_ratio if sizes[0].home_ratio else math.nan
    if homes:
        growth = statistics.median(costs[-1] / costs[0] if costs[0] else math.nan for costs in homes)
    return Growth(machine, sizes, homes, growth, growth <= _GOAL)


def show(console: Console, found: Growth) -> None:
    """A row for each thing, a column for each size."""
    table = Table("", *(f"{size.people:,} people" for size in found.sizes))
    rows = {
        "follows": [f"{size.follows:,}" for size in found.sizes],
        "tweets": [f"{size.tweets:,}" for size in found.sizes],
        "loaded in": [f"{size.load_seconds:,.0f} s" for size in found.sizes],
        "home page, warm, CPU of web": [f"{size.home_us:,.0f} µs" for size in found.sizes],
        "… of the constant answer": [f"{size.constant_us:,.0f} µs" for size in found.sizes],
        "… beside it": [f"{size.home_ratio:.2f}" for size in found.sizes],
        "home page, cold, p50 / p99": [f"{size.cold.p50_ms:.1f} / {size.cold.p99_ms:.1f} ms" for size in found.sizes],
        "… its definition alone": [f"{size.oracle.p50_ms:.1f} / {size.oracle.p99_ms:.1f} ms" for size in found.sizes],
        "scrolling, page 1, p50": [f"{size.first_page.p50_ms:.1f} ms" for size in found.sizes],
        "… page 90 to 100": [f"{size.deep_page.p50_ms:.1f} ms (of {size.deep_pages})" for size in found.sizes],
        "posting, CPU of all": [f"{sum(size.posting.cpu_us.values()):,.0f} µs" for size in found.sizes],
        "… alone": [f"{sum(size.posting_alone.cpu_us.values()):,.0f} µs" for size in found.sizes],
        "… tweets accepted": [f"{size.posting.per_second:,.0f}/s" for size in found.sizes],
        "fan-out, CPU of all per delivery": [f"{_per_delivery(size):.2f} µs" for size in found.sizes],
        "… windows": [f"{size.fanout_windows:,}" for size in found.sizes],
        "… lag p50 / p99 below": [
            f"{size.fanout.lag_p50_below_ms:.0f} / {size.fanout.lag_p99_below_ms:.0f} ms" for size in found.sizes
        ],
    }
    for kind in found.sizes[0].search:
        rows[f"search, {kind}, p95"] = [f"{size.search[kind].p95_ms:.1f} ms" for size in found.sizes]
    for name, cells in rows.items():
        table.add_row(name, *cells)
    console.print(table)
    if found.homes:
        medians = [f"{statistics.median(costs):,.0f} µs" for costs in zip(*found.homes, strict=True)]
        console.print(f"home pages of all sizes in turns, CPU of web: {', '.join(medians)}", highlight=False)
    met = "met" if found.is_met else "MISSED"
    console.print(f"home page, from the first to the last size: {found.home_growth:.2f} (goal ≤ {_GOAL}: {met})")


def _per_delivery(size: Size) -> float:
    """CPU of all roles, with what a tweet costs whoever hears of it."""
    return sum(size.fanout.cpu_us.values()) * size.fanout.count / max(1.0, size.fanout.deliveries)
