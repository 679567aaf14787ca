"""Rate limits: what was counted lies in Valkey, where one script compares and counts at once.

So it is exact however many requests come together, to however many processes. Without Valkey what must not be unlimited
(guessing passwords, making accounts) is counted by each process for itself; everything else passes.
"""

import hashlib
from asyncio import Future
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import msgspec

from linnet.clock import Clock
from linnet.domain.limits import LOG_IN_FAILURE, REQUEST, RULES, LimitRule, Quota, login_subject, parse_quota, rules_of
from linnet.errors import Unavailable
from linnet.ids import UserId
from linnet.stores.valkey.client import Script, Valkey
from linnet.stores.valkey.connection import ValkeyReplyError
from linnet.stores.valkey.keys import Keys, pack_id
from linnet.stores.valkey.scripts import lua

_KNOWN_PLACES = 16
_KNOWN_PLACE_SECONDS = 30 * 86_400


def default_quotas() -> dict[str, Quota | None]:
    return {rule.name: parse_quota(rule.default) for rule in RULES}


class LimitOptions(msgspec.Struct, frozen=True):
    """``quotas`` by the name of the rule; None for a rule that is off.

    ``local_size`` bounds what a process counts itself, and what it remembers as refused. A refusal is remembered for
    ``refused_seconds``: a flood costs one look at Valkey in that time.
    """

    enabled: bool = True
    quotas: dict[str, Quota | None] = msgspec.field(default_factory=default_quotas)
    local_size: int = 10_000
    refused_seconds: float = 1.0


class Plan(msgspec.Struct, frozen=True):
    """Rules that are counted together, under one subject, and the script that does it."""

    rules: tuple[LimitRule, ...]
    quotas: tuple[Quota, ...]
    names: tuple[bytes, ...]
    count: Script

    @property
    def is_kept(self) -> bool:
        return any(rule.is_kept for rule in self.rules)

    @property
    def per_address(self) -> bool:
        """The address counts, also of somebody whose name is known."""
        return any(rule.per == "address" for rule in self.rules)


