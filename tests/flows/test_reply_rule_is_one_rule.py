"""The reply rule is said once in Python and several times in SQL. All of them must say the same.

``EXPECTED`` is the rule in words, case by case; every surface answers for every case, and one that differs is named.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import pytest

from linnet.domain.event import TweetPosted, TweetRef
from linnet.domain.timeline import Entry
from linnet.domain.visibility import shows_reply
from linnet.ids import MAX_ID, UserId
from linnet.read.timelines import home as home_screen
from linnet.stores.postgres import fanout, home, topusers
from linnet.stores.postgres.queries import Query
from linnet.stores.valkey.packedids import unpack_ids
from linnet.stores.valkey.windows import WindowPage
from linnet.write.fanout.plan import plan_pushes
from tests.support.servers import Servers
from tests.support.world import World, open_world

# Who writes, and whom it answers: None a tweet, "retweet …" a retweet of that person. Is it in my timeline?
EXPECTED: dict[tuple[str, str | None], bool] = {
    ("me", None): True,
    ("me", "me"): True,
    ("me", "friend"): True,
    ("me", "stranger"): True,
    ("me", "retweet stranger"): True,
    ("friend", None): True,
    ("friend", "me"): True,
    ("friend", "friend"): True,
    ("friend", "other friend"): True,
    ("friend", "stranger"): False,
    ("friend", "fan"): False,
    ("friend", "retweet me"): True,
    ("friend", "retweet stranger"): True,
    ("stranger", None): False,
    ("stranger", "me"): False,
    ("stranger", "stranger"): False,
    ("stranger", "friend"): False,
    ("stranger", "other stranger"): False,
    ("stranger", "retweet me"): False,
    ("fan", None): False,
    ("fan", "me"): False,
    ("fan", "friend"): False,
}
PEOPLE = ("me", "friend", "other friend", "stranger", "other stranger", "fan")
Surface = Callable[["Table"], Awaitable[set[int]]]


class Table:
    """The cases as tweets of a world."""

    def __init__(self, world: World, cases: dict[tuple[str, str | None], TweetPosted]) -> None:
        self.world = world
        self.cases = cases
        self.me = world.ids["me"]
        self.followed = frozenset({world.ids["friend"], world.ids["other friend"]})
        self.entries = {case: home_entry(event) for case, event in cases.items()}


def home_entry(event: TweetPosted) -> Entry:
    if event.retweet_of is not None:
        return Entry(event.tweet_id, event.author_id, event.retweet_of.author_id, event.retweet_of.tweet_id)
    return Entry(event.tweet_id, event.author_id, event.reply_to.author_id if event.reply_to else UserId(0))


@pytest.fixture
async def table(database_url: str, servers: Servers) -> AsyncIterator[Table]:
    async with open_world(database_url, servers.valkey_url) as world:
        for name in PEOPLE:
            await world.person(name.replace(" ", "_"))
            world.ids[name] = world.ids.pop(name.replace(" ", "_"))
        await world.follow("me", "friend", "other friend")
        # Who follows whom besides must not matter.
        await world.follow("fan", "me", "friend", "stranger")
        await world.follow("friend", "me", "stranger")
        await world.follow("stranger", "friend", "me", "other stranger")
        first = {name: await world.post(name, "first") for name in PEOPLE}
        await world.settle()
        cases: dict[tuple[str, str | None], TweetPosted] = {}
        for author, answers in EXPECTED:
            author_id = world.ids[author]
            if answers is None:
                cases[author, answers] = TweetPosted(author_id, await world.post(author, "a tweet"))
            elif answers.startswith("retweet "):
                original = answers.removeprefix("retweet ")
                ref = TweetRef(world.ids[original], first[original])
                retweet_id = await world.retweet(author, ref.tweet_id)
                cases[author, answers] = TweetPosted(author_id, retweet_id, retweet_of=ref)
            else:
                ref = TweetRef(world.ids[answers], first[answers])
                reply_id = await world.post(author, f"to {answers}", reply_to=ref.tweet_id)
                cases[author, answers] = TweetPosted(author_id, reply_id, reply_to=ref)
        yield Table(world, cases)


# Each surface: the ids that it shows to "me"


async def by_domain_rule(table: Table) -> set[int]:
    return {
        entry.id
        for entry in table.entries.values()
        if (entry.author_id == table.me or entry.author_id in table.followed)
        and shows_reply(entry, table.me, table.followed)
    }


async def by_fetch_slice(table: Table) -> set[int]:
    async with table.world.db.snapshot() as session:
        followed = await home.fetch_followed(session, table.me)
        assert followed.user_ids == table.followed
        sources = home.sources_at_home(table.me, followed)
        return ids_of(await home.fetch_below(session, sources, before_id=MAX_ID, newest_id=MAX_ID, page_size=100))


async def by_fetch_slice_above(table: Table) -> set[int]:
    async with table.world.db.snapshot() as session:
        followed = await home.fetch_followed(session, table.me)
        sources = home.sources_at_home(table.me, followed)
        return ids_of(await home.fetch_above(session, sources, after_id=0, newest_id=MAX_ID, page_size=100))


async def by_fetch_oracle(table: Table) -> set[int]:
    return ids_of(await home.fetch_oracle(table.world.db, table.me, before_id=MAX_ID, page_size=100))


async def by_fetch_audiences(table: Table) -> set[int]:
    """Followers, where the rule has nothing to say; an author is in their own audience by the plan."""
    asked: dict[int, int] = {
        ordinal: entry.author_id for ordinal, entry in enumerate(table.entries.values()) if not entry.is_reply_to_other
    }
    shown = reached(table, await fanout.fetch_audiences(table.world.db, asked))
    return shown | by_rest(table, replies=True)


async def by_fetch_reply_audiences(table: Table) -> set[int]:
    return await by_audiences_of_replies(table, "author")


async def by_fetch_reply_audiences_of_top(table: Table) -> set[int]:
    return await by_audiences_of_replies(table, "answered")


async def by_audiences_of_replies(table: Table, walking: str) -> set[int]:
    asked: dict[int, tuple[int, int]] = {
        ordinal: (entry.author_id, entry.related_author_id)
        for ordinal, entry in enumerate(table.entries.values())
        if entry.is_reply_to_other
    }
    shown = reached(table, await fanout.fetch_reply_audiences(table.world.db, asked, walking=walking))
    return shown | by_rest(table, replies=False)


def reached(table: Table, audiences: list[fanout.Audience]) -> set[int]:
    entries = list(table.entries.values())
    return {entries[audience.ordinal].id for audience in audiences if table.me in unpack_ids(audience.packed_ids)} | {
        entry.id for entry in entries if entry.author_id == table.me
    }


def by_rest(table: Table, *, replies: bool) -> set[int]:
    """What a query is not asked about: as expected."""
    return {entry.id for case, entry in table.entries.items() if entry.is_reply_to_other == replies and EXPECTED[case]}


async def by_plan(table: Table) -> set[int]:
    async with table.world.db.transaction() as session:
        plan = await plan_pushes(session, list(table.cases.values()))
    return {entry.id for entry, readers in plan.pushes if table.me in unpack_ids(readers)}


async def by_window(table: Table) -> set[int]:
    """Pushed into a window that was there before."""
    await table.world.settle()
    assert (await table.world.window_elements("me"))[-1] == b"."
    return set(await table.world.home_ids("me"))


SURFACES: dict[str, Surface] = {
    "domain.visibility.shows_reply": by_domain_rule,
    "home.fetch_slice": by_fetch_slice,
    "home.fetch_slice_above": by_fetch_slice_above,
    "home.fetch_oracle": by_fetch_oracle,
    "fanout.fetch_audiences": by_fetch_audiences,
    "fanout.fetch_reply_audiences": by_fetch_reply_audiences,
    "fanout.fetch_reply_audiences_of_top": by_fetch_reply_audiences_of_top,
    "fanout.plan": by_plan,
    "the window": by_window,
}


def ids_of(entries: list[Entry]) -> set[int]:
    return {entry.id for entry in entries}


def differences(table: Table, name: str, shown: set[int]) -> list[str]:
    return [
        f"{name} {'shows' if entry.id in shown else 'does not show'} {author}'s"
        f" {'tweet' if answers is None else f'answer to {answers}'}"
        for (author, answers), entry in table.entries.items()
        if (entry.id in shown) != EXPECTED[author, answers]
    ]


async def differing(table: Table, surfaces: Mapping[str, Surface]) -> list[str]:
    found: list[str] = []
    for name, surface in surfaces.items():
        found += differences(table, name, await surface(table))
    return found


async def test_every_surface_says_the_same(table: Table) -> None:
    await build_empty_window(table)
    assert await differing(table, SURFACES) == []


async def build_empty_window(table: Table) -> None:
    """A window that was built before any of it was written."""
    windows = table.world.write.windows
    assert await windows.begin(table.me, b"building")
    assert await windows.merge(table.me, b"building", [], complete=True, pulled=frozenset())


_RECORD = Query(
    "test.record",
    (),
    "none",
    "insert into top_users (user_id, since_id) select unnest(%(user_ids)s::bigint[]), 1 on conflict do nothing",
)


@pytest.mark.parametrize(
    "top_users",
    [("friend",), ("friend", "other friend"), ("me", "friend"), ("stranger", "fan"), PEOPLE],
    ids=lambda names: " and ".join(names) if len(names) < 6 else "everybody",
)
async def test_push_and_pull_together_say_the_same_whoever_is_a_top_user(
    table: Table, top_users: tuple[str, ...]
) -> None:
    await table.world.db.run(_RECORD, user_ids=[table.world.ids[name] for name in top_users])
    records = await topusers.fetch(table.world.db, list(table.world.ids.values()))
    pushed = await by_plan(table)
    pulled = await by_pull(table, frozenset(records) & table.followed)
    assert differences(table, "push and pull", pushed | pulled) == []
    if top_users == PEOPLE:
        mine = {entry.id for entry in table.entries.values() if entry.author_id == table.me}
        assert pushed == mine, "only to oneself"
    await table.world.settle()
    await table.world.assert_exact()


async def by_pull(table: Table, pull_set: frozenset[UserId]) -> set[int]:
    table.world.forget()
    page = WindowPage([], pull_set, frozenset(), None)
    return ids_of(await home_screen._pull(table.world.read, table.me, page, 0, MAX_ID, 100))


async def test_a_surface_that_differs_is_named(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    await table.world.db.run(_RECORD, user_ids=list(table.world.ids.values()))
    monkeypatch.setattr(home_screen, "shows_reply", lambda *_: True)
    wrong = differences(table, "pull", await by_plan(table) | await by_pull(table, table.followed))
    assert wrong == ["pull shows friend's answer to stranger", "pull shows friend's answer to fan"]
    monkeypatch.setitem(EXPECTED, ("friend", "stranger"), True)
    surfaces = {name: SURFACES[name] for name in ("home.fetch_slice", "home.fetch_oracle")}
    assert await differing(table, surfaces) == [
        "home.fetch_slice does not show friend's answer to stranger",
        "home.fetch_oracle does not show friend's answer to stranger",
    ]


def test_the_table_has_every_relation_of_reader_author_and_answered() -> None:
    relations = {"me": "self", "friend": "followed", "other friend": "followed", "stranger": "no", "fan": "follower"}
    found = {(relations[author], relations.get(answers or "", answers)) for author, answers in EXPECTED}
    for author in ("self", "followed", "no"):
        for answered in ("self", "followed", "no" if author != "no" else "other stranger"):
            assert (author, answered) in found, f"{author} answers {answered}"
