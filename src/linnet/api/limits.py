"""Rate limits at the edge: under whose name a request counts, what it is told, and when it is refused.

``domain.limits`` has the rules and says how an endpoint names its own.
"""

from collections.abc import MutableMapping
from typing import Any, cast

from litestar.types import HTTPScope

from linnet.api.answers import Header
from linnet.api.problems import Refused
from linnet.domain.addresses import Proxies
from linnet.errors import Limited, LinnetError
from linnet.ids import UserId
from linnet.stores.valkey.keys import pack_id
from linnet.stores.valkey.limits import Counting, Limits, Plan, Verdict

MORE_HEADERS = "linnet.headers"
"""Where a request's scope holds headers for its answer, whatever that turns out to be. ``edge`` adds them."""

LIMIT_HEADERS = {
    "RateLimit-Limit": ("How many in a period; of several limits, under the one that is nearest.", "300"),
    "RateLimit-Remaining": ("How many are left of them.", "299"),
    "RateLimit-Reset": ("In how many seconds there are more.", "300"),
    "RateLimit-Policy": (
        "Every limit that this counted under: how many (`q`) in how many seconds (`w`).",
        '"request";q=300;w=300',
    ),
    "RateLimit": (
        "For each of them how many are left (`r`), and in how many seconds there are more (`t`).",
        '"request";r=299;t=300',
    ),
}
"""Name, meaning and example. The last two are of the draft that is to be the standard, the others what is in use."""


def client_of(scope: HTTPScope, proxies: Proxies) -> bytes:
    """The address of whoever asks, as it is counted."""
    peer = scope["client"]
    forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return proxies.find_client(peer[0] if peer else "", forwarded)


class Gate:
    """The limits of one endpoint."""

    def __init__(self, limits: Limits, proxies: Proxies, plan: Plan) -> None:
        self._limits = limits
        self._proxies = proxies
        self._plan = plan
        policies = [
            b'"%b";q=%d;w=%d' % (name, quota.count, quota.period_seconds)
            for name, quota in zip(plan.names, plan.quotas, strict=True)
        ]
        self._policy = (b"ratelimit-policy", b", ".join(policies))
        self._counts = [(b"ratelimit-limit", b"%d" % quota.count) for quota in plan.quotas]
        self._names = [b'"' + name + b'";r=' for name in plan.names]

    def begin(self, scope: HTTPScope, user_id: UserId | None) -> Counting:
        """Counts a request. Sent in this turn of the event loop; ``admit`` waits for the answer."""
        if user_id is None or self._plan.per_address:
            return self._limits.begin(self._plan, client_of(scope, self._proxies))
        return self._limits.begin(self._plan, pack_id(user_id))

    async def admit(self, counting: Counting, scope: HTTPScope) -> None:
        """Leaves headers for the answer. Raises ``Limited``."""
        verdict = await counting.settle()
        if verdict.standings:
            cast(MutableMapping[str, Any], scope)[MORE_HEADERS] = self._headers(verdict)
        if verdict.refuser is not None:
            raise Limited(verdict.retry_after_seconds)

    def _headers(self, verdict: Verdict) -> list[Header]:
        standings = verdict.standings
        nearest = 0
        if len(standings) > 2:
            numbers = range(len(standings) // 2)
            # The one that refuses for longest or, if none does, the one with the fewest left.
            nearest = min(numbers, key=lambda number: (standings[2 * number], -standings[2 * number + 1]))
        left = b"%d" % standings[2 * nearest]
        seconds = b"%d" % _seconds(standings[2 * nearest + 1])
        each = self._names[0] + left + b";t=" + seconds
        if len(standings) > 2:
            rest = zip(self._names, standings[::2], standings[1::2], strict=True)
            each = b", ".join([b"%b%d;t=%d" % (name, left, _seconds(wait_ms)) for name, left, wait_ms in rest])
        return [
            self._counts[nearest],
            (b"ratelimit-remaining", left),
            (b"ratelimit-reset", seconds),
            self._policy,
            (b"ratelimit", each),
        ]


def _seconds(wait_ms: int) -> int:
    """Rounded up: whoever waits so long is not refused again."""
    return -(-wait_ms // 1000)


def did_nothing(error: LinnetError | Refused) -> bool:
    """Whether a request failed before it could do, or find out, anything: then it does not count as an action.

    Who mistypes a form is not kept from signing up; who guesses a password or a name has had their guess.
    """
    return isinstance(error, Refused) or error.kind in ("invalid", "unavailable")
