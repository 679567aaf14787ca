"""Who wants to be asked is followed only by whom they let: asked, accepted, refused, taken back, in every order."""

import msgspec
import pytest

from linnet.domain.event import FollowRequested, FollowRequestEnded, UserFollowed, decode_event
from linnet.domain.notification import KINDS
from linnet.domain.timeline import Range
from linnet.errors import Blocked, CannotFollowYourself, Invalid, RequestNotFound, UserNotFound
from linnet.ids import UserId
from linnet.read.timelines.causes import causes_page
from linnet.read.timelines.people import requesters_page, user_screen
from linnet.read.views.users import UserViewerView
from linnet.stores.postgres.outbox import EventRow
from linnet.stores.postgres.queries import Query
from linnet.write.actions import followrequests
from linnet.write.actions.profiles import edit_profile
from linnet.write.jobs.followrequests import accept_waiting
from tests.flows._races import THRESHOLD, Work, at_every_step, beside, town
from tests.support import recounts
from tests.support.world import World

__all__ = ["beside", "town"]

_EVENTS = Query(
    "test.events", (), "many", "select actor_id, id, kind, payload::text, attempts, 0 from outbox order by id"
)
_JOBS = Query(
    "test.jobs",
    (),
    "many",
    "select args::text from linnet_jobs.procrastinate_jobs where task_name = 'accept_waiting' order by id",
)
_CLEAR = Query("test.clear", (), "none", "delete from linnet_jobs.procrastinate_jobs")


async def asking(world: World, name: str) -> list[str]:
    page = await requesters_page(world.read, world.ids[name], Range(15))
    return [person.username for person in page.items]


async def following(world: World, name: str) -> bool:
    """Whether ben, say, follows ada."""
    return await _stands(world, name, "following")


async def _stands(world: World, name: str, how: str) -> bool:
    view = await user_screen(world.read, world.ids[name], world.ids["ada"])
    assert view.viewer is not None
    return bool(getattr(view.viewer, how))


async def told(world: World, name: str) -> list[str]:
    page = await causes_page(world.read, world.ids[name], Range(15), kinds=KINDS)
    return [item.row.kind for item in page.items]


async def let_in(world: World) -> None:
    """Runs the jobs that wait, as whoever runs jobs would."""
    for arguments in await world.db.fetch(str, _JOBS):
        await accept_waiting.run(world.write, msgspec.json.decode(arguments))
    await world.db.run(_CLEAR)


@pytest.fixture
async def locked(town: World) -> World:
    """Ada wants to be asked. Ben, who followed before, does not follow her any more; she wrote something."""
    await town.unfollow("ben", "ada")
    await town.lock("ada")
    await town.post("ada", "for whom I let")
    await town.settle()
    return town


async def test_a_follow_of_somebody_locked_is_a_request_until_it_is_accepted(locked: World) -> None:
    [tweet_id] = await locked.home_ids("ada")
    await locked.follow("ben", "ada")
    await locked.follow("ben", "ada")
    [row] = await locked.db.fetch(EventRow, _EVENTS)
    assert decode_event(row.kind, row.payload) == FollowRequested(locked.ids["ben"], locked.ids["ada"])
    assert await _stands(locked, "ben", "requested")
    assert not await following(locked, "ben")
    assert await asking(locked, "ada") == ["ben"]
    await locked.settle()
    assert (await told(locked, "ada"))[0] == "requested"
    assert await locked.home_ids("ben") == []
    assert (await locked.profile("ada")).followers_count == 0
    await locked.accept("ada", "ben")
    [row] = await locked.db.fetch(EventRow, _EVENTS)
    assert decode_event(row.kind, row.payload) == UserFollowed(locked.ids["ben"], locked.ids["ada"], asked=True)
    assert await locked.home_ids("ben") == [tweet_id], "before any worker ran"
    assert await following(locked, "ben")
    assert not await _stands(locked, "ben", "requested")
    assert await asking(locked, "ada") == []
    await locked.accept("ada", "ben")
    await locked.settle()
    assert (await told(locked, "ada"))[0] == "followed"
    assert (await locked.profile("ada")).followers_count == 1
    await locked.assert_exact()
    await recounts.assert_counts(locked.db, top_user_followers=THRESHOLD)
    await recounts.assert_all_told(locked.db)


