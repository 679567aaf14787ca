"""Breaks every part of a linnet in turn while people use it, and says what they noticed.

HAProxy in front of two web processes, two workers, PostgreSQL, and Valkey with a replica and three sentinels: all are
real processes on free ports of this machine, with their data in a temporary directory. After each fault every write
that was acknowledged must be there once, every timeline must be what its definition says, and nothing may wait.
"""

import argparse
import asyncio
import logging
import math
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import structlog
from rich.console import Console
from rich.table import Table

from bench.chaos.faults import FAULTS, Fault
from bench.chaos.ledger import summarize
from bench.chaos.run import Options, Result, run
from bench.chaos.stage import open_stage
from linnet.bench.afterwards import removed_afterwards
from linnet.bench.report import write_json

_GOAL = 0.9998
_IN_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 4 << 30
_MOST_REASONS = 5


async def _run(directory: Path, faults: Sequence[Fault], options: Options) -> list[Result]:
    task = asyncio.current_task()
    assert task is not None
    # As Ctrl-C does: what was started is stopped, and the directory removed.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with open_stage(directory) as stage:
        return await run(stage, faults, options)


def _table(results: Sequence[Result]) -> Table:
    table = Table(
        "fault",
        "requests",
        "refused",
        "failed",
        "asked again",
        "answered",
        "not failed",
        "bad for",
        "slow for",
        "p99",
        "slowest refusal",
        "lag p50/p99 during",
        "lag p50/p99 after",
        "drained in",
        "mistakes",
    )
    for result in results:
        figures = result.figures
        table.add_row(
            result.fault,
            f"{figures.requests:,}",
            str(figures.refused),
            str(figures.failed),
            str(result.asked_again),
            _percent(figures.share_answered),
            _percent(figures.share_not_failed),
            _seconds(figures.bad_seconds),
            _seconds(figures.slow_seconds),
            _seconds(figures.p99),
            _seconds(figures.longest_refusal),
            f"{_seconds(figures.lag_during_p50)} / {_seconds(figures.lag_during_p99)}",
            f"{_seconds(figures.lag_after_p50)} / {_seconds(figures.lag_after_p99)}",
            _seconds(result.drain_seconds),
            summarize(result.mistakes) or "none",
        )
    return table


def _percent(share: float) -> str:
    # Never rounded up: 99.98 has to be reached.
    return f"{math.floor(share * 100_000) / 1000:.3f} %"


def _seconds(seconds: float) -> str:
    if math.isnan(seconds):
        return "-"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


class _Share(msgspec.Struct, frozen=True):
    """Of some faults together."""

    requests: int
    refused: int
    failed: int

    @classmethod
    def of(cls, results: Sequence[Result]) -> "_Share":
        figures = [result.figures for result in results]
        return cls(
            sum(each.requests for each in figures),
            sum(each.refused for each in figures),
            sum(each.failed for each in figures),
        )

    def __str__(self) -> str:
        answered = 1 - (self.refused + self.failed) / self.requests if self.requests else 1.0
        not_failed = 1 - self.failed / self.requests if self.requests else 1.0
        return (
            f"{self.requests:,} requests, {_percent(answered)} answered properly ({self.refused} refused with"
            f" Retry-After, {self.failed} failed; {_percent(not_failed)} not failed)"
        )


def _show(results: Sequence[Result], faults: Sequence[Fault]) -> None:
    console = Console(width=240, highlight=False)
    console.print(_table(results))
    for result in results:
        for reason, count in list(result.figures.reasons.items())[:_MOST_REASONS]:
            console.print(f"{result.fault}: {count} × {reason}", markup=False)
        for mistake in result.mistakes[:_MOST_REASONS]:
            console.print(f"{result.fault}: MISTAKE {mistake.kind}: {mistake.subject}", markup=False)
    database = {fault.name for fault in faults if fault.strikes_database}
    console.print(f"in all (the goal is {_percent(_GOAL)}): {_Share.of(results)}")
    console.print(f"while PostgreSQL lived: {_Share.of([each for each in results if each.fault not in database])}")
    console.print(f"grown most: {max(result.grown_bytes for result in results) >> 20} MiB")


def main() -> None:
    names = [fault.name for fault in FAULTS]
    parser = argparse.ArgumentParser(
        prog="python -m bench.chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds-per-fault", type=float, default=Options().seconds, metavar="N", help="of load (default %(default)g)"
    )
    parser.add_argument("--rate", type=float, default=Options().rate, help="requests a second (default %(default)g)")
    parser.add_argument("--seed", type=int, default=1, help="what people do is drawn from (default 1)")
    parser.add_argument("--only", nargs="+", metavar="FAULT", choices=names, help=f"some of {', '.join(names)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE as well")
    parser.add_argument("--logs", type=Path, metavar="DIR", help="copy the logs of all processes to DIR at the end")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    faults = [fault for fault in FAULTS if options.only is None or fault.name in options.only]
    wanted = Options(seconds=options.seconds_per_fault, rate=options.rate, seed=options.seed)
    directory = Path(tempfile.mkdtemp(prefix="linnet-chaos-", dir=_place()))
    with removed_afterwards(directory):
        try:
            results = asyncio.run(_run(directory, faults, wanted))
        except (KeyboardInterrupt, asyncio.CancelledError):
            sys.exit("stopped")
        finally:
            if options.logs is not None:
                _copy_logs(directory, options.logs)
            shutil.rmtree(directory, ignore_errors=True)
    _show(results, faults)
    write_json(options.json, _as_json(wanted, results))
    sys.exit(1 if any(result.mistakes for result in results) else 0)


def _as_json(options: Options, results: Sequence[Result]) -> Any:
    faults = [
        msgspec.to_builtins(result)
        | {"share_answered": result.figures.share_answered, "share_not_failed": result.figures.share_not_failed}
        for result in results
    ]
    return {"options": msgspec.to_builtins(options), "goal": _GOAL, "faults": _without_nan(faults)}


def _without_nan(value: Any) -> Any:
    """JSON has no word for the lag of no tweet."""
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _place() -> str | None:
    """In memory, when there is room: the disk of a shared machine is none of the parts that are tried."""
    try:
        place = shutil.disk_usage(_IN_MEMORY)
    except OSError:
        return None
    return str(_IN_MEMORY) if place.free >= _ENOUGH_BYTES else None


def _copy_logs(directory: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for log in directory.rglob("*.log"):
        shutil.copyfile(log, target / "-".join(log.relative_to(directory).parts))


if __name__ == "__main__":
    main()
