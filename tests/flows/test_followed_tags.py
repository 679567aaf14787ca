"""Promise: whoever follows a tag has its public tweets at home, and nothing else for it.

What random histories do with tags is in ``test_home_equals_its_definition.py``; here is what must hold at which step.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import pytest

from linnet.domain.event import lane_of
from linnet.domain.followedtags import MAX_FOLLOWED_TAGS
from linnet.errors import Invalid, TooManyFollowedTags
from linnet.read.timelines.verify import VerifyOptions, check_window, verify_windows
from linnet.stores.postgres import followedtags as store
from linnet.stores.valkey.windows import WindowOptions
from linnet.write.actions import lists
from tests.support.servers import Servers
from tests.support.world import World, WorldOptions, open_process_beside, open_world

NAMES: Final = ("ada", "ben", "cleo", "dan", "eve")


@pytest.fixture(params=[1000, 1], ids=["all are pushed", "all are top users"])
async def town(request: pytest.FixtureRequest, database_url: str, servers: Servers) -> AsyncIterator[World]:
    """Ada follows Ben and the tag "cats"; Ben follows Cleo. Windows hold six entries."""
    options = WorldOptions(top_user_followers=request.param, window=WindowOptions(max_entries=6, slack=2))
    async with open_world(database_url, servers.valkey_url, options=options) as world:
        await world.person(*NAMES)
        await world.follow("ada", "ben")
        await world.follow("ben", "cleo")
        await world.follow_tag("ada", "cats")
        await world.settle()
        yield world


async def texts(world: World, name: str = "ada") -> list[str]:
    """What somebody has at home, oldest first."""
    return [item.text for item in (await world.home(name, limit=100)).items][::-1]


async def test_a_stranger_is_met_by_the_tag_and_not_without_it(town: World) -> None:
    await town.post("cleo", "no tag")
    await town.post("cleo", "#Cats of mine")
    await town.post("ben", "a friend's #cats")
    await town.post("dan", "#dogs")
    await town.settle()
    assert await texts(town) == ["#Cats of mine", "a friend's #cats"]
    assert await texts(town, "dan") == ["#dogs"]
    await town.assert_exact(limit=2)


async def test_replies_come_by_their_tag_whomever_they_answer_and_retweets_do_not(town: World) -> None:
    answered = await town.post("dan", "a tweet of a stranger")
    await town.post("cleo", "an answer without it", reply_to=answered)
    tagged = await town.post("cleo", "an answer about #cats", reply_to=answered)
    await town.post("ben", "a friend's answer to a stranger", reply_to=answered)
    await town.post("ben", "a friend's answer about #cats", reply_to=answered)
    await town.retweet("eve", tagged)
    await town.settle()
    assert await texts(town) == ["an answer about #cats", "a friend's answer about #cats"]
    # A friend's retweet of the same tweet is an entry of its own, as ever.
    await town.retweet("ben", tagged)
    await town.settle()
    assert len(await texts(town)) == 3
    await town.assert_exact(limit=1)


async def test_only_what_is_public_comes_by_its_tag(town: World) -> None:
    await town.post("cleo", "#cats for some", visibility="private")
    await town.post("cleo", "#cats unlisted", visibility="unlisted")
    await town.post("ben", "a friend's private #cats", visibility="private")
    await town.settle()
    assert await texts(town) == ["a friend's private #cats"]
    await town.assert_exact()


@pytest.mark.parametrize("verb", ["mute", "block", "be blocked by"])
async def test_whom_one_keeps_away_no_tag_brings(town: World, verb: str) -> None:
    answered = await town.post("dan", "of whom nothing is to be seen, #cats")
    await town.post("cleo", "#cats", reply_to=answered)
    await town.post("cleo", "more #cats")
    await town.settle()
    assert len(await texts(town)) == 3
    if verb == "be blocked by":
        await town.block("dan", "ada")
    else:
        await getattr(town, verb)("ada", "dan")
    assert await texts(town) == ["more #cats"]
    await town.settle()
    await town.post("dan", "again #cats")
    await town.settle()
    assert await texts(town) == ["more #cats"]
    await town.assert_exact()


async def test_a_full_page_of_somebody_muted_is_made_up_for_from_below(town: World) -> None:
    for number in range(3):
        await town.post("cleo", f"#cats {number}")
    for _ in range(90):
        await town.post("dan", "#cats #cats #cats")
    await town.mute("ada", "dan")
    await town.settle()
    page = await town.home("ada", limit=2)
    assert [item.text for item in page.items] == ["#cats 2", "#cats 1"]
    assert page.next is not None
    await town.assert_exact(["ada"], limit=2)


async def test_whom_one_has_on_an_exclusive_list_no_tag_brings_home(town: World) -> None:
    made = await lists.create_list(town.write, town.ids["ada"], title="Friends", exclusive=True)
    await lists.add_members(town.write, town.ids["ada"], made.id, [town.ids["ben"]])
    await town.post("ben", "read elsewhere #cats")
    await town.post("cleo", "#cats")
    await town.settle()
    assert await texts(town) == ["#cats"]
    await town.assert_exact()


async def test_a_follow_and_its_end_show_at_once_and_in_every_process(town: World, servers: Servers) -> None:
    await town.post("cleo", "#dogs")
    await town.settle()
    async with open_process_beside(town, servers.valkey_url) as beside:
        assert await texts(town) == await texts(beside) == []
        await beside.follow_tag("ada", "#Dogs")
        assert await texts(town) == await texts(beside) == ["#dogs"]
        await town.unfollow_tag("ada", "DOGS")
        assert await texts(town) == await texts(beside) == []
        await town.settle()
        await beside.assert_exact(["ada"])


async def test_what_the_request_did_not_come_to_its_event_does(town: World) -> None:
    await town.post("cleo", "#dogs")
    await town.settle()
    assert await texts(town) == []
    strand = await town.loom.start("request", town.follow_tag("ada", "dogs"))
    assert await town.loom.run_until(strand, "commit")
    await town.loom.run(strand, steps=1)
    await town.loom.kill(strand)
    assert await store.fetch_among(town.db, town.ids["ada"], ["dogs"]), "it was killed after its commit"
    await town.deliver(lane_of(town.ids["ada"]))
    assert await texts(town) == ["#dogs"]
    await town.settle()
    await town.assert_exact(["ada"])


async def test_deleted_tweets_go_and_the_page_is_filled_up(town: World) -> None:
    posted = [await town.post("cleo", f"#cats {number}") for number in range(8)]
    await town.settle()
    assert len((await town.home("ada", limit=3)).items) == 3
    for tweet_id in posted[4:7]:
        await town.delete("cleo", tweet_id)
    # The tag's index still has them, and so has what is held of it.
    town.read.forget_all()
    assert [item.text for item in (await town.home("ada", limit=3)).items] == ["#cats 7", "#cats 3", "#cats 2"]
    await town.settle()
    await town.assert_exact(limit=3)


async def test_a_tweet_with_two_followed_tags_stands_there_once(town: World) -> None:
    await town.follow_tag("ada", "dogs", "birds")
    for _ in range(5):
        await town.post("cleo", "#cats and #dogs and #birds")
    await town.settle()
    assert len(await texts(town)) == 5
    await town.assert_exact(limit=2)


async def test_a_busy_tag_among_quiet_people_has_no_seam_anywhere(town: World) -> None:
    """Above, in and below what is held of the tag, above and below the window's end."""
    await town.follow_tag("ada", "dogs")
    for number in range(210):
        author, text = ("ben", "a friend") if number % 9 == 0 else ("cleo", "#cats" if number % 4 else "#dogs")
        await town.post(author, f"{text} {number}")
    await town.settle()
    await town.assert_exact(["ada"], limit=7)
    await town.flush()
    await town.assert_exact(["ada"], limit=40)


