"""When people are here: a visit goes on until nothing is heard of somebody for half an hour.

That somebody was active is stored rarely (``ACTIVITY_STEP_MS``), so all of this is known to five minutes.
"""

from typing import Final

import msgspec

ACTIVITY_STEP_MS: Final = 5 * 60_000
VISIT_SILENCE_MS: Final = 30 * 60_000


class Activity(msgspec.Struct, frozen=True):
    """When somebody was last active, and when the visit before that one ended. Unix milliseconds; None: never."""

    last_active_ms: int | None
    previous_visit_ms: int | None

    def was_here_before_ms(self, now_ms: int) -> int | None:
        """When the visit before the one of this moment ended: what came since then is news.

        The visit of this moment need not be stored yet.
        """
        if self.last_active_ms is not None and self.last_active_ms < now_ms - VISIT_SILENCE_MS:
            return self.last_active_ms
        return self.previous_visit_ms


def rounded_ms(active_ms: int) -> int:
    """As it is shown to others: to whom a minute is nobody's business."""
    return active_ms - active_ms % ACTIVITY_STEP_MS
