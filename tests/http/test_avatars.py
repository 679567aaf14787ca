"""Pictures: whoever uploads one is shown with it, whatever else they upload is refused, and nothing is left behind."""

import asyncio
import io
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from PIL import Image

from linnet.api.services import ApiServices
from linnet.errors import Unavailable
from linnet.ids import UserId
from linnet.read.views.users import MeView
from linnet.stores.media import MediaOptions, MediaStore
from linnet.stores.postgres.queries import Query
from linnet.write.actions import avatars
from linnet.write.erasing.rows import erase_rows
from linnet.write.jobs.media import collect_pictures
from tests.http.app_world import PASSWORD, Person, Site, assert_problem, open_site
from tests.support import drawn
from tests.support.drawn import BLUE, GREEN, RED, WHITE, corners, looks_like, picture
from tests.support.s3 import S3Server, open_s3
from tests.support.servers import Servers

SIZES = ("512.webp", "192.webp", "64.webp")


async def upload(
    site: Site, by: Person | None, content: bytes, media_type: str | None = "image/jpeg", **more: Any
) -> httpx.Response:
    headers = {} if media_type is None else {"Content-Type": media_type}
    return await site.ask("PUT", "/api/me/avatar", by=by, content=content, headers=headers, **more)


async def put(site: Site, by: Person, content: bytes) -> str:
    """Uploads a picture; returns its address."""
    answer = await upload(site, by, content)
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=MeView).avatar_url


def address(avatar_url: str, size: str) -> str:
    return avatar_url.rpartition("/")[0] + "/" + size


def other_picture(number: int = 1) -> bytes:
    return drawn.encoded(Image.new("RGB", (64, 64), (10 * number, 200, 90)), "PNG")


async def test_whoever_uploads_a_picture_is_shown_with_it_everywhere_at_once(site: Site) -> None:
    ada = await site.sign_up("ada")
    tweet = await site.post(ada)
    url = await put(site, ada, picture())
    assert (await site.ask("GET", "/api/me", by=ada)).json()["avatar_url"] == url
    assert (await site.ask("GET", f"/api/users/{ada.id}")).json()["avatar_url"] == url
    assert (await site.ask("GET", f"/api/tweets/{tweet['id']}")).json()["author"]["avatar_url"] == url
    home = (await site.ask("GET", "/api/timelines/home", by=ada)).json()
    assert home["items"][0]["author"]["avatar_url"] == url


async def test_a_picture_is_served_in_three_sizes_for_ever(site: Site) -> None:
    url = await put(site, await site.sign_up("ada"), picture())
    assert url.endswith("/192.webp")
    for size in SIZES:
        answer = await site.ask("GET", address(url, size))
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/webp"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
        with Image.open(io.BytesIO(answer.content)) as image:
            assert f"{image.width}.webp" == f"{image.height}.webp" == size
        assert looks_like(corners(answer.content), [RED, GREEN, BLUE, WHITE])