async def test_without_windows_the_truth_says_the_same(database_url: str, servers: Servers) -> None:
    options = WorldOptions(rebuilds_at_once=0)
    async with open_world(database_url, servers.valkey_url, options=options) as world:
        await world.person(*NAMES)
        await world.follow_tag("ada", "cats")
        await world.follow("ada", "ben")
        for number in range(40):
            await world.post("ben" if number % 3 else "cleo", f"#cats {number}" if number % 2 else f"{number}")
        await world.settle()
        await world.assert_exact(["ada"], limit=4)
        assert await world.window_elements("ada") == []


async def test_a_late_index_is_seen_wherever_the_tweet_belongs(town: World) -> None:
    """The worker stood still: what carries the tag comes below what is already there."""
    await town.post("cleo", "an old one #cats")
    await town.post("dan", "a newer one #cats")
    await town.deliver(lane_of(town.ids["dan"]))
    town.forget()
    assert await texts(town) == ["a newer one #cats"]
    await town.deliver(lane_of(town.ids["cleo"]))
    town.forget()
    assert await texts(town) == ["an old one #cats", "a newer one #cats"]
    await town.settle()
    await town.assert_exact()


async def test_a_hundred_tags_may_be_followed_and_not_one_more(town: World) -> None:
    await town.follow_tag("dan", *(f"tag{number}" for number in range(MAX_FOLLOWED_TAGS - 1)))
    outcomes = await asyncio.gather(
        *(town.follow_tag("dan", f"last{number}") for number in range(4)), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if outcome is not None]
    assert len(refused) == 3
    assert all(isinstance(outcome, TooManyFollowedTags) for outcome in refused)
    assert await store.count(town.db, town.ids["dan"]) == MAX_FOLLOWED_TAGS
    # One that is followed already is no more, and there is room again when one goes.
    await town.follow_tag("dan", "TAG1")
    await town.unfollow_tag("dan", "tag1")
    await town.unfollow_tag("dan", "tag1")
    await town.follow_tag("dan", "another")
    await town.post("cleo", "#tag7 and #tag50")
    await town.settle()
    await town.assert_exact(["dan"])


