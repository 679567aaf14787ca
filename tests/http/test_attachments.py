"""Pictures in tweets, warnings and what is sensitive: by our own interface and by that of apps, alike."""

import io
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from PIL import Image

from linnet.api.services import ApiServices
from linnet.domain.attachments import ATTACHMENT_DIRECTORY
from linnet.ids import UserId
from linnet.stores.media import MediaOptions, MediaStore
from linnet.write.erasing.attachments import erase_gone
from tests.http.app_world import Person, Site, assert_problem, open_site, problem_fields
from tests.support import drawn
from tests.support.drawn import encoded, picture, quarters
from tests.support.s3 import S3Server, open_s3
from tests.support.servers import Servers

SMALL_PICTURE = encoded(quarters(60, 40), "PNG")


async def upload(site: Site, by: Person, content: bytes = SMALL_PICTURE, media_type: str = "image/png") -> Any:
    answer = await site.ask("POST", "/api/attachments", by=by, content=content, headers={"Content-Type": media_type})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def post(site: Site, by: Person, **body: Any) -> httpx.Response:
    return await site.ask("POST", "/api/tweets", {"text": "", **body}, by=by)


async def paths(site: Site) -> list[str]:
    """Which files are kept."""
    store = site.services.write.media
    return [path async for some in store.fetch_paths(ATTACHMENT_DIRECTORY) for path in some]


