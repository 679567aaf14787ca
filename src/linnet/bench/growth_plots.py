"""Pictures of cost against size. Needs matplotlib, which a server does not."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from linnet.bench.growth_report import Growth

mpl.use("agg")

_SIZE_INCHES = (8.0, 4.5)
_DPI = 90


def draw_growth(found: Growth, directory: Path) -> None:
    """``growth.png``: each cost at each size, as many times what it is at the smallest."""
    sizes = found.sizes
    lines: dict[str, list[float]] = {
        "home page beside a constant answer": [size.home_ratio for size in sizes],
        "home page that builds a window, p50": [size.cold.p50_ms for size in sizes],
        "page 90 to 100 of a scroll, p50": [size.deep_page.p50_ms for size in sizes],
        "posting, CPU of all": [sum(size.posting.cpu_us.values()) for size in sizes],
        "fan-out, CPU of a delivery": [
            sum(size.fanout.cpu_us.values()) * size.fanout.count / max(1.0, size.fanout.deliveries) for size in sizes
        ],
        "search, a rare word, p95": [size.search["a rare word"].p95_ms for size in sizes],
        "search, a common word, p95": [size.search["a common word"].p95_ms for size in sizes],
    }
    _draw([size.people for size in sizes], lines, directory / "growth.png")


def _draw(people: Sequence[int], lines: Mapping[str, Sequence[float]], path: Path) -> None:
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, layout="constrained")
    axes = figure.subplots()
    for number, (name, values) in enumerate(lines.items()):
        axes.plot(
            people,
            [value / values[0] if values[0] else math.nan for value in values],
            marker="o",
            label=name,
            linewidth=1 if number else 3,
        )
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.axhline(1.2, color="grey", linestyle=":", linewidth=1)
    axes.set_xlabel("people")
    axes.set_ylabel("cost, times that at the smallest size")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(path)
