"""Promise: one vote for each person, seen at once by whoever gave it, counted once, and told of when the poll ends."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from linnet.clock import ManualClock
from linnet.domain.event import lane_of
from linnet.domain.polls import PollDraft
from linnet.domain.timeline import Range
from linnet.errors import (
    AlreadyVoted,
    CannotVoteInOwnPoll,
    IdempotencyKeyReused,
    Invalid,
    LinnetError,
    PollIsOver,
    PollNotFound,
    TweetNotFound,
)
from linnet.ids import AttachmentId, TweetId
from linnet.read.timelines.everyone import everyone_page
from linnet.read.timelines.notifications import notifications_page
from linnet.read.timelines.thread import posted_screen, tweet_screen
from linnet.read.views.notifications import NotificationsView
from linnet.read.views.polls import PollView, PollViewerView
from linnet.read.views.tweets import TweetView
from linnet.stores.postgres import outbox
from linnet.stores.postgres.queries import Query
from linnet.write.actions import tweets
from linnet.write.fanout import notes, polls
from linnet.write.jobs.polls import end_polls
from tests.flows._lanes import sign_up_in_lanes_of_their_own
from tests.support import recounts
from tests.support.servers import Servers
from tests.support.world import World, open_world

HOUR = 3600


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_800_000_000_000)


@pytest.fixture
async def town(servers: Servers, database_url: str, clock: ManualClock) -> AsyncIterator[World]:
    """Ada asks; Ben and Cleo follow her, and read. Dan does not."""
    async with open_world(database_url, servers.valkey_url, clock=clock) as world:
        await sign_up_in_lanes_of_their_own(world, "ada", "ben", "cleo", "dan")
        for name in ("ben", "cleo"):
            await world.follow(name, "ada")
        await world.settle()
        for name in world.ids:
            await world.home_ids(name)
        yield world


async def read(town: World, viewer: str | None, tweet_id: TweetId) -> TweetView:
    viewer_id = None if viewer is None else town.ids[viewer]
    return msgspec.json.decode(await tweet_screen(town.read, viewer_id, tweet_id), type=TweetView, strict=True)


async def poll_of(town: World, viewer: str | None, tweet_id: TweetId) -> PollView:
    poll = (await read(town, viewer, tweet_id)).poll
    assert isinstance(poll, PollView)
    return poll


def counted(poll: PollView) -> tuple[list[int | None], int, int]:
    """Votes of each option, all votes, and voters."""
    return [option.votes for option in poll.options], poll.votes_count, poll.voters_count


async def told(town: World, name: str) -> list[tuple[str, str, str]]:
    """What somebody was told of, by whom, and of which tweet."""
    page = await notifications_page(town.read, town.ids[name], Range(50))
    view = msgspec.json.decode(msgspec.json.encode(page), type=NotificationsView)
    return [(each.kind, each.people[0].username, each.tweet.id if each.tweet else "") for each in view.items]


async def count_rows(town: World, table: str) -> int:
    return int(await town.db.value(Query("test.count", (), "value", f"select count(*) from {table}")))


async def assert_exact(town: World) -> None:
    await recounts.assert_counts(town.db, top_user_followers=5000)
    await town.assert_exact()


# Voting


async def test_a_vote_is_counted_at_once_for_whoever_gave_it_and_for_all_when_it_is_applied(town: World) -> None:
    tweet_id = await town.ask("ada", "tea", "coffee")
    await town.settle()
    assert counted(await poll_of(town, "ben", tweet_id)) == ([0, 0], 0, 0)
    await town.vote("ben", tweet_id, 1)
    # From the process's memory, from Valkey, and from the truth: nobody has counted it, and Ben's pages have it.
    for forget in (lambda: None, town.forget):
        forget()
        poll = await poll_of(town, "ben", tweet_id)
        assert (counted(poll), poll.viewer) == (([0, 1], 1, 1), PollViewerView([1]))
        assert counted(await poll_of(town, "cleo", tweet_id)) == ([0, 0], 0, 0)
    await town.settle()
    for viewer, choices in (("ada", []), ("ben", [1]), ("cleo", [])):
        poll = await poll_of(town, viewer, tweet_id)
        assert (counted(poll), poll.viewer) == (([0, 1], 1, 1), PollViewerView(choices))
    anonymous = await poll_of(town, None, tweet_id)
    assert (counted(anonymous), anonymous.viewer) == (([0, 1], 1, 1), None)
    await assert_exact(town)


async def test_a_page_that_still_shows_the_old_count_counts_a_vote_once(town: World) -> None:
    """What a process remembers is older than what the row says: its version tells."""
    tweet_id = await town.ask("ada")
    await town.settle()
    await town.home("ben")
    await town.vote("ben", tweet_id, 0)
    old = town.read.tweets.memory.pick([tweet_id])
    assert old is not None
    await town.settle()
    facts = old[0]
    assert facts is not None
    town.read.tweets.memory.put({tweet_id: facts})
    poll = (await town.home("ben")).items[0].poll
    assert isinstance(poll, PollView)
    assert counted(poll) == ([1, 0], 1, 1)
    town.forget()
    assert counted(await poll_of(town, "ben", tweet_id)) == ([1, 0], 1, 1)


async def test_one_may_choose_several_where_that_is_asked_for_and_is_one_voter(town: World) -> None:
    tweet_id = await town.ask("ada", "a", "b", "c", "d", multiple=True)
    await town.vote("ben", tweet_id, 3, 0, 3)
    await town.vote("cleo", tweet_id, 3)
    await town.settle()
    poll = await poll_of(town, "ben", tweet_id)
    assert (counted(poll), poll.viewer, poll.multiple) == (([1, 0, 0, 2], 3, 2), PollViewerView([0, 3]), True)
    await assert_exact(town)


async def test_the_same_vote_again_is_quiet_and_another_is_refused(town: World) -> None:
    tweet_id = await town.ask("ada", "a", "b", "c", multiple=True)
    await town.settle()
    for _ in range(3):
        await town.vote("ben", tweet_id, 0, 2)
    for other in ([0], [1], [0, 1, 2]):
        with pytest.raises(AlreadyVoted):
            await town.vote("ben", tweet_id, *other)
    assert await outbox.count(town.db) == 1
    await town.settle()
    assert counted(await poll_of(town, "ben", tweet_id)) == ([1, 0, 1], 2, 1)


@pytest.mark.parametrize(
    ("who", "choices", "error"),
    [
        ("ada", [0], CannotVoteInOwnPoll),
        ("ben", [], Invalid),
        ("ben", [2], Invalid),
        ("ben", [-1], Invalid),
        ("ben", [0, 1], Invalid),
        ("ben", [10**30], Invalid),
    ],
)
async def test_what_cannot_be_voted_is_refused_and_changes_nothing(
    town: World, who: str, choices: list[int], error: type[LinnetError]
) -> None:
    tweet_id = await town.ask("ada")
    await town.settle()
    with pytest.raises(error):
        await town.vote(who, tweet_id, *choices)
    assert await count_rows(town, "votes") == await outbox.count(town.db) == 0


async def test_whom_a_tweet_is_not_for_finds_no_poll_in_it(town: World) -> None:
    poll = PollDraft(("a", "b"), HOUR)
    private = (
        await tweets.post_tweet(
            town.write,
            town.ids["ada"],
            text="?",
            reply_to=None,
            idempotency_key=None,
            visibility="private",
            poll=poll,
        )
    ).id
    public, plain = await town.ask("ada"), await town.post("ada")
    await town.block("dan", "ada")
    await town.settle()
    for who, tweet_id in (("dan", private), ("dan", public), ("ben", TweetId(1))):
        with pytest.raises(TweetNotFound):
            await town.vote(who, tweet_id, 0)
    with pytest.raises(PollNotFound):
        await town.vote("ben", plain, 0)
    await town.vote("ben", private, 0)
    await town.settle()
    assert counted(await poll_of(town, "cleo", private)) == ([1, 0], 1, 1)
    await assert_exact(town)


async def test_a_retweet_has_the_poll_of_what_is_in_it_and_takes_votes_for_it(town: World) -> None:
    tweet_id = await town.ask("ada")
    retweet_id = await town.retweet("ben", tweet_id)
    await town.settle()
    await town.vote("cleo", retweet_id, 1)
    await town.settle()
    shown = await read(town, "cleo", retweet_id)
    assert shown.poll is msgspec.UNSET
    assert shown.retweet_of is not None
    assert isinstance(shown.retweet_of.poll, PollView)
    assert (counted(shown.retweet_of.poll), shown.retweet_of.poll.viewer) == (([0, 1], 1, 1), PollViewerView([1]))
    await assert_exact(town)


async def test_what_one_chose_is_on_no_page_of_anybody_else(town: World) -> None:
    tweet_ids = [await town.ask("ada") for _ in range(3)]
    await town.settle()
    await town.vote("ben", tweet_ids[0], 0)
    await town.vote("cleo", tweet_ids[1], 1)
    for settle in (False, True):
        if settle:
            await town.settle()
        for viewer, chosen in (("ben", [[], [], [0]]), ("cleo", [[], [1], []]), ("ben", [[], [], [0]])):
            polls = [item.poll for item in (await town.home(viewer)).items]
            assert [poll.viewer for poll in polls if isinstance(poll, PollView)] == list(map(PollViewerView, chosen))
    everyone = msgspec.json.decode(
        b"[" + b",".join((await everyone_page(town.read, None, Range(15))).items) + b"]", type=list[TweetView]
    )
    assert [item.poll.viewer for item in everyone if isinstance(item.poll, PollView)] == [None, None, None]


async def test_a_page_without_polls_costs_what_it_did_and_one_with_polls_a_query(town: World) -> None:
    await town.post("ada", "plain")
    await town.settle()
    await town.home("ben")
    with town.budget(sql=0, valkey=2):
        await town.home("ben")
    for _ in range(3):
        await town.ask("ada")
    await town.settle()
    await town.home("ben")
    with town.budget(sql=1, valkey=2):
        assert sum(isinstance(item.poll, PollView) for item in (await town.home("ben")).items) == 3


# What is asked


@pytest.mark.parametrize(
    ("draft", "fields"),
    [
        (PollDraft((), HOUR), {"poll.options"}),
        (PollDraft(("a",), HOUR), {"poll.options"}),
        (PollDraft(("a", " ", "\u200b"), HOUR), {"poll.options"}),
        (PollDraft(tuple("abcde"), HOUR), {"poll.options"}),
        (PollDraft(tuple(map(str, range(100))), HOUR), {"poll.options"}),
        (PollDraft(("Tea", " tea"), HOUR), {"poll.options"}),
        (PollDraft(("a", "b" * 51), HOUR), {"poll.options"}),
        (PollDraft(("a", "b" * 1_000_000), HOUR), {"poll.options"}),
        (PollDraft(("a", "b\u202e"), HOUR), {"poll.options"}),
        (PollDraft(("a", "b"), -1), {"poll.expires_in"}),
        (PollDraft(("a", "b"), 299), {"poll.expires_in"}),
        (PollDraft(("a", "b"), 2_629_747), {"poll.expires_in"}),
        (PollDraft(("a",), 10**40), {"poll.options", "poll.expires_in"}),
    ],
)
async def test_what_cannot_be_asked_says_what_is_wrong(town: World, draft: PollDraft, fields: set[str]) -> None:
    with pytest.raises(Invalid) as refused:
        await tweets.post_tweet(town.write, town.ids["ada"], text="?", reply_to=None, idempotency_key=None, poll=draft)
    assert {error.field for error in refused.value.errors} == fields
    assert await count_rows(town, "tweets") == 0


async def test_a_poll_stands_beside_a_text_and_not_beside_pictures(town: World) -> None:
    for text, attached in (("", []), ("?", [AttachmentId(5)])):
        with pytest.raises(Invalid):
            await tweets.post_tweet(
                town.write,
                town.ids["ada"],
                text=text,
                reply_to=None,
                idempotency_key=None,
                attached=attached,
                poll=PollDraft(("a", "b"), HOUR),
            )


async def test_a_poll_is_part_of_what_a_key_stands_for(town: World) -> None:
    async def ask(*options: str) -> TweetId:
        tweet = await tweets.post_tweet(
            town.write,
            town.ids["ada"],
            text="?",
            reply_to=None,
            idempotency_key="k",
            poll=PollDraft(options, HOUR) if options else None,
        )
        again = await posted_screen(town.read, town.ids["ada"], tweet, again=True)
        assert isinstance(msgspec.json.decode(again, type=TweetView).poll, PollView)
        return tweet.id

    assert await ask("a", "b") == await ask("a", "b")
    for other in (("a", "c"), ()):
        with pytest.raises(IdempotencyKeyReused):
            await ask(*other)


# The end


async def test_a_poll_ends_by_the_clock_for_whoever_looks(town: World, clock: ManualClock) -> None:
    tweet_id = await town.ask("ada", "a", "b", seconds=HOUR, hides_votes=True)
    await town.vote("ben", tweet_id, 1)
    await town.settle()
    clock.advance(HOUR - 1)
    for viewer in ("ada", "ben", None):
        poll = await poll_of(town, viewer, tweet_id)
        assert (counted(poll), poll.ended, poll.hides_votes) == (([None, None], 1, 1), False, True)
    clock.advance(1)
    # No job has run, no row and no cache has changed.
    for viewer in ("ada", "ben", None):
        poll = await poll_of(town, viewer, tweet_id)
        assert (counted(poll), poll.ended) == (([0, 1], 1, 1), True)
    with pytest.raises(PollIsOver):
        await town.vote("cleo", tweet_id, 0)
    with pytest.raises(PollIsOver):
        await town.vote("ben", tweet_id, 0)
    await town.vote("ben", tweet_id, 1)
    assert await count_rows(town, "votes") == 1


async def test_an_end_is_told_once_to_whoever_asked_and_voted(town: World, clock: ManualClock) -> None:
    tweet_id, other = await town.ask("ada"), await town.ask("ada", seconds=10 * HOUR)
    for name in ("ben", "cleo"):
        await town.vote(name, tweet_id, 0)
        await town.vote(name, other, 0)
    await town.settle()
    await end_polls.run(town.write, {})
    assert await outbox.count(town.db) == 0, "none has ended"
    clock.advance(HOUR)
    for _ in range(3):
        await end_polls.run(town.write, {})
        await town.settle()
    for name in ("ada", "ben", "cleo"):
        ends = [each for each in await told(town, name) if each[0] == "poll_ended"]
        assert ends == [("poll_ended", "ada", str(tweet_id))]
    assert not [each for each in await told(town, "dan") if each[0] == "poll_ended"]
    await recounts.assert_all_told(town.db)
    await assert_exact(town)


async def test_so_many_voters_that_they_are_told_some_at_a_time_are_told_all(
    town: World, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polls, "TOLD_AT_ONCE", 2)
    monkeypatch.setattr(notes, "NOTES_AT_ONCE", 2)
    crowd = [f"v{number}" for number in range(7)]
    await town.person(*crowd)
    tweet_id = await town.ask("ada")
    for name in crowd:
        await town.vote(name, tweet_id, 0)
    await town.settle()
    clock.advance(HOUR)
    await end_polls.run(town.write, {})
    await town.settle()
    await recounts.assert_all_told(town.db)
    assert await count_rows(town, "notifications where kind = 'poll_ended'") == 8
    await assert_exact(town)
    await town.delete("ada", tweet_id)
    await town.settle()
    assert await count_rows(town, "notifications where kind = 'poll_ended'") == 0
    assert await count_rows(town, "votes") == await count_rows(town, "tweet_votes") == 0
    await assert_exact(town)


async def test_a_vote_that_is_counted_after_the_end_was_told_is_told_of_it_too(town: World, clock: ManualClock) -> None:
    tweet_id = await town.ask("ada")
    await town.settle()
    await town.vote("ben", tweet_id, 0)
    clock.advance(HOUR)
    await end_polls.run(town.write, {})
    # Ada's lane first: her poll's end is told before Ben's vote is counted.
    await town.deliver(lane_of(town.ids["ada"]))
    assert await count_rows(town, "notifications where kind = 'poll_ended'") == 1
    await town.settle()
    assert [kind for kind, _, _ in await told(town, "ben")] == ["poll_ended"]
    await assert_exact(town)


async def test_who_blocked_in_between_is_not_told_and_a_deleted_poll_tells_nobody(
    town: World, clock: ManualClock
) -> None:
    tweet_id, gone = await town.ask("ada"), await town.ask("ada")
    for name in ("ben", "cleo"):
        await town.vote(name, tweet_id, 0)
        await town.vote(name, gone, 0)
    await town.settle()
    await town.block("ben", "ada")
    clock.advance(HOUR)
    await end_polls.run(town.write, {})
    await town.delete("ada", gone)
    await town.settle()
    assert await told(town, "ben") == []
    assert [each for each in await told(town, "cleo") if each[0] == "poll_ended"] == [
        ("poll_ended", "ada", str(tweet_id))
    ]
    assert counted(await poll_of(town, "cleo", tweet_id)) == ([2, 0], 2, 2), "a vote stays given"
    assert await count_rows(town, f"votes where tweet_id = {gone}") == 0
    await assert_exact(town)
