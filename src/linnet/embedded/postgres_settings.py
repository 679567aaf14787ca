"""The bundled PostgreSQL's settings, written anew at each start to fit the machine it finds itself on."""

import os
from pathlib import Path

_MIB = 1024 * 1024
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_SHARED_MEMORY = Path("/dev/shm")


def memory_bytes() -> int:
    """What this machine has, or this container may use."""
    machine_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for path in _CGROUP_LIMITS:
        try:
            return min(machine_bytes, int(Path(path).read_text()))
        except (OSError, ValueError):
            # No such file, or no limit, which is written as the word "max".
            continue
    return machine_bytes


def _between(low: int, value: int, high: int) -> int:
    return max(low, min(value, high))


def server_settings(socket_directory: str, *, durable: bool) -> str:
    """The text of ``linnet.conf``. It is included last, and `alter system` still has the final word."""
    memory_mib = memory_bytes() // _MIB
    switch = "on" if durable else "off"
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": socket_directory,
        "unix_socket_permissions": "0700",
        "cluster_name": "linnet",
        "max_connections": "200",
        "shared_buffers": f"{_between(64, memory_mib // 8, 1024)}MB",
        "effective_cache_size": f"{_between(256, memory_mib // 2, 65536)}MB",
        "maintenance_work_mem": f"{_between(32, memory_mib // 32, 512)}MB",
        "work_mem": "8MB",
        "fsync": switch,
        "synchronous_commit": switch,
        "full_page_writes": switch,
        "min_wal_size": "128MB",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "10min",
        "random_page_cost": "1.1",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",
        "lc_messages": "C",
    }
    space = os.statvfs(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None
    # Containers get 64 MB there by default, which parallel queries overrun. And what tests start is killed now and
    # then: in its own directory it leaves nothing behind.
    if not durable or space is None or space.f_frsize * space.f_blocks < 256 * _MIB:
        settings["dynamic_shared_memory_type"] = "mmap"
    lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'" for name, value in settings.items()]
    return "\n".join(["# Written by linnet at each start; changes here are lost.", *lines, ""])