@pytest.mark.parametrize("kind", ["chosen", "drawn"])
async def test_whoever_has_a_picture_is_only_told_so(busy_site: Site, kind: str) -> None:
    ada = await busy_site.newcomer()
    url = await put(busy_site, ada, picture()) if kind == "chosen" else f"/media/avatars/default/{ada.id}.svg"
    etag = (await busy_site.ask("GET", url)).headers["etag"]
    for known in (etag, f'W/{etag}, "another"', "*"):
        answer = await busy_site.ask("GET", url, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
        assert "immutable" in answer.headers["cache-control"]
    assert (await busy_site.ask("GET", url, headers={"If-None-Match": '"another"'})).status_code == 200
    head = await busy_site.ask("HEAD", url)
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", etag)


async def test_whoever_chose_none_is_drawn_a_bird_always_the_same(busy_site: Site) -> None:
    ada, eve = await busy_site.newcomer(), await busy_site.newcomer()
    url = (await busy_site.ask("GET", "/api/me", by=ada)).json()["avatar_url"]
    answer = await busy_site.ask("GET", url)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert b"<script" not in answer.content
    assert (await busy_site.ask("GET", url)).content == answer.content
    others = (await busy_site.ask("GET", "/api/me", by=eve)).json()["avatar_url"]
    assert (await busy_site.ask("GET", others)).content != answer.content


async def test_a_picture_can_be_sent_as_a_form(site: Site) -> None:
    ada = await site.sign_up("ada")
    plain = await put(site, ada, picture())
    form = {"avatar": ("me.jpg", picture(), "image/jpeg")}
    answer = await site.ask("PUT", "/api/me/avatar", by=ada, files=form)
    assert answer.status_code == 200, answer.text
    assert answer.json()["avatar_url"] == plain


def form_of(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + end


FILE = b'Content-Disposition: form-data; name="avatar"; filename="a.jpg"\r\n\r\n'
TEXT = b'Content-Disposition: form-data; name="avatar"\r\n\r\n'


@pytest.mark.parametrize(
    "form",
    [
        b"",
        b"nonsense",
        form_of(),
        form_of(TEXT + b"hello"),
        form_of(FILE + picture(), FILE + picture()),
        form_of(FILE + picture(), TEXT + b"hello"),
        form_of(FILE + picture(), end=b""),
        form_of(b"X: " + b"y" * 100_000 + b"\r\n" + FILE + picture()),
        form_of(b"\r\n".join(b"X-%d: y" % number for number in range(1000)) + b"\r\n" + FILE + picture()),
    ],
    ids=range(9),
)
async def test_a_form_with_anything_but_one_file_is_refused(busy_site: Site, form: bytes) -> None:
    ada = await busy_site.newcomer()
    answer = await upload(busy_site, ada, form, "multipart/form-data; boundary=b")
    assert_problem(answer, 400, "malformed_form")


@pytest.mark.parametrize(
    "boundary", ["", "; boundary=", "; boundary=" + "x" * 5000, "; boundary=\u00e9", "; boundary=c"]
)
async def test_a_form_without_its_boundary_is_refused(busy_site: Site, boundary: str) -> None:
    ada = await busy_site.newcomer()
    media_type = f"multipart/form-data{boundary}".encode("latin-1")
    answer = await busy_site.ask(
        "PUT", "/api/me/avatar", by=ada, content=form_of(FILE + picture()), headers={"Content-Type": media_type}
    )
    assert_problem(answer, 400, "malformed_form")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "picture_unreadable"),
        (b"not a picture", "picture_unreadable"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "picture_unreadable"),
        (drawn.gif(), "picture_unreadable"),
        (picture()[:3000], "picture_unreadable"),
        (b"GIF89a" + picture(), "picture_unreadable"),
        (drawn.png_with_two_sizes(), "picture_unreadable"),
        (drawn.jpeg_of_many_scans(300), "picture_unreadable"),
        (drawn.png_bomb(10_000, 10_000), "picture_too_large"),
        (drawn.png_that_says(2**31 - 1, 2**31 - 1), "picture_too_large"),
    ],
    ids=range(10),
)
async def test_bombs_and_fakes_are_refused_and_change_nothing(busy_site: Site, content: bytes, code: str) -> None:
    ada = await busy_site.newcomer()
    for media_type in ("image/png", "image/jpeg", "image/webp; charset=x"):
        assert_problem(await upload(busy_site, ada, content, media_type), 422, code)
    form = {"avatar": ("me.jpg", content, "image/jpeg")}
    assert_problem(await busy_site.ask("PUT", "/api/me/avatar", by=ada, files=form), 422, code)
    account = (await busy_site.ask("GET", "/api/me", by=ada)).json()
    assert account["avatar_url"] == f"/media/avatars/default/{ada.id}.svg"


@pytest.mark.parametrize(
    "media_type",
    [None, "", "image/svg+xml", "image/gif", "image/*", "application/json", "application/octet-stream", "text/html"],
)
async def test_another_kind_of_body_is_refused(busy_site: Site, media_type: str | None) -> None:
    ada = await busy_site.newcomer()
    assert_problem(await upload(busy_site, ada, picture(), media_type), 415, "not_a_picture")


async def test_what_a_file_is_is_seen_from_its_bytes(busy_site: Site) -> None:
    ada = await busy_site.newcomer()
    answer = await upload(busy_site, ada, picture("WEBP"), "image/png")
    assert answer.status_code == 200


