"""A picture stands in one tweet, with its files for as long as it does and no longer: whoever acts, and is killed."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from linnet.domain.attachments import (
    ATTACHMENT_DIRECTORY,
    ATTACHMENT_FILES,
    attachment_path,
    unpack_attachments,
)
from linnet.domain.event import TweetRef
from linnet.domain.timeline import Range
from linnet.errors import AttachmentNotFound, AttachmentUsed, Forbidden, Invalid
from linnet.ids import AttachmentId, TweetId
from linnet.stores.postgres import attachments as rows
from linnet.stores.postgres import tweets as stored
from linnet.stores.postgres.backups import open_dump
from linnet.write.actions import attachments, tweets
from linnet.write.deps import WriteDeps
from linnet.write.erasing.attachments import erase_gone, erase_unheld, erase_waiting
from linnet.write.photos import Photo
from tests.support.files_at_once import directory_of, keep_files_at_once
from tests.support.world import World

PHOTO = Photo(b"large", 4, 3, b"small", 4, 3, "L00000fQfQfQfQfQfQfQfQfQfQfQ")


@pytest.fixture
def files(world: World, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where pictures are kept."""
    keep_files_at_once(monkeypatch)
    return directory_of(world.write.media)


class Album:
    """Ada's pictures: ``picture`` is the one that she has, ``tweet`` where it stands if it does."""

    def __init__(self, world: World, files: Path) -> None:
        self.world, self.files = world, files
        self.ada = world.ids["ada"]
        self.picture = AttachmentId(0)
        self.tweet = TweetId(0)

    @property
    def write(self) -> WriteDeps:
        return self.world.write

    @property
    def later(self) -> WriteDeps:
        """The same, a day on: whatever waits has waited long enough."""
        photos = msgspec.structs.replace(self.write.options.photos, waits_hours=-1)
        return msgspec.structs.replace(self.write, options=msgspec.structs.replace(self.write.options, photos=photos))

    async def posted(self) -> list[TweetId]:
        """Also by somebody who was killed before they were told."""
        return [entry.id for entry in await stored.fetch_by_author(self.world.db, self.ada, Range(100))]

    async def upload(self) -> None:
        self.picture = (await attachments.store(self.write, self.ada, PHOTO, "crumbs", (0.0, 0.0))).id

    async def post(self, *, key: str | None = None) -> None:
        tweet = await tweets.post_tweet(
            self.write, self.ada, text="", reply_to=None, idempotency_key=key, attached=[self.picture]
        )
        self.tweet = tweet.id

    async def upload_and_post(self) -> None:
        await self.upload()
        await self.post()

    async def delete(self) -> None:
        await tweets.delete_tweet(self.write, self.ada, self.tweet)
        await erase_gone(self.write, self.ada)

    async def delete_to_write_it_anew(self) -> None:
        await tweets.delete_tweet(self.write, self.ada, self.tweet, keeps_attachments=True)

    async def discard(self) -> None:
        await attachments.discard(self.write, self.ada, self.picture)
        await erase_gone(self.write, self.ada)

    async def clear(self) -> None:
        await erase_waiting(self.later)
        await erase_unheld(self.later)

    async def assert_whole(self) -> None:
        """What a tweet shows is there, and each picture stands in one tweet at most."""
        held = await rows.fetch_of_owner(self.world.db, self.ada, page_size=100)
        shown: list[AttachmentId] = []
        for tweet_id in await self.posted():
            for tweet in await stored.fetch(self.world.db, [TweetRef(self.ada, tweet_id)]):
                for each in unpack_attachments(tweet.attachments):
                    shown.append(each.id)
                    assert any(row.name == each.name for row in held)
                    for file in ATTACHMENT_FILES:
                        assert (self.files / attachment_path(each.name, file)).exists()
        assert len(set(shown)) == len(shown)

    async def assert_nothing_is_left(self) -> None:
        """Once all is deleted, and whoever clears has come by."""
        for tweet_id in await self.posted():
            await tweets.delete_tweet(self.write, self.ada, tweet_id)
        await self.clear()
        assert await rows.fetch_of_owner(self.world.db, self.ada, page_size=100) == []
        assert not list((self.files / ATTACHMENT_DIRECTORY).rglob("*.webp"))


@pytest.fixture
async def album(world: World, files: Path) -> Album:
    await world.person("ada")
    return Album(world, files)


Deed = Callable[[Album], Coroutine[Any, Any, None]]
DEEDS: dict[str, tuple[Deed | None, Deed]] = {
    "uploads": (None, Album.upload),
    "posts": (Album.upload, Album.post),
    "deletes": (Album.upload_and_post, Album.delete),
    "deletes to write it anew": (Album.upload_and_post, Album.delete_to_write_it_anew),
    "discards": (Album.upload, Album.discard),
    "clears what waits": (Album.upload, Album.clear),
    "clears beside a tweet": (Album.upload_and_post, Album.clear),
}


