"""From what people do and what it costs to machines of each role, with the reasoning line by line."""

import math
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from linnet.capacity.demand import Demand, Machine
from linnet.capacity.figures import Figures

Unit = Literal["cores", "GiB"]

_GIB: Final = 2**30
_YEAR_HOURS: Final = 365 * 24


class Need(msgspec.Struct, frozen=True):
    """One line of the reasoning: so many times what each costs is so much of ``unit``."""

    what: str
    count: float
    each: float
    each_unit: str
    value: float
    unit: Unit


class Role(msgspec.Struct, frozen=True):
    """``needed`` carry the busiest minute, ``machines`` are these and the spare ones. ``note`` says what else."""

    name: str
    needs: list[Need]
    needed: int
    machines: int
    note: str

    def total(self, unit: Unit) -> float:
        return sum(need.value for need in self.needs if need.unit == unit)


class Plan(msgspec.Struct, frozen=True):
    """Machines of each role."""

    demand: Demand
    machine: Machine
    roles: list[Role]
    disk_gb: float
    disk_gb_per_year: float

    @property
    def machines(self) -> int:
        return sum(role.machines for role in self.roles)


def plan(demand: Demand, machine: Machine, figures: Figures) -> Plan:
    """Whatever ``machine.spare`` of a role's machines are lost, the others carry the busiest minute."""
    people = demand.windows
    return Plan(
        demand,
        machine,
        [
            _web(demand, machine, figures),
            _workers(demand, machine, figures),
            _role("jobs", [], machine, "Nobody waits for them: mail, exports, pictures, what is done at night."),
            _postgres(demand, machine, figures),
            _valkey(demand, machine, figures),
        ],
        people * (figures["person_bytes"] + demand.mean_followers * figures["follow_bytes"]) / 1e9,
        demand.online * demand.posts_per_hour * _YEAR_HOURS * figures["tweet_bytes"] / 1e9,
    )


def _cpu(what: str, per_second: float, each_us: float) -> Need:
    return Need(what, per_second, each_us, "µs", per_second * each_us / 1e6, "cores")


def _memory(what: str, count: float, each_bytes: float) -> Need:
    return Need(what, count, each_bytes, "bytes", count * each_bytes / _GIB, "GiB")


def _role(name: str, needs: Sequence[Need], machine: Machine, note: str) -> Role:
    """As many as CPU and memory ask for, whichever is more, one at least, and the spare ones."""
    cores = sum(need.value for need in needs if need.unit == "cores")
    gib = sum(need.value for need in needs if need.unit == "GiB")
    needed = max(1, _times(cores, machine.usable_cores), _times(gib * _GIB, machine.usable_bytes))
    return Role(name, list(needs), needed, needed + machine.spare, note)


def _times(need: float, each: float) -> int:
    # A sum that is a whole number but for the last binary digit is that number.
    return math.ceil(round(need / each, 9))


def _web(demand: Demand, machine: Machine, figures: Figures) -> Role:
    needs = [
        _cpu("home pages/s", demand.pages_per_second, figures["page_web_us"]),
        _cpu("of them that build a window/s", demand.cold_per_second, figures["cold_web_us"]),
        _cpu("tweets posted/s", demand.posts_per_second, figures["post_web_us"]),
        _cpu("searches/s", demand.searches_per_second, figures["search_web_us"]),
        _cpu("tweets in streams/s", demand.heard_per_second, figures["stream_delivery_us"]),
        _memory("streams", demand.streams, figures["stream_bytes"]),
    ]
    cores = sum(need.value for need in needs if need.unit == "cores")
    processes = math.ceil(cores / machine.busy)
    needs.append(_memory("processes, one for each core", processes, figures["web_process_bytes"]))
    return _role("web", needs, machine, "They hold nothing: any number of them, behind a load balancer.")


def _workers(demand: Demand, machine: Machine, figures: Figures) -> Role:
    needs = [
        _cpu("tweets/s, in large batches", demand.posts_per_second, figures["post_worker_us"]),
        _cpu("deliveries/s", demand.deliveries_per_second, figures["delivery_worker_us"]),
    ]
    cores = sum(need.value for need in needs)
    processes = max(1, math.ceil(cores / machine.busy))
    needs.append(_memory("processes, one for each core", processes, figures["worker_process_bytes"]))
    return _role("worker", needs, machine, "They share 64 lanes, so more than 64 processes would have nothing to do.")


def _postgres(demand: Demand, machine: Machine, figures: Figures) -> Role:
    needs = [
        _cpu("tweets/s, in large batches", demand.posts_per_second, figures["post_postgres_us"]),
        _cpu(
            "deliveries/s, whose readers are looked up", demand.deliveries_per_second, figures["delivery_postgres_us"]
        ),
        _cpu("windows built/s", demand.cold_per_second, figures["cold_postgres_us"]),
        _cpu("searches/s", demand.searches_per_second, figures["search_postgres_us"]),
    ]
    cores = sum(need.value for need in needs)
    needed = max(1, _times(cores, machine.usable_cores))
    note = (
        "One that is written to; each spare one is a standby that takes over."
        if needed == 1
        else f"More than one machine of {machine.cores} cores can do: a larger one, or Citus with as many workers, each"
        " with its own standby. Replicas take over what only reads."
    )
    return Role("PostgreSQL", needs, needed, needed * (1 + machine.spare), note)


def _valkey(demand: Demand, machine: Machine, figures: Figures) -> Role:
    """A node does everything on one core. Primaries and replicas lie evenly on all machines."""
    needs = [
        _cpu("deliveries/s", demand.deliveries_per_second, figures["delivery_valkey_us"]),
        _cpu("home pages/s", demand.pages_per_second, figures["page_valkey_us"]),
        _memory("windows", demand.windows, figures["window_bytes"]),
    ]
    used = sum(need.value for need in needs if need.unit == "GiB") * _GIB
    cores = sum(need.value for need in needs if need.unit == "cores")
    copies = 1 + machine.spare
    # Replicas do every write again, and hold everything again.
    machines = max(copies, _times(used * copies, machine.usable_bytes), _times(cores * copies, machine.usable_cores))
    needed = max(1, _times(used, machine.usable_bytes), _times(cores, machine.usable_cores))
    primaries = max(1, _times(cores, machine.busy), _times(used, machine.usable_bytes))
    if primaries > 1:
        # The same number on each machine.
        primaries = machines * -(-primaries // machines)
    one = primaries == 1
    return Role(
        "Valkey",
        needs,
        needed,
        machines,
        f"{primaries} primar{'y' if one else 'ies'} of {used / primaries / _GIB:.1f} GiB, with {machine.spare}"
        f" replica{'' if machine.spare == 1 else 's'} {'' if one else 'each '}on other machines."
        + ("" if one else " More than one primary is Valkey Cluster."),
    )