async def test_a_body_that_is_too_large_is_not_read_to_its_end(busy_site: Site) -> None:
    ada = await busy_site.newcomer()
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b"\xff" * 65536

    answer = await busy_site.ask(
        "PUT", "/api/me/avatar", by=ada, content=endless(), headers={"Content-Type": "image/jpeg"}
    )
    assert_problem(answer, 413, "body_too_large")
    assert sent <= 5 * 1024 * 1024 // 65536 + 2
    for media_type in ("image/jpeg", "multipart/form-data; boundary=b"):
        large = await upload(busy_site, ada, b"\xff" * (5 * 1024 * 1024 + 8192), media_type)
        assert_problem(large, 413, "body_too_large")


async def test_the_largest_file_is_taken(busy_site: Site) -> None:
    ada = await busy_site.newcomer()
    noise = Image.frombytes("RGB", (1300, 1300), os.urandom(1300 * 1300 * 3))
    raw = drawn.encoded(noise, "PNG")
    largest = raw + bytes(5 * 1024 * 1024 - len(raw))
    assert len(largest) == 5 * 1024 * 1024
    assert (await upload(busy_site, ada, largest, "image/png")).status_code == 200
    assert_problem(await upload(busy_site, ada, largest + b"\0", "image/png"), 413, "body_too_large")


async def test_nobody_uploads_without_a_token(busy_site: Site) -> None:
    assert_problem(await upload(busy_site, None, picture()), 401, "not_logged_in")
    assert_problem(await busy_site.ask("DELETE", "/api/me/avatar"), 401, "not_logged_in")


async def test_where_and_with_what_a_picture_was_taken_is_not_shown(site: Site) -> None:
    ada = await site.sign_up("ada")
    secret = "Rynek 5 / Nikon"
    for kind in ("JPEG", "PNG", "WEBP"):
        url = await put(site, ada, drawn.with_secrets(kind, secret))
        for size in SIZES:
            content = (await site.ask("GET", address(url, size))).content
            assert secret.encode() not in content
            with Image.open(io.BytesIO(content)) as image:
                assert not dict(image.getexif())
                assert not {"exif", "xmp", "icc_profile"} & set(image.info)


@pytest.mark.parametrize(
    "path",
    [
        "/media/avatars/{name}/100.webp",
        "/media/avatars/{name}/512.png",
        "/media/avatars/{name}/",
        "/media/avatars/{upper}/512.webp",
        "/media/avatars/{name}0/512.webp",
        "/media/avatars/" + "0" * 32 + "/512.webp",
        "/media/avatars/../../../etc/passwd",
        "/media/avatars/%2e%2e/512.webp",
        "/media/avatars/%2e%2e%2f%2e%2e/512.webp",
        "/media/avatars/{name}/%2e%2e%2f512.webp",
        "/media/avatars/{name}/..%2f..%2f..%2fetc%2fpasswd",
        "/media/avatars/{name}%00/512.webp",
        "/media/avatars/default/0.svg",
        "/media/avatars/default/-1.svg",
        "/media/avatars/default/1.png",
        "/media/avatars/default/1.svg.svg",
        "/media/avatars/default/.svg",
        "/media/avatars/default/99999999999999999999.svg",
        "/media/avatars/default/%D9%A1.svg",
        "/media/secret",
        "/media/",
    ],
)
async def test_no_other_address_leads_anywhere(busy_site: Site, path: str) -> None:
    url = await put(busy_site, await busy_site.newcomer(), picture())
    name = url.split("/")[3]
    answer = await busy_site.ask("GET", path.replace("{name}", name).replace("{upper}", name.upper()))
    assert answer.status_code == 404, answer.text
    assert answer.headers["cache-control"] == "no-store"


# What is kept


@pytest.fixture
def kept(site: Site) -> Path:
    """Where the site's pictures lie."""
    return Path(site.world.write.media.options.url.removeprefix("file://"))


def names_in(directory: Path) -> set[str]:
    return {path.name for path in (directory / "avatars").iterdir()} if (directory / "avatars").exists() else set()


async def test_a_picture_that_is_replaced_or_removed_is_deleted(site: Site, kept: Path) -> None:
    ada = await site.sign_up("ada")
    first = await put(site, ada, picture())
    second = await put(site, ada, other_picture())
    assert names_in(kept) == {second.split("/")[3]}
    assert (await site.ask("GET", first)).status_code == 404
    for _ in range(2):
        answer = await site.ask("DELETE", "/api/me/avatar", by=ada)
        assert answer.status_code == 200
        assert answer.json()["avatar_url"] == f"/media/avatars/default/{ada.id}.svg"
    assert names_in(kept) == set()
    assert (await site.ask("GET", f"/api/users/{ada.id}")).json() | {"viewer": None} == {
        field: value for field, value in answer.json().items() if field not in ("email", "phone")
    }