@pytest.mark.parametrize("name", DEEDS)
async def test_whoever_is_killed_leaves_what_is_cleared_later_and_no_tweet_without_its_picture(
    album: Album, name: str
) -> None:
    before, deed = DEEDS[name]
    loom, steps, is_last = album.world.loom, 0, False
    while not is_last:
        if before is not None:
            await before(album)
        strand = await loom.start("killed", deed(album))
        await loom.run(strand, steps=steps)
        is_last = strand.done
        if not is_last:
            await loom.kill(strand)
        loom.collect()
        await album.assert_whole()
        await album.clear()
        await album.assert_whole()
        await album.assert_nothing_is_left()
        steps += 1
    assert steps >= 2, "it is more than one step long"


RIVALS: dict[str, tuple[Deed, Deed]] = {
    "post it": (Album.upload, Album.post),
    "discard it": (Album.upload, Album.discard),
    "clear what waits": (Album.upload, Album.clear),
}


@pytest.mark.parametrize("posts_first", [True, False])
@pytest.mark.parametrize("name", RIVALS)
async def test_of_two_at_once_one_has_the_picture(album: Album, name: str, posts_first: bool) -> None:
    """One of the two stops somewhere, and the other comes through, or waits for it."""
    before, rival = RIVALS[name]
    loom, steps, is_last = album.world.loom, 0, False
    while not is_last:
        await before(album)
        deeds = [Album.post, rival] if posts_first else [rival, Album.post]
        first = await loom.start("first", deeds[0](album))
        await loom.run(first, steps=steps)
        is_last = first.done
        second = await loom.start("second", deeds[1](album))
        await loom.run(second)
        await loom.finish()
        refused = [strand for strand in loom.collect() if strand.task.exception() is not None]
        for strand in refused:
            assert isinstance(strand.task.exception(), Invalid | AttachmentNotFound | AttachmentUsed)
        # Clearing up refuses nobody: then there is no tweet, or the picture was not cleared.
        assert len(refused) <= 1
        assert len(await album.posted()) <= 1
        if name == "post it":
            assert (len(refused), len(await album.posted())) == (1, 1)
        await album.assert_whole()
        await album.assert_nothing_is_left()
        steps += 1
    assert steps >= 2, "it is more than one step long"


async def test_one_request_that_comes_twice_is_one_tweet_with_its_picture(album: Album) -> None:
    loom, steps, is_last = album.world.loom, 0, False
    while not is_last:
        await album.upload()
        key = f"key {album.picture}"
        first = await loom.start("first", album.post(key=key))
        await loom.run(first, steps=steps)
        is_last = first.done
        second = await loom.start("second", album.post(key=key))
        await loom.run(second)
        await loom.finish()
        for strand in loom.collect():
            strand.task.result()
        assert await album.posted() == [album.tweet]
        await album.assert_whole()
        await album.assert_nothing_is_left()
        steps += 1
    assert steps >= 2, "it is more than one step long"


async def test_what_belongs_to_somebody_else_is_nobody_s_to_post_describe_or_delete(album: Album) -> None:
    eve = await album.world.person("eve")
    await album.upload()
    with pytest.raises(Invalid):
        await tweets.post_tweet(
            album.write, eve, text="mine now", reply_to=None, idempotency_key=None, attached=[album.picture]
        )
    with pytest.raises(AttachmentNotFound):
        await attachments.describe(album.write, eve, album.picture, description="mine", focus=None)
    with pytest.raises(AttachmentNotFound):
        await attachments.discard(album.write, eve, album.picture)
    await album.post()
    await album.assert_whole()
    with pytest.raises(Forbidden):
        await tweets.delete_tweet(album.write, eve, album.tweet)
    await album.assert_whole()


async def test_a_picture_waits_for_a_day_and_then_goes(album: Album) -> None:
    await album.upload()
    assert await erase_waiting(album.write) == 0
    await album.post()
    assert await erase_waiting(album.later) == 0
    await album.delete_to_write_it_anew()
    assert await erase_waiting(album.write) == 0
    await album.post()
    await album.assert_whole()
    await album.delete_to_write_it_anew()
    assert await erase_waiting(album.later) == 1
    await album.assert_nothing_is_left()


async def test_nothing_is_deleted_while_a_backup_is_taken(album: Album) -> None:
    await album.upload_and_post()
    async with open_dump(album.world.db.options):
        await tweets.delete_tweet(album.write, album.ada, album.tweet)
        assert not await erase_gone(album.write, album.ada)
        assert len(list((album.files / ATTACHMENT_DIRECTORY).rglob("*.webp"))) == 2
    assert await erase_gone(album.write, album.ada)
    await album.assert_nothing_is_left()
