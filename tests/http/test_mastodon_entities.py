"""Promise: what typed apps need of an answer is there, with its type: one field less, and they throw it all away.

The types are written from what apps declare, and not from how linnet fills them in.
"""

import re
from typing import Annotated, Any, Literal

import msgspec
import pytest

from linnet.ids import first_id_at
from tests.http.app_world import Person, Site
from tests.http.mastodon_calls import Place, set_place

Digits = Annotated[str, msgspec.Meta(pattern="^[0-9]+$")]
Time = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
Url = Annotated[str, msgspec.Meta(pattern="^http://linnet[.]test/.+")]
Picture = Annotated[str, msgspec.Meta(pattern=r"^http://linnet\.test/.+\.(png|webp)$")]
Html = Annotated[str, msgspec.Meta(pattern="^(<p>.*</p>)?$")]


class Field(msgspec.Struct):
    name: str
    value: str
    verified_at: Time | None


class Account(msgspec.Struct):
    id: Digits
    username: str
    acct: str
    url: Url
    uri: Url
    display_name: str
    note: Html
    avatar: Picture
    avatar_static: Picture
    header: Picture
    header_static: Picture
    locked: bool
    bot: bool
    group: bool
    created_at: Time
    fields: list[Field]
    emojis: list[Any]
    followers_count: int
    following_count: int
    statuses_count: int
    last_status_at: str | None
    discoverable: bool | None
    indexable: bool


class Source(msgspec.Struct):
    note: str
    fields: list[Field]
    privacy: Literal["public", "unlisted", "private", "direct"]
    sensitive: bool
    language: str | None


class Role(msgspec.Struct):
    id: str
    name: str
    permissions: str


class CredentialAccount(Account):
    source: Source
    role: Role


class Mention(msgspec.Struct):
    id: Digits
    username: str
    acct: str
    url: Url


class StatusTag(msgspec.Struct):
    name: str
    url: Url


class Status(msgspec.Struct):
    id: Digits
    uri: Url
    url: Url
    created_at: Time
    edited_at: Time | None
    account: Account
    content: Html
    visibility: Literal["public", "unlisted", "private", "direct"]
    sensitive: bool
    spoiler_text: str
    media_attachments: list[Any]
    mentions: list[Mention]
    tags: list[StatusTag]
    emojis: list[Any]
    replies_count: int
    reblogs_count: int
    favourites_count: int
    favourited: bool
    reblogged: bool
    muted: bool
    bookmarked: bool
    in_reply_to_id: Digits | None
    in_reply_to_account_id: Digits | None
    reblog: "Status | None"
    poll: dict[str, Any] | None
    card: dict[str, Any] | None
    language: str | None
    application: dict[str, Any] | None
    filtered: list[Any]


class OwnStatus(Status):
    pinned: bool


class Relationship(msgspec.Struct):
    id: Digits
    following: bool
    showing_reblogs: bool
    notifying: bool
    followed_by: bool
    blocking: bool
    blocked_by: bool
    muting: bool
    muting_notifications: bool
    requested: bool
    requested_by: bool
    domain_blocking: bool
    endorsed: bool
    note: str
    languages: list[str] | None


class TagDay(msgspec.Struct):
    day: str
    accounts: str
    uses: str


class Tag(msgspec.Struct):
    name: str
    url: Url
    following: bool
    history: list[TagDay]


class Notification(msgspec.Struct):
    id: Digits
    type: Literal["mention", "reblog", "favourite", "follow"]
    created_at: Time
    account: Account
    group_key: str
    status: Status | None = None


class NotificationGroup(msgspec.Struct):
    group_key: str
    notifications_count: int
    type: Literal["mention", "reblog", "favourite", "follow"]
    most_recent_notification_id: int
    page_min_id: Digits
    page_max_id: Digits
    latest_page_notification_at: Time
    sample_account_ids: list[Digits]
    status_id: Digits | None = None


class Grouped(msgspec.Struct):
    accounts: list[Account]
    statuses: list[Status]
    notification_groups: list[NotificationGroup]


class Marker(msgspec.Struct):
    last_read_id: Digits
    version: int
    updated_at: Time


class Context(msgspec.Struct):
    ancestors: list[Status]
    descendants: list[Status]


class Found(msgspec.Struct):
    accounts: list[Account]
    statuses: list[Status]
    hashtags: list[Tag]


class Suggestion(msgspec.Struct):
    source: str
    sources: list[str]
    account: Account