async def test_what_no_tweet_can_carry_cannot_be_followed(town: World) -> None:
    for named in ("", "#", "123", "two words", "x" * 3000):
        with pytest.raises(Invalid):
            await town.follow_tag("ada", named)
        with pytest.raises(Invalid):
            await town.unfollow_tag("ada", named)


async def test_verification_knows_tags(town: World) -> None:
    for number in range(12):
        await town.post("ben" if number % 3 else "cleo", f"#cats {number}" if number % 2 else "no tag")
    await town.settle()
    await town.home("ada")
    checked = await check_window(town.read, town.ids["ada"])
    assert checked is not None
    assert not checked.differs
    # A window that says no tags beside it lacks them, which is found and mended.
    await town.write.valkey.call(b"SET", town.write.keys.pull(town.ids["ada"]), b"")
    found = [one async for one in verify_windows(town.read, sample=9, repair=True, options=VerifyOptions(1))]
    assert [one.reader_id for one in found if one.repaired] == [town.ids["ada"]]
    await town.assert_exact(["ada"])


async def test_a_warm_page_costs_what_it_costs_without_tags(world: World) -> None:
    await world.person(*NAMES)
    await world.follow("ada", "ben")
    for number in range(40):
        await world.post("ben" if number % 3 else "cleo", f"#cats {number}")
    await world.settle()
    for tags in (0, 1, 30):
        await world.follow_tag("ada", *["cats", *(f"tag{number}" for number in range(29))][:tags])
        await world.settle()
        for _ in range(3):
            await world.home("ada")
        with world.budget(sql=0, valkey=1):
            page = await world.home("ada")
        assert {item.author.username for item in page.items} == ({"ben", "cleo"} if tags else {"ben"})
