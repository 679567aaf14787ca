"""Who stands beside a tweet is asked for once: what changes every minute of a person is not shown there."""

from linnet.read.timelines.people import user_screen
from linnet.read.timelines.thread import posted_screen
from linnet.write.actions.profiles import edit_profile
from linnet.write.actions.tweets import post_tweet
from tests.support.world import World


async def test_a_page_needs_no_sql_although_its_authors_counters_move(world: World) -> None:
    await world.person("ada", "ben", "cleo")
    await world.follow("ada", "ben", "cleo")
    await world.post("ben")
    await world.post("cleo")
    await world.settle()
    assert len((await world.home("ada")).items) == 2
    await world.follow("cleo", "ben")
    await world.follow("ben", "cleo")
    await world.settle()
    # What was known of counters is not believed any more; what stands beside tweets is.
    world.read.profiles.forget_all()
    world.read.authors.forget_all()
    with world.budget(sql=0, valkey=2):
        assert len((await world.home("ada")).items) == 2
    assert (await world.profile("ben")).followers_count == 2


async def test_an_answer_to_posting_reads_nothing_back(world: World) -> None:
    await world.person("ada")
    await world.post("ada")
    await world.settle()
    await world.home("ada")
    await world.post("ada")
    await world.settle()
    with world.budget(sql=1, valkey=2):
        tweet = await post_tweet(world.write, world.ids["ada"], text="again", reply_to=None, idempotency_key=None)
        await posted_screen(world.read, world.ids["ada"], tweet)


async def test_counters_on_a_profile_are_those_of_now(world: World) -> None:
    await world.person("ada", "ben")
    await world.post("ben")
    await world.settle()
    await world.home("ben")
    await world.post("ben")
    await world.follow("ada", "ben")
    await world.settle()
    world.forget()
    screen = await user_screen(world.read, world.ids["ada"], world.ids["ben"])
    assert (screen.counts.tweets, screen.counts.followers) == (2, 1)


async def test_a_new_name_stands_beside_old_tweets_at_once(world: World) -> None:
    await world.person("ada", "ben")
    await world.follow("ada", "ben")
    await world.post("ben")
    await world.settle()
    assert [item.author.name for item in (await world.home("ada")).items] == ["Ben"]
    old = await world.read.authors.load([world.ids["ben"]])
    await edit_profile(world.write, world.ids["ben"], {"name": "Benedict"})
    # A reader who was slow brings what was read before the change.
    await world.read.authors._share(old, [])
    world.forget()
    assert [item.author.name for item in (await world.home("ada")).items] == ["Benedict"]
