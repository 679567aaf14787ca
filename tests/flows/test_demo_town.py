"""The demo's town: planted once, whole, exact, and the same after a planting that was killed."""

import asyncio
import unicodedata
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest

from linnet.cli import demo
from linnet.cli.demo import DemoLogin, NotAnEmptyTown, plant_demo
from linnet.cli.demo_people import CIRCLES, PEOPLE
from linnet.cli.demo_town import DAYS, LINES, LOVED, Line
from linnet.domain.profiles import check_bio, check_location
from linnet.domain.timeline import Range
from linnet.ids import unix_ms_of
from linnet.read.timelines.notifications import notifications_page
from linnet.read.timelines.popular import top_tweets
from linnet.read.timelines.trending import Trending
from linnet.read.views.notifications import NotificationView
from linnet.read.views.tweets import TweetView
from linnet.stores.postgres import tweets, users
from linnet.stores.postgres.queries import Query
from linnet.write.actions.passwords import PasswordOptions, Passwords
from linnet.write.actions.sessions import log_in
from tests.support.recounts import assert_counts
from tests.support.servers import Servers
from tests.support.world import World, open_world

DAY_MS = 86_400_000
CHEAP = PasswordOptions(memory_kib=8, passes=1)
# Of lines that nobody was said to love, so many people like one.
_MOST_BY_CHANCE = 3


@pytest.fixture
async def passwords() -> AsyncIterator[Passwords]:
    passwords = Passwords(CHEAP)
    yield passwords
    passwords.close()


class Planted(msgspec.Struct, frozen=True):
    """A town: what the planting said, and when it was."""

    url: str
    login: DemoLogin
    began_ms: int
    ended_ms: int


@pytest.fixture(scope="module")
def planted(servers: Servers) -> Iterator[Planted]:
    """For tests that look at a town, each in a copy of its own."""

    async def plant(url: str) -> Planted:
        passwords = Passwords(CHEAP)
        try:
            async with open_world(url, servers.valkey_url) as world:
                began_ms = world.write.clock.now_ms()
                login = await plant_demo(world.write, passwords)
                ended_ms = world.write.clock.now_ms()
                await world.settle()
        finally:
            passwords.close()
        assert login is not None
        return Planted(url, login, began_ms, ended_ms)

    with servers.fresh_database() as url, asyncio.Runner() as runner:
        yield runner.run(plant(url))


@pytest.fixture
async def town(servers: Servers, planted: Planted) -> AsyncIterator[World]:
    with servers.fresh_database(copied_from=planted.url) as url:
        async with open_world(url, servers.valkey_url) as world:
            await know_everybody(world)
            yield world


async def know_everybody(world: World) -> None:
    world.ids |= await users.fetch_ids_by_username(world.db, [person.username for person in PEOPLE])


async def fetch_everything(world: World) -> list[tuple[int, int]]:
    entries = await tweets.fetch_newest(world.db, Range(1000))
    return [(entry.id, entry.author_id) for entry in entries]


async def test_the_town_has_people_follows_and_six_days_of_tweets(town: World, planted: Planted) -> None:
    assert (planted.login.username, planted.login.is_new) == ("ada", True)
    assert len(town.ids) == len(PEOPLE)
    everything = await fetch_everything(town)
    assert len(everything) == len(LINES)
    ages = [planted.ended_ms - unix_ms_of(tweet_id) for tweet_id, _ in everything]
    assert min(ages) >= 0
    assert 5 * DAY_MS < max(ages) <= DAYS * DAY_MS + planted.ended_ms - planted.began_ms
    assert len({round(age / 3_600_000) for age in ages}) > 50, "spread over the days"


async def assert_alive(world: World) -> None:
    """People like, pin and mention, as often as it is written, and tags trend."""
    assert await world.db.fetch(int, _LIKES) == sorted(LOVED.values())
    assert await world.db.value(_PINS) == sum(bool(person.pinned) for person in PEOPLE)
    assert (await world.profile("oscar")).bio.startswith("Retired from the sea.")
    trending = await Trending(world.db, world.write.clock, world.options.trending).fetch(10)
    assert {"BirdTime", "TheGoose", "SoupNight"} <= {tag.display for tag in trending}
    [most, *_] = await top_tweets(world.read, world.ids["ada"], 10)
    assert msgspec.json.decode(most, type=TweetView).text == written("seventh").text
    assert await world.db.value(_MENTIONED, user_id=world.ids["ada"]) == 1
    await assert_counts(world.db, top_user_followers=world.options.top_user_followers)


def written(key: str) -> Line:
    return next(line for line in LINES if line.key == key)


_LIKES = Query(
    "test.likes",
    (),
    "many",
    f"select likes_count from tweets where likes_count > {_MOST_BY_CHANCE} order by likes_count",
)
_PINS = Query("test.pins", (), "value", "select count(*) from tweets where pinned")
_MENTIONED = Query(
    "test.mentioned",
    (),
    "value",
    "select count(*) from notifications where kind = 'mentioned' and user_id = %(user_id)s",
)


async def test_people_like_pin_and_mention_and_tags_trend(town: World) -> None:
    await assert_alive(town)


