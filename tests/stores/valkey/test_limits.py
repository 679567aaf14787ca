"""Limits: exactly as many as the quota says within any period, however many come at once, and all of it expires."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.clock import ManualClock
from linnet.domain.limits import REQUEST, RULES, SLICES, LimitRule, Quota, login_subject
from linnet.ids import UserId
from linnet.stores.valkey.client import Valkey, ValkeyOptions
from linnet.stores.valkey.keys import Keys, pack_id
from linnet.stores.valkey.limits import LimitOptions, Limits, Plan, Verdict
from tests.support.servers import Servers

ADA, LINUS = pack_id(7 << 16), pack_id(8 << 16)
START_MS = 1_800_000_000_000
LIKE = LimitRule("like", "3/m", "user", "Likes.")
GUESS = LimitRule("log_in_failure", "2/h", "account", "Guesses.", is_kept=True)
_numbers = itertools.count()


class Desk:
    """Limits of some processes, a clock for each, and a Valkey for all."""

    def __init__(self, valkey: Valkey, url: str) -> None:
        self.valkey = valkey
        self.url = url
        self.keys = Keys(b"test_limits%d:" % next(_numbers))
        self.clock = ManualClock(START_MS)

    def limits(self, *, clock: ManualClock | None = None, refused_seconds: float = 0.0, **quotas: Quota) -> Limits:
        """A process. By default it asks each time, so that what is tested is what Valkey says."""
        options = LimitOptions(quotas={**dict.fromkeys(rule.name for rule in RULES), **quotas})
        return Limits(
            self.valkey,
            self.keys,
            clock or self.clock,
            msgspec.structs.replace(options, refused_seconds=refused_seconds),
        )

    def plan(self, limits: Limits, *rules: LimitRule) -> Plan:
        plan = limits.plan_of(rules)
        assert plan is not None
        return plan


@pytest.fixture
async def desk(servers: Servers) -> AsyncIterator[Desk]:
    valkey = Valkey(ValkeyOptions(servers.valkey_url))
    await valkey.open()
    yield Desk(valkey, servers.valkey_url)
    await valkey.close()


async def count(limits: Limits, plan: Plan, subject: bytes = ADA) -> Verdict:
    return await limits.begin(plan, subject).settle()


async def passes(limits: Limits, plan: Plan, subject: bytes = ADA) -> bool:
    return (await count(limits, plan, subject)).refuser is None


async def test_as_many_as_the_quota_says_pass_and_not_one_more(desk: Desk) -> None:
    limits = desk.limits(request=Quota(3, 60))
    plan = desk.plan(limits, REQUEST)
    verdicts = [await count(limits, plan) for _ in range(5)]
    assert [verdict.refuser for verdict in verdicts] == [None, None, None, REQUEST, REQUEST]
    assert [verdict.standings[0] for verdict in verdicts] == [2, 1, 0, 0, 0]
    assert verdicts[3].retry_after_seconds == verdicts[4].retry_after_seconds == 61


@pytest.mark.parametrize("processes", [1, 3])
async def test_of_a_thousand_at_once_exactly_so_many_pass(desk: Desk, processes: int) -> None:
    valkeys = [Valkey(ValkeyOptions(desk.url)) for _ in range(processes)]
    for valkey in valkeys:
        await valkey.open()
    try:
        desks = [Limits(valkey, desk.keys, desk.clock, LimitOptions(refused_seconds=0.0)) for valkey in valkeys]
        plan = desk.plan(desks[0], REQUEST)
        verdicts = await asyncio.gather(*(count(desks[number % processes], plan) for number in range(1000)))
    finally:
        for valkey in valkeys:
            await valkey.close()
    assert sum(verdict.refuser is None for verdict in verdicts) == 300


async def test_whoever_waits_as_long_as_told_is_let_in_and_not_before(desk: Desk) -> None:
    limits = desk.limits(request=Quota(1, 60))
    plan = desk.plan(limits, REQUEST)
    desk.clock.advance(0.4)
    assert await passes(limits, plan)
    refused = await count(limits, plan)
    desk.clock.advance((refused.retry_after_ms - 1) / 1000)
    assert not await passes(limits, plan)
    desk.clock.advance(0.001)
    assert await passes(limits, plan)


async def test_people_and_rules_are_counted_apart(desk: Desk) -> None:
    limits = desk.limits(request=Quota(2, 60), like=Quota(1, 60))
    both, request = desk.plan(limits, REQUEST, LIKE), desk.plan(limits, REQUEST)
    assert await passes(limits, both, ADA)
    assert await passes(limits, both, LINUS)
    assert (await count(limits, both, ADA)).refuser == LIKE
    assert await passes(limits, request, ADA), "the refused like did not count as a request either"
    assert (await count(limits, both, ADA)).refuser == REQUEST, "both refuse, and this one has to be waited for as long"


async def test_a_refusal_says_how_each_limit_stands_without_it(desk: Desk) -> None:
    limits = desk.limits(request=Quota(10, 60), like=Quota(1, 3600))
    plan = desk.plan(limits, REQUEST, LIKE)
    assert (await count(limits, plan)).standings == [9, 61_000, 0, 3_660_000]
    assert (await count(limits, plan)).standings == [9, 61_000, 0, 3_660_000]


async def test_what_is_given_back_can_be_spent_again_but_for_the_request(desk: Desk) -> None:
    limits = desk.limits(request=Quota(3, 60), like=Quota(1, 60))
    plan = desk.plan(limits, REQUEST, LIKE)
    for _ in range(3):
        counting = limits.begin(plan, ADA)
        assert (await counting.settle()).refuser is None
        await counting.give_back()
    assert (await count(limits, plan)).refuser == REQUEST


async def test_giving_back_late_takes_nothing_that_others_counted_meanwhile(desk: Desk) -> None:
    limits = desk.limits(like=Quota(2, 60))
    plan = desk.plan(limits, LIKE)
    counting = limits.begin(plan, ADA)
    await counting.settle()
    desk.clock.advance(62)
    assert await passes(limits, plan)
    desk.clock.advance(-62)
    assert await passes(limits, plan), "this process's clock is behind: it counts where the others are"
    desk.clock.advance(62)
    await counting.give_back()
    assert await passes(limits, plan), "what was given back was found in the next slice"
    assert not await passes(limits, plan)


async def test_two_processes_whose_clocks_differ_count_together(desk: Desk) -> None:
    ahead = ManualClock(START_MS + 5_000)
    one, other = desk.limits(request=Quota(4, 60)), desk.limits(clock=ahead, request=Quota(4, 60))
    plan = desk.plan(one, REQUEST)
    assert [await passes(limits, plan) for limits in (other, one, other, one, other, one)] == [True] * 4 + [False] * 2


async def test_a_changed_period_starts_anew_and_a_lowered_count_waits_for_enough(desk: Desk) -> None:
    many = desk.limits(request=Quota(5, 60))
    for second in range(5):
        assert await passes(many, desk.plan(many, REQUEST)), second
        desk.clock.advance(1)
    few = desk.limits(request=Quota(2, 60))
    refused = await count(few, desk.plan(few, REQUEST))
    # Counted at 0 to 4, now is 5: all but one of them must have become old.
    assert refused.retry_after_ms == (3 + SLICES + 1 - 5) * 1000
    longer = desk.limits(request=Quota(2, 600))
    assert await passes(longer, desk.plan(longer, REQUEST))


@given(
    quota=st.builds(Quota, st.integers(1, 4), st.sampled_from([31, 47, 60, 3600])),
    pauses=st.lists(st.floats(0, 0.4), min_size=5, max_size=40),
)
def test_no_stretch_of_a_period_ever_holds_more_than_the_quota(
    servers: Servers, quota: Quota, pauses: list[float]
) -> None:
    """And what is refused is refused for a reason: so many were let in within a period and a slice before it.

    Keys expire in real time, so that a period is longer than this test may take.
    """

    async def play() -> None:
        valkey = Valkey(ValkeyOptions(servers.valkey_url))
        await valkey.open()
        try:
            desk = Desk(valkey, servers.valkey_url)
            limits = desk.limits(request=quota)
            plan = desk.plan(limits, REQUEST)
            passed: list[int] = []
            for pause in pauses:
                now = desk.clock.current_ms
                verdict = await count(limits, plan)
                if verdict.refuser is None:
                    passed.append(now)
                    within = [at for at in passed if at > now - quota.period_seconds * 1000]
                    assert len(within) <= quota.count
                else:
                    reach = (SLICES + 1) * quota.slice_ms
                    assert sum(at > now - reach for at in passed) >= quota.count
                desk.clock.advance(pause * quota.period_seconds)
        finally:
            await valkey.close()

    with asyncio.Runner() as runner:
        runner.run(play())


async def test_a_refusal_is_remembered_for_a_moment_so_that_a_flood_asks_valkey_once(desk: Desk) -> None:
    limits = desk.limits(request=Quota(1, 60), refused_seconds=1.0)
    plan = desk.plan(limits, REQUEST)
    assert await passes(limits, plan)
    assert not await passes(limits, plan)
    writes = desk.valkey.writes
    for _ in range(100):
        verdict = await count(limits, plan)
        assert verdict.refuser is REQUEST
        assert verdict.retry_after_seconds == 61
    assert desk.valkey.writes == writes
    desk.clock.advance(1)
    assert not await passes(limits, plan)
    assert desk.valkey.writes == writes + 1


async def test_keys_are_small_and_expire_by_themselves(desk: Desk) -> None:
    limits = desk.limits(request=Quota(300, 300))
    plan = desk.plan(limits, REQUEST)
    key = desk.keys.limit(ADA, b"request")
    for _ in range(200):
        await count(limits, plan)
        desk.clock.advance(2.5)
    assert await desk.valkey.call(b"STRLEN", key) <= 8 + 8 * (SLICES + 1)
    assert 0 < await desk.valkey.call(b"PTTL", key) <= 305_000
    assert key.split(b":")[1] == desk.keys.home(UserId(7 << 16)).split(b":")[1], "in the bucket of the user"


async def test_an_erased_account_leaves_nothing_behind(desk: Desk) -> None:
    limits = Limits(desk.valkey, desk.keys, desk.clock, LimitOptions())
    for rule in RULES:
        await count(limits, desk.plan(limits, rule), ADA)
    login = login_subject("ada")
    await count(limits, desk.plan(limits, GUESS), login)
    await limits.note_place(login, b"\x7f\0\0\x01")
    _, before = await desk.valkey.call(b"SCAN", 0, b"MATCH", desk.keys.prefix + b"*", b"COUNT", 100_000)
    assert len(before) == len(RULES) + 2
    await limits.forget_user(UserId(7 << 16), ["ada", "ada@example.com"])
    _, after = await desk.valkey.call(b"SCAN", 0, b"MATCH", desk.keys.prefix + b"*", b"COUNT", 100_000)
    assert after == []


async def test_a_place_is_known_for_a_month_and_the_sixteen_newest_are(desk: Desk) -> None:
    limits = desk.limits()
    ada, linus = login_subject("ada"), login_subject("linus")
    assert not await limits.is_known_place(ada, b"home")
    await limits.note_place(ada, b"home")
    assert await limits.is_known_place(ada, b"home")
    assert not await limits.is_known_place(linus, b"home")
    desk.clock.advance(29 * 86_400)
    assert await limits.is_known_place(ada, b"home")
    desk.clock.advance(2 * 86_400)
    assert not await limits.is_known_place(ada, b"home")
    for number in range(20):
        desk.clock.advance(1)
        await limits.note_place(ada, b"%d" % number)
    assert not await limits.is_known_place(ada, b"3")
    assert await limits.is_known_place(ada, b"4")


@pytest.fixture
async def away() -> AsyncIterator[Valkey]:
    """A Valkey that nobody answers for."""
    valkey = Valkey(ValkeyOptions("unix:///nonexistent/valkey.sock"))
    yield valkey
    await valkey.close()


async def test_without_valkey_guesses_are_counted_by_the_process_and_all_else_passes(away: Valkey) -> None:
    clock = ManualClock(START_MS)
    limits = Limits(away, Keys(), clock, LimitOptions(quotas={"request": Quota(1, 60), "log_in_failure": Quota(2, 60)}))
    requests, guesses = limits.plan_of([REQUEST]), limits.plan_of([REQUEST, GUESS])
    assert requests is not None
    assert guesses is not None
    assert all([await passes(limits, requests) for _ in range(5)])
    assert [await passes(limits, guesses) for _ in range(3)] == [True, True, False]
    assert await passes(limits, guesses, LINUS)
    clock.advance(30)
    assert (await count(limits, guesses)).retry_after_seconds == 30
    clock.advance(30)
    counting = limits.begin(guesses, ADA)
    assert (await counting.settle()).refuser is None
    await counting.give_back()
    assert [await passes(limits, guesses) for _ in range(3)] == [True, True, False]


async def test_what_a_process_counts_itself_is_bounded(away: Valkey) -> None:
    options = LimitOptions(quotas={"log_in_failure": Quota(1, 60)}, local_size=10)
    limits = Limits(away, Keys(), ManualClock(START_MS), options)
    plan = limits.plan_of([GUESS])
    assert plan is not None
    assert all([await passes(limits, plan, pack_id(number)) for number in range(100)])
    assert not await passes(limits, plan, pack_id(99)), "the newest are remembered"
    assert await passes(limits, plan, pack_id(1)), "and old ones forgotten"