async def test_a_picture_that_two_have_stays_until_the_second_gives_it_up(site: Site, kept: Path) -> None:
    ada, eve = await site.sign_up("ada"), await site.sign_up("eve")
    url = await put(site, ada, picture())
    assert await put(site, eve, picture()) == url
    await site.ask("DELETE", "/api/me/avatar", by=ada)
    assert (await site.ask("GET", url)).status_code == 200
    await put(site, eve, other_picture())
    assert (await site.ask("GET", url)).status_code == 404


async def test_choosing_the_same_again_changes_nothing(site: Site, kept: Path) -> None:
    ada = await site.sign_up("ada")
    url = await put(site, ada, picture())
    before = await site.world.read.profiles.load([UserId(int(ada.id))])
    assert await put(site, ada, picture()) == url
    assert await site.world.read.profiles.load([UserId(int(ada.id))]) == before
    assert (await site.ask("GET", url)).status_code == 200


async def test_uploads_at_once_leave_one_picture_and_no_other_file(site: Site, kept: Path) -> None:
    ada = await site.sign_up("ada")
    answers = await asyncio.gather(*(upload(site, ada, other_picture(number)) for number in range(6)))
    assert {answer.status_code for answer in answers} == {200}
    url = (await site.ask("GET", "/api/me", by=ada)).json()["avatar_url"]
    assert names_in(kept) == {url.split("/")[3]}
    assert (await site.ask("GET", url)).status_code == 200


async def test_one_gives_a_picture_up_while_another_chooses_it(site: Site, kept: Path) -> None:
    ada, eve = await site.sign_up("ada"), await site.sign_up("eve")
    for _ in range(8):
        await put(site, ada, picture())
        await asyncio.gather(site.ask("DELETE", "/api/me/avatar", by=ada), upload(site, eve, picture()))
        url = (await site.ask("GET", "/api/me", by=eve)).json()["avatar_url"]
        for size in SIZES:
            assert (await site.ask("GET", address(url, size))).status_code == 200
        await site.ask("DELETE", "/api/me/avatar", by=eve)
    assert names_in(kept) == set()


