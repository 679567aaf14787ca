"""Pictures of the simulated hour. Needs matplotlib, which a server does not."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from linnet.capacity.hour import Scene, by_minute

mpl.use("agg")

_SIZE_INCHES = (8.0, 4.5)
_DPI = 90


def draw_hour(scenes: Sequence[Scene], path: Path) -> None:
    """The 99th percentile of the lag of each minute's tweets, a line for each scene."""
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, layout="constrained")
    axes = figure.subplots()
    for scene in scenes:
        points = by_minute(scene.hour, 0.99)
        axes.plot([minute for minute, _ in points], [lag * 1000 for _, lag in points], label=scene.what)
    axes.set_yscale("log")
    axes.set_xlabel("minute of the busy hour")
    axes.set_ylabel("lag of a tweet, p99 of its minute (ms)")
    axes.axhline(1000, color="grey", linestyle=":", linewidth=1)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(path)
