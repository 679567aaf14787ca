"""The media store keeps files the same way in a directory and in a bucket, over real HTTP."""

import asyncio
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from linnet.errors import Unavailable
from linnet.stores.media import MediaAddress, MediaOptions, MediaStore, parse_media_url
from tests.support.s3 import S3Server, open_s3

WEBP = "image/webp"


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with open_s3() as server:
        yield server


@pytest.fixture(params=["directory", "bucket", "bucket and prefix"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MediaStore:
    if request.param == "directory":
        return MediaStore(MediaOptions(f"{tmp_path.as_uri()}/media"))
    server: S3Server = request.getfixturevalue("s3")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    prefix = "/some/where" if request.param == "bucket and prefix" else ""
    return MediaStore(MediaOptions(f"s3://{server.make_bucket()}{prefix}"))


async def all_paths(store: MediaStore, directory: str) -> list[str]:
    return sorted([path async for paths in store.fetch_paths(directory) for path in paths])


async def test_what_is_put_is_found(store: MediaStore) -> None:
    content = bytes(range(256)) * 1000
    await store.put("avatars/aa/64.webp", content, media_type=WEBP)
    assert await store.find("avatars/aa/64.webp") == content
    assert await store.exists("avatars/aa/64.webp")


async def test_what_was_never_put_is_not_found(store: MediaStore) -> None:
    assert await store.find("avatars/aa/64.webp") is None
    assert not await store.exists("avatars/aa/64.webp")
    await store.delete("avatars/aa/64.webp")
    assert await all_paths(store, "avatars") == []


async def test_what_is_put_again_is_the_newer_one(store: MediaStore) -> None:
    await store.put("avatars/aa/64.webp", b"old", media_type=WEBP)
    await store.put("avatars/aa/64.webp", b"new", media_type=WEBP)
    assert await store.find("avatars/aa/64.webp") == b"new"


async def test_what_is_deleted_is_gone_and_its_neighbours_stay(store: MediaStore) -> None:
    paths = [f"avatars/{name}/{side}.webp" for name in ("aa", "bb") for side in (64, 192)]
    await asyncio.gather(*(store.put(path, path.encode(), media_type=WEBP) for path in paths))
    await store.put("other/thing", b"", media_type=WEBP)
    assert await all_paths(store, "avatars") == sorted(paths)
    await store.delete(paths[0])
    await store.delete(paths[0])
    assert await all_paths(store, "avatars") == sorted(paths[1:])
    assert [await store.find(path) for path in paths] == [None, *(path.encode() for path in paths[1:])]


async def test_an_empty_file_is_a_file(store: MediaStore) -> None:
    await store.put("a/b", b"", media_type=WEBP)
    assert await store.find("a/b") == b""


async def test_a_directory_is_made_for_us_alone_and_left_without_empty_ones(tmp_path: Path) -> None:
    directory = tmp_path / "deep" / "with blank & ümlaut"
    store = MediaStore(MediaOptions(directory.as_uri()))
    assert not directory.exists(), "nothing is made before it is needed"
    await store.put("avatars/aa/64.webp", b"x", media_type=WEBP)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert (directory / "avatars/aa/64.webp").read_bytes() == b"x"
    await store.delete("avatars/aa/64.webp")
    assert not (directory / "avatars").exists()


async def test_no_path_leads_out_of_the_directory(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    store = MediaStore(MediaOptions(f"{tmp_path.as_uri()}/media"))
    await store.put("a/b", b"", media_type=WEBP)
    for path in ("../secret", "a/../../secret", "a/../../../etc/passwd", "./../secret"):
        with pytest.raises((ValueError, Unavailable)):
            await store.find(path)


async def test_without_a_place_there_is_no_store() -> None:
    store = MediaStore(MediaOptions())
    assert not store.is_configured
    with pytest.raises(Unavailable, match="LINNET_MEDIA_URL"):
        await store.find("a/b")


async def test_a_directory_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = MediaStore(MediaOptions(f"{tmp_path.as_uri()}/file/media"))
    with pytest.raises(Unavailable):
        await store.put("a/b", b"", media_type=WEBP)


async def test_a_server_that_is_away_or_silent_is_unavailable(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(Unavailable):
            await MediaStore(MediaOptions("s3://bucket", timeout_seconds=0.3)).find("a/b")
    with pytest.raises(Unavailable):
        await MediaStore(MediaOptions("s3://bucket", timeout_seconds=0.3)).put("a/b", b"", media_type=WEBP)


async def test_a_bucket_that_is_not_there_is_no_empty_one(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    store = MediaStore(MediaOptions("s3://nowhere", attempts=1))
    with pytest.raises(Unavailable):
        await store.put("a/b", b"", media_type=WEBP)
    with pytest.raises(Unavailable):
        await all_paths(store, "a")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("file:///srv/media", MediaAddress("", "/srv/media")),
        ("file://localhost/srv/media", MediaAddress("", "/srv/media")),
        ("file:///srv/with%20blank", MediaAddress("", "/srv/with blank")),
        ("s3://bucket", MediaAddress("bucket", "")),
        ("s3://bucket/", MediaAddress("bucket", "")),
        ("s3://bucket/a/b/", MediaAddress("bucket", "a/b")),
    ],
)
def test_a_url_says_where_pictures_are_kept(url: str, address: MediaAddress) -> None:
    assert parse_media_url(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/srv/media",
        "file://srv/media",
        "file:///",
        "file:",
        "s3://",
        "s3:///a",
        "s3://key:secret@bucket",
        "http://a/b",
        "s3://b?x=1",
    ],
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_media_url(url)
