"""The only place that reads the time.

Everything else is given a ``Clock``, so that a test can hold time in its hand.
"""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time for what people see and ids hold, steady time for lengths."""

    def now_ms(self) -> int:
        """Unix time in milliseconds. May jump, also backwards."""
        ...

    def steady_seconds(self) -> float:
        """Seconds since some moment; never goes backwards."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def steady_seconds(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock that moves only when told to."""

    def __init__(self, now_ms: int) -> None:
        self.current_ms = now_ms
        self.steady = 0.0

    def now_ms(self) -> int:
        return self.current_ms

    def steady_seconds(self) -> float:
        return self.steady

    def advance(self, seconds: float) -> None:
        """Both clocks move together; a negative number turns only the wall clock back, as an operator would."""
        self.current_ms += round(seconds * 1000)
        self.steady += max(seconds, 0.0)


def rfc3339(unix_ms: int) -> str:
    """UTC with three decimals: ``2026-11-21T00:15:57.785Z``."""
    seconds, milliseconds = divmod(unix_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{milliseconds:03d}Z"
