"""Whoever leaves is gone at once, and then nothing of them is left but the reserved username."""

import re
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from linnet.domain.attachments import ATTACHMENT_DIRECTORY
from linnet.domain.avatars import AVATAR_DIRECTORY
from linnet.domain.event import TweetPosted, TweetRef, UserFollowed
from linnet.domain.user import NOBODY
from linnet.errors import LinnetError, TweetNotFound, Unavailable, UserNotFound
from linnet.ids import TweetId
from linnet.stores.postgres import erasure, follows, outbox, tweets, users
from linnet.stores.postgres.outbox import NewEvent
from linnet.stores.postgres.queries import Query
from linnet.stores.postgres.tweets import NewTweet
from linnet.write.actions import likes
from linnet.write.actions import tweets as tweet_actions
from linnet.write.actions.avatars import put_avatar
from linnet.write.actions.notifications import mark_read
from linnet.write.actions.profiles import edit_profile
from linnet.write.jobs.erasure import erase_account, erase_last_traces
from linnet.write.jobs.job import Job, NotYet
from tests.flows import _leaving as leaving
from tests.support import drawn
from tests.support.faults import Killed, Strand
from tests.support.files_at_once import keep_files_at_once
from tests.support.recount_words import assert_words
from tests.support.recounts import assert_counts, assert_window
from tests.support.servers import Servers
from tests.support.world import World, WorldOptions, open_world

THRESHOLD = 2