async def test_nothing_is_being_deleted_any_more_when_another_may_choose_it(
    site: Site, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One size cannot be deleted, and two take long: whoever chooses the picture meanwhile waits for these."""
    ada, eve = await site.sign_up("ada"), await site.sign_up("eve")
    await put(site, ada, picture())
    slow, begun = asyncio.Event(), asyncio.Semaphore(0)
    real = MediaStore.delete

    async def delete(media: MediaStore, path: str) -> None:
        begun.release()
        if path.endswith("512.webp"):
            raise Unavailable("the media store is away")
        await slow.wait()
        await real(media, path)

    monkeypatch.setattr(MediaStore, "delete", delete)
    removing = asyncio.create_task(site.ask("DELETE", "/api/me/avatar", by=ada))
    for _ in SIZES:
        await begun.acquire()
    choosing = asyncio.create_task(upload(site, eve, picture()))
    while not choosing.done() and not await site.world.db.value(_SOMEBODY_WAITS):
        pass
    slow.set()
    assert (await removing).status_code == 200
    url = (await choosing).json()["avatar_url"]
    for size in SIZES:
        assert (await site.ask("GET", address(url, size))).status_code == 200


_SOMEBODY_WAITS = Query(
    "test.somebody_waits",
    (),
    "value",
    "select exists (select from pg_locks l join pg_database d on d.oid = l.database"
    " where d.datname = current_database() and l.locktype = 'advisory' and not l.granted)",
)


async def test_files_that_are_deleted_before_the_row_is_written_are_put_back(
    site: Site, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The moment between the files and the row, with the collector in it."""
    ada = await site.sign_up("ada")
    stored = avatars._store
    collected: list[int] = []

    async def store_and_lose(*given: Any) -> None:
        await stored(*given)
        if not collected:
            collected.append(await avatars.delete_unreferenced(site.world.write))

    monkeypatch.setattr(avatars, "_store", store_and_lose)
    url = await put(site, ada, picture())
    assert collected == [1]
    for size in SIZES:
        assert (await site.ask("GET", address(url, size))).status_code == 200


async def test_what_a_killed_process_left_behind_is_collected(site: Site, kept: Path) -> None:
    ada = await site.sign_up("ada")
    url = await put(site, ada, picture())
    media = site.world.write.media
    for name in ("0" * 32, "f" * 32):
        await media.put(f"avatars/{name}/512.webp", b"left behind", media_type="image/webp")
    await media.put("avatars/README", b"not ours", media_type="text/plain")
    await media.put("avatars/notes/512.webp", b"not ours", media_type="text/plain")
    assert await avatars.delete_unreferenced(site.world.write) == 2
    assert names_in(kept) == {url.split("/")[3], "README", "notes"}
    await collect_pictures.run(site.world.write, {})
    assert (await site.ask("GET", url)).status_code == 200


async def test_nothing_is_left_of_somebody_who_leaves(site: Site, kept: Path) -> None:
    ada = await site.sign_up("ada")
    user_id, world = UserId(int(ada.id)), site.world
    await put(site, ada, picture())
    assert (await site.ask("DELETE", "/api/me", {"password": PASSWORD}, by=ada)).status_code == 204
    with pytest.raises(Exception, match="log in"):
        await avatars.put_avatar(world.write, user_id, _answering(other_picture()))
    await site.settle()
    await erase_rows(world.write, user_id, left_ms=world.write.clock.now_ms())
    await avatars.delete_unreferenced(world.write)
    assert names_in(kept) == set()
    for anybody in (user_id, UserId(1)):
        await avatars.remove_avatar(world.write, anybody)


def _answering(content: bytes) -> Any:
    async def read() -> bytes:
        return content

    return read


async def test_without_a_place_for_pictures_there_are_birds(servers: Servers, database_url: str) -> None:
    async with open_site(database_url, servers.valkey_url, change=lambda services: _keeping(services, "")) as site:
        ada = await site.sign_up("ada")
        assert_problem(await upload(site, ada, picture()), 503, "unavailable")
        url = (await site.ask("GET", "/api/me", by=ada)).json()["avatar_url"]
        assert (await site.ask("GET", url)).status_code == 200
        await collect_pictures.run(_keeping(site.services, "").write, {})


def _keeping(services: ApiServices, url: str) -> ApiServices:
    """The same services, with pictures elsewhere."""
    media = MediaStore(MediaOptions(url))
    return msgspec.structs.replace(
        services,
        read=msgspec.structs.replace(services.read, media=media),
        write=msgspec.structs.replace(services.write, media=media),
    )


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with open_s3() as server:
        yield server


async def test_pictures_are_kept_in_a_bucket_by_a_setting_alone(
    servers: Servers, database_url: str, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    place = f"s3://{s3.make_bucket()}/linnet"
    async with open_site(database_url, servers.valkey_url, change=lambda services: _keeping(services, place)) as site:
        ada = await site.sign_up("ada")
        url = await put(site, ada, picture())
        answer = await site.ask("GET", address(url, "512.webp"))
        assert looks_like(corners(answer.content), [RED, GREEN, BLUE, WHITE])
        media = site.services.write.media
        assert await media.find(url.removeprefix("/media/")) == (await site.ask("GET", url)).content
        await put(site, ada, other_picture())
        assert await media.find(url.removeprefix("/media/")) is None
        await site.ask("DELETE", "/api/me/avatar", by=ada)
        assert [path async for paths in media.fetch_paths("avatars") for path in paths] == []


async def test_a_picture_that_cannot_be_deleted_now_is_left_to_the_job(
    site: Site, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await site.sign_up("ada")
    await put(site, ada, picture())

    async def away(*_: Any) -> None:
        raise Unavailable("the media store is away")

    with monkeypatch.context() as patch:
        patch.setattr(MediaStore, "delete", away)
        assert (await site.ask("DELETE", "/api/me/avatar", by=ada)).status_code == 200
    assert len(names_in(kept)) == 1
    assert await avatars.delete_unreferenced(site.world.write) == 1
    assert names_in(kept) == set()