async def test_a_picture_is_uploaded_described_posted_seen_and_deleted(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    await site.ask("PUT", f"/api/users/{ada.id}/follow", by=ben)
    first, second = await upload(site, ada), await upload(site, ada, picture(), "image/jpeg")
    assert (first["width"], first["height"], first["description"]) == (60, 40, "")
    said = {"description": "Four colours", "focus": {"x": -1, "y": 0.5}}
    described = await site.ask("PATCH", f"/api/attachments/{second['id']}", said, by=ada)
    assert described.json() == {**second, **said}
    # What is not sent stays.
    assert (await site.ask("PATCH", f"/api/attachments/{second['id']}", {}, by=ada)).json() == described.json()
    answer = await post(site, ada, attachments=[second["id"], first["id"]])
    assert answer.status_code == 201, answer.text
    tweet = answer.json()
    assert tweet["text"] == ""
    assert tweet["attachments"] == [described.json(), first]
    await site.settle()
    [shown] = (await site.ask("GET", "/api/timelines/home", by=ben)).json()["items"]
    assert shown["attachments"] == tweet["attachments"]
    retweet = (await site.ask("PUT", f"/api/tweets/{tweet['id']}/retweet", by=ben)).json()
    assert retweet["retweet_of"]["attachments"] == tweet["attachments"]
    assert "attachments" not in retweet
    for each in tweet["attachments"]:
        for url, width, height in (
            (each["url"], each["width"], each["height"]),
            (each["preview"]["url"], each["preview"]["width"], each["preview"]["height"]),
        ):
            file = await site.ask("GET", url)
            assert file.status_code == 200
            assert file.headers["content-type"] == "image/webp"
            assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert file.headers["access-control-allow-origin"] == "*"
            assert file.headers["x-content-type-options"] == "nosniff"
            assert "sandbox" in file.headers["content-security-policy"]
            with Image.open(io.BytesIO(file.content)) as image:
                assert image.size == (width, height)
            known = {"If-None-Match": file.headers["etag"]}
            assert (await site.ask("GET", url, headers=known)).status_code == 304
    assert len(await paths(site)) == 4
    assert (await site.ask("DELETE", f"/api/tweets/{tweet['id']}", by=ada)).status_code == 204
    assert await erase_gone(site.world.write, UserId(int(ada.id)))
    assert await paths(site) == []
    assert (await site.ask("GET", first["url"])).status_code == 404
    assert (await site.ask("GET", f"/api/attachments/{first['id']}", by=ada)).status_code == 404


async def test_a_plain_tweet_says_nothing_of_what_it_does_not_have(site: Site) -> None:
    ada = await site.sign_up("ada")
    tweet = await site.post(ada, "crumbs")
    assert not {"attachments", "warning", "sensitive"} & tweet.keys()
    assert (await site.ask("GET", f"/api/tweets/{tweet['id']}")).json().keys() == tweet.keys()


async def test_a_warning_comes_first_and_makes_a_tweet_sensitive(site: Site) -> None:
    ada = await site.sign_up("ada")
    tweet = (await post(site, ada, text="It was the gardener", warning=" The end of\nthe book ")).json()
    assert (tweet["warning"], tweet["sensitive"]) == ("The end of the book", True)
    shown = (await site.ask("GET", f"/api/v1/statuses/{tweet['id']}")).json()
    assert (shown["spoiler_text"], shown["sensitive"]) == ("The end of the book", True)
    assert shown["content"] == "<p>It was the gardener</p>"
    plain = (await post(site, ada, text="Nothing to see", sensitive=True)).json()
    assert plain["sensitive"]
    assert "warning" not in plain
    too_long = await post(site, ada, text="x" * 100, warning="w" * 41)
    assert_problem(too_long, 422, "invalid_input")
    assert problem_fields(too_long) == ["text"]


async def test_warnings_and_descriptions_are_found_and_pictures_are_asked_for(site: Site) -> None:
    ada = await site.sign_up("ada")
    one = await upload(site, ada)
    await site.ask("PATCH", f"/api/attachments/{one['id']}", {"description": "A wryneck on a fence"}, by=ada)
    pictured = (await post(site, ada, text="Look", attachments=[one["id"]], warning="Feathers everywhere")).json()
    plain = await site.post(ada, "Feathers in words")
    await site.settle()

    async def found(query: str) -> list[str]:
        page = (await site.ask("GET", "/api/search", params={"q": query}, by=ada)).json()
        return [item["id"] for item in page["items"]]

    assert await found("wryneck") == [pictured["id"]]
    assert await found("feathers") == [plain["id"], pictured["id"]]
    assert await found("feathers has:picture") == [pictured["id"]]
    assert await found('"feathers everywhere"') == [pictured["id"]]
    # A phrase does not go from the text into the warning.
    assert await found('"look feathers"') == []


async def test_a_picture_is_in_one_tweet_and_only_its_owner_puts_it_there(site: Site) -> None:
    ada, eve = await site.sign_up("ada"), await site.sign_up("eve")
    one = await upload(site, ada)
    bodies = {"PATCH": {"description": "late"}}
    wrong: list[dict[str, Any]] = [
        {"attachments": [one["id"], one["id"]]},
        {"attachments": ["1"]},
        {"attachments": [one["id"]] * 5},
        {"attachments": ["0"]},
        {"attachments": [1]},
        {"attachments": one["id"]},
        {"text": "x" * 141, "attachments": [one["id"]]},
    ]
    for body in wrong:
        answer = await post(site, ada, **body)
        assert_problem(answer, 422, "invalid_input")
    assert_problem(await post(site, eve, attachments=[one["id"]]), 422, "invalid_input")
    for method in ("GET", "PATCH", "DELETE"):
        assert (await site.ask(method, f"/api/attachments/{one['id']}", bodies.get(method), by=eve)).status_code == 404
    posted = await post(site, ada, attachments=[one["id"]])
    assert posted.status_code == 201, "what was refused took nothing"
    assert_problem(await post(site, ada, text="again", attachments=[one["id"]]), 422, "invalid_input")
    for method in ("PATCH", "DELETE"):
        answer = await site.ask(method, f"/api/attachments/{one['id']}", bodies.get(method), by=ada)
        assert_problem(answer, 422, "attachment_used")
    assert (await site.ask("GET", f"/api/attachments/{one['id']}", by=ada)).json() == one


async def test_an_idempotency_key_is_one_tweet_with_its_picture(site: Site) -> None:
    ada = await site.sign_up("ada")
    one, other = await upload(site, ada), await upload(site, ada)
    key = {"Idempotency-Key": "once"}
    body = {"text": "", "attachments": [one["id"]]}
    first = await site.ask("POST", "/api/tweets", body, by=ada, headers=key)
    again = await site.ask("POST", "/api/tweets", body, by=ada, headers=key)
    assert first.json() == again.json()
    body["attachments"] = [other["id"]]
    assert_problem(await site.ask("POST", "/api/tweets", body, by=ada, headers=key), 422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"no picture", 422),
        (picture()[:100], 422),
        (drawn.moving("PNG"), 422),
        (drawn.moving("WEBP"), 422),
        (drawn.gif(), 422),
        (drawn.png_that_says(30_000, 30_000), 422),
        (drawn.png_that_says(2**31 - 1, 1), 422),
        (b"x" * (10 * 1024 * 1024 + 1), 413),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else f"{len(value)} bytes",
)
async def test_what_is_no_picture_that_stands_still_is_refused_everywhere(
    busy_site: Site, content: bytes, status: int
) -> None:
    ada = await busy_site.newcomer()
    headers = {"Content-Type": "image/png"}
    own = await busy_site.ask("POST", "/api/attachments", by=ada, content=content, headers=headers)
    app = await busy_site.ask("POST", "/api/v2/media", by=ada, files={"file": ("a.png", content, "image/png")})
    assert own.status_code == status
    assert own.json()["detail"]
    assert app.status_code in (413, 422)
    assert app.json()["error"]


