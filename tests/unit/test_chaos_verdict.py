"""The chaos run's verdict: each mistake that a server could make is planted, and named."""

import math

import msgspec
import pytest

from bench.chaos.figures import measure
from bench.chaos.ledger import Fate, Mistake, Request, Truth, Tweet, Verb, judge, summarize

ADA, BOB = 1, 2
OLD = Tweet(10, ADA, "before all this")
NEW = Tweet(11, ADA, "posted meanwhile")
BEFORE = Truth(
    [OLD],
    following=frozenset({(BOB, ADA)}),
    followers=frozenset({(BOB, ADA)}),
    likes=frozenset({(BOB, OLD.id)}),
    likers=frozenset({(BOB, OLD.id)}),
)


def asked(
    verb: Verb,
    subject: object,
    fate: Fate = "answered",
    *,
    actor: int = BOB,
    status: int = 200,
    ended: float = 0.0,
    took: float = 0.0,
    text: str = "",
    tweet_id: int = 0,
) -> Request:
    due = ended - took
    return Request(verb, actor, str(subject), due, due, ended, fate, status, "why", text, tweet_id)


def posted(fate: Fate = "answered", *, tweet_id: int = NEW.id) -> Request:
    answered = fate == "answered"
    return asked("post", "key", fate, actor=ADA, text=NEW.text, tweet_id=tweet_id if answered else 0)


def deleted(fate: Fate = "answered", *, tweet: Tweet = NEW) -> Request:
    return asked("delete", tweet.id, fate, actor=ADA)


def after(
    *tweets: Tweet, follows: bool = True, likes: bool = True, half: bool = False, waiting: int = 0, parked: int = 0
) -> Truth:
    """``half``: the other side of the follow and of the like says the opposite."""
    following = frozenset({(BOB, ADA)} if follows else set())
    liked = frozenset({(BOB, OLD.id)} if likes else set())
    return Truth(
        tweets,
        following=following,
        followers=following ^ BEFORE.following if half else following,
        likes=liked,
        likers=liked ^ BEFORE.likes if half else liked,
        events_waiting=waiting,
        events_parked=parked,
    )


def kinds(requests: list[Request], found: Truth) -> list[str]:
    return sorted(mistake.kind for mistake in judge(BEFORE, requests, found))


@pytest.mark.parametrize(
    ("requests", "found"),
    [
        ([posted()], after(OLD, NEW)),
        ([posted("failed"), posted()], after(OLD, NEW)),
        ([posted(), posted()], after(OLD, NEW)),
        ([posted("failed")], after(OLD)),
        ([posted("failed")], after(OLD, NEW)),
        ([posted(), deleted()], after(OLD)),
        ([posted(), deleted("failed")], after(OLD)),
        ([posted(), deleted("refused")], after(OLD, NEW)),
        ([asked("unfollow", ADA)], after(OLD, follows=False)),
        ([asked("unfollow", ADA, "failed")], after(OLD, follows=False)),
        ([asked("unfollow", ADA, "failed")], after(OLD)),
        ([asked("unfollow", ADA), asked("follow", ADA, "refused")], after(OLD)),
        ([asked("unlike", OLD.id), asked("like", OLD.id)], after(OLD)),
        ([asked("unlike", OLD.id, status=404)], after(OLD)),
        ([asked("like", OLD.id), deleted(tweet=OLD)], after()),
        ([asked("read", "", "failed")], after(OLD)),
    ],
)
def test_what_may_have_happened_is_no_mistake(requests: list[Request], found: Truth) -> None:
    assert kinds(requests, found) == []


@pytest.mark.parametrize(
    ("requests", "found", "mistakes"),
    [
        ([posted()], after(OLD), ["lost"]),
        ([posted("failed"), posted()], after(OLD), ["lost"]),
        ([posted()], after(OLD, NEW, Tweet(12, ADA, NEW.text)), ["another row", "doubled"]),
        ([posted("failed"), posted("failed")], after(OLD, NEW, Tweet(12, ADA, NEW.text)), ["doubled"]),
        ([posted(), posted(tweet_id=12)], after(OLD, NEW), ["answered twice", "lost"]),
        ([posted()], after(OLD, Tweet(NEW.id, BOB, NEW.text)), ["lost"]),
        ([posted(), deleted()], after(OLD, NEW), ["resurrected"]),
        ([posted(), deleted("failed"), deleted(), deleted("refused")], after(OLD, NEW), ["resurrected"]),
        ([deleted(tweet=OLD)], after(OLD), ["resurrected"]),
        ([], after(), ["lost"]),
        ([], after(OLD, OLD), ["doubled"]),
        ([], after(OLD, Tweet(13, BOB, "nobody wrote this")), ["nobody's"]),
        ([asked("follow", ADA)], after(OLD, follows=False), ["follow lost"]),
        ([asked("unfollow", ADA)], after(OLD), ["follow undone"]),
        ([asked("follow", ADA, "failed"), asked("unfollow", ADA)], after(OLD), ["follow undone"]),
        ([], after(OLD, follows=False), ["follow by nobody"]),
        ([asked("like", OLD.id)], after(OLD, likes=False), ["like lost"]),
        ([asked("unlike", OLD.id)], after(OLD), ["like undone"]),
        ([], after(OLD, likes=False), ["like by nobody"]),
        ([], after(OLD, half=True), ["follow half", "like half"]),
        ([], after(OLD, waiting=3), ["waiting"]),
        ([], after(OLD, parked=1), ["parked"]),
        ([], msgspec.structs.replace(after(OLD), miscounted=["tweet 10"]), ["miscounted"]),
    ],
)
def test_each_mistake_is_named(requests: list[Request], found: Truth, mistakes: list[str]) -> None:
    assert kinds(requests, found) == mistakes


def test_a_mistake_says_whom_it_happened_to() -> None:
    [mistake] = judge(BEFORE, [posted(), deleted()], after(OLD, NEW))
    assert mistake == Mistake("resurrected", "post key: tweet 11")
    assert summarize([mistake, mistake, Mistake("lost", "")]) == "1 lost, 2 resurrected"
    assert summarize([]) == ""


def test_figures_tell_refusals_from_failures_and_when_they_were() -> None:
    requests = [
        asked("read", "", ended=9.0, took=0.1),
        asked("read", "", "refused", ended=10.5, took=0.5),
        asked("read", "", "failed", ended=12.0, took=0.1),
        asked("read", "", ended=14.5, took=2.0),
        asked("read", "", ended=18.0, took=0.1),
    ]
    lags = [(9.0, 0.1), (11.0, 3.0), (13.0, 0.2), (17.0, 0.2), (17.5, None)]
    figures = measure(requests, lags, struck=10.0, healed=11.0)
    assert (figures.requests, figures.refused, figures.failed, figures.unseen) == (5, 1, 1, 1)
    assert (figures.share_answered, figures.share_not_failed) == (0.6, 0.8)
    assert (figures.bad_seconds, figures.slow_seconds, figures.longest_refusal) == (1.5, 5.0, 0.5)
    # The fault is over when nobody is refused any more.
    assert (figures.lag_during_p99, figures.lag_after_p99) == (3.0, 0.2)
    assert figures.reasons == {"read: why": 1}


def test_a_calm_run_has_figures_too() -> None:
    figures = measure([], [], struck=0.0, healed=0.0)
    assert (figures.share_answered, figures.share_not_failed, figures.bad_seconds) == (1.0, 1.0, 0.0)
    assert math.isnan(figures.p99)
