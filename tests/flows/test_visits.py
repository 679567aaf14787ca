"""Last active and visits: written rarely, by no request, and once whatever the number of processes."""

import asyncio

from linnet.domain.visits import Activity
from linnet.ids import UserId
from linnet.read.hydration.viewers import Viewers
from linnet.read.timelines.people import me_screen, profile_screen
from linnet.stores.postgres import profiles
from linnet.write.actions.sessions import LoggedIn
from tests.flows._accounts_world import Town

pytest_plugins = ["tests.flows._accounts_fixtures"]

MINUTE_MS = 60_000


async def activity(town: Town, user_id: UserId) -> Activity:
    return await profiles.find_activity(town.db, user_id)


async def visit(town: Town, viewers: Viewers, person: LoggedIn) -> int:
    """Somebody asks for something; what the process then stores. Returns how many statements that took."""
    assert await viewers.find(person.token)
    before = town.db.statements
    await viewers.flush_last_used()
    return town.db.statements - before


async def row_version(town: Town, user_id: UserId) -> object:
    """Changes with each write of the row, whatever it writes."""
    return await town.value("select xmin::text from users where id = %(id)s", id=user_id)


async def test_nobody_was_active_before_their_first_request(town: Town) -> None:
    ada = await town.sign_up("ada")
    assert await activity(town, ada.user_id) == Activity(None, None)
    assert (await profile_screen(town.read, None, ada.user_id)).last_active_at is None
    await visit(town, town.viewers, ada)
    assert await activity(town, ada.user_id) == Activity(town.clock.now_ms(), None)
    me = await me_screen(town.read, ada.user_id)
    assert me.last_active_at is not None
    assert me.last_active_at.endswith("0:00.000Z") or me.last_active_at.endswith("5:00.000Z")
    assert (await profile_screen(town.read, None, ada.user_id)).last_active_at == me.last_active_at


async def test_activity_is_written_at_most_once_in_five_minutes(town: Town) -> None:
    ada = await town.sign_up("ada")
    start_ms = town.clock.now_ms()
    written = []
    for _ in range(40):
        town.clock.advance(30)
        await visit(town, town.viewers, ada)
        written.append((await activity(town, ada.user_id)).last_active_ms)
    minutes = [(at - start_ms) / MINUTE_MS for at in dict.fromkeys(written) if at is not None]
    assert minutes == [0.5, 5.5, 10.5, 15.5]


async def test_also_when_several_processes_hear_of_somebody(town: Town) -> None:
    ada = await town.sign_up("ada")
    processes = [town.another_viewers() for _ in range(3)]
    versions = set()
    for _ in range(10):
        town.clock.advance(29)
        await asyncio.gather(*(visit(town, process, ada) for process in processes))
        versions.add(await row_version(town, ada.user_id))
    assert len(versions) == 1, "one write in 290 seconds"


async def test_a_process_that_knows_what_is_stored_does_not_ask_again(town: Town) -> None:
    ada = await town.sign_up("ada")
    there, here = town.another_viewers(), town.another_viewers()
    await visit(town, there, ada)
    town.clock.advance(60)
    assert await visit(town, here, ada) == 2, "it asks once for the user, and once for the session"
    for _ in range(3):
        town.clock.advance(60)
        assert await visit(town, here, ada) == 0


async def test_a_visit_ends_with_half_an_hour_of_silence(town: Town) -> None:
    ada = await town.sign_up("ada")
    await visit(town, town.viewers, ada)
    first_ms = town.clock.now_ms()
    town.clock.advance(29 * 60)
    await visit(town, town.viewers, ada)
    last_ms = town.clock.now_ms()
    assert last_ms > first_ms
    assert await activity(town, ada.user_id) == Activity(last_ms, None), "still the first visit"

    town.clock.advance(31 * 60)
    assert (await activity(town, ada.user_id)).was_here_before_ms(town.clock.now_ms()) == last_ms
    await visit(town, town.viewers, ada)
    now_ms = town.clock.now_ms()
    assert await activity(town, ada.user_id) == Activity(now_ms, last_ms)

    town.clock.advance(10 * 60)
    await visit(town, town.viewers, ada)
    later = await activity(town, ada.user_id)
    assert later == Activity(town.clock.now_ms(), last_ms), "the visit goes on, the one before stays"
    assert later.was_here_before_ms(town.clock.now_ms()) == last_ms


async def test_activity_changes_no_cached_profile(town: Town) -> None:
    ada = await town.sign_up("ada")
    [before] = await town.read.profiles.load([ada.user_id])
    await visit(town, town.viewers, ada)
    [after] = await town.read.profiles.load([ada.user_id])
    assert after == before


async def test_no_request_writes(town: Town) -> None:
    ada = await town.sign_up("ada")
    before = await row_version(town, ada.user_id)
    assert await town.viewers.find(ada.token)
    await profile_screen(town.read, ada.user_id, ada.user_id)
    assert await row_version(town, ada.user_id) == before
