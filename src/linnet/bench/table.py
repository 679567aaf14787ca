"""Figures as people read them: a table of comparisons, and one of what each side took."""

import math
from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from linnet.bench.figures import Comparison, Measured, Side

WIDTH = 118
_ROLES = {"web": "web", "worker": "worker", "PostgreSQL": "PG", "Valkey": "Valkey"}


def show_measured(console: Console, measured: Sequence[Measured]) -> None:
    """The comparisons, then the sides, then on what each scenario was measured."""
    console.print(_comparisons([found for one in measured for found in one.comparisons]))
    if sides := [side for one in measured for side in one.sides]:
        console.print(_sides(sides))
    for one in measured:
        if one.notes:
            console.print(f"{one.scenario}: {one.notes}.", highlight=False)


def _comparisons(found: Sequence[Comparison]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("measured", no_wrap=True)
    for name in ("linnet", "reference"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("reference is", no_wrap=True)
    table.add_column("ratio", justify="right", no_wrap=True)
    table.add_column("goal", no_wrap=True)
    table.add_column("", no_wrap=True)
    last = ""
    for each in found:
        if last and each.scenario != last:
            table.add_section()
        last = each.scenario
        table.add_row(
            each.name,
            number(each.ours),
            number(each.reference),
            each.unit,
            each.reference_is,
            "-" if math.isnan(each.ratio) else f"{each.ratio:.2f}",
            each.goal.said,
            verdict(each),
        )
    return table


def _sides(sides: Sequence[Side]) -> Table:
    roles = {role: short for role, short in _ROLES.items() if any(role in side.cpu_us for side in sides)}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("\na request of", no_wrap=True)
    for name in ("\np50", "\np99", *(f"CPU of\n{short}" for short in roles.values())):
        table.add_column(name, justify="right", no_wrap=True)
    for short in roles.values():
        table.add_column(f"memory\n{short}", justify="right", no_wrap=True)
    last = ""
    for side in sides:
        if last and side.scenario != last:
            table.add_section()
        last = side.scenario
        table.add_row(
            f"{side.scenario}: {side.name}",
            *("-" if math.isnan(ms) else f"{ms:,.1f} ms" for ms in (side.p50_ms, side.p99_ms)),
            *(f"{side.cpu_us[role]:,.0f} µs" if side.cpu_us.get(role, 0.0) >= 0.5 else "" for role in roles),
            *(f"{side.memory_mb[role]:,.0f} MB" if role in side.memory_mb else "" for role in roles),
        )
    return table


def show_facts(title: str, facts: Mapping[str, str]) -> None:
    table = Table("", title, show_header=True)
    for name, value in facts.items():
        table.add_row(name, value)
    Console(width=130).print(table)


def verdict(found: Comparison) -> str:
    return "" if found.is_met is None else "met" if found.is_met else "MISSED"


def number(value: float) -> str:
    """Three digits or more."""
    if math.isnan(value):
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}" if value >= 10 else f"{value:,.2f}"