async def test_an_app_uploads_describes_posts_reads_and_writes_it_anew(site: Site) -> None:
    ada = await site.sign_up("ada")
    form = {"file": ("a.jpg", picture(), "image/jpeg")}
    answer = await site.ask("POST", "/api/v2/media", by=ada, files=form, data={"description": "Four", "focus": "1,-1"})
    assert answer.status_code == 200, answer.text
    media = answer.json()
    assert media["type"] == "image"
    assert (media["description"], media["meta"]["focus"]) == ("Four", {"x": 1.0, "y": -1.0})
    assert media["meta"]["original"] == {"width": 600, "height": 400, "size": "600x400", "aspect": 1.5}
    assert media["url"].startswith("http://linnet.test/media/attachments/")
    assert media["preview_url"].startswith("http://linnet.test/media/attachments/")
    path = f"/api/v1/media/{media['id']}"
    assert (await site.ask("GET", path, by=ada)).json() == media
    changed = (await site.ask("PUT", path, by=ada, data={"description": "Four colours"})).json()
    assert changed == {**media, "description": "Four colours"}
    old = (await site.ask("POST", "/api/v1/media", by=ada, files=form)).json()
    assert old["description"] is None
    sent = {"status": "", "media_ids[]": [media["id"], old["id"]], "spoiler_text": "Bright", "sensitive": "true"}
    answer = await site.ask("POST", "/api/v1/statuses", by=ada, data=sent)
    assert answer.status_code == 200, answer.text
    status = answer.json()
    assert status["media_attachments"] == [changed, old]
    assert (status["spoiler_text"], status["sensitive"], status["content"]) == ("Bright", True, "")
    assert (await site.ask("PUT", path, {"description": "late"}, by=ada)).status_code == 422
    assert (await site.ask("DELETE", path, by=ada)).status_code == 422
    assert (await site.ask("GET", f"/api/v1/statuses/{status['id']}/source", by=ada)).json()["spoiler_text"] == "Bright"
    [version] = (await site.ask("GET", f"/api/v1/statuses/{status['id']}/history", by=ada)).json()
    assert version["media_attachments"] == [changed, old]
    # To write it anew one deletes it, and sends the same pictures once more.
    assert (await site.ask("DELETE", f"/api/v1/statuses/{status['id']}", by=ada)).json()["media_attachments"]
    said = {"status": "Anew", "media_ids": [old["id"]], "media_attributes": [{"id": old["id"], "description": "Said"}]}
    answer = await site.ask("POST", "/api/v1/statuses", said, by=ada)
    assert answer.status_code == 200, answer.text
    assert [each["description"] for each in answer.json()["media_attachments"]] == ["Said"]
    assert (await site.ask("DELETE", path, by=ada)).json() == {}
    assert await erase_gone(site.world.write, UserId(int(ada.id)))
    deleting = await site.ask("DELETE", f"/api/v1/statuses/{answer.json()['id']}?delete_media=true", by=ada)
    assert deleting.status_code == 200
    assert await erase_gone(site.world.write, UserId(int(ada.id)))
    assert await paths(site) == []