class Verdict(msgspec.Struct, frozen=True):
    """``refuser`` is the rule that refuses, None when all is well.

    ``standings`` are how many are left and in how many milliseconds there are more, for one rule of the plan after the
    other; those that were not looked at are missing.
    """

    refuser: LimitRule | None
    retry_after_ms: int
    standings: list[int]

    @property
    def retry_after_seconds(self) -> int:
        """Rounded up: whoever waits so long is not refused again."""
        return -(-self.retry_after_ms // 1000)


_PASSED = Verdict(None, 0, [])


class Counting:
    """One action that is being counted: asked already, not yet answered."""

    __slots__ = ("_answer", "_is_alone", "_limits", "at_ms", "plan", "subject")

    def __init__(
        self, limits: "Limits", plan: Plan, subject: bytes, at_ms: int, answer: "Future[list[int]] | Verdict"
    ) -> None:
        self.plan = plan
        self.subject = subject
        self.at_ms = at_ms
        self._limits = limits
        self._answer = answer
        self._is_alone = False

    async def settle(self) -> Verdict:
        """The answer. Never raises because of Valkey."""
        answer = self._answer
        if isinstance(answer, Verdict):
            return answer
        try:
            reply = await answer
        except (Unavailable, ValkeyReplyError):
            self._is_alone = True
            return self._limits.judge_alone(self.plan, self.subject)
        number = reply[0]
        if not number:
            return Verdict(None, 0, reply[1:])
        rule, wait_ms = self.plan.rules[number - 1], reply[2 * number]
        self._limits.remember(rule, self.subject, self.at_ms, wait_ms)
        return Verdict(rule, wait_ms, reply[1:])

    async def give_back(self) -> None:
        """The action did not happen, so it does not count; the request does. Best effort."""
        if self._is_alone:
            self._limits.give_back_alone(self.plan, self.subject)
        else:
            await self._limits.give_back(self.plan, self.subject, self.at_ms)


class Limits:
    """One per process. Subjects are packed user ids, addresses (``domain.addresses``) and logins."""

    def __init__(self, valkey: Valkey, keys: Keys, clock: Clock, options: LimitOptions) -> None:
        self._valkey = valkey
        self._keys = keys
        self._clock = clock
        self._options = options
        self._give_back = valkey.script(lua("give_back"))
        self._alone = _LocalCounts(options.local_size)
        # Until when (ms) a rule refuses a subject, and until when that is believed without asking again.
        self._refused: dict[tuple[str, bytes], tuple[int, float]] = {}

    def plan(self, limit: str) -> Plan | None:
        """For what an endpoint names as its limit; None when nothing is to be counted."""
        return self.plan_of(rules_of(limit))

    def plan_of(self, rules: Iterable[LimitRule]) -> Plan | None:
        """For these rules, without those that are off."""
        on = [(rule, quota) for rule in rules if (quota := self._options.quotas.get(rule.name)) is not None]
        if not on or not self._options.enabled:
            return None
        # Written into the script, since an argument costs every request as much as building its key.
        numbers = ", ".join(f"{quota.count}, {quota.slice_ms}" for _, quota in on)
        return Plan(
            tuple(rule for rule, _ in on),
            tuple(quota for _, quota in on),
            tuple(rule.name.encode() for rule, _ in on),
            self._valkey.script(f"local QUOTAS = {{{numbers}}}\n{lua('limit')}"),
        )

    def begin(self, plan: Plan, subject: bytes) -> Counting:
        """Counts one action under every rule of the plan, or under none if one refuses. Sent now, with whatever else
        goes to Valkey in this turn of the event loop.
        """
        now_ms = self._clock.now_ms()
        if self._refused and (refused := self._recall(plan, subject, now_ms)) is not None:
            return Counting(self, plan, subject, now_ms, refused)
        reply = plan.count.call([self._keys.limit(subject, name) for name in plan.names], (now_ms,))
        return Counting(self, plan, subject, now_ms, reply)

    async def give_back(self, plan: Plan, subject: bytes, at_ms: int) -> None:
        """Takes back what Valkey counted at that moment, but for the request."""
        chosen = [
            (self._keys.limit(subject, name), quota.slice_ms)
            for rule, name, quota in zip(plan.rules, plan.names, plan.quotas, strict=True)
            if rule is not REQUEST
        ]
        if not chosen:
            return
        # What cannot be given back stays counted, which is the safe side.
        with suppress(Unavailable, ValkeyReplyError):
            await self._give_back.call([key for key, _ in chosen], (at_ms, *(length for _, length in chosen)))

    def give_back_alone(self, plan: Plan, subject: bytes) -> None:
        """Takes back what this process counted."""
        self._alone.give_back([(rule.name, subject) for rule in plan.rules if rule.is_kept])

    def remember(self, rule: LimitRule, subject: bytes, at_ms: int, wait_ms: int) -> None:
        """A refusal, so that the next request need not ask."""
        if len(self._refused) >= self._options.local_size:
            del self._refused[next(iter(self._refused))]
        until = self._clock.steady_seconds() + self._options.refused_seconds
        self._refused.pop((rule.name, subject), None)
        self._refused[rule.name, subject] = (at_ms + wait_ms, until)

    def judge_alone(self, plan: Plan, subject: bytes) -> Verdict:
        """Valkey is away."""
        if not plan.is_kept:
            return _PASSED
        now = self._clock.steady_seconds()
        for rule, quota in zip(plan.rules, plan.quotas, strict=True):
            if rule.is_kept:
                wait_ms = self._alone.count((rule.name, subject), quota, now)
                if wait_ms:
                    return Verdict(rule, wait_ms, [])
        return _PASSED

    def _recall(self, plan: Plan, subject: bytes, now_ms: int) -> Verdict | None:
        for number, rule in enumerate(plan.rules):
            known = self._refused.get((rule.name, subject))
            if known is None:
                continue
            until_ms, believed_until = known
            if believed_until > self._clock.steady_seconds() and until_ms > now_ms:
                # Standings go by position, so only the first rule's can be told.
                return Verdict(rule, until_ms - now_ms, [] if number else [0, until_ms - now_ms])
            del self._refused[rule.name, subject]
        return None

    async def forget_user(self, user_id: UserId, logins: Iterable[str]) -> None:
        """Everything that is kept of a user, and of their folded username and e-mail address: the account is erased.

        Raises ``Unavailable``. Addresses are nobody's alone, and expire by themselves.
        """
        digests = [login_subject(login) for login in logins]
        stored = [self._keys.limit(pack_id(user_id), rule.name.encode()) for rule in RULES]
        stored += [self._keys.limit(digest, LOG_IN_FAILURE.name.encode()) for digest in digests]
        stored += [self._keys.places(digest) for digest in digests]
        for call in [self._valkey.call(b"UNLINK", key) for key in stored]:
            await call

    async def note_place(self, login: bytes, address: bytes) -> None:
        """Somebody logged in from here. Best effort."""
        key = self._keys.places(login)
        calls: list[Future[Any]] = [
            self._valkey.call(b"ZADD", key, self._clock.now_ms(), _place(login, address)),
            self._valkey.call(b"ZREMRANGEBYRANK", key, 0, -_KNOWN_PLACES - 1),
            self._valkey.call(b"EXPIRE", key, _KNOWN_PLACE_SECONDS),
        ]
        with suppress(Unavailable, ValkeyReplyError):
            for call in calls:
                await call

    async def is_known_place(self, login: bytes, address: bytes) -> bool:
        """Whether somebody logged in from here with this login in the last 30 days."""
        try:
            at_ms = await self._valkey.call(b"ZSCORE", self._keys.places(login), _place(login, address))
        except (Unavailable, ValkeyReplyError):
            return False
        return at_ms is not None and float(at_ms) > self._clock.now_ms() - _KNOWN_PLACE_SECONDS * 1000


def _place(login: bytes, address: bytes) -> bytes:
    """An address that only who knows the login can compare with others."""
    return hashlib.sha256(login + address).digest()[:8]


class _LocalCounts:
    """What one process counted by itself, from the first of a period to the period's end. Forgets the oldest first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._counts: dict[tuple[str, bytes], tuple[float, int]] = {}

    def count(self, name: tuple[str, bytes], quota: Quota, now: float) -> int:
        """0 when it was counted; else in how many milliseconds to try again."""
        ends, counted = self._counts.get(name, (0.0, 0))
        if ends <= now:
            self._counts.pop(name, None)
            if len(self._counts) >= self._size:
                del self._counts[next(iter(self._counts))]
            ends, counted = now + quota.period_seconds, 0
        if counted >= quota.count:
            return max(1, round((ends - now) * 1000))
        self._counts[name] = (ends, counted + 1)
        return 0

    def give_back(self, names: Iterable[tuple[str, bytes]]) -> None:
        for name in names:
            if name in self._counts:
                ends, counted = self._counts[name]
                self._counts[name] = (ends, max(0, counted - 1))
