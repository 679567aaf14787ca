"""Files that are read and written at once, for strands: they stop where a store is asked, and must not wait elsewhere.

What lies where is as ever; only no thread is asked to do it, of which a strand could not know when it is done.
"""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from linnet.stores.media import MediaStore


def directory_of(store: MediaStore) -> Path:
    return Path(store.options.url.removeprefix("file://"))


def keep_files_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For all stores in directories, until the test ends."""

    async def put(store: MediaStore, path: str, content: bytes, *, media_type: str) -> None:
        (directory_of(store) / path).parent.mkdir(parents=True, exist_ok=True)
        (directory_of(store) / path).write_bytes(content)

    async def exists(store: MediaStore, path: str) -> bool:
        return (directory_of(store) / path).exists()

    async def delete(store: MediaStore, path: str) -> None:
        (directory_of(store) / path).unlink(missing_ok=True)

    async def fetch_paths(store: MediaStore, below: str) -> AsyncIterator[Sequence[str]]:
        directory = directory_of(store)
        yield [str(path.relative_to(directory)) for path in (directory / below).rglob("*.webp")]

    for operation in (put, exists, delete, fetch_paths):
        monkeypatch.setattr(MediaStore, operation.__name__, operation)
