"""A picture that somebody has is there, whoever chooses, gives up or collects it at the same time, and is killed."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from linnet.domain.avatars import AVATAR_DIRECTORY, AVATAR_SIDES, avatar_path
from linnet.write.actions import avatars
from linnet.write.pictures import PictureRules, SquarePicture, make_square
from tests.support import drawn
from tests.support.files_at_once import directory_of, keep_files_at_once
from tests.support.world import World

PEOPLE = ("ada", "eve")


@pytest.fixture
def files(world: World, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where pictures are kept."""
    keep_files_at_once(monkeypatch)
    return directory_of(world.write.media)


@pytest.fixture(scope="module")
def picture() -> SquarePicture:
    return make_square(drawn.picture(), PictureRules())


class Album:
    """One picture, and what is done with it."""

    def __init__(self, world: World, picture: SquarePicture, files: Path) -> None:
        self.world, self.picture, self.files = world, picture, files

    async def choose(self, name: str) -> None:
        """As an upload does, once it is decoded."""
        world = self.world
        await avatars._store(world.write, self.picture)
        await avatars._change(
            world.write, world.ids[name], partial(avatars._choose, world.write, world.ids[name], self.picture, "avatar")
        )

    async def give_up(self, name: str) -> None:
        await avatars.remove_avatar(self.world.write, self.world.ids[name])

    async def collect(self) -> None:
        await avatars.delete_unreferenced(self.world.write)

    async def assert_whole(self, *, wanted_by: Sequence[str] = ()) -> None:
        """Whose row names it has its files. ``wanted_by`` have it."""
        having = [name for name in PEOPLE if (await self.world.profile(name)).avatar == self.picture.name]
        assert set(wanted_by) <= set(having)
        there = [side for side in AVATAR_SIDES if (self.files / avatar_path(self.picture.name, side)).exists()]
        assert not having or there == list(AVATAR_SIDES), f"{having} have a picture of which only {there} are there"

    async def clear(self) -> None:
        """Nobody has it, and no file is left."""
        for name in PEOPLE:
            await self.give_up(name)
        await self.collect()
        assert not list((self.files / AVATAR_DIRECTORY).rglob("*.webp"))


@pytest.fixture
async def album(world: World, picture: SquarePicture, files: Path) -> Album:
    await world.person(*PEOPLE)
    return Album(world, picture, files)


Deed = Callable[[Album], Coroutine[Any, Any, None]]


def ada_gives_it_up(album: Album) -> Coroutine[Any, Any, None]:
    return album.give_up("ada")


def eve_chooses_it(album: Album) -> Coroutine[Any, Any, None]:
    return album.choose("eve")


async def leave_files(album: Album) -> None:
    """What a killed process leaves: files that no row names."""
    await avatars._store(album.world.write, album.picture)


async def let_ada_have_it(album: Album) -> None:
    await album.choose("ada")


@pytest.mark.parametrize("slow_one_first", [True, False])
@pytest.mark.parametrize(
    ("before", "other"),
    [(leave_files, Album.collect), (let_ada_have_it, ada_gives_it_up), (let_ada_have_it, Album.collect)],
)
async def test_whoever_chooses_a_picture_has_it_whatever_others_do(
    album: Album, before: Callable[[Album], Awaitable[None]], other: Deed, slow_one_first: bool
) -> None:
    """One of the two stops somewhere, and the other comes through, or waits for it."""
    loom, steps, is_last = album.world.loom, 0, False
    deeds = [other, eve_chooses_it] if slow_one_first else [eve_chooses_it, other]
    while not is_last:
        await before(album)
        first = await loom.start("first", deeds[0](album))
        await loom.run(first, steps=steps)
        is_last = first.done
        second = await loom.start("second", deeds[1](album))
        await loom.run(second)
        await loom.finish()
        for strand in loom.collect():
            strand.task.result()
        await album.assert_whole(wanted_by=["eve"])
        await album.clear()
        steps += 1
    assert steps >= 2, "it is more than one step long"


@pytest.mark.parametrize("deed", [eve_chooses_it, ada_gives_it_up, Album.collect])
async def test_whoever_is_killed_leaves_files_for_the_collector_and_nobody_without(album: Album, deed: Deed) -> None:
    loom, steps, is_last = album.world.loom, 0, False
    while not is_last:
        await let_ada_have_it(album)
        strand = await loom.start("killed", deed(album))
        await loom.run(strand, steps=steps)
        is_last = strand.done
        if not is_last:
            await loom.kill(strand)
        loom.collect()
        await album.assert_whole()
        await album.collect()
        await album.assert_whole()
        await album.clear()
        steps += 1
    assert steps >= 2, "it is more than one step long"
