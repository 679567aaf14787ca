"""Rate limits as rules: what is counted, for whom, and how often it may happen. The one table of them is here.

**To limit an endpoint** name its rule: ``Endpoint(…, limit="like")``. That is all; counting, the 429, the headers, the
documentation and the setting follow. Without ``limit`` an endpoint counts as a ``request`` alone, like everything that
is named as something else too; ``limit=""`` is for what must never be refused (health) or is no work (fixed files).
What takes something back (unfollow, unlike, delete) counts as a request alone: whoever did too much may undo it.

**For a new kind of action** add a row to ``RULES``: its setting is ``LINNET_LIMIT_`` and the name in capitals, and
``linnet settings --markdown > docs/reference/settings.md`` brings the reference page up to date.

A quota is exact: within any stretch of its period at most so many are let through, however many come at once. The
period is cut into slices, and what was counted in a slice is given back when the whole slice is older than the period:
so it comes back up to a sixtieth of the period late, and never early.
"""

import hashlib
import re
from typing import Literal

import msgspec

SLICES = 60
"""Into how many a period is cut. ``lua/limit.lua`` says the same."""

_MAX_COUNT = 1_000_000
_MAX_PERIOD_SECONDS = 30 * 86_400
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_QUOTA = re.compile(r"([0-9]{1,9})/([0-9]{0,9})([smhd])")
_WANTED = "a number and a period like 300/5m or 5/h (s, m, h or d; at most 1000000 in at most 30d), or off"


class Quota(msgspec.Struct, frozen=True):
    """At most ``count`` within any ``period_seconds``."""

    count: int
    period_seconds: int

    @property
    def slice_ms(self) -> int:
        """Rounded up: the slices together are never shorter than the period."""
        return -(-self.period_seconds * 1000 // SLICES)


class LimitRule(msgspec.Struct, frozen=True):
    """``per`` says whose actions are counted together.

    user: those of a user; of somebody who is not logged in, those of the address. address: those of an address, whoever
    it is. account: those that try to get into an account, from wherever. ``is_kept`` also while Valkey is away, by each
    process for itself; the others then let everything pass.
    """

    name: str
    default: str
    per: Literal["user", "address", "account"]
    meaning: str
    is_kept: bool = False

    @property
    def setting(self) -> str:
        return f"LINNET_LIMIT_{self.name.upper()}"


REQUEST = LimitRule("request", "300/5m", "user", "Requests of a user; without a token, of an address.")
LOG_IN_FAILURE = LimitRule(
    "log_in_failure",
    "5/h",
    "account",
    "Failed log-ins under a username or an e-mail address, from all addresses together.",
    is_kept=True,
)
RULES: tuple[LimitRule, ...] = (
    REQUEST,
    LimitRule("sign_up", "5/h", "address", "Sign-ups from an address.", is_kept=True),
    LimitRule("log_in", "5/h", "address", "Log-ins from an address, successful or not.", is_kept=True),
    LOG_IN_FAILURE,
    LimitRule("password", "5/h", "user", "What asks a user for the password again.", is_kept=True),
    LimitRule("tweet", "300/3h", "user", "Tweets, answers and retweets of a user."),
    LimitRule("follow", "400/d", "user", "Follows, blocks and mutes of a user."),
    LimitRule("like", "1000/d", "user", "Likes and votes of a user."),
    LimitRule("profile", "60/h", "user", "Changes of a user's profile."),
    LimitRule("avatar", "20/h", "user", "Pictures that a user uploads."),
    LimitRule("attachment", "400/3h", "user", "Pictures for tweets that a user uploads."),
    LimitRule("report", "30/d", "user", "What a user tells the operator about others."),
    LimitRule("app", "30/h", "address", "Apps that register from an address.", is_kept=True),
    LimitRule("search", "60/m", "user", "Searches of a user; without a token, of an address."),
)
_ALSO_CALLED = {"retweet": "tweet", "block": "follow", "mute": "follow", "pin": "profile", "vote": "like"}
_BY_NAME = {rule.name: rule for rule in RULES}

LIMIT_NAMES: frozenset[str] = frozenset(("", *_BY_NAME, *_ALSO_CALLED)) - {LOG_IN_FAILURE.name}
"""What an endpoint may name as its ``limit``."""


def rules_of(limit: str) -> tuple[LimitRule, ...]:
    """The rules that an endpoint counts under: nothing, a request, or a request and its own. Raises ``KeyError``."""
    if not limit:
        return ()
    rule = _BY_NAME[_ALSO_CALLED.get(limit, limit)]
    return (REQUEST,) if rule is REQUEST else (REQUEST, rule)


def parse_quota(text: str) -> Quota | None:
    """``300/5m``, ``5/h``; None for ``off``. Raises ``ValueError`` with what it must be."""
    if text.lower() == "off":
        return None
    found = _QUOTA.fullmatch(text.lower())
    if found is None:
        raise ValueError(_WANTED)
    count, length, unit = found.groups()
    quota = Quota(int(count), int(length or 1) * _UNITS[unit])
    if not (1 <= quota.count <= _MAX_COUNT and 1 <= quota.period_seconds <= _MAX_PERIOD_SECONDS):
        raise ValueError(_WANTED)
    return quota


def login_subject(folded_login: str) -> bytes:
    """Under what the attempts at a username or an e-mail address are counted, whether anybody has it or not.

    A digest: the name itself has no business in Valkey.
    """
    return hashlib.sha256(folded_login.encode("utf-8", "surrogatepass")).digest()[:16]
