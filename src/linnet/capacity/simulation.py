"""The busy hour, event by event: tweets arrive, workers take lanes in batches, windows are written, a machine dies.

What is simulated is what ``write.outbox`` does: 64 lanes; hands that take up to so many waiting lanes and no sooner
than a moment after the hand before; one batch for all events of these lanes; a processor for each worker process, one
for each Valkey. Times of all steps are measured costs. The same seed makes the same hour.

A tweet's *lag* is from its commit to the end of its effects. A batch that dies with its machine was not committed: its
events are applied again by others, as soon as PostgreSQL knows that nobody holds their lanes any more.
"""

import heapq
import math
import random
from collections import deque
from itertools import count, islice
from typing import Final, Literal

import msgspec

from linnet.domain.event import LANES

_TAIL_ALPHA: Final = 1.67
"""Of the numbers of followers, in places as ``linnet bench place`` makes them."""


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of a processor, or of waiting for PostgreSQL."""

    batch_worker: float
    event_worker: float
    delivery_worker: float
    batch_postgres: float
    event_postgres: float
    delivery_postgres: float
    delivery_valkey: float


class Plant(msgspec.Struct, frozen=True, kw_only=True):
    """What there is. ``valkey_busy`` is the share of each Valkey's time that reading takes."""

    workers: int
    valkeys: int = 1
    valkey_busy: float = 0.0
    hands: int
    lanes_at_once: int
    gather_seconds: float
    poll_seconds: float
    batch_size: int


class Failure(msgspec.Struct, frozen=True):
    """A machine dies. ``seconds``: until PostgreSQL knows it of a worker, until a replica took over for a Valkey.

    One with ``count`` workers dies at the next moment at which one of these has something in hand: else nobody would
    notice.
    """

    role: Literal["worker", "valkey"]
    at_seconds: float
    seconds: float
    count: int = 1


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """Who posts. The rate rises from ``posts_per_second`` to ``peak`` times that in the middle, and falls again.

    ``followers`` fixes how many windows a tweet goes to, else it is drawn with the mean ``mean_followers`` and at most
    ``most_followers``. Celebrities' tweets are pulled, and each brings ``reactions``, tweets of others within a minute.
    """

    seconds: float
    posts_per_second: float
    peak: float = 1.0
    mean_followers: float = 50.0
    most_followers: int = 5000
    followers: int | None = None
    celebrity_share: float = 0.0
    reactions: int = 0
    reaction_seconds: float = 60.0
    every_seconds: float | None = None


class Hour(msgspec.Struct, frozen=True):
    """What came of it, tweet by tweet in the order in which they were committed: when, how late, to how many windows.

    ``again`` counts events that were applied again after a machine died; ``batches`` those that were committed.
    """

    committed: list[float]
    lags: list[float]
    deliveries: list[int]
    batches: int
    again: int
    worker_busy: float
    valkey_busy: float

    def quantiles(self, *shares: float) -> list[float]:
        """Of all lags, in seconds: the smallest that at least these shares of them do not exceed."""
        ordered = sorted(self.lags)
        return [ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan for share in shares]


class _Worker(msgspec.Struct):
    """A process. ``free_at`` is when its processor is done with all that it was given."""

    number: int
    hands: int
    free_at: float = 0.0
    gathers_until: float = 0.0
    is_alive: bool = True
    asleep: bool = False


class _Batch(msgspec.Struct):
    worker: _Worker
    lanes: list[int]
    events: list[int]
    is_lost: bool = False


def simulate(traffic: Traffic, plant: Plant, costs: Costs, *, seed: int, failures: list[Failure] | None = None) -> Hour:
    """Runs until every tweet is delivered, which may be after the hour."""
    return _Simulation(traffic, plant, costs, seed, failures or []).run()