async def test_an_app_is_told_what_it_may_send_and_what_was_wrong(site: Site) -> None:
    ada = await site.sign_up("ada")
    for version in (1, 2):
        told = (await site.ask("GET", f"/api/v{version}/instance")).json()["configuration"]
        assert told["statuses"]["max_media_attachments"] == 4
        assert told["media_attachments"]["supported_mime_types"] == ["image/jpeg", "image/png", "image/webp"]
        assert told["media_attachments"]["image_size_limit"] == 10 * 1024 * 1024
        assert told["media_attachments"]["image_matrix_limit"] == 25_000_000
        assert told["media_attachments"]["description_limit"] == 1500
    form = {"file": ("a.png", SMALL_PICTURE, "image/png")}
    for data in ({"focus": "here"}, {"focus": "2,0"}, {"description": "x" * 1501}):
        answer = await site.ask("POST", "/api/v2/media", by=ada, files=form, data=data)
        assert answer.status_code == 422, answer.text
    assert (await site.ask("POST", "/api/v2/media", {"description": "no file"}, by=ada)).status_code == 422
    bodies: list[dict[str, Any]] = [
        {"status": "x", "media_ids": ["y"]},
        {"status": "x", "media_ids": ["1", "2", "3", "4", "5"]},
        {"status": "x", "media_ids": ["1"]},
        {"status": "x", "media_ids": ["1"], "media_attributes": [{"id": "1", "description": "a"}]},
        {"status": "x", "media_attributes": [{"id": "1", "focus": "here"}]},
        {"status": "", "spoiler_text": "alone"},
    ]
    for body in bodies:
        assert (await site.ask("POST", "/api/v1/statuses", body, by=ada)).status_code == 422, body


async def test_what_has_pictures_is_listed_alone_where_apps_ask_for_it(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    pictured = []
    for number in range(3):
        one = await upload(site, ada)
        pictured.append((await post(site, ada, text=f"{number} #birds", attachments=[one["id"]])).json()["id"])
        await site.post(ada, f"plain {number} #birds")
    await site.ask("PUT", f"/api/tweets/{pictured[0]}/retweet", by=ben)
    await site.settle()
    newest_first = pictured[::-1]
    for path in (f"/api/v1/accounts/{ada.id}/statuses", "/api/v1/timelines/public", "/api/v1/timelines/tag/birds"):
        page = await site.ask("GET", f"{path}?only_media=true", by=ben)
        assert [status["id"] for status in page.json()] == newest_first, path
    first = await site.ask("GET", f"/api/v1/accounts/{ada.id}/statuses?only_media=1&limit=2", by=ben)
    assert [status["id"] for status in first.json()] == newest_first[:2]
    rest = await site.client.get(first.links["next"]["url"])
    assert [status["id"] for status in rest.json()] == newest_first[2:]
    assert (await site.ask("GET", f"/api/v1/accounts/{ben.id}/statuses?only_media=true", by=ada)).json() == []


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with open_s3() as server:
        yield server


async def test_pictures_of_tweets_are_kept_in_a_bucket_by_a_setting_alone(
    servers: Servers, database_url: str, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    place = MediaStore(MediaOptions(f"s3://{s3.make_bucket()}/linnet"))

    def keeping(services: ApiServices) -> ApiServices:
        return msgspec.structs.replace(
            services,
            read=msgspec.structs.replace(services.read, media=place),
            write=msgspec.structs.replace(services.write, media=place),
        )

    async with open_site(database_url, servers.valkey_url, change=keeping) as site:
        ada = await site.sign_up("ada")
        one = await upload(site, ada)
        tweet = (await post(site, ada, attachments=[one["id"]])).json()
        file = await site.ask("GET", one["url"])
        assert file.status_code == 200
        assert await place.find(one["url"].removeprefix("/media/")) == file.content
        assert len(await paths(site)) == 2
        assert (await site.ask("DELETE", f"/api/tweets/{tweet['id']}", by=ada)).status_code == 204
        assert await erase_gone(site.services.write, UserId(int(ada.id)))
        assert await paths(site) == []
