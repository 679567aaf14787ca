"""The simulation of a planned place's busy hour, and of the loads that were really put on a small system."""

import math

import msgspec

from linnet.capacity.demand import HOUR, Demand
from linnet.capacity.figures import Figures, MeasuredLoad
from linnet.capacity.plan import Plan
from linnet.capacity.simulation import Costs, Failure, Hour, Plant, Traffic, simulate
from linnet.write.outbox.worker import WorkerOptions

_STRETCH_SECONDS = 60.0

_LOST_CONNECTION_SECONDS = 20.0
"""When a machine is cut off, PostgreSQL ends its connections after ``tcp_user_timeout`` (``stores.postgres.pool``)."""

_FAILOVER_SECONDS = 8.0
"""Sentinel's ``down-after-milliseconds`` of deploy/ and its vote, rounded up: docs/operations/valkey.md."""


class Scene(msgspec.Struct, frozen=True):
    """An hour of the plan, simulated: ``what`` happens in it."""

    what: str
    hour: Hour


class Summary(msgspec.Struct, frozen=True):
    """Lags in milliseconds. ``busy`` are shares of the time of all workers and all Valkeys."""

    what: str
    tweets: int
    deliveries: int
    batches: int
    again: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    worker_busy: float
    valkey_busy: float


class Held(msgspec.Struct, frozen=True):
    """A simulated load beside the measured one, whose lags are known as upper bounds of a histogram's buckets."""

    load: MeasuredLoad
    p50_ms: float
    p99_ms: float


def costs_of(figures: Figures) -> Costs:
    """In seconds."""

    def seconds(name: str) -> float:
        return figures[name] / 1e6

    return Costs(
        batch_worker=seconds("batch_worker_us"),
        event_worker=seconds("post_worker_us"),
        delivery_worker=seconds("delivery_worker_us"),
        batch_postgres=seconds("batch_postgres_us"),
        event_postgres=seconds("post_postgres_us"),
        delivery_postgres=seconds("delivery_postgres_us"),
        delivery_valkey=seconds("delivery_valkey_us"),
    )


def plant_of(workers: int, *, valkeys: int = 1, valkey_busy: float = 0.0) -> Plant:
    """Worker processes as ``linnet worker`` runs them."""
    options = WorkerOptions()
    return Plant(
        workers=workers,
        valkeys=valkeys,
        valkey_busy=valkey_busy,
        hands=options.hands,
        lanes_at_once=options.lanes_at_once,
        gather_seconds=options.gather_seconds,
        poll_seconds=options.poll_seconds,
        batch_size=options.lane.batch_size,
    )


def traffic_of(demand: Demand, *, reactions: int) -> Traffic:
    """An hour in whose middle the busiest minute lies."""
    return Traffic(
        seconds=HOUR,
        posts_per_second=demand.posts_per_second / demand.peak,
        peak=demand.peak,
        mean_followers=demand.mean_followers,
        celebrity_share=demand.celebrity_share,
        reactions=reactions,
    )


def scenes(plan: Plan, figures: Figures, *, seed: int, reactions: int) -> list[Scene]:
    """The hour as it should be; with a worker's machine that dies in the middle; with a Valkey that does."""
    roles = {role.name: role for role in plan.roles}
    cores = roles["worker"].total("cores")
    # As many processes on each machine as the need asks for, so that what dies is a machine's share.
    each = max(1, math.ceil(cores / plan.machine.busy / roles["worker"].needed))
    workers = each * roles["worker"].machines
    valkeys = max(1, math.ceil(roles["Valkey"].total("cores") / plan.machine.busy), roles["Valkey"].needed)
    pages = next(need for need in roles["Valkey"].needs if need.what.startswith("home pages"))
    busy = min(0.9, pages.value / valkeys)
    plant, traffic = plant_of(workers, valkeys=valkeys, valkey_busy=busy), traffic_of(plan.demand, reactions=reactions)
    costs = costs_of(figures)
    middle = HOUR / 2
    found = [Scene("nothing dies", simulate(traffic, plant, costs, seed=seed))]
    if roles["worker"].machines > 1:
        dead = [Failure("worker", middle, _LOST_CONNECTION_SECONDS, each)]
        what = f"a machine with {each} worker process{'' if each == 1 else 'es'} dies in the busiest minute"
        found.append(Scene(what, simulate(traffic, plant, costs, seed=seed, failures=dead)))
    dead = [Failure("valkey", middle, _FAILOVER_SECONDS)]
    what = "a Valkey dies in the busiest minute"
    found.append(Scene(what, simulate(traffic, plant, costs, seed=seed, failures=dead)))
    return found


def summary(scene: Scene) -> Summary:
    hour = scene.hour
    p50, p99, p999, most = (found * 1000 for found in hour.quantiles(0.5, 0.99, 0.999, 1.0))
    return Summary(
        scene.what,
        len(hour.lags),
        sum(hour.deliveries),
        hour.batches,
        hour.again,
        *(p50, p99, p999, most),
        hour.worker_busy,
        hour.valkey_busy,
    )


def by_minute(hour: Hour, share: float) -> list[tuple[float, float]]:
    """The quantile of the tweets committed in each minute: (minute, seconds)."""
    minutes: dict[int, list[float]] = {}
    for committed, lag in zip(hour.committed, hour.lags, strict=True):
        minutes.setdefault(int(committed // _STRETCH_SECONDS), []).append(lag)
    return [
        (float(minute), sorted(lags)[max(0, math.ceil(share * len(lags)) - 1)])
        for minute, lags in sorted(minutes.items())
    ]


def held_against_measured(figures: Figures, *, seed: int) -> list[Held]:
    """Each load that was measured, on one worker process and one Valkey, simulated with the same costs."""
    found = []
    for load in figures.loads:
        traffic = Traffic(
            seconds=max(1.0, load.posts / load.posts_per_second),
            posts_per_second=load.posts_per_second,
            followers=round(load.deliveries_per_post),
            every_seconds=1 / load.posts_per_second,
        )
        hour = simulate(traffic, plant_of(1), costs_of(figures), seed=seed)
        p50, p99 = hour.quantiles(0.5, 0.99)
        found.append(Held(load, p50 * 1000, p99 * 1000))
    return found