class _Simulation:
    def __init__(self, traffic: Traffic, plant: Plant, costs: Costs, seed: int, failures: list[Failure]) -> None:
        self._traffic, self._plant, self._costs = traffic, plant, costs
        self._chance = random.Random(seed)
        self._order = count()
        self._agenda: list[tuple[float, int, str, object]] = []
        self._committed: list[float] = []
        self._delivered: list[float] = []
        self._sizes: list[int] = []
        self._lanes: list[int] = []
        self._waiting: list[deque[int]] = [deque() for _ in range(LANES)]
        self._ready: dict[int, None] = {}
        self._held: set[int] = set()
        self._workers = [_Worker(number, plant.hands) for number in range(plant.workers)]
        self._valkey_free = [0.0] * plant.valkeys
        self._in_hand: list[_Batch] = []
        self._dying: Failure | None = None
        self._batches = self._again = 0
        self._worker_seconds = self._valkey_seconds = 0.0
        for failure in failures:
            if failure.role == "worker" and failure.count >= plant.workers:
                raise ValueError("somebody has to be left to apply what waits")
            self._at(failure.at_seconds, "failure", failure)
        self._at(self._next_post(0.0), "post", True)

    def _at(self, time: float, kind: str, about: object) -> None:
        heapq.heappush(self._agenda, (time, next(self._order), kind, about))

    def run(self) -> Hour:
        ended = 0.0
        while self._agenda:
            time, _, kind, about = heapq.heappop(self._agenda)
            if kind == "post":
                self._post(time, is_regular=bool(about))
            elif kind == "done" and isinstance(about, _Batch):
                self._done(time, about)
            elif kind == "failure" and isinstance(about, Failure):
                self._fail(time, about)
            elif kind == "known" and isinstance(about, _Batch):
                self._release(about)
            elif isinstance(about, _Worker):
                about.asleep = False
            self._hand_out(time)
            ended = max(ended, time)
        lags = [done - posted for done, posted in zip(self._delivered, self._committed, strict=True)]
        whole = max(ended, 1e-9)
        return Hour(
            self._committed,
            lags,
            self._sizes,
            self._batches,
            self._again,
            self._worker_seconds / whole / self._plant.workers,
            self._valkey_seconds / whole / self._plant.valkeys + self._plant.valkey_busy,
        )

    # Who posts

    def _rate(self, time: float) -> float:
        hump = math.sin(math.pi * min(1.0, time / self._traffic.seconds)) ** 2
        return self._traffic.posts_per_second * (1 + (self._traffic.peak - 1) * hump)

    def _next_post(self, time: float) -> float:
        if self._traffic.every_seconds is not None:
            return time + self._traffic.every_seconds
        # At the highest rate there is, and as many of them left out as the rate is lower (thinning).
        highest = self._traffic.posts_per_second * self._traffic.peak
        while time < self._traffic.seconds:
            time += self._chance.expovariate(highest)
            if self._chance.random() * highest <= self._rate(time):
                break
        return time

    def _post(self, time: float, *, is_regular: bool) -> None:
        if is_regular:
            if time >= self._traffic.seconds:
                return
            self._at(self._next_post(time), "post", True)
        size = self._followers()
        if is_regular and self._chance.random() < self._traffic.celebrity_share:
            size = 0
            for _ in range(self._traffic.reactions):
                self._at(time + self._chance.expovariate(1 / self._traffic.reaction_seconds), "post", False)
        lane = self._chance.randrange(LANES)
        self._waiting[lane].append(len(self._committed))
        self._committed.append(time)
        self._delivered.append(math.nan)
        self._sizes.append(size)
        self._lanes.append(lane)
        if lane not in self._held:
            self._ready[lane] = None

    def _followers(self) -> int:
        if self._traffic.followers is not None:
            return self._traffic.followers
        least = self._traffic.mean_followers * (_TAIL_ALPHA - 1) / _TAIL_ALPHA
        drawn = least * self._chance.paretovariate(_TAIL_ALPHA)
        return min(self._traffic.most_followers, int(drawn + self._chance.random()))

    # Who applies

    def _hand_out(self, time: float) -> None:
        """Waiting lanes go to workers with a free hand; who gathers is asked again when that is over."""
        while self._ready:
            free = [worker for worker in self._workers if worker.is_alive and worker.hands]
            able = [worker for worker in free if worker.gathers_until <= time]
            if not able:
                for worker in free:
                    if not worker.asleep:
                        worker.asleep = True
                        self._at(worker.gathers_until, "awake", worker)
                return
            # Whoever has been idle the longest hears of it first.
            worker = min(able, key=lambda one: (one.gathers_until, one.number))
            lanes = sorted(self._ready)[: self._plant.lanes_at_once]
            self._begin(time, worker, lanes)

    def _begin(self, time: float, worker: _Worker, lanes: list[int]) -> None:
        size = self._plant.batch_size
        events = sorted(event for lane in lanes for event in islice(self._waiting[lane], size))[:size]
        chosen = set(events)
        for lane in lanes:
            del self._ready[lane]
            self._held.add(lane)
            while self._waiting[lane] and self._waiting[lane][0] in chosen:
                self._waiting[lane].popleft()
        worker.hands -= 1
        worker.gathers_until = time + self._plant.gather_seconds
        batch = _Batch(worker, lanes, events)
        self._in_hand.append(batch)
        deliveries = sum(self._sizes[event] for event in events)
        costs = self._costs
        computing = costs.batch_worker + len(events) * costs.event_worker + deliveries * costs.delivery_worker
        self._worker_seconds += computing
        worker.free_at = max(time, worker.free_at) + computing
        answered = worker.free_at + (
            costs.batch_postgres + len(events) * costs.event_postgres + deliveries * costs.delivery_postgres
        )
        self._at(self._write(answered, deliveries), "done", batch)
        if self._dying is not None and worker.number < self._dying.count:
            self._at(time + computing / 2, "failure", self._dying)
            self._dying = None

    def _write(self, time: float, deliveries: int) -> float:
        """When the last of the Valkeys has taken its part. What it reads meanwhile slows it down."""
        if not deliveries:
            return time
        part = deliveries / self._plant.valkeys * self._costs.delivery_valkey
        self._valkey_seconds += part * self._plant.valkeys
        for node, free in enumerate(self._valkey_free):
            self._valkey_free[node] = max(free, time) + part / (1 - self._plant.valkey_busy)
        return max(self._valkey_free)

    def _done(self, time: float, batch: _Batch) -> None:
        if batch.is_lost:
            return
        for event in batch.events:
            self._delivered[event] = time
        self._batches += 1
        batch.worker.hands += 1
        self._release(batch)

    def _release(self, batch: _Batch) -> None:
        self._in_hand.remove(batch)
        for lane in batch.lanes:
            self._held.discard(lane)
            if self._waiting[lane]:
                self._ready[lane] = None

    def _fail(self, time: float, failure: Failure) -> None:
        if failure.role == "valkey":
            self._valkey_free[0] = max(self._valkey_free[0], time + failure.seconds)
            return
        if not any(batch.worker.number < failure.count for batch in self._in_hand):
            self._dying = failure
            return
        for worker in self._workers[: failure.count]:
            worker.is_alive = False
        for batch in self._in_hand:
            if not batch.worker.is_alive and not batch.is_lost:
                batch.is_lost = True
                self._again += len(batch.events)
                for event in reversed(batch.events):
                    self._waiting[self._lanes[event]].appendleft(event)
                self._at(time + failure.seconds, "known", batch)