class Statuses(msgspec.Struct):
    max_characters: int
    max_media_attachments: int
    characters_reserved_per_url: int


class Accounts(msgspec.Struct):
    max_featured_tags: int
    max_profile_fields: int
    max_pinned_statuses: int


class Media(msgspec.Struct):
    supported_mime_types: list[str]
    image_size_limit: int
    image_matrix_limit: int
    video_size_limit: int
    video_matrix_limit: int
    video_frame_rate_limit: int


class Polls(msgspec.Struct):
    max_options: int
    max_characters_per_option: int
    min_expiration: int
    max_expiration: int


class OldConfiguration(msgspec.Struct):
    accounts: Accounts
    statuses: Statuses
    media_attachments: Media
    polls: Polls


class Addresses(msgspec.Struct):
    streaming: Annotated[str, msgspec.Meta(pattern="^wss?://[^/]+$")]


class Enabled(msgspec.Struct):
    enabled: bool


class Vapid(msgspec.Struct):
    public_key: str


class Configuration(OldConfiguration):
    urls: Addresses
    translation: Enabled
    vapid: Vapid


class Registrations(msgspec.Struct):
    enabled: bool
    approval_required: bool
    message: str | None


class Contact(msgspec.Struct):
    email: str
    account: Account | None


class Thumbnail(msgspec.Struct):
    url: Picture


class Active(msgspec.Struct):
    active_month: int


class Usage(msgspec.Struct):
    users: Active


class ApiVersions(msgspec.Struct):
    mastodon: int


class Instance(msgspec.Struct):
    domain: str
    title: str
    version: Annotated[str, msgspec.Meta(pattern=r"^\d\.\d\.\d \(compatible; linnet .+\)$")]
    source_url: str
    description: str
    usage: Usage
    thumbnail: Thumbnail
    icon: list[Any]
    languages: list[str]
    configuration: Configuration
    registrations: Registrations
    api_versions: ApiVersions
    contact: Contact
    rules: list[Any]


class OldAddresses(msgspec.Struct):
    streaming_api: Annotated[str, msgspec.Meta(pattern="^wss?://[^/]+$")]


class Stats(msgspec.Struct):
    user_count: int
    status_count: int
    domain_count: int


class OldInstance(msgspec.Struct):
    uri: Annotated[str, msgspec.Meta(pattern="^[^/]+$")]
    title: str
    short_description: str
    description: str
    email: str
    version: str
    urls: OldAddresses
    stats: Stats
    thumbnail: Picture
    languages: list[str]
    registrations: bool
    approval_required: bool
    invites_enabled: bool
    configuration: OldConfiguration
    contact_account: Account | None
    rules: list[Any]


NEEDED: dict[str, Any] = {
    "/api/v1/accounts/verify_credentials": CredentialAccount,
    "/api/v1/accounts/{ada}": Account,
    "/api/v1/accounts/{ada}/statuses": list[OwnStatus],
    "/api/v1/accounts/{ben}/statuses": list[Status],
    "/api/v1/accounts/{ben}/following": list[Account],
    "/api/v1/accounts/relationships?id[]={ben}": list[Relationship],
    "/api/v1/statuses/{status}": OwnStatus,
    "/api/v1/statuses/{status}/context": Context,
    "/api/v1/statuses/{status}/favourited_by": list[Account],
    "/api/v1/timelines/public": list[Status],
    "/api/v1/timelines/home": list[Status],
    "/api/v1/timelines/tag/bread": list[Status],
    "/api/v1/notifications": list[Notification],
    "/api/v2/notifications": Grouped,
    "/api/v1/markers": dict[Literal["home"], Marker],
    "/api/v2/search?q=bread": Found,
    "/api/v1/tags/bread": Tag,
    "/api/v1/followed_tags": list[Tag],
    "/api/v1/trends/tags": list[Tag],
    "/api/v2/suggestions": list[Suggestion],
    "/api/v1/suggestions": list[Account],
    "/api/v2/instance": Instance,
    "/api/v1/instance": OldInstance,
}


@pytest.fixture
async def place(site: Site) -> Place:
    """All of them follow, answer and retweet each other, so that nothing is empty."""
    place = await set_place(site)
    await site.ask("PUT", f"/api/users/{place.ada.id}/follow", by=place.ben)
    await site.ask("PUT", f"/api/users/{place.ben.id}/follow", by=place.ada)
    await site.post(place.ben, f"@{place.ada.username} more #bread\n\nhttps://bread.example", reply_to=place.status)
    await site.ask("PUT", f"/api/tweets/{place.status}/retweet", by=place.ben)
    await site.ask("PATCH", "/api/me", {"bio": "Bakes <b>", "location": "Łódź"}, by=place.ada)
    await site.ask("POST", "/api/v1/markers", {"home": {"last_read_id": place.status}}, by=place.ada)
    cleo = await site.newcomer()
    await site.ask("PUT", f"/api/users/{cleo.id}/follow", by=place.ben)
    await site.settle()
    return place


