"""Who gets a connection next, who is refused, and what is left to those that read."""

import asyncio

import pytest

from linnet.errors import Unavailable
from linnet.stores.postgres.turnstile import Pass, Turnstile, writing

_LONG_SECONDS = 3600.0


def enter(turnstile: Turnstile, *, writes: bool = False, patience_seconds: float = _LONG_SECONDS) -> asyncio.Task[Pass]:
    """Somebody comes. A task takes the context of its making along."""
    if not writes:
        return asyncio.create_task(turnstile.enter(patience_seconds))
    with writing():
        return asyncio.create_task(turnstile.enter(patience_seconds))


async def turn() -> None:
    """All who can go on do."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_comes_first_goes_first() -> None:
    turnstile = Turnstile(1, 1, 10)
    passes = [enter(turnstile, writes=number % 2 == 1) for number in range(4)]
    for number, inside in enumerate(passes):
        await turn()
        assert [each.done() for each in passes] == [each <= number for each in range(4)]
        turnstile.leave(inside.result())


async def test_those_that_write_leave_places_to_those_that_read() -> None:
    turnstile = Turnstile(3, 2, 10)
    writers = [enter(turnstile, writes=True) for _ in range(4)]
    await turn()
    assert [writer.done() for writer in writers] == [True, True, False, False]
    # The place that is left is for them, although writers wait.
    reader = enter(turnstile)
    await turn()
    assert reader.done()
    turnstile.leave(reader.result())
    await turn()
    assert not writers[2].done(), "and stays free when nobody reads"
    turnstile.leave(writers[0].result())
    await turn()
    assert [writer.done() for writer in writers] == [True, True, True, False]
    for writer in writers[1:]:
        await turn()
        turnstile.leave(writer.result())


async def test_those_that_read_may_take_all_places() -> None:
    turnstile = Turnstile(2, 1, 10)
    readers = [enter(turnstile) for _ in range(2)]
    await turn()
    assert all(reader.done() for reader in readers)
    writer = enter(turnstile, writes=True)
    await turn()
    assert not writer.done()
    turnstile.leave(readers[0].result())
    await turn()
    assert writer.done()


async def test_a_line_has_an_end_and_each_its_own() -> None:
    turnstile = Turnstile(1, 1, 2)
    inside = [enter(turnstile, writes=True) for _ in range(3)]
    await turn()
    with pytest.raises(Unavailable):
        await enter(turnstile, writes=True)
    waiting = [enter(turnstile) for _ in range(2)]
    await turn()
    with pytest.raises(Unavailable):
        await enter(turnstile)
    for each in (*inside, *waiting):
        turnstile.leave(await each)


async def test_who_gives_up_is_passed_over_and_takes_no_place() -> None:
    turnstile = Turnstile(1, 1, 10)
    first = await enter(turnstile)
    with pytest.raises(Unavailable):
        await enter(turnstile, patience_seconds=0.001)
    gone, staying = enter(turnstile), enter(turnstile)
    await turn()
    gone.cancel()
    turnstile.leave(first)
    # Told to go in the moment of being let in.
    staying.cancel()
    await turn()
    assert (gone.cancelled(), staying.cancelled()) == (True, True)
    assert not (await enter(turnstile)).writes


async def test_everybody_who_waits_is_sent_away_at_once() -> None:
    turnstile = Turnstile(1, 1, 10)
    first = await enter(turnstile)
    waiting = [enter(turnstile, writes=writes) for writes in (True, False, True)]
    await turn()
    turnstile.refuse_all("there is no server")
    assert [type(each) for each in await asyncio.gather(*waiting, return_exceptions=True)] == [Unavailable] * 3
    turnstile.leave(first)
    assert not (await enter(turnstile)).writes
