"""Whom one might follow: whom those one follows follow, then whom most people follow, and nobody who should not be."""

import pytest

from linnet.read.timelines import suggestions
from linnet.read.timelines.suggestions import suggestions_screen
from linnet.read.views.popular import SuggestionsView
from linnet.stores.postgres.queries import Query
from tests.support.world import World

_ERASE = Query("test.erase", ("user_id",), "none", "update users set deleted_ms = 1 where id = %(user_id)s")


async def suggested(world: World, name: str, limit: int = 15) -> SuggestionsView:
    await world.settle()
    return await suggestions_screen(world.read, world.ids[name], limit)


async def names(world: World, name: str, limit: int = 15) -> list[str]:
    return [item.user.username for item in (await suggested(world, name, limit)).items]


async def test_who_is_followed_by_more_of_those_one_follows_comes_first(world: World) -> None:
    await world.person("ada", "ben", "cleo", "dan", "eve", "fay", "gus", "hal")
    await world.follow("ada", "ben", "cleo", "dan")
    await world.follow("ben", "eve", "fay")
    await world.follow("cleo", "fay", "gus", "ben")
    await world.follow("dan", "fay", "gus")
    # The most followed of all, and by nobody whom ada follows: after those.
    await world.follow("eve", "hal")
    await world.follow("fay", "hal")
    await world.follow("gus", "hal", "eve")
    view = await suggested(world, "ada")
    assert [(item.user.username, item.followed_by.count) for item in view.items] == [
        ("fay", 3),
        ("gus", 2),
        ("eve", 1),
        ("hal", 0),
    ]
    # Whom she followed last is named first.
    assert [person.username for person in view.items[0].followed_by.people] == ["dan", "cleo", "ben"]
    assert view == await suggested(world, "ada")
    assert await names(world, "ada", 2) == ["fay", "gus"]


async def test_three_are_named_and_all_are_counted(world: World) -> None:
    friends = [f"friend{number}" for number in range(5)]
    await world.person("ada", "zoe", *friends)
    for friend in friends:
        await world.follow("ada", friend)
        await world.follow(friend, "zoe")
    [zoe] = (await suggested(world, "ada")).items
    assert zoe.followed_by.count == 5
    assert [person.username for person in zoe.followed_by.people] == ["friend4", "friend3", "friend2"]


async def test_a_newcomer_is_shown_whom_most_people_follow_and_newcomers_last(world: World) -> None:
    await world.person("ada", "ben", "cleo", "dan", "eve")
    await world.follow("ben", "cleo")
    await world.follow("dan", "cleo", "ben")
    assert await names(world, "ada") == ["cleo", "ben", "eve", "dan"]
    assert await names(world, "ada", 3) == ["cleo", "ben", "eve"]
    assert await names(world, "eve", 1) == ["cleo"]


async def test_alone_there_is_nobody(world: World) -> None:
    await world.person("ada")
    assert await names(world, "ada") == []


async def test_never_oneself_nor_whom_one_follows_or_keeps_away_nor_who_is_gone(world: World) -> None:
    others = ["followed", "blocked", "blocker", "muted", "gone", "fine"]
    await world.person("ada", "friend", "stranger", *others)
    await world.follow("ada", "friend", "followed")
    for follower in ("friend", "stranger"):
        await world.follow(follower, "ada", *others)
    await world.settle()
    await world.block("ada", "blocked")
    await world.block("blocker", "ada")
    await world.mute("ada", "muted")
    await world.db.run(_ERASE, user_id=world.ids["gone"])
    assert await names(world, "ada") == ["fine", "stranger"]
    # For one who follows nobody, they are not among the most followed either.
    await world.unfollow("ada", "friend", "followed")
    assert await names(world, "ada") == ["fine", "followed", "stranger", "friend"]
    # Whom she mutes and follows is known to her, and says nothing by whom they follow.
    await world.mute("ada", "friend")
    await world.follow("ada", "friend")
    view = await suggested(world, "ada")
    assert [(item.user.username, item.followed_by.count) for item in view.items] == [
        ("fine", 0),
        ("followed", 0),
        ("stranger", 0),
    ]


async def test_hidden_people_are_made_up_for(world: World) -> None:
    crowd = [f"crowd{number:02}" for number in range(30)]
    await world.person("ada", "ben", "last", *crowd)
    for other in crowd:
        await world.follow("ben", other)
        await world.mute("ada", other)
    await world.settle()
    assert await names(world, "ada", 1) == ["last"]
    assert await names(world, "ada", 5) == ["last", "ben"]


async def test_whoever_follows_very_many_is_not_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggestions, "_FOLLOWS_PER_PERSON_AT_MOST", 2)
    monkeypatch.setattr(suggestions, "_FOLLOWS_READ_AT_MOST", 3)
    await world.person("ada", "older", "newer", "many", "x", "y", "z")
    await world.follow("ada", "older", "newer", "many")
    await world.follow("many", "x", "y", "z")
    await world.follow("newer", "x", "y")
    await world.follow("older", "x", "z")
    view = await suggested(world, "ada")
    counts = {item.user.username: item.followed_by.count for item in view.items}
    # "many" follows too many, and after "newer" there is no room for "older".
    assert counts == {"x": 1, "y": 1, "z": 0}


async def test_its_cost_does_not_grow_with_the_people_around(world: World) -> None:
    crowd = [f"crowd{number:02}" for number in range(25)]
    await world.person("ada", *crowd)
    await world.follow("ada", *crowd[:12])
    for name in crowd[:12]:
        await world.follow(name, *crowd[12:])
    await world.settle()
    await suggestions_screen(world.read, world.ids["ada"], 5)
    with world.budget(sql=10, valkey=3):
        assert len((await suggestions_screen(world.read, world.ids["ada"], 5)).items) == 5