@pytest.mark.parametrize("way", ["refused", "taken back"])
async def test_a_request_that_ended_leaves_nothing_and_may_come_again(locked: World, way: str) -> None:
    before = await told(locked, "ada")
    for _ in range(2):
        await locked.follow("ben", "ada")
        await locked.settle()
        await (locked.refuse("ada", "ben") if way == "refused" else locked.unfollow("ben", "ada"))
        [row] = await locked.db.fetch(EventRow, _EVENTS)
        assert decode_event(row.kind, row.payload) == FollowRequestEnded(locked.ids["ben"], locked.ids["ada"])
        await locked.refuse("ada", "ben")
        await locked.unfollow("ben", "ada")
        await locked.settle()
        assert await told(locked, "ada") == before
        assert await asking(locked, "ada") == []
        with pytest.raises(RequestNotFound):
            await locked.accept("ada", "ben")
    assert not await following(locked, "ben")
    await recounts.assert_counts(locked.db, top_user_followers=THRESHOLD)


async def test_whoever_follows_already_stays_when_one_locks(town: World) -> None:
    await town.lock("ada")
    tweet_id = await town.post("ada")
    await town.follow("ben", "ada")
    await town.settle()
    assert await following(town, "ben")
    assert await asking(town, "ada") == []
    assert await town.home_ids("ben") == [tweet_id]
    await town.refuse("ada", "ben")
    assert await following(town, "ben"), "what is refused is a request"


async def test_whoever_waits_is_let_in_when_one_unlocks(locked: World) -> None:
    [tweet_id] = await locked.home_ids("ada")
    await locked.follow("ben", "ada")
    await locked.follow("cleo", "ada")
    await locked.lock("ada", locked=False)
    await locked.lock("ada", locked=False)
    assert len(await locked.db.fetch(str, _JOBS)) == 1, "what is so already begins nothing"
    await locked.follow("cleo", "ada")
    assert await following(locked, "cleo"), "whoever asks again need not wait for the job"
    await let_in(locked)
    assert await following(locked, "ben")
    await locked.settle()
    assert await locked.home_ids("ben") == [tweet_id]
    await locked.assert_exact()
    await recounts.assert_counts(locked.db, top_user_followers=THRESHOLD)
    await recounts.assert_all_told(locked.db)


async def test_whoever_locks_again_before_they_are_let_in_is_asked(locked: World) -> None:
    await locked.follow("ben", "ada")
    await locked.lock("ada", locked=False)
    await locked.lock("ada")
    await let_in(locked)
    assert await asking(locked, "ada") == ["ben"]
    assert not await following(locked, "ben")


async def test_more_than_a_page_are_let_in_the_longest_waiting_first(
    locked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followrequests, "_PAGE_SIZE", 2)
    names = [f"fan{number}" for number in range(5)]
    await locked.person(*names)
    for name in names:
        await locked.follow(name, "ada")
    await locked.lock("ada", locked=False)
    await let_in(locked)
    order = await locked.db.fetch(
        UserId,
        Query("test.order", (), "many", "select follower_id from followers where user_id = %(id)s order by id"),
        id=locked.ids["ada"],
    )
    assert [locked.name_of(user_id) for user_id in order] == names
    assert await asking(locked, "ada") == []


