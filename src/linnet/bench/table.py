"""Figures as people read them: a table of comparisons, and one of what each side took."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from rich import box
from rich.console import Console
from rich.table import Table

from linnet.bench.figures import Comparison, Side
from linnet.bench.report import Report

WIDTH = 118
_FEWEST_ROUNDS = 3
_MOST_SIDES = 6
_ROLES = {"web": "web", "worker": "worker", "PostgreSQL": "PG", "Valkey": "VK"}


def show_report(console: Console, report: Report) -> None:
    """The comparisons, then what requests took, then on what it was measured."""
    console.print(_comparisons(report.comparisons()))
    if sides := [side for one in report.measured for side in slowest(one.sides)]:
        console.print(_sides(sides))
    for one in report.measured:
        if (more := len(one.sides) - _MOST_SIDES) > 0:
            console.print(f"{one.scenario}: the {_MOST_SIDES} slowest kinds; {more} more in --json.", highlight=False)
    for one in report.measured:
        if one.notes:
            console.print(f"{one.scenario}: {one.notes}.", highlight=False)
    console.print()
    for line in foot(report):
        console.print(line, highlight=False)


def slowest(sides: Sequence[Side]) -> Sequence[Side]:
    """As many as a table has room for, in their order; of more than that those with the longest times."""
    if len(sides) <= _MOST_SIDES:
        return sides
    longest = sorted(sides, key=lambda side: side.p99_ms, reverse=True)[:_MOST_SIDES]
    return [side for side in sides if side in longest]


def foot(report: Report) -> list[str]:
    """What has to stand under the figures, so that nobody reads more out of them than is in them."""
    options, machine, load, stores = report.options, report.machine, report.load, report.stores
    lines = [
        f"{machine.processors} processors ({machine.model}), Python {machine.python},"
        f" linnet {report.versions.get('linnet', '?')};"
        f" seed {options.seed}, {count(options.rounds, 'round')} of {options.seconds:g} s.",
        "Ratios are medians of rounds in which both sides took turns. CPU is of a role per request.",
        f"Load average {load.before:.1f} before and {load.after:.1f} after {report.seconds / 60:.1f} minutes.",
    ]
    if stores is not None:
        whose = "given servers" if stores.are_given else "linnet's own"
        postgres, valkey = stores.postgres.get("server_version", "?"), stores.valkey.get("valkey_version", "?")
        lines.insert(1, f"PostgreSQL {postgres} (fsync {stores.postgres.get('fsync', '?')}), Valkey {valkey}: {whose}.")
    if load.is_busy:
        lines.append(
            f"The machine was BUSY when this began (a load of {load.before:.1f} on {load.processors} processors):"
            " trust no time, and ratios with care."
        )
    if options.rounds < _FEWEST_ROUNDS:
        lines.append(f"Medians of fewer than {_FEWEST_ROUNDS} rounds: these figures are rough.")
    return lines


def _comparisons(found: Sequence[Comparison]) -> Table:
    table = _table(
        ("measured", "left"),
        ("linnet", "right"),
        ("reference", "right"),
        ("unit", "left"),
        ("the reference is", "left"),
        ("ratio", "right"),
        ("goal", "left"),
        ("", "left"),
    )
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
    table = _table(
        ("what requests took", "left"),
        ("p50 ms", "right"),
        ("p99 ms", "right"),
        *((f"{short} µs", "right") for short in roles.values()),
        *((f"{short} MB", "right") for short in roles.values()),
    )
    last = ""
    for side in sides:
        if last and side.scenario != last:
            table.add_section()
        last = side.scenario
        table.add_row(
            f"{side.scenario}: {side.name}",
            number(side.p50_ms),
            number(side.p99_ms),
            *(f"{side.cpu_us[role]:,.0f}" if side.cpu_us.get(role, 0.0) >= 0.5 else "" for role in roles),
            *(f"{side.memory_mb[role]:,.0f}" if role in side.memory_mb else "" for role in roles),
        )
    return table


def _table(*columns: tuple[str, Literal["left", "right"]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0)
    for name, justify in columns:
        table.add_column(name, justify=justify, no_wrap=True)
    return table


def show_facts(title: str, facts: Mapping[str, str]) -> None:
    table = Table("", title, show_header=True)
    for name, value in facts.items():
        table.add_row(name, value)
    Console(width=130).print(table)


def verdict(found: Comparison) -> str:
    return "" if found.is_met is None else "met" if found.is_met else "MISSED"


def count(things: int, name: str) -> str:
    return f"{things:,} {name}{'' if things == 1 else 's'}"


def number(value: float) -> str:
    """Three digits or more."""
    if math.isnan(value):
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}" if value >= 10 else f"{value:,.2f}"
