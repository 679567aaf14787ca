"""Results as pictures: how far each ratio is from its goal, and how long requests took.

matplotlib comes with the extra ``linnet[bench]`` and is imported only when pictures are asked for.
"""

import math
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from linnet.bench.figures import Comparison, Side
from linnet.bench.report import Report
from linnet.bench.table import count, number
from linnet.cli.failures import Failure

_MET, _MISSED, _NONE = "#1b7f5c", "#c2412d", "#6b7280"
_INK, _MUTED, _GRID = "#1f2937", "#4b5563", "#e5e7eb"
_SIDES = ("#1d4ed8", "#d97706", "#059669", "#9333ea", "#dc2626", "#0891b2", "#4b5563", "#be185d")
_DPI = 150


def refuse_without_matplotlib() -> None:
    """Before anything is measured."""
    if find_spec("matplotlib") is None:
        raise Failure("plots are drawn by matplotlib, which is not installed: pip install 'linnet[bench]'.")


def draw_plots(report: Report, directory: Path) -> list[Path]:
    """Draws what there is to draw; returns the files. The directory is made when it is missing."""
    directory.mkdir(parents=True, exist_ok=True)
    drawn = []
    if found := [each for each in report.comparisons() if each.ratio > 0 and math.isfinite(each.ratio)]:
        drawn.append(_draw_ratios(found, report, directory / "ratios.png"))
    if with_times := [one for one in report.measured if any(side.curve_ms for side in one.sides)]:
        drawn.append(
            _draw_times(
                [(one.scenario, [side for side in one.sides if side.curve_ms]) for one in with_times],
                report,
                directory / "times.png",
            )
        )
    return drawn


def _draw_ratios(found: Sequence[Comparison], report: Report, path: Path) -> Path:
    """One line for each: the rounds as dots, their median as a mark, and the goal as a line to be left or right of."""
    figure, axes = _figure(1, 10.5, 1.6 + 0.42 * len(found))
    (axis,) = axes
    for at, each in enumerate(reversed(found)):
        colour = _NONE if each.is_met is None else _MET if each.is_met else _MISSED
        ratios = [ratio for ratio in each.ratios if ratio > 0 and math.isfinite(ratio)]
        axis.scatter(ratios, [at] * len(ratios), s=14, color=colour, alpha=0.35, linewidths=0)
        axis.scatter([each.ratio], [at], s=70, color=colour, marker="D", zorder=3)
        goal = (
            f"   {number(each.ours)} {each.unit}, goal {each.goal.said}" if each.goal.ours_at_most is not None else ""
        )
        _write(axis, f"{each.ratio:.2f}", (each.ratio, at), (0, 7), ha="center")
        _write(axis, goal, (each.ratio, at), (8, -3), color=_MUTED)
        for edge in (each.goal.ratio_at_least, each.goal.ratio_at_most):
            if edge is not None:
                axis.vlines(edge, at - 0.36, at + 0.36, color=_INK, linewidth=2)
                _write(axis, each.goal.said, (edge, at - 0.36), (4, 0), color=_MUTED)
    axis.axvline(1.0, color=_GRID, linewidth=1.5, zorder=0)
    _scale(axis)
    axis.set_yticks(range(len(found)), [f"{each.name}\nbeside {each.reference_is}" for each in reversed(found)])
    axis.tick_params(axis="y", labelsize=8)
    axis.set_ylim(-0.7, len(found) - 0.3)
    axis.set_xlabel(
        "linnet ÷ reference   (green: goal met, red: missed, grey: no goal; small dots: rounds)", color=_INK
    )
    return _save(figure, "linnet beside its references", report, path)


def _draw_times(scenarios: Sequence[tuple[str, Sequence[Side]]], report: Report, path: Path) -> Path:
    """For each scenario the share of requests that were answered within a time."""
    figure, axes = _figure(len(scenarios), 10.5, 0.8 + 3.3 * math.ceil(len(scenarios) / 2), columns=2)
    for axis, (scenario, sides) in zip(axes, scenarios, strict=False):
        for side, colour in zip(sorted(sides, key=lambda side: side.p50_ms)[-len(_SIDES) :], _SIDES, strict=False):
            times = [max(ms, 1e-3) for ms in side.curve_ms]
            label = f"{side.name}: {side.p50_ms:,.3g} / {side.p99_ms:,.3g} ms"
            axis.plot(times, range(len(times)), color=colour, linewidth=1.6, label=label)
        axis.set_title(scenario, fontsize=10, loc="left", color=_INK)
        _scale(axis)
        axis.set_ylim(0, 101)
        axis.set_ylabel("% answered", fontsize=8)
        axis.set_xlabel("within, ms", fontsize=8)
        below = {"loc": "upper left", "bbox_to_anchor": (0, -0.2)}
        axis.legend(fontsize=7, frameon=False, title="p50 / p99", title_fontsize=7, alignment="left", **below)
    for axis in axes[len(scenarios) :]:
        axis.set_visible(False)
    return _save(figure, "How long requests took", report, path)


def _write(axis: Any, text: str, at: tuple[float, float], shift: tuple[float, float], **style: Any) -> None:
    axis.annotate(text, at, shift, textcoords="offset points", **{"fontsize": 8, "color": _INK, **style})


def _scale(axis: Any) -> None:
    """As far from 1 to 2 as from 5 to 10, with numbers that are read at a glance."""
    from matplotlib.ticker import LogLocator, NullLocator

    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")


def _figure(count: int, width: float, height: float, *, columns: int = 1) -> tuple[Any, list[Any]]:
    # The class, not pyplot: no window, nothing global, nothing to close.
    from matplotlib.figure import Figure

    columns = min(columns, count)
    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    axes = list(figure.subplots(math.ceil(count / columns), columns, squeeze=False).flat)
    for axis in axes:
        axis.grid(visible=True, color=_GRID, linewidth=0.7)
        axis.set_axisbelow(True)
        axis.tick_params(labelsize=8, colors=_INK)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    return figure, axes


def _save(figure: Any, title: str, report: Report, path: Path) -> Path:
    busy = " — on a BUSY machine" if report.load.is_busy else ""
    rounds = f"{count(report.options.rounds, 'round')} of {report.options.seconds:g} s, seed {report.options.seed}"
    where = f"{report.machine.processors} processors, linnet {report.versions.get('linnet', '?')}"
    figure.suptitle(f"{title}\n{where}, {rounds}{busy}", fontsize=11, color=_INK)
    figure.savefig(path)
    return path
