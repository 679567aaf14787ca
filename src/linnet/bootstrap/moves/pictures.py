"""Pictures of a place that moves: files are copied beside the rows that name them, and never before they are needed.

A picture's name says what is in it, so what lies at the new place already need not be looked into.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from linnet.domain.attachments import ATTACHMENT_DIRECTORY, ATTACHMENT_FILES, attachment_path
from linnet.domain.avatars import AVATAR_DIRECTORY, AVATAR_MEDIA_TYPE, AVATAR_SIDES, avatar_path
from linnet.stores.media import MediaStore

_AT_ONCE = 8


class PictureMover:
    """``copied`` and ``missing`` count files. With one store for both nothing is done."""

    def __init__(self, source: MediaStore, target: MediaStore) -> None:
        self._source = source
        self._target = target
        self._there: set[str] = set()
        self.copied = 0
        self.missing = 0

    @property
    def is_needed(self) -> bool:
        """Whether pictures have to go anywhere."""
        return self._source.is_configured and self._source.options.url != self._target.options.url

    async def look(self) -> None:
        """Finds out what is there from an earlier attempt."""
        sides: Counter[str] = Counter()
        async for paths in self._target.fetch_paths(AVATAR_DIRECTORY):
            sides.update(parts[1] for parts in (path.split("/") for path in paths) if len(parts) == 3)
        self._there |= {name for name, count in sides.items() if count >= len(AVATAR_SIDES)}
        files: Counter[str] = Counter()
        async for paths in self._target.fetch_paths(ATTACHMENT_DIRECTORY):
            files.update(parts[1] for parts in (path.split("/") for path in paths) if len(parts) == 3)
        self._there |= {name for name, count in files.items() if count >= len(ATTACHMENT_FILES)}

    async def bring(self, avatars: Iterable[str]) -> None:
        """Returns when all of these are at the new place, or were not at the old one."""
        await self._bring({avatar: [avatar_path(avatar, side) for side in AVATAR_SIDES] for avatar in avatars})

    async def bring_attachments(self, names: Iterable[str]) -> None:
        """The same for pictures of tweets, by what their files are called."""
        await self._bring({name: [attachment_path(name, file) for file in ATTACHMENT_FILES] for name in names})

    async def _bring(self, paths: Mapping[str, Sequence[str]]) -> None:
        wanted = sorted(paths.keys() - self._there) if self.is_needed else []
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            await asyncio.gather(*(self._bring_one(paths[name]) for name in some))
            self._there.update(some)

    async def _bring_one(self, paths: Sequence[str]) -> None:
        for path in paths:
            content = await self._source.find(path)
            if content is None:
                self.missing += 1
            else:
                await self._target.put(path, content, media_type=AVATAR_MEDIA_TYPE)
                self.copied += 1
