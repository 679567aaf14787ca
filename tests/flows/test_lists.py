"""Promise: a list shows exactly what its members write, and an exclusive one keeps that out of the home timeline.

What random histories do with lists is in ``test_home_equals_its_definition.py``; here is what must hold at which step.
"""

from collections.abc import AsyncIterator
from itertools import product

import pytest

from linnet.domain.event import lane_of
from linnet.domain.lists import MAX_LISTS, REPLIES, Replies
from linnet.domain.timeline import Range
from linnet.errors import Invalid, ListNotFound, NotFollowed, TooManyLists
from linnet.ids import MAX_ID, TweetId
from linnet.read.timelines.lists import list_page, lists_with, members_page
from linnet.stores.postgres import lists as store
from linnet.stores.valkey.windows import WindowOptions
from linnet.write.actions import lists
from linnet.write.actions.follows import remove_follower
from tests.support.lists import assert_lists, list_ids
from tests.support.servers import Servers
from tests.support.world import World, WorldOptions, open_process_beside, open_world

NAMES = ("ada", "ben", "cleo", "dan", "eve")


@pytest.fixture(params=[1000, 1], ids=["all are pushed", "all are top users"])
async def town(request: pytest.FixtureRequest, database_url: str, servers: Servers) -> AsyncIterator[World]:
    """Ada follows Ben, Cleo and Dan; these follow each other. Nobody follows Eve."""
    options = WorldOptions(top_user_followers=request.param, window=WindowOptions(max_entries=6, slack=2))
    async with open_world(database_url, servers.valkey_url, options=options) as world:
        await world.person(*NAMES)
        for name in NAMES[:4]:
            await world.follow(name, *(other for other in NAMES[:4] if other != name))
        await world.settle()
        yield world


async def make(world: World, *members: str, replies: Replies = "list", exclusive: bool = False) -> int:
    """Ada's list."""
    ada = world.ids["ada"]
    made = await lists.create_list(world.write, ada, title="Birds", replies=replies, exclusive=exclusive)
    await lists.add_members(world.write, ada, made.id, [world.ids[name] for name in members])
    return made.id


async def everybody_says_everything(world: World) -> None:
    """Each writes something, answers everybody and retweets everybody."""
    said: dict[str, TweetId] = {name: await world.post(name) for name in NAMES}
    for who, whom in product(NAMES, NAMES):
        await world.post(who, f"{who} to {whom}", reply_to=said[whom])
    for who, whom in product(NAMES, NAMES):
        if who != whom:
            await world.retweet(who, said[whom])
    await world.settle()


async def ada_meets(world: World, list_id: int) -> set[str]:
    """Who stands above the tweets of the list."""
    names = {user_id: name for name, user_id in world.ids.items()}
    entries = await store.fetch_oracle(world.db, world.ids["ada"], list_id, before_id=MAX_ID, page_size=1000)
    shown = await list_ids(world, "ada", list_id, limit=7)
    assert shown == [entry.id for entry in entries]
    return {names[entry.author_id] for entry in entries}


@pytest.mark.parametrize("replies", REPLIES)
async def test_every_page_of_a_list_is_what_its_definition_says(town: World, replies: Replies) -> None:
    list_id = await make(town, "ada", "ben", "dan", replies=replies)
    await everybody_says_everything(town)
    assert await ada_meets(town, list_id) == {"ada", "ben", "dan"}
    await town.mute("ada", "dan")
    assert await ada_meets(town, list_id) == {"ada", "ben"}, "a member who is muted is not met"
    await town.block("ada", "cleo")
    for limit in (1, 4, 100):
        await assert_lists(town, "ada", limit=limit)
    await town.unmute("ada", "dan")
    assert await ada_meets(town, list_id) == {"ada", "ben", "dan"}