async def test_every_entity_has_the_fields_that_apps_need(site: Site, place: Place) -> None:
    ids = {"ada": place.ada.id, "ben": place.ben.id, "status": place.status}
    for path, needed in NEEDED.items():
        answer = await site.ask("GET", path.format(**ids), by=place.ada)
        assert answer.status_code == 200, path
        assert answer.json(), f"{path} is empty"
        try:
            msgspec.json.decode(answer.content, type=needed)
        except msgspec.ValidationError as error:
            pytest.fail(f"{path}: {error}")


async def test_a_reblog_has_an_id_of_its_own_and_all_of_it_inside(site: Site, place: Place) -> None:
    found = (await site.ask("GET", f"/api/v1/accounts/{place.ben.id}/statuses", by=place.ada)).json()
    [wrapper] = [status for status in found if status["reblog"] is not None]
    assert wrapper["id"] != wrapper["reblog"]["id"] == place.status
    assert wrapper["content"] == wrapper["reblog"]["content"]
    assert wrapper["account"]["id"] == place.ben.id
    assert wrapper["reblog"]["account"]["id"] == place.ada.id


async def test_an_id_is_what_clients_compute_from_a_time(site: Site, place: Place) -> None:
    """``(seconds << 16) * 1000``: so a client asks for what came after a moment."""
    now_ms = site.world.write.clock.now_ms()
    first_id = ((now_ms // 1000 - 3600) << 16) * 1000
    assert first_id == first_id_at((now_ms // 1000 - 3600) * 1000)
    since = await site.ask("GET", f"/api/v1/timelines/home?since_id={first_id}", by=place.ada)
    assert len(since.json()) == 3
    later = await site.ask(
        "GET", f"/api/v1/timelines/home?since_id={((now_ms // 1000 + 3600) << 16) * 1000}", by=place.ada
    )
    assert later.json() == []


async def test_links_lead_on_as_all_clients_read_them(site: Site, place: Place) -> None:
    """The older page comes first; ``max_id`` stands in it alone; an empty page leads nowhere; what was asked stays."""
    page = await site.ask("GET", "/api/v1/timelines/home?limit=1&local=true&x[]=1&x[]=2", by=place.ada)
    link = page.headers["link"]
    assert re.match(r'<([^>]+)>; rel="next"', link)
    assert len(re.findall(r"max_id=\d+", link)) == 1
    assert link.index("max_id=") < link.index("min_id=")
    for address in re.findall("<([^>]+)>", link):
        assert address.startswith("http://linnet.test/api/v1/timelines/home?limit=1&local=true&x%5B%5D=1&x%5B%5D=2&")
    last = await site.ask("GET", f"/api/v1/timelines/home?max_id={place.status}", by=place.ada)
    assert (last.json(), "link" in last.headers) == ([], False)
    # Of people the rows' ids are meant, and not the people's.
    people = await site.ask("GET", f"/api/v1/accounts/{place.ben.id}/followers", by=place.ada)
    assert f"min_id={place.ada.id}" not in people.headers["link"]


async def test_pages_are_the_home_timeline_whichever_way_one_goes(site: Site, place: Place) -> None:
    """Down by ``max_id`` and up by ``min_id``, in pages of any size: together they are what its definition says."""
    for number in range(9):
        await site.post(place.ben if number % 2 else place.ada, f"crumb {number}")
    await site.settle()
    whole = [
        item["id"] for item in (await site.ask("GET", "/api/timelines/home?limit=100", by=place.ada)).json()["items"]
    ]
    assert len(whole) == 12
    for size in (1, 2, 5, 40):
        for rel in ("next", "prev"):
            address = "/api/v1/timelines/home?" + ("" if rel == "next" else "min_id=1&") + f"limit={size}"
            found: list[str] = []
            for _ in range(14):
                answer = await site.ask("GET", address, by=place.ada)
                some = [status["id"] for status in answer.json()]
                found = found + some if rel == "next" else some + found
                onward = re.search(rf'<http://linnet\.test([^>]+)>; rel="{rel}"', answer.headers.get("link", ""))
                if not some or onward is None:
                    break
                address = onward[1]
            assert found == whole, (size, rel)


async def test_what_is_wrong_is_said_in_the_words_of_this_interface(site: Site, place: Place) -> None:
    for path, status, error in (
        ("/api/v1/statuses/1", 404, "Record not found"),
        ("/api/v1/statuses/x", 404, "Record not found"),
        ("/api/v1/accounts/99999999999999999999", 404, "Record not found"),
        ("/api/v1/accounts/lookup?acct=ada@elsewhere.example", 404, "Record not found"),
        ("/api/v1/nothing", 404, "Not Found"),
    ):
        answer = await site.ask("GET", path, by=place.ada)
        assert (answer.status_code, answer.json()["error"]) == (status, error), path
    wrong = await site.ask("GET", "/api/v1/timelines/home", headers={"Authorization": "Bearer x"})
    assert (wrong.status_code, wrong.json()) == (401, {"error": "The access token is invalid"})
    empty = await site.ask("POST", "/api/v1/statuses", {"status": " "}, by=place.ada)
    assert empty.status_code == 422
    assert empty.json()["error"].startswith("Validation failed: ")
    assert "text" in empty.json()["details"]
    method = await site.ask("PUT", "/api/v1/timelines/home", by=place.ada)
    assert (method.status_code, method.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b'"x"', b'{"status": {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}}', b'{"status": 1e999}'),
        *(b'{"status": "\\ud800"}', b'{"status": "a\\u0000"}', b"\xff", b'{"status": ' + b"9" * 9000 + b"}"),
        *(b'{"in_reply_to_id": "x", "status": "x"}', b'{"status": null}', b'{"status": [[["x"]]]}'),
    ],
)
async def test_whatever_is_sent_is_refused_in_words(busy_site: Site, body: bytes) -> None:
    ada = await busy_site.newcomer()
    for content_type in (
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
    ):
        answer = await busy_site.ask(
            "POST", "/api/v1/statuses", by=ada, content=body, headers={"Content-Type": content_type}
        )
        assert 400 <= answer.status_code < 500, (content_type, answer.text)
        assert answer.json()["error"]


async def test_the_same_is_said_in_every_way_that_clients_have(busy_site: Site) -> None:
    ada = await busy_site.newcomer()
    path = "/api/v1/markers"
    for more in (
        {"content": b"home[last_read_id]=7", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        {"json": {"home": {"last_read_id": 7}}},
        {"json": {"home[last_read_id]": "7"}},
        {"files": {"home[last_read_id]": (None, "7")}},
    ):
        answer = await busy_site.ask("POST", path, by=ada, **more)
        assert answer.json()["home"]["last_read_id"] == "7", more
    for timelines in ("timeline[]=home&timeline[]=notifications", "timeline=home", ""):
        assert "home" in (await busy_site.ask("GET", f"{path}?{timelines}", by=ada)).json()


async def test_a_status_is_the_same_in_a_list_and_by_itself_whatever_changed_since(site: Site, place: Place) -> None:
    """Lists are joined of what was made before; one by itself is made anew."""

    async def check(by: Person, *, host: str = "linnet.test") -> None:
        for path in ("timelines/home", "timelines/public", f"accounts/{place.ada.id}/statuses", "bookmarks"):
            listed = await site.ask("GET", f"/api/v1/{path}", by=by, headers={"Host": host})
            for status in listed.json():
                alone = await site.ask("GET", f"/api/v1/statuses/{status['id']}", by=by, headers={"Host": host})
                assert status == alone.json(), path
                assert status["url"].startswith(f"http://{host}/@")

    async def change(method: str, path: str, body: Any = None) -> None:
        answer = await site.ask(method, path, body, by=place.ada)
        assert answer.status_code == 200, answer.text
        await site.settle()
        for by in (place.ada, place.ben):
            await check(by)

    await check(place.ada)
    await check(place.ada, host="other.test")
    await change("PUT", f"/api/tweets/{place.status}/like")
    await change("PUT", f"/api/tweets/{place.status}/bookmark")
    await change("PUT", f"/api/tweets/{place.status}/pin")
    await change("PATCH", "/api/me", {"name": "Ada B.", "bio": "Bakes no more"})
    await change("DELETE", f"/api/users/{place.ben.id}/follow")
    await change("PUT", f"/api/tweets/{place.status}/retweet")
    await change("DELETE", f"/api/tweets/{place.status}/bookmark")
