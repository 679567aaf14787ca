"""Figures: what a list of measurements comes to. How they are shown is ``table.py``, ``report.py`` and ``plots.py``."""

import math
import statistics
from collections.abc import Mapping, Sequence

import msgspec

_CURVE_POINTS = 101


class Goal(msgspec.Struct, frozen=True):
    """What a figure is held to: bounds of the ratio, or of our own figure in its unit where no ratio is meant.

    ``said`` is the sentence of the design, as short as it is in a table. Without any bound it is held to nothing.
    """

    said: str = ""
    ratio_at_least: float | None = None
    ratio_at_most: float | None = None
    ours_at_most: float | None = None

    def is_met(self, *, ours: float, ratio: float) -> bool | None:
        """None when there is no goal. Not a number is not met: what could not be measured was not reached."""
        if not self.said:
            return None
        return (
            (self.ratio_at_least is None or ratio >= self.ratio_at_least)
            and (self.ratio_at_most is None or ratio <= self.ratio_at_most)
            and (self.ours_at_most is None or ours <= self.ours_at_most)
        )


NO_GOAL = Goal()


class Comparison(msgspec.Struct, frozen=True):
    """Something of linnet's beside its reference, each as the median of interleaved rounds.

    ``ratio`` is the median of the rounds' own ``ratios``, so that a slow moment of the machine hits both sides of one.
    ``reference_is`` says what stands beside it. ``is_met`` is None when there is no goal.
    """

    scenario: str
    name: str
    unit: str
    ours: float
    reference: float
    reference_is: str
    ratio: float
    ratios: list[float]
    goal: Goal
    is_met: bool | None
    notes: str = ""


class Side(msgspec.Struct, frozen=True):
    """How requests fared on one side of a comparison.

    ``curve_ms`` holds the times at 0, 1, … 100 % of all requests. ``cpu_us`` is CPU of a process's role per request,
    ``memory_mb`` what the role held at the end for itself.
    """

    scenario: str
    name: str
    requests: int
    p50_ms: float
    p99_ms: float
    curve_ms: list[float]
    cpu_us: dict[str, float]
    memory_mb: dict[str, float]


class Measured(msgspec.Struct, frozen=True):
    """What came out of a scenario. ``notes`` say what it was measured on."""

    scenario: str
    comparisons: list[Comparison]
    sides: list[Side] = []
    notes: str = ""


def compare(
    scenario: str,
    name: str,
    unit: str,
    rounds: Sequence[tuple[float, float]],
    *,
    beside: str,
    goal: Goal = NO_GOAL,
    notes: str = "",
) -> Comparison:
    """Of (ours, reference) of each round. A reference of nothing makes a ratio that is not a number."""
    ratios = [ours / reference if reference else math.nan for ours, reference in rounds]
    ours, ratio = statistics.median(ours for ours, _ in rounds), statistics.median(ratios)
    reference = statistics.median(reference for _, reference in rounds)
    is_met = goal.is_met(ours=ours, ratio=ratio)
    return Comparison(scenario, name, unit, ours, reference, beside, ratio, ratios, goal, is_met, notes)


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def curve(values: Sequence[float]) -> list[float]:
    """The quantiles at every hundredth, from the smallest value to the largest; nothing of nothing."""
    if not values:
        return []
    ordered = sorted(values)
    last = _CURVE_POINTS - 1
    return [ordered[max(0, math.ceil(at * len(ordered) / last) - 1)] for at in range(_CURVE_POINTS)]


def bucket_quantile(buckets: Mapping[float, float], share: float) -> float:
    """An upper bound: the bucket's edge below which at least this share lies. ``buckets`` count cumulatively."""
    total = max(buckets.values(), default=0.0)
    if not total:
        return math.nan
    return min(edge for edge, count in buckets.items() if count >= share * total)


def milliseconds(seconds: float) -> str:
    return "-" if math.isnan(seconds) else f"{seconds * 1000:.1f} ms"
