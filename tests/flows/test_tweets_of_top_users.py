"""What top users write can be read in one place, page by page, by anybody."""

import msgspec

from linnet.domain.timeline import Range
from linnet.read.timelines.topusers import top_users_timeline
from linnet.read.views.pages import PageView, page_json
from linnet.read.views.tweets import TweetView
from tests.support.servers import Servers
from tests.support.world import World, WorldOptions, open_world


async def walk(world: World, name: str | None, *, limit: int, upwards: bool = False) -> list[int]:
    viewer_id = None if name is None else world.ids[name]
    found: list[int] = []
    wanted = Range(limit, after=1) if upwards else Range(limit)
    while True:
        page = msgspec.json.decode(
            page_json(await top_users_timeline(world.read, viewer_id, wanted)), type=PageView[TweetView], strict=True
        )
        ids = [int(item.id) for item in page.items]
        found = ids + found if upwards else found + ids
        cursor = page.prev if upwards else page.next
        if not ids or cursor is None:
            return found
        wanted = Range(limit, after=int(cursor)) if upwards else Range(limit, before=int(cursor))


async def test_it_holds_what_top_users_write_and_answer_each_other(servers: Servers, database_url: str) -> None:
    async with open_world(database_url, servers.valkey_url, options=WorldOptions(top_user_followers=1)) as world:
        await world.person("ada", "ben", "cleo", "dan")
        await world.settle()
        assert await walk(world, None, limit=5) == []
        for name in ("cleo", "dan"):
            await world.follow(name, "ada", "ben")
        await world.settle()
        first = await world.post("ada")
        of_cleo = await world.post("cleo")
        await world.post("ben", reply_to=of_cleo)
        answer = await world.post("ben", reply_to=first)
        retweet = await world.retweet("ada", of_cleo)
        more = [await world.post(name) for name in ("ada", "ben", "ada")]
        await world.settle()
        expected = [*more[::-1], retweet, answer, first]
        for limit in (1, 2, 100):
            assert await walk(world, "dan", limit=limit) == expected
            assert await walk(world, None, limit=limit, upwards=True) == expected
        await world.mute("dan", "ben")
        assert await walk(world, "dan", limit=2) == [more[2], more[0], retweet, first]
        await world.block("cleo", "dan")
        assert await walk(world, "dan", limit=2) == [more[2], more[0], first]
        assert await walk(world, None, limit=2) == expected
        await world.unfollow("dan", "ada")
        await world.unfollow("cleo", "ada", "ben")
        await world.unfollow("dan", "ben")
        await world.settle()
        assert await walk(world, None, limit=2) == []
