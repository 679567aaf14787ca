"""Promise: people are found by their names, as they are now, also when these are not quite spelt right."""

import pytest

from linnet.domain.matching import score
from linnet.domain.timeline import Range
from linnet.errors import Invalid
from linnet.ids import MAX_ID
from linnet.read.timelines import search
from linnet.read.timelines.search import people_found_page
from linnet.stores.postgres.queries import Query
from linnet.write.actions import blocks
from tests.support.world import World

_RENAME = Query("test.rename", (), "none", "update users set name = %(name)s where id = %(user_id)s")
_FOLLOWED = Query("test.followed", (), "none", "update users set followers_count = %(count)s where id = %(user_id)s")
_DELETE = Query("test.delete", (), "none", "update users set deleted_ms = 1 where id = %(user_id)s")


async def named(world: World, **names: str) -> None:
    for username, name in names.items():
        await world.person(username)
        await world.db.run(_RENAME, user_id=world.ids[username], name=name)


async def found(world: World, query: str, *, by: str | None = None, limit: int = 100) -> list[str]:
    """Usernames, page by page to the end."""
    viewer_id = None if by is None else world.ids[by]
    usernames: list[str] = []
    before = MAX_ID
    while True:
        page = await people_found_page(world.read, viewer_id, query, Range(limit, before))
        usernames += [user.username for user in page.items]
        if page.next is None:
            return usernames
        before = int(page.next)


@pytest.fixture
async def town(world: World) -> World:
    await named(
        world,
        ada="Ada Finch",
        adam_2="Adam Smith",
        jsmith="Jonathan Smith-Jones",
        zoe="Zoë Łukasiewicz",
        ivan="Иван Петров",
        taro="山田太郎",
        minji="김민지",
        straus="Strauß 🎻",
        lee_x="Lee",
    )
    return world


async def test_people_are_found_by_what_their_names_begin_with(town: World) -> None:
    cases = {
        "ada": ["ada", "adam_2"],
        "@ADA": ["ada", "adam_2"],
        "adam": ["adam_2", "ada"],
        "adam_2": ["adam_2"],
        "fin": ["ada"],
        "finch ada": ["ada"],
        "smith": ["adam_2", "jsmith"],
        "jones": ["jsmith"],
        "smith-jones": ["jsmith"],
        "zoë": ["zoe"],
        "zoe luka": ["zoe"],
        "ŁUKAS": ["zoe"],
        "иван": ["ivan"],
        "ПЕТ": ["ivan"],
        "太郎": ["taro"],
        "山田太郎": ["taro"],
        "김민": ["minji"],
        "strauss": ["straus"],
        "🎻": ["straus"],
        "x": ["lee_x"],
        "nobody": [],
        "'&|!:*": [],
        "%_": [],
    }
    for query, expected in cases.items():
        assert sorted(await found(town, query)) == sorted(expected), query
    assert (await found(town, "ada"))[0] == "ada"
    assert (await found(town, "adam"))[0] == "adam_2"


async def test_typing_errors_are_forgiven(town: World) -> None:
    cases = {
        "jonathn": "jsmith",
        "johnathan smiht": "jsmith",
        "finhc": "ada",
        "Lukasievicz": "zoe",
        "пертов": "ivan",
    }
    for query, expected in cases.items():
        assert expected in await found(town, query), query


async def test_the_username_comes_first_then_beginnings_then_the_most_followed(town: World) -> None:
    await named(town, sparrow="Somebody", sparrow_fan="Somebody", birdie="Jack Sparrow", birdy="Sparrow", sparow="Else")
    for username, count in {"birdie": 10, "birdy": 1, "sparrow_fan": 5, "sparow": 1000}.items():
        await town.db.run(_FOLLOWED, user_id=town.ids[username], count=count)
    ranked = ["sparrow", "sparrow_fan", "birdie", "birdy", "sparow"]
    assert await found(town, "sparrow") == ranked
    assert await found(town, "sparrow", limit=2) == ranked
    assert await found(town, "sparrow", limit=1) == ranked


async def test_a_new_name_is_found_and_the_old_one_is_not(town: World) -> None:
    await town.db.run(_RENAME, user_id=town.ids["ada"], name="Countess Lovelace")
    assert await found(town, "lovelace") == ["ada"]
    assert await found(town, "finch") == []


async def test_who_is_gone_blocked_or_muted_is_not_found(town: World) -> None:
    await town.person("viewer")
    await named(town, smith_1="One", smith_2="Two", smith_3="Three", smith_4="Four")
    await town.db.run(_DELETE, user_id=town.ids["smith_1"])
    await blocks.block(town.write, town.ids["viewer"], town.ids["smith_2"])
    await blocks.block(town.write, town.ids["smith_3"], town.ids["viewer"])
    await blocks.mute(town.write, town.ids["viewer"], town.ids["smith_4"])
    await town.settle()
    assert sorted(await found(town, "smith", by="viewer")) == ["adam_2", "jsmith"]
    assert sorted(await found(town, "smith")) == ["adam_2", "jsmith", "smith_2", "smith_3", "smith_4"]


async def test_there_is_an_end_to_it(town: World) -> None:
    with pytest.raises(Invalid):
        await found(town, "  ")
    for number in range(210):
        await town.person(f"many_{number}")
    everybody = await found(town, "many", limit=90)
    assert len(everybody) == len(set(everybody)) == 200


async def test_nobody_is_lost_between_pages_who_fits_as_well_as_another(
    town: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The score tells most people apart by their ids; here nobody.
    monkeypatch.setattr(search, "score", lambda user_id, *rest, **how: score(0, *rest, **how))
    for number in range(7):
        await town.person(f"many_{number}")
    expected = sorted((f"many_{number}" for number in range(7)), key=town.ids.__getitem__, reverse=True)
    for limit in (1, 2, 3, 10):
        assert await found(town, "many", limit=limit) == expected
