"""Figures: what a list of measurements comes to, and how it is shown."""

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table


class Comparison(msgspec.Struct, frozen=True):
    """Something of linnet's beside its reference, each as the median of interleaved rounds.

    ``ratio`` is the median of the rounds' own ratios, so that a slow moment of the machine hits both sides of one.
    ``goal`` is the sentence of the design that the ratio is held to, ``is_met`` whether it is.
    """

    name: str
    unit: str
    ours: float
    reference: float
    ratio: float
    rounds: int
    goal: str
    is_met: bool
    notes: str = ""


def compare(
    name: str,
    unit: str,
    rounds: Sequence[tuple[float, float]],
    *,
    goal: str,
    at_least: float = -math.inf,
    at_most: float = math.inf,
    notes: str = "",
) -> Comparison:
    """Of (ours, reference) of each round."""
    ratio = statistics.median(ours / reference for ours, reference in rounds)
    return Comparison(
        name,
        unit,
        statistics.median(ours for ours, _ in rounds),
        statistics.median(reference for _, reference in rounds),
        ratio,
        len(rounds),
        goal,
        at_least <= ratio <= at_most,
        notes,
    )


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def bucket_quantile(buckets: Mapping[float, float], share: float) -> float:
    """An upper bound: the bucket's edge below which at least this share lies. ``buckets`` count cumulatively."""
    total = max(buckets.values(), default=0.0)
    if not total:
        return math.nan
    return min(edge for edge, count in buckets.items() if count >= share * total)


def show_comparisons(comparisons: Sequence[Comparison]) -> None:
    table = Table("measured", "linnet", "reference", "unit", "ratio", "goal", "")
    for found in comparisons:
        table.add_row(
            found.name,
            _number(found.ours),
            _number(found.reference),
            found.unit,
            f"{found.ratio:.2f}",
            found.goal,
            "" if found.goal == "none" else "met" if found.is_met else "MISSED",
        )
    console = Console(width=130)
    console.print(table)
    for found in comparisons:
        if found.notes:
            console.print(f"{found.name}: {found.notes}", highlight=False)


def show_facts(title: str, facts: Mapping[str, str]) -> None:
    table = Table("", title, show_header=True)
    for name, value in facts.items():
        table.add_row(name, value)
    Console(width=130).print(table)


def write_json(path: Path | None, results: Any) -> None:
    if path is not None:
        path.write_text(json.dumps(msgspec.to_builtins(results), indent=2) + "\n")


def milliseconds(seconds: float) -> str:
    return "-" if math.isnan(seconds) else f"{seconds * 1000:.1f} ms"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"
