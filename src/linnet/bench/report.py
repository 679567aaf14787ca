"""Results as one thing: everything that a person or a machine reads, and that is needed to measure again."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from linnet.bench.figures import Comparison, Measured
from linnet.bench.machine import LoadAverage, Machine, Stores, find_versions, look_at_machine

_FORMAT = 1


class Options(msgspec.Struct, frozen=True):
    """What was asked for. The same options on the same machine measure the same."""

    scenarios: list[str]
    rounds: int = 5
    seconds: float = 2.0
    tweets: int = 100_000
    streams: int = 1_000
    seed: int = 1


class Report(msgspec.Struct, frozen=True):
    """All of a run. ``format`` is another number when a reader of the JSON has to know."""

    format: int
    measured_at: str
    seconds: float
    options: Options
    machine: Machine
    versions: dict[str, str]
    stores: Stores | None
    load: LoadAverage
    measured: list[Measured]

    def comparisons(self) -> list[Comparison]:
        return [found for one in self.measured for found in one.comparisons]

    def count_goals(self) -> int:
        return sum(found.is_met is not None for found in self.comparisons())

    def count_missed(self) -> int:
        return sum(found.is_met is False for found in self.comparisons())


def make_report(
    options: Options, measured: Sequence[Measured], *, stores: Stores | None, load: LoadAverage, seconds: float
) -> Report:
    return Report(
        format=_FORMAT,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(seconds, 1),
        options=options,
        machine=look_at_machine(),
        versions=find_versions(),
        stores=stores,
        load=load,
        measured=list(measured),
    )


def write_json(path: Path | None, results: Any) -> None:
    """Nothing without a path. Numbers that are none, of which JSON knows nothing, become null."""
    if path is not None:
        path.write_text(json.dumps(json.loads(msgspec.json.encode(results)), indent=2, ensure_ascii=False) + "\n")
