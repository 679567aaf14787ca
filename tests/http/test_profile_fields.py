"""What stands on a profile beside the words: lines, a wide picture, a bot's badge; and what one's apps begin with."""

import io
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from PIL import Image

from linnet.domain.profiles import MAX_ENTRY_CHARS, MAX_FIELDS, MAX_LABEL_CHARS
from tests.http.app_world import Person, Site
from tests.http.page_world import pages_of
from tests.support.drawn import picture

SITE, OTHER = {"name": "Site", "value": "https://ada.example/?a=1&b"}, {"name": "Rank", "value": "<b>captain</b>"}
LINK = (
    '<a href="https://ada.example/?a=1&amp;b" rel="me nofollow noopener noreferrer" target="_blank">'
    "https://ada.example/?a=1&amp;b</a>"
)
CREDENTIALS = "/api/v1/accounts/update_credentials"


async def changed(site: Site, by: Person, **more: Any) -> dict[str, Any]:
    answer = await site.ask("PATCH", CREDENTIALS, by=by, **more)
    assert answer.status_code == 200, answer.text
    account: dict[str, Any] = answer.json()
    return account


def plain(fields: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(field["name"], field["value"]) for field in fields]


@pytest.mark.parametrize(
    "sent",
    [
        {"json": {"fields_attributes": {"0": SITE, "1": OTHER}}},
        {"json": {"fields_attributes": [SITE, OTHER]}},
        {
            "data": {
                "fields_attributes[0][name]": SITE["name"],
                "fields_attributes[0][value]": SITE["value"],
                "fields_attributes[7][name]": OTHER["name"],
                "fields_attributes[7][value]": OTHER["value"],
            }
        },
        {
            "content": "&".join(
                f"fields_attributes[][{part}]={quote(field[part])}"
                for field in (SITE, OTHER)
                for part in ("name", "value")
            ),
            "headers": {"Content-Type": "application/x-www-form-urlencoded"},
        },
    ],
)
async def test_fields_are_set_in_every_way_that_apps_have(site: Site, sent: dict[str, Any]) -> None:
    ada = await site.sign_up("ada")
    account = await changed(site, ada, **sent)
    assert plain(account["source"]["fields"]) == [("Site", SITE["value"]), ("Rank", OTHER["value"])]
    assert plain(account["fields"]) == [("Site", LINK), ("Rank", "&lt;b&gt;captain&lt;/b&gt;")]
    assert [field["verified_at"] for field in account["fields"]] == [None, None]
    others = (await site.ask("GET", f"/api/v1/accounts/{ada.id}")).json()
    assert others["fields"] == account["fields"]
    ours = (await site.ask("GET", f"/api/users/{ada.id}")).json()
    assert ours["fields"] == [SITE, OTHER]
    # What is not sent stays; what is sent empty goes.
    assert (await changed(site, ada, json={"note": "Bakes"}))["fields"] == account["fields"]
    cleared = await changed(site, ada, json={"fields_attributes": {"0": {"name": "", "value": ""}}})
    assert cleared["fields"] == []


async def test_a_place_is_a_field_to_apps_and_stays_a_place(site: Site) -> None:
    ada = await site.sign_up("ada")
    await site.ask("PATCH", "/api/me", {"location": "Kraków", "fields": [SITE]}, by=ada)
    shown = (await site.ask("GET", "/api/v1/accounts/verify_credentials", by=ada)).json()["source"]["fields"]
    assert plain(shown) == [("Location", "Kraków"), ("Site", SITE["value"])]
    # An app sends back what it was shown, with one thing changed.
    shown[0]["value"] = "Gdynia"
    attributes = [{"name": field["name"], "value": field["value"]} for field in shown]
    account = await changed(site, ada, json={"fields_attributes": attributes})
    assert plain(account["source"]["fields"]) == [("Location", "Gdynia"), ("Site", SITE["value"])]
    assert (await site.ask("GET", "/api/me", by=ada)).json()["location"] == "Gdynia"
    account = await changed(site, ada, json={"fields_attributes": attributes[1:]})
    assert plain(account["source"]["fields"]) == [("Site", SITE["value"])]


