"""What holds of streams in one process, without a network: how many, for how long, and that nothing piles up."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from linnet.domain.user import Session
from linnet.errors import StreamsFull, TooManyStreams, Unavailable
from linnet.ids import SessionId, UserId
from linnet.read.hydration.viewers import Viewer
from linnet.read.streams import StreamOptions, Streams, StreamWish, bookmark_of, serve_stream
from linnet.stores.postgres import sessions
from linnet.stores.valkey.changes import Change
from tests.support.event_stream import parse_events
from tests.support.world import World

PATIENCE_SECONDS = 60.0
WISH = StreamWish()


@pytest.fixture
async def streams(world: World) -> AsyncIterator[Streams]:
    options = StreamOptions(most_per_user=2, most_per_process=3, send_seconds=0.05, pause_seconds=0)
    streams = Streams(world.read, world.write.live, options)
    async with streams.running():
        yield streams


async def logged_in(world: World, name: str) -> Viewer:
    user_id = world.ids[name] if name in world.ids else await world.person(name)
    session_id = SessionId(world.write.ids.mint())
    session = Session(session_id, user_id, "test", world.write.clock.now_ms())
    await sessions.insert(world.db, session, token_hash=str(session_id).encode())
    return Viewer(user_id, session_id)


async def live_fields(world: World) -> list[bytes]:
    fields: list[bytes] = await world.write.valkey.call(b"HKEYS", world.write.keys.live())
    return fields


async def test_there_is_room_for_so_many_streams_and_again_when_some_end(world: World, streams: Streams) -> None:
    ada, ben, cleo = [await logged_in(world, name) for name in ("ada", "ben", "cleo")]
    opened = [await streams.open(viewer, WISH) for viewer in (ada, ada, ben)]
    with pytest.raises(StreamsFull):
        await streams.open(cleo, WISH)
    streams.close(opened[2])
    streams.close(opened[2])
    with pytest.raises(TooManyStreams):
        await streams.open(ada, WISH)
    opened[2] = await streams.open(cleo, WISH)
    assert streams.count == 3
    for stream in opened:
        streams.close(stream)
    assert streams.count == 0


async def test_nobody_is_entered_who_has_no_stream(world: World, streams: Streams) -> None:
    viewer = await logged_in(world, "ada")
    opened = [await streams.open(viewer, WISH) for _ in range(2)]
    assert len(await live_fields(world)) == 2, "a reader, and the process"
    streams.close(opened[0])
    assert len(await live_fields(world)) == 2
    streams.close(opened[1])
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await live_fields(world):
            pass


async def test_one_that_cannot_begin_leaves_nothing_behind(world: World, streams: Streams) -> None:
    viewer = await logged_in(world, "ada")
    await world.db.close()
    with pytest.raises(Unavailable):
        await streams.open(viewer, WISH)
    assert streams.count == 0


async def test_a_stream_of_a_session_that_is_over_ends(world: World, streams: Streams) -> None:
    ada, again = await logged_in(world, "ada"), await logged_in(world, "ada")
    one, other = await streams.open(ada, WISH), await streams.open(again, WISH)
    await anext(one)
    await anext(other)
    await sessions.delete(world.db, ada.user_id, ada.session_id)
    streams.on_change(Change(logged_out_ids=(ada.user_id,)))
    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(StopAsyncIteration):
            await anext(one)
    assert not other.has_ended


async def test_for_a_client_that_takes_nothing_nothing_piles_up(world: World, streams: Streams) -> None:
    viewer = await logged_in(world, "ada")
    stream = await streams.open(viewer, StreamWish(limit=5))
    await anext(stream)
    for number in range(40):
        tweet = await world.post("ada", f"tweet {number}")
        streams.on_change(Change((tweet,)))
        stream.mark(tweet)
    chunk = await anext(stream)
    assert [event.name for event in parse_events(chunk)] == ["gap"], "one look for all of them"
    assert len(chunk) < 200
    assert len(stream.following.watched) == 5


async def test_a_client_that_does_not_take_a_chunk_is_given_up(world: World, streams: Streams) -> None:
    viewer = await logged_in(world, "ada")
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] == "http.response.body":
            await asyncio.get_running_loop().create_future()

    async def receive() -> Any:
        return await asyncio.get_running_loop().create_future()

    async with asyncio.timeout(PATIENCE_SECONDS):
        await serve_stream(streams, viewer, WISH, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[-1]["more_body"], "an answer that is cut must not look whole"
    assert streams.count == 0


async def test_a_client_that_leaves_ends_its_stream(world: World, streams: Streams) -> None:
    viewer = await logged_in(world, "ada")
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async with asyncio.timeout(PATIENCE_SECONDS):
        await serve_stream(streams, viewer, WISH, receive, send)
    assert streams.count == 0
    assert all(message.get("more_body", True) for message in sent), "nothing is sent to who is not there"


async def test_a_process_that_ends_opens_no_more_streams(world: World, streams: Streams) -> None:
    viewer = await logged_in(world, "ada")
    stream = await streams.open(viewer, WISH)
    await anext(stream)
    streams.stop()
    assert (await anext(stream)).startswith(b"retry: ")
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    with pytest.raises(StreamsFull):
        await streams.open(viewer, WISH)


async def test_a_glance_says_what_a_stream_would_begin_with(world: World, streams: Streams) -> None:
    viewer = await logged_in(world, "ada")
    first = await world.post("ada")
    has = bookmark_of([first])
    second = await world.post("ada")
    events = parse_events(await streams.glance(viewer, StreamWish(since=has)))
    assert [event.name for event in events] == ["tweets", "counts", "notifications"]
    assert [item["id"] for item in events[0].data["items"]] == [str(second)]
    assert events[-1].id == str(bookmark_of([first, second]))
    assert streams.count == 0


async def test_more_than_can_be_sent_again_is_a_gap(world: World, streams: Streams) -> None:
    viewer = await logged_in(world, "ada")
    first = await world.post("ada")
    for _ in range(201):
        await world.post("ada")
    [event, *_] = parse_events(await streams.glance(viewer, StreamWish(since=bookmark_of([first]))))
    assert event.name == "gap"
    await world.delete("ada", first)
    [event, *_] = parse_events(await streams.glance(viewer, StreamWish(since=bookmark_of([UserId(1)]))))
    assert event.name == "gap", "it has what never was"
