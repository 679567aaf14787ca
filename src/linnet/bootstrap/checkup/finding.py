"""What a check says: how it stands, in one sentence, and what to do about it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from linnet.bootstrap.services import Services
from linnet.read.timelines.verify import VerifyOptions

State = Literal["well", "note", "wrong", "skipped"]
"""A note is worth knowing, and nothing to worry about. What is skipped could not be looked at."""


class Finding(msgspec.Struct, frozen=True):
    """``sentence`` says how it is, ``examples`` name some of what it is about, ``advice`` says what to do.

    ``blocks``: what rests on it cannot be looked at.
    """

    check: str
    state: State
    sentence: str
    advice: str = ""
    details: Mapping[str, Any] = {}
    examples: tuple[str, ...] = ()
    blocks: bool = False


class CheckupOptions(msgspec.Struct, frozen=True):
    """From where on something is not well any more.

    ``late_seconds``: an event that waits longer is late (a retry may take half of that), and ``late_job_seconds`` the
    same for a job. ``sample``: how many live timelines are compared, and ``verify`` how. A check may take
    ``check_seconds``. A backup is old after ``old_backup_seconds``.
    """

    late_seconds: float = 30.0
    late_job_seconds: float = 300.0
    clock_seconds: float = 2.0
    ids_ahead_seconds: float = 600.0
    min_free_bytes: int = 1 << 30
    sample: int = 100
    verify: VerifyOptions = VerifyOptions()
    check_seconds: float = 60.0
    old_backup_seconds: float = 8 * 86_400.0


class Patient(msgspec.Struct, frozen=True):
    """What is looked at. ``data_dir`` is that of a running ``linnet serve``, None when the servers are not ours.

    ``blocked``: the checks so far that others cannot do without and cannot have, each with the one that it is about.
    """

    services: Services
    options: CheckupOptions
    data_dir: Path | None
    blocked: dict[str, str]


def said_by(error: Exception) -> str:
    """What a store, or its driver, said: as one sentence, without its name."""
    text = getattr(error, "cause", None) or str(error)
    words = " ".join(text.split()).removeprefix("PostgreSQL: ")
    return words if words.endswith((".", "!", "?")) else f"{words}."


def counted(count: int, noun: str, plural: str = "") -> str:
    """``1 event``, ``1,204 events``, ``no event``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}" if count else f"no {noun}"


def lasting(seconds: float) -> str:
    """As one says it: ``0.4 s``, ``45 s``, ``12 min``, ``5 h``, ``3 days``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    for limit, divisor, unit in ((120, 1, "s"), (7_200, 60, "min"), (172_800, 3_600, "h")):
        if seconds < limit:
            return f"{seconds / divisor:.0f} {unit}"
    return f"{seconds / 86_400:,.0f} days"


def sized(count_bytes: int) -> str:
    """``512 MB``, ``12.3 GB``."""
    gigabytes = count_bytes / 1e9
    return f"{gigabytes:,.1f} GB" if gigabytes >= 1 else f"{count_bytes / 1e6:,.0f} MB"
