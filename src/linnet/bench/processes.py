"""What processes of a server used so far: CPU and memory, by the role that each has."""

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

_TICKS = os.sysconf("SC_CLK_TCK")
# The words of a command line that say which role a process has; the first that fits counts.
_ROLES = (("linnet\0web", "web"), ("linnet\0worker", "worker"), ("postgres", "PostgreSQL"), ("valkey", "Valkey"))
SERVE = "serve"


class Family(msgspec.Struct, frozen=True):
    """The processes of a server by role: ``linnet serve`` and all that it started."""

    pid: int

    def cpu_seconds(self) -> dict[str, float]:
        """By role, with what children had used that have ended since, such as those of closed connections."""
        spent: dict[str, float] = {}
        for member in family_of(self.pid):
            role = role_of(member)
            spent[role] = spent.get(role, 0.0) + _cpu_with_ended_children(member)
        return spent

    def memory_mb(self) -> dict[str, float]:
        """By role, each page that several share counted once over all; without those that we may not look into."""
        held: dict[str, float] = {}
        for member in family_of(self.pid):
            if (bytes_held := memory_bytes([member])) is not None:
                role = role_of(member)
                held[role] = held.get(role, 0.0) + bytes_held / 1e6
        return held


class Program(msgspec.Struct, frozen=True):
    """A single server and all that it started, in one role."""

    pid: int
    role: str

    def cpu_seconds(self) -> dict[str, float]:
        return {self.role: sum(map(_cpu_with_ended_children, family_of(self.pid)))}

    def memory_mb(self) -> dict[str, float]:
        held = memory_bytes(family_of(self.pid))
        return {} if held is None else {self.role: held / 1e6}


class Together(msgspec.Struct, frozen=True):
    """Several of them at once; memory is that of the first alone."""

    parts: list[Family | Program]

    def cpu_seconds(self) -> dict[str, float]:
        return _added(part.cpu_seconds() for part in self.parts)

    def memory_mb(self) -> dict[str, float]:
        return self.parts[0].memory_mb()


Watched = Family | Program | Together


def role_of(pid: int) -> str:
    """What a process is there for, by its command line and that of its parents; ``linnet serve`` is of no role."""
    while pid > 1:
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
            parent = int(_stat(pid)[1])
        except OSError:
            return SERVE
        for words, role in _ROLES:
            if words in line:
                return role
        if "linnet\0serve" in line:
            return SERVE
        pid = parent
    return SERVE


def family_of(pid: int) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    family, front = [pid], [pid]
    while front:
        front = [child for parent in front for child in children.get(parent, [])]
        family += front
    return family


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of processes so far."""
    total = 0
    for pid in pids:
        try:
            fields = _stat(pid)
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def memory_bytes(pids: Iterable[int]) -> int | None:
    """What processes hold, shared pages in parts; None when none of them may be looked into."""
    total: int | None = None
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total = (total or 0) + sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def process_named(pid: int, *words: str) -> int:
    """The process below ``pid`` whose command line has these words one after the other."""
    wanted = b"\0".join(word.encode() for word in words)
    for member in family_of(pid):
        try:
            if wanted in Path(f"/proc/{member}/cmdline").read_bytes():
                return member
        except OSError:
            continue
    raise LookupError(f"no process {' '.join(words)} runs")


def _stat(pid: int) -> list[str]:
    """The fields after the name, which may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _cpu_with_ended_children(pid: int) -> float:
    try:
        fields = _stat(pid)
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS


def _added(parts: Iterable[dict[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for part in parts:
        for role, value in part.items():
            total[role] = total.get(role, 0.0) + value
    return total
