"""What people noticed of a fault: pure arithmetic over what their clients wrote down."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import msgspec

from bench.chaos.ledger import Request
from linnet.bench.figures import quantile

# A second is slow when its slowest requests take this much longer than before the fault, and long enough to be noticed.
_SLOWER = 3.0
_NOTICED_SECONDS = 0.25


class Figures(msgspec.Struct, frozen=True):
    """Of one fault. Times are seconds. ``bad_seconds``: from the first refusal or failure to the last.

    ``slow_seconds``: from the fault until the last second whose p99 was well above that of the time before it.
    ``longest_refusal``: how long it took until somebody was told to come again. Lags are from the acknowledgement of a
    tweet until it is on a follower's page, of tweets acknowledged while the fault lasted (or their ``bad_seconds``),
    and after it.
    """

    requests: int
    refused: int
    failed: int
    bad_seconds: float
    slow_seconds: float
    p50: float
    p99: float
    longest_refusal: float
    lag_during_p50: float
    lag_during_p99: float
    lag_after_p50: float
    lag_after_p99: float
    unseen: int
    reasons: dict[str, int]

    @property
    def share_answered(self) -> float:
        """Of all requests, those with a proper answer."""
        return 1.0 - (self.refused + self.failed) / self.requests if self.requests else 1.0

    @property
    def share_not_failed(self) -> float:
        """A refusal that says when to come again is no failure."""
        return 1.0 - self.failed / self.requests if self.requests else 1.0


def measure(
    requests: Sequence[Request], lags: Sequence[tuple[float, float | None]], *, struck: float, healed: float
) -> Figures:
    """``lags``: when a tweet was acknowledged, and its lag. The fault was from ``struck`` to ``healed``."""
    bad = sorted(request.ended for request in requests if request.fate != "answered" and request.ended >= struck)
    over = max(healed, bad[-1]) if bad else healed
    taken = [request.ended - request.due for request in requests if request.fate == "answered"]
    during = [lag for at, lag in lags if lag is not None and struck <= at <= over]
    after = [lag for at, lag in lags if lag is not None and at > over]
    return Figures(
        requests=len(requests),
        refused=sum(request.fate == "refused" for request in requests),
        failed=sum(request.fate == "failed" for request in requests),
        bad_seconds=bad[-1] - bad[0] if bad else 0.0,
        slow_seconds=_slow_seconds(requests, struck),
        p50=quantile(taken, 0.5),
        p99=quantile(taken, 0.99),
        longest_refusal=max((each.ended - each.sent for each in requests if each.fate == "refused"), default=0.0),
        lag_during_p50=quantile(during, 0.5),
        lag_during_p99=quantile(during, 0.99),
        lag_after_p50=quantile(after, 0.5),
        lag_after_p99=quantile(after, 0.99),
        unseen=sum(lag is None for _, lag in lags),
        reasons=dict(
            Counter(f"{each.verb}: {each.detail}" for each in requests if each.fate == "failed").most_common()
        ),
    )


def _slow_seconds(requests: Sequence[Request], struck: float) -> float:
    before = [each.ended - each.due for each in requests if each.ended < struck]
    usual = quantile(before, 0.99)
    limit = max(_NOTICED_SECONDS, 0.0 if math.isnan(usual) else _SLOWER * usual)
    by_second: dict[int, list[float]] = defaultdict(list)
    for request in requests:
        if request.ended >= struck:
            by_second[int(request.ended - struck)].append(request.ended - request.due)
    slow = [second for second, taken in by_second.items() if quantile(taken, 0.99) > limit]
    return float(max(slow) + 1) if slow else 0.0