async def test_whose_answers_are_shown_is_what_the_list_says(town: World) -> None:
    told: dict[Replies, set[str]] = {}
    said = {name: await town.post(name, "hm") for name in NAMES}
    answers = {await town.post("ben", whom, reply_to=said[whom]): whom for whom in NAMES}
    for replies in REPLIES:
        list_id = await make(town, "ben", "dan", replies=replies)
        told[replies] = {
            answers[TweetId(each)] for each in await list_ids(town, "ada", list_id, limit=3) if each in answers
        }
    assert told["none"] == {"ada", "ben"}, "to the owner, and to oneself"
    assert told["list"] == {"ada", "ben", "dan"}
    assert told["followed"] == {"ada", "ben", "cleo", "dan"}


async def test_only_who_is_followed_or_oneself_is_put_on_a_list(town: World) -> None:
    ada = town.ids["ada"]
    list_id = await make(town, "ben", "ada")
    with pytest.raises(NotFollowed):
        await lists.add_members(town.write, ada, list_id, [town.ids["cleo"], town.ids["eve"]])
    page = await members_page(town.read, ada, list_id, Range(15))
    assert {user.username for user in page.items} == {"ada", "ben"}, "all of them, or nobody"
    await lists.add_members(town.write, ada, list_id, [town.ids["ben"]])
    assert [one.id for one in await lists_with(town.read, ada, town.ids["ben"])] == [list_id]
    assert await lists_with(town.read, town.ids["ben"], ada) == [], "nobody sees whose lists they are on"


async def test_a_follow_that_ends_takes_the_place_on_the_list_with_it(town: World) -> None:
    ada = town.ids["ada"]
    list_id = await make(town, "ada", "ben", "cleo", "dan", exclusive=True)
    await everybody_says_everything(town)
    await town.unfollow("ada", "ben")
    assert await ada_meets(town, list_id) == {"ada", "cleo", "dan"}
    await remove_follower(town.write, town.ids["cleo"], ada)
    assert await ada_meets(town, list_id) == {"ada", "dan"}
    await town.block("dan", "ada")
    assert await ada_meets(town, list_id) == {"ada"}
    await town.follow("ada", "ben")
    assert await ada_meets(town, list_id) == {"ada"}, "whoever is followed again is on no list"
    assert set(await town.home_ids("ada")) >= {
        entry.id for entry in await town.oracle("ada") if entry.author_id == town.ids["ben"]
    }
    await town.settle()
    await town.assert_exact(limit=4)


async def test_an_exclusive_list_keeps_its_members_out_of_the_home_timeline_at_once(
    town: World, servers: Servers
) -> None:
    ada, ben = town.ids["ada"], town.ids["ben"]
    await everybody_says_everything(town)
    await town.assert_exact(limit=4)
    list_id = await make(town, "ada", "ben", exclusive=True)

    async def authors_at_home(process: World) -> set[int]:
        return {int(item.author.id) for item in (await process.home("ada", limit=100)).items}

    async with open_process_beside(town, servers.valkey_url) as beside:
        for process in (town, beside):
            assert ben not in await authors_at_home(process)
            assert ada in await authors_at_home(process), "one's own tweets stay at home"
        home = (await town.home("ada", limit=100)).items
        assert any(item.retweet_of and int(item.retweet_of.author.id) == ben for item in home), "others retweet him"
        assert any(item.reply_to and int(item.reply_to.user_id) == ben for item in home), "others answer him"
        await town.post("ben", "later")
        await town.settle()
        await town.assert_exact(limit=4)
        for change in (
            lambda: lists.change_list(town.write, ada, list_id, exclusive=False),
            lambda: lists.change_list(town.write, ada, list_id, exclusive=True),
            lambda: lists.remove_members(town.write, ada, list_id, [ben]),
            lambda: lists.add_members(town.write, ada, list_id, [ben]),
            lambda: lists.delete_list(town.write, ada, list_id),
        ):
            was_there = ben in await authors_at_home(beside)
            await change()
            for process in (beside, town):
                assert (ben in await authors_at_home(process)) is not was_there
    await town.settle()
    await town.assert_exact(limit=4)


