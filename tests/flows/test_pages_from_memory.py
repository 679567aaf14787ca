"""A page is the same, byte for byte, whatever of it the process remembers."""

import pytest

from linnet.domain.timeline import Range
from linnet.ids import TweetId
from linnet.read.timelines.home import home_page
from linnet.read.timelines.user import user_tweets_page
from linnet.read.views.pages import Page
from linnet.read.views.popular import home_json
from tests.support.world import World


async def read(world: World, viewer: str | None) -> Page:
    """A page with every kind of entry on it."""
    if viewer is None:
        return await user_tweets_page(world.read, None, world.ids["ben"], Range(15))
    return await home_page(world.read, world.ids[viewer], Range(15), popular=3)


@pytest.fixture
async def tweets(world: World) -> dict[str, TweetId]:
    """Ada follows Ben, who tweets, answers himself, and retweets Cleo and Dan."""
    await world.person("ada", "ben", "cleo", "dan", "eve")
    await world.follow("ada", "ben", "eve")
    made = {"cleo": await world.post("cleo"), "dan": await world.post("dan"), "ben": await world.post("ben")}
    made["answer"] = await world.post("ben", reply_to=made["ben"])
    made["retweet"] = await world.retweet("ben", made["cleo"])
    made["doomed"] = await world.retweet("ben", made["dan"])
    made["eve"] = await world.post("eve")
    made["popular"] = await world.post("dan", "beside the page")
    await world.like("ada", made["ben"], made["cleo"], made["popular"])
    await world.retweet("ada", made["eve"])
    await world.settle()
    return made


@pytest.mark.parametrize("viewer", ["ada", "ben", None])
async def test_what_is_remembered_and_what_is_not_make_the_same_page(
    world: World, tweets: dict[str, TweetId], viewer: str | None
) -> None:
    first = home_json(await read(world, viewer))
    with world.budget(sql=2 if viewer is None else 0, valkey=2 if viewer is None else 1):
        assert home_json(await read(world, viewer)) == first
    for tweet_id in tweets.values():
        world.read.tweets.forget([tweet_id])
        assert home_json(await read(world, viewer)) == first
    for user_id in world.ids.values():
        world.read.authors.forget([user_id])
        assert home_json(await read(world, viewer)) == first
    world.forget()
    assert home_json(await read(world, viewer)) == first


@pytest.mark.parametrize("gone", ["dan", "doomed", "eve", "answer"])
async def test_what_is_gone_is_on_no_page_although_the_window_still_has_it(
    world: World, tweets: dict[str, TweetId], gone: str
) -> None:
    author = {"dan": "dan", "eve": "eve"}.get(gone, "ben")
    await read(world, "ada")
    if gone == "doomed":
        await world.undo_retweet("ben", tweets["dan"])
    else:
        await world.delete(author, tweets[gone])
    # Its event waits: nobody has taken it out of the window, and this process was told that it is gone.
    world.read.tweets.forget([tweets[gone]])
    page = await read(world, "ada")
    assert b'"%d"' % tweets[gone] not in b"".join(page.items)
    # What is not there is remembered, too.
    with world.budget(sql=0, valkey=1):
        again = await read(world, "ada")
    assert again == page
    world.forget()
    assert (await read(world, "ada")).items == page.items
