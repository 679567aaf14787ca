"""Random histories: hypothesis chooses the steps, and shortens those that show a difference."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from tests.support.histories import STORIES, VERBS, WHOLE, History, Pace, Work, dies_after, left_after, open_stage

WHO = st.integers(0, 5)
WHICH = st.integers(0, 11)
VIA = st.integers(0, 1)
STEPS = st.integers(0, 14)
PACE = st.one_of(st.just(WHOLE), STEPS.map(left_after), STEPS.map(dies_after))
LONG_PACE = st.one_of(st.integers(0, 70).map(dies_after), st.integers(0, 70).map(left_after))
MOSTLY_WHOLE = st.one_of(st.just(WHOLE), st.just(WHOLE), PACE)
LIMITS = st.integers(1, 7)
SIZES = st.sampled_from([256, 1, 2])
WORK = st.builds(Work, verb=st.sampled_from(VERBS), a=WHO, b=WHO, via=VIA)
STORY = st.builds(Work, verb=st.sampled_from(STORIES), a=WHO, b=WHO, via=VIA)
LIST_VERBS = st.sampled_from(["put_on_list", "put_on_list", "take_off_list", "turn_list"])
TAG_VERBS = st.sampled_from(["follow_tag", "follow_tag", "unfollow_tag"])
TROUBLE = st.lists(STORY | WORK, min_size=1, max_size=3)

Play = Callable[[Coroutine[Any, Any, None]], None]


class Homes(RuleBasedStateMachine):
    """Plays one history with what hypothesis chooses."""

    def __init__(self, history: History, play: Play, end: Callable[[], None]) -> None:
        super().__init__()
        self.history = history
        self._play = play
        self._end = end
        self._limits = (3, 4)
        self._is_well = True

    def play(self, step: Coroutine[Any, Any, None]) -> None:
        self._is_well = False
        self._play(step)
        self._is_well = True

    @initialize(
        people=st.integers(2, 5),
        follows=st.sets(st.tuples(WHO, WHO), max_size=14),
        limits=st.tuples(LIMITS, LIMITS),
        signals=st.booleans(),
    )
    def begin(self, people: int, follows: set[tuple[int, int]], limits: tuple[int, int], signals: bool) -> None:
        self._limits = limits
        self.history.signals_are_heard = signals

        async def begin() -> None:
            for _ in range(people):
                await self.history.sign_up()
            for who, whom in sorted(follows):
                await self.history.follow(who, whom, via=0)
            await self.history.settle()

        self.play(begin())

    @rule()
    def sign_up(self) -> None:
        self.play(self.history.sign_up())

    @rule(who=WHO, via=VIA, pace=MOSTLY_WHOLE)
    def post(self, who: int, via: int, pace: Pace) -> None:
        self.play(self.history.post(who, via=via, pace=pace))

    @rule(story=STORY)
    def story(self, story: Work) -> None:
        self.play(self.history.do(story))

    @rule(who=WHO, which=WHICH, via=VIA, pace=MOSTLY_WHOLE)
    def reply(self, who: int, which: int, via: int, pace: Pace) -> None:
        self.play(self.history.reply(who, which, via=via, pace=pace))

    @rule(who=WHO, whom=WHO, via=VIA, pace=MOSTLY_WHOLE)
    def say(self, who: int, whom: int, via: int, pace: Pace) -> None:
        self.play(self.history.say(who, whom, via=via, pace=pace))

    @rule(who=WHO, which=WHICH, via=VIA, pace=MOSTLY_WHOLE)
    def answer_directly(self, who: int, which: int, via: int, pace: Pace) -> None:
        self.play(self.history.answer_directly(who, which, via=via, pace=pace))

    @rule(who=WHO, which=WHICH, via=VIA, pace=PACE)
    def keep_or_put_away(self, who: int, which: int, via: int, pace: Pace) -> None:
        self.play(self.history.keep_or_put_away(who, which, via=via, pace=pace))

    @rule(who=WHO, which=WHICH, via=VIA, pace=MOSTLY_WHOLE)
    def retweet(self, who: int, which: int, via: int, pace: Pace) -> None:
        self.play(self.history.retweet(who, which, via=via, pace=pace))

    @rule(who=WHO, which=WHICH, via=VIA, pace=MOSTLY_WHOLE)
    def undo_retweet(self, who: int, which: int, via: int, pace: Pace) -> None:
        self.play(self.history.undo_retweet(who, which, via=via, pace=pace))

    @rule(wanted=st.sampled_from(["like", "like", "unlike"]), who=WHO, which=WHICH, via=VIA, pace=MOSTLY_WHOLE)
    def like(self, wanted: str, who: int, which: int, via: int, pace: Pace) -> None:
        act = self.history.like if wanted == "like" else self.history.unlike
        self.play(act(who, which, via=via, pace=pace))

    @rule(who=WHO, which=WHICH, via=VIA, pace=MOSTLY_WHOLE)
    def vote(self, who: int, which: int, via: int, pace: Pace) -> None:
        self.play(self.history.vote(who, which, via=via, pace=pace))

    @rule(wanted=st.sampled_from(["pin", "pin", "unpin"]), which=WHICH, via=VIA, pace=MOSTLY_WHOLE)
    def pin(self, wanted: str, which: int, via: int, pace: Pace) -> None:
        act = self.history.pin if wanted == "pin" else self.history.unpin
        self.play(act(which, via=via, pace=pace))

    @rule(which=WHICH, says=WHO, via=VIA, pace=MOSTLY_WHOLE)
    def edit(self, which: int, says: int, via: int, pace: Pace) -> None:
        self.play(self.history.edit(which, says, via=via, pace=pace))

    @rule(which=WHICH, via=VIA, pace=MOSTLY_WHOLE)
    def delete(self, which: int, via: int, pace: Pace) -> None:
        self.play(self.history.delete(which, via=via, pace=pace))

    @rule(who=WHO, whom=WHO, via=VIA, pace=MOSTLY_WHOLE)
    def follow(self, who: int, whom: int, via: int, pace: Pace) -> None:
        self.play(self.history.follow(who, whom, via=via, pace=pace))

    @rule(who=WHO, whom=WHO, via=VIA, pace=MOSTLY_WHOLE)
    def unfollow(self, who: int, whom: int, via: int, pace: Pace) -> None:
        self.play(self.history.unfollow(who, whom, via=via, pace=pace))

    @rule(verb=st.sampled_from(["block", "unblock", "mute", "unmute"]), who=WHO, whom=WHO, via=VIA, pace=MOSTLY_WHOLE)
    def keep_away(self, verb: str, who: int, whom: int, via: int, pace: Pace) -> None:
        match verb:
            case "block":
                self.play(self.history.block(who, whom, via=via, pace=pace))
            case "unblock":
                self.play(self.history.unblock(who, whom, via=via, pace=pace))
            case "mute":
                self.play(self.history.mute(who, whom, via=via, pace=pace))
            case _:
                self.play(self.history.unmute(who, whom, via=via, pace=pace))

    @rule(locked=st.booleans(), who=WHO, via=VIA, pace=MOSTLY_WHOLE)
    def lock(self, locked: bool, who: int, via: int, pace: Pace) -> None:
        self.play(self.history.lock(who, locked, via=via, pace=pace))

    @rule(verb=st.sampled_from(["accept", "accept", "refuse"]), who=WHO, whom=WHO, via=VIA, pace=MOSTLY_WHOLE)
    def answer(self, verb: str, who: int, whom: int, via: int, pace: Pace) -> None:
        act = self.history.accept if verb == "accept" else self.history.refuse
        self.play(act(who, whom, via=via, pace=pace))

    @rule(via=VIA, pace=PACE)
    def let_in(self, via: int, pace: Pace) -> None:
        self.play(self.history.let_in(via=via, pace=pace))

    @rule(verb=LIST_VERBS, who=WHO, whom=WHO, via=VIA, pace=MOSTLY_WHOLE)
    def set_aside(self, verb: str, who: int, whom: int, via: int, pace: Pace) -> None:
        self.play(self.history.do(Work(verb, who, whom, via), pace))

    @rule(
        verb=st.sampled_from(["follow_tag", "follow_tag", "unfollow_tag"]),
        who=WHO,
        which=WHO,
        via=VIA,
        pace=MOSTLY_WHOLE,
    )
    def read_tags(self, verb: str, who: int, which: int, via: int, pace: Pace) -> None:
        self.play(self.history.do(Work(verb, who, which, via), pace))

    @rule(who=WHO, via=VIA, pace=MOSTLY_WHOLE)
    def leave(self, who: int, via: int, pace: Pace) -> None:
        self.play(self.history.leave(who, via=via, pace=pace))

    @precondition(lambda self: self.history.departures.gone)
    @rule(which=WHO, via=VIA, pace=LONG_PACE)
    def erase(self, which: int, via: int, pace: Pace) -> None:
        # As long as events wait it does nothing.
        self.play(self.history.deliver_all(via=via))
        self.play(self.history.erase(which, via=via, pace=pace))

    @rule(which=st.integers(0, 62), via=VIA)
    def import_follows(self, which: int, via: int) -> None:
        self.play(self.history.import_follows(which, via=via))

    @rule(who=WHO, limit=LIMITS, via=VIA, below=st.none() | st.integers(-11, 11), pace=PACE)
    def read(self, who: int, limit: int, via: int, below: int | None, pace: Pace) -> None:
        self.play(self.history.read(who, limit, via=via, below=below, pace=pace))

    @rule(whose=WHO, size=SIZES, via=VIA, pace=PACE)
    def deliver(self, whose: int, size: int, via: int, pace: Pace) -> None:
        self.play(self.history.deliver(whose, size, via=via, pace=pace))

    @rule(whose=WHO, size=SIZES, via=VIA)
    def deliver_but_not_commit(self, whose: int, size: int, via: int) -> None:
        self.play(self.history.deliver_but_not_commit(whose, size, via=via))

    @rule(via=VIA)
    def deliver_all(self, via: int) -> None:
        self.play(self.history.deliver_all(via=via))

    @rule(which=WHO, pace=PACE)
    def go_on(self, which: int, pace: Pace) -> None:
        self.play(self.history.go_on(which, pace=pace))

    @rule(which=WHO, carried_out=st.booleans())
    def valkey_fails(self, which: int, carried_out: bool) -> None:
        self.play(self.history.valkey_fails(which, carried_out=carried_out))

    @rule(who=WHO, limit=WHO, via=VIA, steps=STEPS, others=TROUBLE)
    def while_a_window_is_built(self, who: int, limit: int, via: int, steps: int, others: list[Work]) -> None:
        self.play(self.history.expire(who, "both"))
        self.play(self.history.meanwhile(Work("read", who, limit, via), steps, others))

    @rule(whose=WHO, size=WHO, via=VIA, steps=STEPS, others=TROUBLE)
    def while_a_batch_is_delivered(self, whose: int, size: int, via: int, steps: int, others: list[Work]) -> None:
        self.play(self.history.meanwhile(Work("deliver", whose, size, via), steps, others))

    @rule(first=WORK, steps=STEPS, others=TROUBLE)
    def while_something_is_done(self, first: Work, steps: int, others: list[Work]) -> None:
        self.play(self.history.meanwhile(first, steps, others))

    @rule(what=st.sampled_from(["home", "pull", "both", "flush", "restart"]), who=WHO)
    def accident(self, what: str, who: int) -> None:
        match what:
            case "flush":
                self.play(self.history.flush())
            case "restart":
                self.play(self.history.restart(who % 2))
            case key:
                self.play(self.history.expire(who, key))

    @rule(seconds=st.sampled_from([0.4, 1.2, 4.0, 50.0, 2 * 86400.0, 20 * 86400.0]))
    def time_passes(self, seconds: float) -> None:
        self.play(self.history.time_passes(seconds))

    @rule()
    def settle(self) -> None:
        self.play(self.history.settle())

    def teardown(self) -> None:
        try:
            if self._is_well:
                self.play(self.history.check(limits=self._limits))
        finally:
            self._end()


def play_random_histories(database_url: str, valkey_url: str, options: settings) -> None:
    """Plays as many as ``options`` says; raises what the first that goes wrong raised, with its steps."""
    with asyncio.Runner() as runner:
        stage_context = open_stage(database_url, valkey_url)
        stage = runner.run(stage_context.__aenter__())

        def begin() -> Homes:
            history_context = stage.history()
            history = runner.run(history_context.__aenter__())

            def end() -> None:
                runner.run(history_context.__aexit__(None, None, None))

            return Homes(history, runner.run, end)

        try:
            # Hypothesis asks for a class and calls it: what it gets is as good.
            run_state_machine_as_test(cast(type[RuleBasedStateMachine], begin), settings=options)
        finally:
            runner.run(stage_context.__aexit__(None, None, None))
