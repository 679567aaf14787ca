"""Pictures, as files in a directory or as objects of an S3 bucket: whoever asks need not know which.

A path is relative to the store. What lies at a path never changes: paths of pictures are made from their content. The
directory or bucket is opened when it is first used, in the process that uses it: the client behind it has threads, and
these do not survive a fork.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

import msgspec
import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from linnet.errors import Unavailable

T = TypeVar("T")

_LISTED_AT_ONCE = 1000


class MediaOptions(msgspec.Struct, frozen=True):
    """``url`` is ``file:///directory`` or ``s3://bucket/prefix``; empty: there is no store.

    Where a bucket is and who may write to it comes from the usual ``AWS_…`` variables. ``timeout_seconds`` bounds one
    operation, with the attempts it takes.
    """

    url: str = ""
    timeout_seconds: float = 10.0
    attempts: int = 3


class MediaAddress(msgspec.Struct, frozen=True):
    """A parsed URL. ``bucket`` is empty for a directory."""

    bucket: str
    path: str


def parse_media_url(url: str) -> MediaAddress:
    """Raises ``ValueError`` with a sentence."""
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        raise ValueError("nothing may follow the path")
    path = unquote(parts.path)
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise ValueError("a directory of this machine has three slashes, as in file:///srv/media")
        if not path.strip("/"):
            raise ValueError("the directory is missing")
        return MediaAddress("", path)
    if parts.scheme == "s3":
        if not parts.netloc or "@" in parts.netloc or ":" in parts.netloc:
            raise ValueError("after s3:// comes the name of a bucket, and nothing else")
        return MediaAddress(parts.netloc, path.strip("/"))
    raise ValueError("it begins with file:// or s3://")


class MediaStore:
    """One per process. Everything raises ``Unavailable`` when the store does not answer."""

    def __init__(self, options: MediaOptions) -> None:
        self.options = options
        self._opened: LocalStore | S3Store | None = None

    @property
    def is_configured(self) -> bool:
        """Whether there is a place for pictures at all."""
        return bool(self.options.url)

    async def put(self, path: str, content: bytes, *, media_type: str) -> None:
        """All of it or nothing; over what was there before."""
        attributes = {"Content-Type": media_type} if isinstance(self._store(), S3Store) else None
        # One request; a small file cut into parts would leave parts behind when it fails.
        putting = obstore.put_async(self._store(), path, content, use_multipart=False, attributes=attributes)
        try:
            await self._within_time(putting)
        except FileNotFoundError as error:
            # There is no such bucket.
            raise _unavailable(error) from error

    async def find(self, path: str) -> bytes | None:
        """The whole content."""

        async def read() -> bytes:
            found = await obstore.get_async(self._store(), path)
            return bytes(await found.bytes_async())

        try:
            return await self._within_time(read())
        except FileNotFoundError:
            return None

    async def exists(self, path: str) -> bool:
        try:
            await self._within_time(obstore.head_async(self._store(), path))
        except FileNotFoundError:
            return False
        return True

    async def delete(self, path: str) -> None:
        """Quiet when it is not there."""
        with suppress(FileNotFoundError):
            await self._within_time(obstore.delete_async(self._store(), path))

    async def fetch_paths(self, directory: str) -> AsyncIterator[Sequence[str]]:
        """All paths below a directory, some at a time, in no order; what comes or goes meanwhile may be among them."""
        listing = obstore.list(self._store(), directory, chunk_size=_LISTED_AT_ONCE)
        while True:
            try:
                chunk = await self._within_time(anext(listing))
            except StopAsyncIteration:
                return
            except FileNotFoundError as error:
                raise _unavailable(error) from error
            yield [found["path"] for found in chunk]

    async def _within_time(self, work: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self.options.timeout_seconds):
                return await work
        except FileNotFoundError:
            raise
        except (BaseError, OSError) as error:
            raise _unavailable(error) from error

    def _store(self) -> LocalStore | S3Store:
        if self._opened is None:
            if not self.options.url:
                raise Unavailable("LINNET_MEDIA_URL is not set: there is nowhere to keep pictures")
            address = parse_media_url(self.options.url)
            try:
                self._opened = self._open_bucket(address) if address.bucket else _open_directory(address)
            except (BaseError, OSError) as error:
                raise _unavailable(error) from error
        return self._opened

    def _open_bucket(self, address: MediaAddress) -> S3Store:
        seconds = timedelta(seconds=self.options.timeout_seconds)
        return S3Store(
            address.bucket,
            prefix=address.path or None,
            # Without TLS only where AWS_ENDPOINT_URL says http://, as for a server on the same machine.
            client_options={"allow_http": True, "timeout": seconds, "connect_timeout": seconds / 2},
            retry_config={"max_retries": self.options.attempts - 1, "retry_timeout": seconds},
        )


def _open_directory(address: MediaAddress) -> LocalStore:
    directory = Path(address.path)
    # Other people of the machine have no business in it; what is public in it is served.
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return LocalStore(directory, automatic_cleanup=True)


def _unavailable(error: Exception) -> Unavailable:
    # Its first line says what it is; the others are for those who write the client.
    lines = str(error).splitlines() or [type(error).__name__]
    return Unavailable(f"the media store: {lines[0]}")