@pytest.fixture
async def town(servers: Servers, database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    keep_files_at_once(monkeypatch)
    options = WorldOptions(top_user_followers=THRESHOLD)
    async with open_world(database_url, servers.valkey_url, options=options) as world:
        yield world


async def assert_nothing_left(town: World, life: leaving.Life) -> None:
    found = await leaving.traces(town, life)
    assert not found, "\n".join(found)
    # Dan's event, which named her, is still what happened: he posted a tweet.
    await leaving.mend(town)
    assert await leaving.traces(town, life) == []
    del town.ids["zoe"]
    await assert_counts(town.db, top_user_followers=THRESHOLD)
    await assert_words(town, are_told=False)
    await town.assert_exact()
    for name in town.ids:
        await assert_window(town, name)
    assert await users.find_id_by_username(town.db, "zoe") == 0


async def test_nothing_is_left_in_either_store_but_the_username(town: World) -> None:
    life = await leaving.live(town)
    await put_avatar(town.write, life.zoe, a_picture)
    await leaving.settle_all(town)
    picture = (await town.profile("zoe")).avatar
    assert picture is not None
    # As if it were something that she wrote.
    life.texts.append(picture)
    assert any(picture in path for path in await pictures(town))
    assert len(await pictures(town, ATTACHMENT_DIRECTORY)) == 6
    before = await leaving.traces(town, life)
    unseen = [what for what in leaving.needles(life) if not any(found.startswith(f"{what} in ") for found in before)]
    # Nothing keeps an id so; and what was nowhere before cannot be missed afterwards.
    assert [what for what in unseen if "base64" not in what] == ["packed id in hex"]
    await leaving.leave(town)
    await leaving.erase(town)
    await assert_nothing_left(town, life)
    assert await pictures(town) == []
    assert await pictures(town, ATTACHMENT_DIRECTORY) == []


async def a_picture() -> bytes:
    return drawn.picture()


async def pictures(town: World, directory: str = AVATAR_DIRECTORY) -> list[str]:
    return [path async for paths in town.write.media.fetch_paths(directory) for path in paths]


async def test_what_others_wrote_to_her_stays_and_answers_nobody(town: World) -> None:
    life = await leaving.live(town)
    await leaving.leave(town)
    await leaving.erase(town)
    for name in ("adas", "answer", "answer_to_answer", "mention", "reply"):
        assert await tweets.find_by_id(town.db, life.kept[name]) is not None
    answer = await tweets.find_by_id(town.db, life.kept["answer"])
    assert answer is not None
    assert answer.reply_to == TweetRef(NOBODY, life.gone[0])
    # A reply to nobody is seen by whoever wrote it, and by whoever goes to look for it.
    assert life.kept["answer"] in await town.home_ids("ada")
    assert life.kept["answer"] not in await town.home_ids("ben")
    assert life.kept["answer_to_answer"] in await town.home_ids("cleo")
    mention = await tweets.find_by_id(town.db, life.kept["mention"])
    assert mention is not None
    assert mention.text == "ask @zoe or @ada about #thimbles"
    assert mention.entities is not None
    assert ('"username":"zoe"' in mention.entities, '"username":"ada"' in mention.entities) == (False, True)


async def test_at_once_she_is_invisible_to_whoever_acts_and_reads(town: World) -> None:
    life = await leaving.live(town)
    first = life.gone[0]
    await leaving.leave(town)
    # Nothing is erased yet: what is seen now is what is seen while the job waits its turn.
    await town.assert_exact([name for name in town.ids if name != "zoe"])
    for name in leaving.OTHERS:
        page = await town.home(name, limit=100)
        shown = {item.author.id for item in page.items} | {i.retweet_of.author.id for i in page.items if i.retweet_of}
        assert str(life.zoe) not in shown
    with pytest.raises(TweetNotFound):
        await town.post("ada", "are you there?", reply_to=first)
    with pytest.raises(TweetNotFound):
        await town.retweet("ada", first)
    with pytest.raises(TweetNotFound):
        await likes.like(town.write, town.ids["cleo"], first)
    for act in (town.follow, town.unfollow, town.block, town.mute):
        with pytest.raises(UserNotFound):
            await act("ada", "zoe")
    mention = await town.post("ada", "where is @zoe")
    found = await tweets.find_by_id(town.db, mention)
    assert found is not None
    assert found.entities is None


async def test_the_job_that_is_killed_anywhere_is_begun_again_and_ends_the_same(town: World) -> None:
    life = await leaving.live(town)
    await leaving.leave(town)
    kills = await run_with_kills(town, erase_account)
    await leaving.settle_all(town)
    kills += await run_with_kills(town, erase_last_traces)
    assert kills > 50, "it is many steps long"
    await assert_nothing_left(town, life)


async def run_with_kills(town: World, kind: Job[...]) -> int:
    """Kills the first run before its first call of a store, the second before its second, and so on to the end."""
    arguments = await leaving.arguments_of(town, kind)
    kills = 0
    while True:
        strand = await town.loom.start(kind.name, kind.run(town.write, arguments))
        await town.loom.run(strand, steps=kills)
        if not strand.done:
            await town.loom.kill(strand)
            kills += 1
        town.loom.collect()
        try:
            strand.task.result()
        except NotYet:
            await leaving.settle_all(town)
        except (Killed, Unavailable):
            continue
        else:
            return kills


async def test_a_valkey_that_is_away_delays_the_job_and_loses_nothing(town: World) -> None:
    life = await leaving.live(town)
    await leaving.leave(town)
    arguments = await leaving.arguments_of(town, erase_account)
    await leaving.settle_all(town)
    failures = 0
    while True:
        strand = await town.loom.start("erase", erase_account.run(town.write, arguments))
        while not strand.done and not (strand.next_label or "").isupper():
            await town.loom.step(strand)
        if not strand.done:
            await town.loom.fail(strand, Unavailable("Valkey: it is away"))
            failures += 1
        await town.loom.run(strand)
        town.loom.collect()
        error = strand.task.exception()
        if error is None:
            break
        assert isinstance(error, NotYet | Unavailable)
        if failures > 3:
            await leaving.run_job(town, erase_account)
            break
        await leaving.settle_all(town)
    assert failures > 0
    await leaving.run_job(town, erase_last_traces)
    await assert_nothing_left(town, life)


async def test_requests_that_were_under_way_leave_nothing_behind(town: World) -> None:
    """What passed its checks before she left is written after the first job is through."""
    life = await leaving.live(town)
    await leaving.leave(town)
    await leaving.run_job(town, erase_account)
    await leaving.settle_all(town)

    ids = town.write.ids
    late = NewTweet(life.zoe, TweetId(ids.mint()), "my last words, they came late")
    await tweets.insert(town.db, late, NewEvent.of(TweetPosted(life.zoe, late.id), late.id))
    life.texts.append(late.text)
    answered = TweetRef(life.zoe, life.gone[0])
    reply = NewTweet(town.ids["cleo"], TweetId(ids.mint()), "a late answer", reply_to=answered)
    await tweets.insert(
        town.db, reply, NewEvent.of(TweetPosted(town.ids["cleo"], reply.id, reply_to=answered), reply.id)
    )
    ada = town.ids["ada"]
    async with town.db.transaction() as session:
        change_id = await follows.next_change(session, ada, ids.mint())
        await follows.insert(session, follower_id=ada, followed_id=life.zoe, follow_id=change_id)
        await outbox.append(session, NewEvent.of(UserFollowed(ada, life.zoe), change_id), numbered=True)
    await leaving.settle_all(town)
    await town.home_ids("ada")
    await town.home_ids("cleo")

    await leaving.run_job(town, erase_last_traces)
    found = await tweets.find_by_id(town.db, reply.id)
    assert found is not None
    assert found.reply_to == TweetRef(NOBODY, answered.tweet_id)
    await assert_nothing_left(town, life)


def requests_of_others(town: World, life: leaving.Life) -> dict[str, Coroutine[Any, Any, Any]]:
    first, second, *_ = life.gone
    return {
        "like": town.like("cleo", first),
        "unlike": town.unlike("ada", first),
        "vote": town.vote("cleo", life.poll, 1),
        "reply": town.post("cleo", "and this is for @zoe", reply_to=second),
        "mention": town.post("ben", "@zoe, are you leaving? #thimbles"),
        "retweet": town.retweet("cleo", first),
        "undo": town.undo_retweet("ben", first),
        "unfollow": town.unfollow("ada", "zoe"),
        "follow": town.follow("dan", "ada"),
        "block": town.block("cleo", "zoe"),
        "mute": town.mute("ada", "zoe"),
    }


def her_requests(town: World, life: leaving.Life) -> dict[str, Coroutine[Any, Any, Any]]:
    zoe, (first, second, *_), mention = life.zoe, life.gone, life.kept["mention"]
    return {
        "her tweet": tweet_actions.post_tweet(
            town.write, zoe, text="the last thimble", reply_to=life.kept["adas"], idempotency_key="thimble-key-2"
        ),
        "her like": town.like("zoe", life.kept["answer"]),
        "her unlike": town.unlike("zoe", mention),
        "her vote": town.vote("zoe", life.kept["bens_poll"], 1),
        "her retweet": town.retweet("zoe", mention),
        "her follow": town.follow("zoe", "cleo"),
        "her unfollow": town.unfollow("zoe", "ben"),
        "her mute": town.mute("zoe", "ada"),
        "her pin": town.pin("zoe", first),
        "her deletion": town.delete("zoe", second),
        "her name": edit_profile(town.write, zoe, {"name": "Zoe Quicksilver the Second"}),
        "her reading": mark_read(town.write, zoe, up_to=None),
    }


async def begin(town: World, requests: dict[str, Coroutine[Any, Any, Any]]) -> list[Strand]:
    """Everybody looked whether they may, and nobody wrote anything yet."""
    strands = []
    for name, request in requests.items():
        strand = await town.loom.start(name, request)
        while strand.next_label is not None and not WRITES.search(strand.next_label):
            await town.loom.step(strand)
        assert not strand.done, f"{name} wrote without being let: {strand.task.exception()!r}"
        strands.append(strand)
    return strands


WRITES = re.compile(r"^begin$|\.(insert|delete|mark_read)")


@pytest.mark.parametrize("requests_of", [requests_of_others, her_requests])
@pytest.mark.parametrize("steps", [0, 25, None], ids=lambda steps: f"after {steps} steps")
async def test_whatever_people_do_in_that_moment_leaves_nothing(
    town: World, steps: int | None, requests_of: Callable[..., dict[str, Coroutine[Any, Any, Any]]]
) -> None:
    """They come through somewhere in the first job, or (None) only after it."""
    life = await leaving.live(town)
    life.texts.append("the last thimble")
    under_way = await begin(town, requests_of(town, life))
    await leaving.leave(town)
    await leaving.settle_all(town)
    if steps is None:
        await leaving.run_job(town, erase_account)
    else:
        arguments = await leaving.arguments_of(town, erase_account)
        job = await town.loom.start("erase", erase_account.run(town.write, arguments))
        await town.loom.run(job, steps=steps)
    await town.loom.finish()
    for strand in town.loom.collect():
        error = strand.task.exception()
        assert error is None or isinstance(error, LinnetError | NotYet), f"{strand}: {error!r}"
    assert all(strand.done for strand in under_way)
    await leaving.settle_all(town)
    for name in leaving.OTHERS:
        await town.home_ids(name)
    if steps is not None:
        await leaving.run_job(town, erase_account)
        await leaving.settle_all(town)
    await leaving.run_job(town, erase_last_traces)
    await assert_nothing_left(town, life)


async def test_an_account_that_stays_is_not_erased(town: World) -> None:
    await town.person("ada")
    with pytest.raises(ValueError, match="stays"):
        await erase_account.run(town.write, {"user_id": town.ids["ada"], "left_ms": town.write.clock.now_ms()})
    async with town.db.transaction() as session:
        await erasure.delete_user(session, town.ids["ada"])
    assert (await town.profile("ada")).username == "ada"


async def test_done_twice_is_as_good_as_once(town: World) -> None:
    life = await leaving.live(town)
    await leaving.leave(town)
    arguments = await leaving.arguments_of(town, erase_account)
    await leaving.erase(town)
    await erase_account.run(town.write, arguments)
    await town.db.run(Query("test.none", (), "none", "delete from linnet_jobs.procrastinate_jobs"))
    await erase_last_traces.run(town.write, arguments)
    await assert_nothing_left(town, life)
