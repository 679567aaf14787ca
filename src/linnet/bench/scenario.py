"""What a scenario is: how hard to try, what takes turns, and what that comes to."""

import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from linnet.bench.figures import Comparison, Goal, Measured, Side, compare, curve, quantile
from linnet.bench.processes import Watched
from linnet.bench.serving import Site
from linnet.bench.steady_load import Asked, Load, run_load

_WARM_UP_SECONDS = 0.5
CONNECTIONS = 16


def _quiet(said: str) -> None:
    """Nobody watches."""


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """How long and on how much to measure. ``rounds`` of ``seconds`` for each side, after a shorter one to get warm.

    ``tweets`` are searched and ``streams`` opened. ``scratch`` is a directory to write in, ``tell`` is told how far it
    is.
    """

    scratch: Path
    seed: int = 1
    rounds: int = 5
    seconds: float = 2.0
    tweets: int = 100_000
    streams: int = 1_000
    tell: Callable[[str], None] = _quiet


class Scenario(msgspec.Struct, frozen=True):
    """Something to measure on an empty place of its own, which is started with ``settings``.

    ``run`` first fills the place. The module's ``measure`` does the rest on any place that is filled already.
    """

    name: str
    sentence: str
    run: Callable[[Site, Effort], Awaitable[Measured]]
    settings: Mapping[str, str] = {}


class Turn(msgspec.Struct, frozen=True):
    """One side of a round: requests' times by kind, what all took; CPU seconds by role, memory at the end."""

    times: Mapping[str, Sequence[float]]
    count: int
    seconds: float
    cpu_seconds: Mapping[str, float]
    memory_mb: Mapping[str, float]

    @property
    def rate(self) -> float:
        return self.count / self.seconds

    def cpu_us(self, role: str) -> float:
        """Of one role per request."""
        return self.cpu_seconds.get(role, 0.0) / self.count * 1e6

    def all_times(self) -> list[float]:
        return [time for times in self.times.values() for time in times]


Take = Callable[[float], Awaitable[Turn]]
"""Measures one side for so many seconds."""


def asking(
    port: int, requests: Sequence[Asked], watched: Watched, effort: Effort, *, connections: int = CONNECTIONS
) -> Take:
    """A side that is asked over HTTP by clients in another process."""

    async def take(seconds: float) -> Turn:
        plan = Load(port, list(requests), connections, seconds)
        return await take_load(plan, watched, effort.scratch)

    return take


async def take_load(plan: Load, watched: Watched, scratch: Path) -> Turn:
    before = watched.cpu_seconds()
    answered = await run_load(plan, scratch)
    return Turn(
        answered.times, answered.count, answered.seconds, since(before, watched.cpu_seconds()), watched.memory_mb()
    )


def since(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    return {role: spent - before.get(role, 0.0) for role, spent in after.items()}


async def in_turns(sides: Mapping[str, Take], effort: Effort) -> dict[str, list[Turn]]:
    """Rounds of all sides by name; each round another side goes first, so that none always meets the warmer machine."""
    names = list(sides)
    for name in names:
        effort.tell(f"{name}: warming up")
        await sides[name](min(_WARM_UP_SECONDS, effort.seconds))
    taken: dict[str, list[Turn]] = {name: [] for name in names}
    for number in range(effort.rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            effort.tell(f"{name}: round {number + 1} of {effort.rounds}")
            taken[name].append(await sides[name](effort.seconds))
    return taken


def compare_turns(
    scenario: str,
    name: str,
    unit: str,
    figure: Callable[[Turn], float],
    ours: Sequence[Turn],
    theirs: Sequence[Turn],
    *,
    beside: str,
    goal: Goal | None = None,
    notes: str = "",
) -> Comparison:
    """One figure of each turn of ours beside the same of the reference's turn in that round."""
    rounds = [(figure(our), figure(their)) for our, their in zip(ours, theirs, strict=True)]
    return compare(scenario, name, unit, rounds, beside=beside, goal=goal or Goal(), notes=notes)


def side_of(scenario: str, name: str, turns: Sequence[Turn], *, kind: str | None = None) -> Side:
    """All turns of a side together; of one ``kind`` of requests only their times."""
    times = [
        seconds * 1000 for turn in turns for seconds in (turn.all_times() if kind is None else turn.times.get(kind, []))
    ]
    roles = dict.fromkeys(role for turn in turns for role in turn.cpu_seconds) if kind is None else {}
    return Side(
        scenario,
        name,
        len(times) or sum(turn.count for turn in turns),
        quantile(times, 0.5),
        quantile(times, 0.99),
        curve(times),
        {role: statistics.median(turn.cpu_us(role) for turn in turns) for role in roles},
        dict(turns[-1].memory_mb) if kind is None else {},
    )