async def test_whoever_changes_a_list_and_dies_is_finished_by_the_event(town: World) -> None:
    ada = town.ids["ada"]
    list_id = await make(town, exclusive=True)
    await town.post("ben")
    await town.settle()
    await town.home("ada")
    dying = await town.loom.start("dying", lists.add_members(town.write, ada, list_id, [town.ids["ben"]]))
    assert await town.loom.run_until(dying, "EVALSHA"), "committed, and about to drop the window"
    await town.loom.kill(dying)
    town.loom.collect()
    await town.deliver(lane_of(ada))
    await town.assert_exact(["ada"])
    assert await town.home_ids("ada") == []


async def test_two_processes_put_the_same_person_on_a_list_at_once(town: World, servers: Servers) -> None:
    ada, ben = town.ids["ada"], town.ids["ben"]
    list_id = await make(town)
    async with open_process_beside(town, servers.valkey_url) as beside:
        steps = 0
        while True:
            first = await town.loom.start("first", lists.add_members(town.write, ada, list_id, [ben]))
            await town.loom.run(first, steps=steps)
            is_over = first.done
            second = await town.loom.start("second", lists.add_members(beside.write, ada, list_id, [ben]))
            await town.loom.run(second)
            await town.loom.finish()
            for strand in town.loom.collect():
                strand.task.result()
            page = await members_page(town.read, ada, list_id, Range(15))
            assert [user.username for user in page.items] == ["ben"]
            await lists.remove_members(town.write, ada, list_id, [ben])
            if is_over:
                break
            steps += 1
    assert steps > 3


async def test_whoever_is_unfollowed_while_being_put_on_a_list_is_not_on_it(town: World, servers: Servers) -> None:
    ada, ben = town.ids["ada"], town.ids["ben"]
    list_id = await make(town)
    async with open_process_beside(town, servers.valkey_url) as beside:
        steps = 0
        while True:
            adding = await town.loom.start("adding", lists.add_members(town.write, ada, list_id, [ben]))
            await town.loom.run(adding, steps=steps)
            is_over = adding.done
            leaving = await town.loom.start("unfollowing", beside.unfollow("ada", "ben"))
            await town.loom.run(leaving)
            await town.loom.finish()
            for strand in town.loom.collect():
                if not isinstance(strand.task.exception(), NotFollowed):
                    strand.task.result()
            await assert_lists(town, "ada", limit=5)
            await town.follow("ada", "ben")
            if is_over:
                break
            steps += 1
    assert steps > 3


async def test_a_page_of_a_list_costs_the_same_however_many_are_on_it(town: World) -> None:
    few, many = await make(town, "ben"), await make(town, "ada", "ben", "cleo", "dan")
    await everybody_says_everything(town)
    ada = town.ids["ada"]
    for list_id in (few, many):
        await list_page(town.read, ada, list_id, Range(3))
        # The beginning of a snapshot, who is on it, a slice, and its end.
        with town.budget(sql=4, valkey=2):
            assert len((await list_page(town.read, ada, list_id, Range(3))).items) == 3


async def test_lists_are_few_have_titles_and_are_nobody_elses(town: World) -> None:
    ada, ben = town.ids["ada"], town.ids["ben"]
    for title in ("", "  ", "x" * 101, "a\x00b"):
        with pytest.raises(Invalid):
            await lists.create_list(town.write, ada, title=title)
    made = [await lists.create_list(town.write, ada, title=f" List  {number} ") for number in range(MAX_LISTS)]
    assert made[7].title == "List 7"
    with pytest.raises(TooManyLists):
        await lists.create_list(town.write, ada, title="one more")
    for verb in (
        lists.delete_list(town.write, ben, made[0].id),
        lists.change_list(town.write, ben, made[0].id, title="mine"),
        lists.add_members(town.write, ben, made[0].id, [ada]),
        lists.remove_members(town.write, ben, made[0].id, [ada]),
    ):
        with pytest.raises(ListNotFound):
            await verb
    with pytest.raises(ListNotFound):
        await list_page(town.read, ben, made[0].id, Range(15))