async def test_what_people_were_told_is_as_old_as_what_it_tells_of(town: World, planted: Planted) -> None:
    page = await notifications_page(town.read, town.ids["ada"], Range(100))
    ages = [planted.ended_ms - unix_ms_of(int(item.id)) for item in page.items]
    assert min(ages) >= 0
    assert max(ages) > 4 * DAY_MS
    assert len({round(age / 3_600_000) for age in ages}) > len(ages) // 2, "spread over the days"
    # Answers are told when they were given.
    written_ms = {
        unix_ms_of(int(tweet.id))
        for item in page.items
        if item.kind == "replied" and (tweet := view_of(item)) is not None
    }
    assert written_ms
    assert written_ms <= {unix_ms_of(int(item.id)) for item in page.items}
    # She read them a day before, at some moment of the planting.
    read_ms = range(planted.began_ms - DAY_MS, planted.ended_ms - DAY_MS + 1)
    for item in page.items:
        told_ms = unix_ms_of(int(item.id))
        assert told_ms in read_ms or item.unread == (told_ms > read_ms[-1])
    assert 0 < page.unread_count < len(page.items)


def view_of(item: NotificationView) -> TweetView | None:
    """Its tweet, which is JSON already."""
    return None if item.tweet is None else msgspec.json.decode(msgspec.json.encode(item.tweet), type=TweetView)


async def test_everybodys_home_timeline_is_exact(town: World) -> None:
    await town.assert_exact()
    assert len((await town.home("ada", limit=50)).items) == 50


async def test_the_first_person_can_log_in_and_nobody_else_is_known_to(
    town: World, planted: Planted, passwords: Passwords
) -> None:
    await log_in(town.write, passwords, login="ada", password=planted.login.password, device="test")
    account = await users.find_account(town.db, town.ids["the_goose"])
    assert account is not None
    assert not await passwords.verify(account.password_hash, planted.login.password)


async def test_planting_again_changes_nothing_and_tells_the_same_log_in(
    town: World, planted: Planted, passwords: Passwords
) -> None:
    everything = await fetch_everything(town)
    again = await plant_demo(town.write, passwords)
    assert again is not None
    assert (again.password, again.is_new) == (planted.login.password, False)
    assert await fetch_everything(town) == everything


async def test_a_changed_password_is_not_told_wrongly(town: World, passwords: Passwords) -> None:
    ada = town.ids["ada"]
    account = await users.find_account(town.db, ada)
    assert account is not None
    async with town.db.transaction() as session:
        await users.update_password(
            session, ada, old_hash=account.password_hash, new_hash=await passwords.hash("other")
        )
    assert await plant_demo(town.write, passwords) is None


class Killed(BaseException):
    """What a kill is to the code: it just stops."""


@pytest.mark.parametrize("after_actions", [40, 270, 860])
async def test_a_killed_planting_goes_on_to_the_same_town(
    world: World, passwords: Passwords, monkeypatch: pytest.MonkeyPatch, after_actions: int
) -> None:
    left = after_actions

    def dying(action):
        async def act(*args, **kwargs):
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            return await action(*args, **kwargs)

        return act

    with monkeypatch.context() as patched:
        for name in ("sign_up", "edit_profile", "follow", "post_tweet", "retweet", "like", "pin"):
            patched.setattr(demo, name, dying(getattr(demo, name)))
        with pytest.raises(Killed):
            await plant_demo(world.write, passwords)

    login = await plant_demo(world.write, passwords)
    await world.settle()
    await know_everybody(world)
    assert login is not None
    everything = await fetch_everything(world)
    assert len(everything) == len(LINES)
    await world.assert_exact(["ada", "milo"])
    await assert_alive(world)
    # Everything in its order: the last line said is the newest tweet.
    page = await world.home("ada", limit=1)
    assert page.items[0].text == LINES[-1].text


async def test_a_name_that_is_taken_stops_it_before_anything_is_planted(world: World, passwords: Passwords) -> None:
    await world.person("milo")
    with pytest.raises(NotAnEmptyTown):
        await plant_demo(world.write, passwords)
    assert await users.find_id_by_username(world.db, "ada") is None


def test_every_line_can_be_posted_and_answers_one_before_it() -> None:
    names = {person.username for person in PEOPLE}
    said: set[str] = set()
    known: set[tuple[str, str, str]] = set()
    for line in LINES:
        assert line.who in names
        assert not line.reply_to or line.reply_to in said
        assert not line.retweet_of or line.retweet_of in said
        assert len(line.text) <= 140
        assert line.text == unicodedata.normalize("NFC", line.text).strip()
        identity = (line.who, line.text, line.reply_to or line.retweet_of)
        assert identity not in known, "a line is known by what it says and answers"
        known.add(identity)
        if line.key:
            assert line.key not in said
            said.add(line.key)
    assert all(name in names for circle in CIRCLES for name in circle)
    assert LOVED.keys() <= said
    assert min(LOVED.values()) > _MOST_BY_CHANCE
    for person in PEOPLE:
        check_bio(person.bio)
        check_location(person.location)
        assert not person.pinned or written(person.pinned).who == person.username