@pytest.mark.parametrize(("blocker", "blocked"), [("ada", "ben"), ("ben", "ada")])
async def test_a_block_ends_requests_both_ways_and_lets_none_come(locked: World, blocker: str, blocked: str) -> None:
    await locked.lock("ben")
    await locked.follow("ben", "ada")
    await locked.follow("ada", "ben")
    await locked.settle()
    await locked.block(blocker, blocked)
    await locked.settle()
    for name in ("ada", "ben"):
        assert await asking(locked, name) == []
        assert "requested" not in await told(locked, name)
    with pytest.raises(Blocked):
        await locked.follow("ben", "ada")
    await locked.unblock(blocker, blocked)
    await locked.settle()
    assert await asking(locked, "ada") == []
    assert not await following(locked, "ben")
    await recounts.assert_counts(locked.db, top_user_followers=THRESHOLD)


async def test_what_makes_no_sense_is_refused(locked: World) -> None:
    ada = locked.ids["ada"]
    for act in (followrequests.accept, followrequests.refuse):
        with pytest.raises(CannotFollowYourself):
            await act(locked.write, ada, ada)
        with pytest.raises(UserNotFound):
            await act(locked.write, ada, UserId(1 << 40))
    for wrong in (None, "yes", 1):
        with pytest.raises(Invalid):
            await edit_profile(locked.write, ada, {"locked": wrong})
    assert (await locked.profile("ada")).locked


async def test_a_view_says_how_two_stand_whoever_looks(locked: World) -> None:
    await locked.follow("ben", "ada")
    ada, ben = locked.ids["ada"], locked.ids["ben"]
    none = {"following": False, "followed_by": False, "blocking": False, "muting": False}
    assert (await user_screen(locked.read, ben, ada)).viewer == UserViewerView(**none, requested=True)
    assert (await user_screen(locked.read, ada, ben)).viewer == UserViewerView(**none, requested_by=True)
    assert (await user_screen(locked.read, locked.ids["cleo"], ada)).viewer == UserViewerView(**none)
    assert (await user_screen(locked.read, ben, ada)).locked


# Two at once, in every order of their steps


def works(first: World, second: World) -> dict[str, Work]:
    async def pass_over(work: Work) -> None:
        try:
            await work()
        except (Blocked, RequestNotFound):
            return

    return {
        "accept": lambda: pass_over(lambda: first.accept("ada", "ben")),
        "accept there": lambda: pass_over(lambda: second.accept("ada", "ben")),
        "take back": lambda: second.unfollow("ben", "ada"),
        "ask": lambda: pass_over(lambda: first.follow("ben", "ada")),
        "ask there": lambda: pass_over(lambda: second.follow("ben", "ada")),
        "lock": lambda: second.lock("ada"),
        "unlock": lambda: second.lock("ada", locked=False),
        "block": lambda: second.block("ada", "ben"),
        "let in": lambda: followrequests.accept_all(first.write, first.ids["ada"]),
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("accept", "take back"),
        ("accept", "accept there"),
        ("accept", "block"),
        ("ask", "block"),
        ("ask", "lock"),
        ("ask", "unlock"),
        ("let in", "lock"),
        ("let in", "ask there"),
    ],
)
async def test_two_things_at_once_leave_a_follow_a_request_or_neither(
    town: World, beside: World, one: str, other: str
) -> None:
    """Never both of a follow and a request, whole on both sides, told exactly, and no home that shows too much."""
    done = works(town, beside)

    async def arrange() -> None:
        for name, whom in (("ada", "ben"), ("ben", "ada")):
            await town.unblock(name, whom)
        await town.unfollow("ben", "ada")
        await town.lock("ada", locked=(one, other) != ("ask", "lock"))
        if one != "ask":
            await town.follow("ben", "ada")
        if one == "let in":
            await town.lock("ada", locked=False)
        await town.db.run(_CLEAR)
        await town.post("ada")
        await town.settle()

    async def check() -> None:
        if one != "let in":
            await let_in(town)
        if other == "unlock":
            # Whoever asked in that very moment waits no more than those before them.
            assert await asking(town, "ada") == []
            assert await following(town, "ben")
        await town.settle()
        await recounts.assert_counts(town.db, top_user_followers=THRESHOLD)
        if "block" not in other:
            await recounts.assert_all_told(town.db)

    await at_every_step(town, done[one], done[other], arrange=arrange, check=check)