@pytest.mark.parametrize(
    "fields",
    [
        [SITE] * (MAX_FIELDS + 1),
        [{"name": "x" * (MAX_LABEL_CHARS + 1), "value": "y"}],
        [{"name": "x", "value": "y" * (MAX_ENTRY_CHARS + 1)}],
        [{"name": " ", "value": "y"}],
        [{"name": "x", "value": "a\u202eb"}],
        [{"name": "x", "value": 5}],
        [{"name": "x", "value": "y", "verified_at": "now"}],
        [5],
        "Site",
    ],
)
async def test_fields_that_cannot_be_are_refused_and_nothing_is_changed(site: Site, fields: Any) -> None:
    ada = await site.sign_up("ada")
    await site.ask("PATCH", "/api/me", {"fields": [SITE]}, by=ada)
    refused = await site.ask("PATCH", "/api/me", {"fields": fields, "bio": "new"}, by=ada)
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == ["fields"]
    me = (await site.ask("GET", "/api/me", by=ada)).json()
    assert (me["fields"], me["bio"]) == ([SITE], "")


async def test_a_bot_says_so_and_nobody_is_suggested_who_does_not_wish_it(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    await site.ask("PUT", f"/api/users/{ada.id}/follow", by=await site.sign_up("cleo"))
    await site.settle()

    async def suggested() -> set[str]:
        items = (await site.ask("GET", "/api/users/suggestions", by=ben)).json()["items"]
        return {item["user"]["username"] for item in items}

    assert "ada" in await suggested()
    account = await changed(site, ada, data={"bot": "1", "discoverable": "false"})
    assert (account["bot"], account["discoverable"], account["source"]["discoverable"]) == (True, False, False)
    assert "ada" not in await suggested()
    async with pages_of(site) as pages:
        page = await pages.browser(ben).see("/@ada")
        assert "bot" in [badge.text for badge in page.main.all("span", cls="badge")]
    assert (await site.ask("PATCH", "/api/me", {"bot": "yes"}, by=ada)).status_code == 422
    assert not (await changed(site, ada, json={"bot": False}))["bot"]


def without(fields: dict[str, str], name: str) -> dict[str, str]:
    """What is sent when a box was ticked, and is not any more."""
    assert name in fields
    return {each: value for each, value in fields.items() if each != name}


async def test_search_engines_are_asked_to_leave_out_who_does_not_wish_it(site: Site) -> None:
    ada = await site.sign_up("ada")
    tweet = (await site.post(ada, "Bread"))["id"]
    async with pages_of(site) as pages:
        paths = ("/@ada", "/@ada/replies", f"/@ada/{tweet}")
        for wish in (True, False, True):
            account = await changed(site, ada, data={"indexable": str(wish).lower()})
            assert (account["indexable"], account["source"]["indexable"], account["noindex"]) == (wish, wish, not wish)
            for path in paths:
                page = await pages.browser().see(path)
                assert page.headers.get("X-Robots-Tag") == (None if wish else "noindex"), path
        browser = pages.browser(ada)
        form = (await browser.see("/settings")).form("/settings/profile")
        assert form.fields()["indexable"] == "yes"
        await browser.post("/settings/profile", without(form.fields(), "indexable"))
        assert not (await site.ask("GET", "/api/me", by=ada)).json()["indexable"]


async def test_a_post_begins_as_its_author_said_and_ends_as_they_say(site: Site) -> None:
    """In apps, which may say nothing, and on pages, which show what they will send."""
    ada = await site.sign_up("ada")

    async def posted(**said: Any) -> tuple[str, bool]:
        answer = await site.ask("POST", "/api/v1/statuses", {"status": "Bread", **said}, by=ada)
        assert answer.status_code == 200, answer.text
        status = answer.json()
        return status["visibility"], status["sensitive"]

    assert await posted() == ("public", False)
    async with pages_of(site) as pages:
        browser = pages.browser(ada)
        first = await browser.see("/")
        assert (first.form("/tweets").fields()["visibility"], "sensitive" in first.form("/tweets").fields()) == (
            "public",
            False,
        )
        form = (await browser.see("/settings")).form("/settings/writing")
        assert form.fields()["visibility"] == "public"
        saved = await browser.send(form, visibility="private", sensitive="yes", language="pt-BR")
        assert saved.location == "/settings?done=writing#s-writing"
        assert await posted() == ("private", True)
        assert await posted(visibility="public", sensitive=False) == ("public", False)
        # What comes again is the same post, whatever was chosen meanwhile.
        key = {"Idempotency-Key": "once"}
        first_id = (await site.ask("POST", "/api/v1/statuses", {"status": "Buns"}, by=ada, headers=key)).json()["id"]
        chosen = (await site.ask("GET", "/api/v1/preferences", by=ada)).json()
        assert [chosen[f"posting:default:{part}"] for part in ("visibility", "sensitive", "language")] == [
            "private",
            True,
            "pt-BR",
        ]
        for path in ("/", "/compose"):
            fields = (await browser.see(path)).form("/tweets").fields()
            assert (fields["visibility"], fields["sensitive"]) == ("private", "yes"), path
        # An answer is for no more people than either says.
        bens = (await site.post(await site.sign_up("ben"), "Buns?"))["id"]
        assert (await browser.see(f"/@ben/{bens}")).form("/tweets").fields()["visibility"] == "private"
        form = (await browser.see("/settings")).form("/settings/writing")
        assert (form.fields()["visibility"], form.fields()["language"]) == ("private", "pt-BR")
        refused = await browser.send(form, language="speech")
        assert refused.status == 422
        assert refused.form("/settings/writing").fields()["language"] == "speech"
        left = without(form.fields(), "sensitive")
        await browser.post("/settings/writing", {**left, "visibility": "unlisted", "language": ""})
        again = (await site.ask("POST", "/api/v1/statuses", {"status": "Buns"}, by=ada, headers=key)).json()
        assert (again["id"], again["visibility"]) == (first_id, "private")
        fields = (await browser.see("/")).form("/tweets").fields()
        assert (fields["visibility"], "sensitive" in fields) == ("unlisted", False)


async def test_a_header_is_a_wide_picture_through_the_same_door(site: Site) -> None:
    ada = await site.sign_up("ada")
    me = (await site.ask("GET", "/api/v1/accounts/verify_credentials", by=ada)).json()
    assert me["header"].endswith("/missing.png")
    assert me["header"] == me["header_static"]
    raw = picture("PNG")
    account = await changed(site, ada, files={"header": ("h.png", raw, "image/png")})
    assert account["header"].startswith("http://linnet.test/media/avatars/")
    assert account["avatar"].endswith("missing.png"), "her own picture is another one"
    shown = await site.client.get(account["header"])
    assert shown.status_code == 200
    with Image.open(io.BytesIO(shown.content)) as image:
        assert (image.format, image.size) == ("WEBP", (1536, 512))
    ours = (await site.ask("GET", f"/api/users/{ada.id}")).json()
    assert account["header"].endswith(ours["header_url"])
    async with pages_of(site) as pages:
        browser = pages.browser(ada)
        assert len((await browser.see("/@ada")).main.all("img", src=ours["header_url"])) == 1
        settings = await browser.see("/settings")
        assert settings.form("/settings/header/remove").fields()["csrf"]
    # One that is the same as somebody's own picture stays as long as either has it.
    gone = await site.ask("DELETE", "/api/v1/profile/header", by=ada)
    assert gone.json()["header"].endswith("missing.png")
    assert (await site.client.get(account["header"])).status_code == 404, "nobody has it any more"
    assert (await site.ask("DELETE", "/api/v1/profile/header", by=ada)).status_code == 200
    again = await site.ask("PUT", "/api/me/header", by=ada, content=raw, headers={"Content-Type": "image/png"})
    assert again.json()["header_url"] == ours["header_url"], "the same pixels have the same name"
    removed = await site.ask("DELETE", "/api/me/header", by=ada)
    assert removed.json()["header_url"] is None


async def test_both_pictures_are_taken_from_one_form_or_neither(site: Site) -> None:
    ada = await site.sign_up("ada")
    good, bad = picture("PNG"), b"no picture"
    refused = await site.ask("PATCH", CREDENTIALS, by=ada, files={"avatar": ("a.png", bad), "header": ("h.png", bad)})
    assert refused.status_code == 422
    account = await changed(site, ada, files={"avatar": ("a.png", good), "header": ("h.png", good)})
    assert account["avatar"].endswith("192.webp")
    assert account["header"].endswith("512.webp")
    dropped = (await site.ask("DELETE", "/api/v1/profile/avatar", by=ada)).json()
    assert dropped["avatar"].endswith("missing.png")
    assert dropped["header"] == account["header"]


async def test_what_an_app_notes_of_how_one_posts_the_next_one_is_told(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")

    async def preferences(by: Person) -> httpx.Response:
        return await site.ask("GET", "/api/v1/preferences", by=by)

    usual = (await preferences(ada)).json()
    assert (usual["posting:default:visibility"], usual["posting:default:sensitive"]) == ("public", False)
    account = await changed(
        site, ada, data={"source[privacy]": "unlisted", "source[sensitive]": "on", "source[language]": "pl"}
    )
    source = account["source"]
    assert (source["privacy"], source["sensitive"], source["language"]) == ("unlisted", True, "pl")
    said = (await preferences(ada)).json()
    assert said["posting:default:visibility"] == "unlisted"
    assert said["posting:default:sensitive"] is True
    assert said["posting:default:language"] == "pl"
    assert (await changed(site, ada, json={"source": {"sensitive": False, "language": ""}}))["source"][
        "language"
    ] is None
    assert (await preferences(ada)).json()["posting:default:visibility"] == "unlisted", "what is not sent stays"
    assert (await preferences(ben)).json() == usual
    for wrong in ({"privacy": "direct"}, {"privacy": "all"}, {"language": "<b>"}):
        assert (await site.ask("PATCH", CREDENTIALS, {"source": wrong}, by=ada)).status_code == 422


async def test_a_person_sets_all_of_it_on_a_page(site: Site) -> None:
    ada = await site.sign_up("ada", "Ada")
    async with pages_of(site) as pages:
        browser = pages.browser(ada)
        form = (await browser.see("/settings")).form("/settings/profile")
        assert form.fields()["discoverable"] == "yes"
        wrong = await browser.send(form, entry_0="what is this?", location="Kraków")
        assert wrong.status == 422
        assert "put a label beside it" in wrong.main.text
        again = wrong.form("/settings/profile")
        assert (again.fields()["entry_0"], again.fields()["location"]) == ("what is this?", "Kraków")
        saved = await browser.send(again, label_0="Site", entry_0=SITE["value"], label_3="Rank", entry_3="captain")
        assert saved.status == 303, saved.main.text
        shown = await browser.see("/@ada")
        assert shown.main.one("a", href=SITE["value"]).text == SITE["value"]
        assert "captain" in shown.main.text
        kept = (await browser.see("/settings")).form("/settings/profile").fields()
        assert (kept["label_1"], kept["entry_1"], kept["label_3"]) == ("Rank", "captain", "")
    me = (await site.ask("GET", "/api/me", by=ada)).json()
    assert (me["fields"], me["bot"], me["discoverable"]) == (
        [SITE, {"name": "Rank", "value": "captain"}],
        False,
        True,
    )


async def test_a_profile_is_what_somebody_says_and_is_changed_by_the_same_hand(site: Site) -> None:
    """As it was written, with nothing where nothing was chosen; what linnet has no word for stays as it is."""
    ada = await site.sign_up("ada")
    profile = (await site.ask("GET", "/api/v1/profile", by=ada)).json()
    assert (profile["id"], profile["avatar"], profile["header"], profile["note"]) == (ada.id, None, None, "")
    wish = {"note": "Bread <b>", "display_name": "Ada B", "bot": True, "show_media": False}
    changed = await site.ask("PATCH", "/api/v1/profile", wish, by=ada)
    assert changed.status_code == 200, changed.text
    profile = changed.json()
    assert (profile["note"], profile["display_name"], profile["bot"]) == ("Bread <b>", "Ada B", True)
    assert profile["show_media"], "it is said as it is"
    picture_of = {"avatar": ("a.png", picture("PNG"), "image/png")}
    answer = await site.client.patch(
        "/api/v1/profile", files=picture_of, headers={"Authorization": f"Bearer {ada.token}"}
    )
    assert answer.json()["avatar"].startswith("http://linnet.test/media/avatars/")
    assert answer.json()["note"] == "Bread <b>", "what is not said stays"
    assert (await site.ask("DELETE", "/api/v1/profile/avatar", by=ada)).status_code == 200
    assert (await site.ask("GET", "/api/v1/profile", by=ada)).json()["avatar"] is None
    refused = await site.ask("PATCH", "/api/v1/profile", {"display_name": ""}, by=ada)
    assert refused.status_code == 422
