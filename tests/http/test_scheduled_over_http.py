"""Promise: an app and the web app have a post wait, change its time, and take it back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from linnet.domain.scheduled import Scheduled, ScheduledDraft
from linnet.ids import UserId
from linnet.stores.postgres import scheduled as rows
from tests.http.app_world import Person, Site
from tests.http.page_world import PageSite
from tests.support.drawn import encoded, quarters


def in_hours(hours: float) -> str:
    moment = datetime.now(UTC) + timedelta(hours=hours)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


async def call(site: Site, by: Person, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    answer = await site.ask(method, f"/api/v1/{path}", body, by=by)
    assert answer.status_code == status, f"{path}: {answer.text}"
    return answer.json()


async def upload(site: Site, by: Person) -> str:
    content, headers = encoded(quarters(8, 6), "PNG"), {"Content-Type": "image/png"}
    answer = await site.ask("POST", "/api/attachments", by=by, content=content, headers=headers)
    return str(answer.json()["id"])


async def test_an_app_schedules_looks_changes_and_takes_back(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    answered = (await site.post(ben, "Bread?"))["id"]
    picture = await upload(site, ada)
    due = in_hours(3)
    wish = {
        "status": "Fresh",
        "scheduled_at": due,
        "media_ids": [picture],
        "in_reply_to_id": answered,
        "spoiler_text": "crumbs",
        "visibility": "unlisted",
    }
    made = await call(site, ada, "POST", "statuses", wish)
    assert (made["scheduled_at"], made["params"]["text"], made["params"]["visibility"]) == (due, "Fresh", "unlisted")
    assert (made["params"]["in_reply_to_id"], made["params"]["media_ids"]) == (int(answered), [picture])
    assert (made["params"]["spoiler_text"], made["params"]["sensitive"]) == ("crumbs", True)
    assert [each["id"] for each in made["media_attachments"]] == [picture]
    assert await call(site, ada, "GET", f"accounts/{ada.id}/statuses") == []
    path = f"scheduled_statuses/{made['id']}"
    assert await call(site, ada, "GET", path) == made
    for method, body in (("GET", None), ("PUT", {"scheduled_at": in_hours(9)}), ("DELETE", None)):
        await call(site, ben, method, path, body, 404)
    assert await call(site, ben, "GET", "scheduled_statuses") == []
    later = in_hours(4)
    changed = await call(site, ada, "PUT", path, {"scheduled_at": later})
    assert changed == {**made, "scheduled_at": later}
    assert await call(site, ada, "PUT", path, {}) == changed
    for wrong in (in_hours(0.01), in_hours(-1), "soon", "2026-13-01", "9999-12-31T23:59:59-14:00", "0001-01-01"):
        refused = await call(site, ada, "PUT", path, {"scheduled_at": wrong}, 422)
        assert refused["error"].startswith("Validation failed: This ")
        await call(site, ada, "POST", "statuses", {"status": "Never", "scheduled_at": wrong}, 422)
    assert await call(site, ada, "DELETE", path) == {}
    await call(site, ada, "DELETE", path, status=404)
    assert await call(site, ada, "GET", "scheduled_statuses") == []
    # Its picture can be posted now.
    now = await call(site, ada, "POST", "statuses", {"status": "Now", "media_ids": [picture]})
    assert [each["id"] for each in now["media_attachments"]] == [picture]


async def test_a_poll_waits_with_it(site: Site) -> None:
    ada = await site.sign_up("ada")
    poll = {"options": ["Rye", "Wheat"], "expires_in": 600, "multiple": True}
    wish = {"status": "Which?", "scheduled_at": in_hours(3), "poll": poll}
    made = await call(site, ada, "POST", "statuses", wish)
    assert made["params"]["poll"] == {**poll, "hide_totals": False}
    await call(site, ada, "POST", "statuses", {**wish, "poll": {**poll, "options": ["Rye"]}}, 422)
    await call(site, ada, "POST", "statuses", {**wish, "media_ids": [await upload(site, ada)]}, 422)
    assert await call(site, ada, "GET", "scheduled_statuses") == [made]


async def test_a_list_has_pages_in_both_directions(site: Site) -> None:
    ada = await site.sign_up("ada")
    made = [
        (await call(site, ada, "POST", "statuses", {"status": f"No {number}", "scheduled_at": in_hours(30 - number)}))
        for number in range(5)
    ]
    ids = [each["id"] for each in reversed(made)]
    found, address = [], "/api/v1/scheduled_statuses?limit=2"
    while address:
        answer = await site.ask("GET", address, by=ada)
        found += [each["id"] for each in answer.json()]
        address = answer.links["next"]["url"].removeprefix("http://linnet.test") if "next" in answer.links else ""
    assert found == ids
    above = await call(site, ada, "GET", f"scheduled_statuses?limit=2&min_id={ids[-1]}")
    assert [each["id"] for each in above] == ids[2:4]
    assert [each["id"] for each in await call(site, ada, "GET", f"scheduled_statuses?max_id={ids[2]}")] == ids[3:]


@pytest.mark.parametrize("text", ["", "x" * 1000])
async def test_what_could_not_be_posted_is_refused_at_once(site: Site, text: str) -> None:
    ada = await site.sign_up("ada")
    await call(site, ada, "POST", "statuses", {"status": text, "scheduled_at": in_hours(1)}, 422)
    await call(site, ada, "POST", "statuses", {"status": "x", "in_reply_to_id": "1", "scheduled_at": in_hours(1)}, 404)
    assert await call(site, ada, "GET", "scheduled_statuses") == []


async def test_one_key_is_one_scheduled_post(site: Site) -> None:
    ada = await site.sign_up("ada")
    wish, headers = {"status": "Once", "scheduled_at": in_hours(1)}, {"Idempotency-Key": "k"}
    answers = [await site.ask("POST", "/api/v1/statuses", wish, by=ada, headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len(await call(site, ada, "GET", "scheduled_statuses")) == 1


async def test_a_page_schedules_in_utc_or_in_the_zone_that_a_script_says(pages: PageSite) -> None:
    site = pages.site
    ada = await site.sign_up("ada")
    browser = pages.browser(ada)
    for text, path, later, zone, due in (
        ("without scripts", "/", "2030-01-02T12:30", "", "2030-01-02T12:30:00.000Z"),
        ("in Berlin", "/compose", "2030-07-02T12:30", "-120", "2030-07-02T10:30:00.000Z"),
        ("in New York", "/", "2030-01-02T12:30", "300", "2030-01-02T17:30:00.000Z"),
    ):
        form = (await browser.see(path)).form("/tweets")
        for _ in range(2):
            sent = await browser.send(form, text=text, later=later, zone=zone)
            assert sent.location == "/scheduled"
        [newest, *_] = await call(site, ada, "GET", "scheduled_statuses")
        assert (newest["params"]["text"], newest["scheduled_at"]) == (text, due)
    assert len(await call(site, ada, "GET", "scheduled_statuses")) == 3
    assert (await site.ask("GET", f"/api/users/{ada.id}/tweets")).json()["items"] == []


@pytest.mark.parametrize(("later", "zone"), [("tomorrow", ""), ("2020-01-01T00:00", ""), ("2030-01-01T00:00", "x")])
async def test_a_time_that_cannot_be_keeps_what_was_typed(pages: PageSite, later: str, zone: str) -> None:
    ada = await pages.site.sign_up("ada")
    browser = pages.browser(ada)
    form = (await browser.see("/")).form("/tweets")
    refused = await browser.send(form, text="Bread", warning="crumbs", later=later, zone=zone)
    assert refused.status == 422
    again = refused.form("/tweets").fields()
    assert (again["text"], again["warning"]) == ("Bread", "crumbs")
    assert again["later"] == ("2020-01-01T00:00" if later.startswith("2020") else "")
    assert await call(pages.site, ada, "GET", "scheduled_statuses") == []


async def test_the_page_of_what_waits_shows_changes_and_deletes(pages: PageSite) -> None:
    site = pages.site
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    assert "Nothing waits" in (await pages.browser(ada).see("/scheduled")).main.text
    answered = (await site.post(ben, "Bread?"))["id"]
    wish = {"status": "<b>Yes</b>", "scheduled_at": in_hours(3), "in_reply_to_id": answered, "spoiler_text": "crumbs"}
    made = await call(site, ada, "POST", "statuses", {**wish, "media_ids": [await upload(site, ada)]})
    browser = pages.browser(ada)
    page = await browser.see("/scheduled")
    assert "<b>Yes</b>" in page.main.text
    assert "crumbs" in page.main.text
    assert len(page.main.all("img", cls="waits")) == 1
    form = page.form(f"/scheduled/{made['id']}/time")
    assert form.fields()["later"] == made["scheduled_at"][:16]
    refused = await browser.send(form, later="2020-01-01T00:00")
    assert refused.status == 422
    assert "five minutes" in refused.main.text
    changed = await browser.send(form, later="2030-01-02T12:30", zone="-60")
    assert changed.location == "/scheduled"
    [one] = await call(site, ada, "GET", "scheduled_statuses")
    assert one["scheduled_at"] == "2030-01-02T11:30:00.000Z"
    # What could not be posted says why.
    due = Scheduled(UserId(int(ada.id)), int(one["id"]), 1_893_583_800_000, ScheduledDraft(""))
    await rows.fail(site.world.db, due, "It is not there.")
    assert "It could not be posted: It is not there." in (await browser.see("/scheduled")).main.text
    await browser.send(page.form(f"/scheduled/{made['id']}/delete"))
    assert await call(site, ada, "GET", "scheduled_statuses") == []


async def test_a_script_is_told_where_it_waits(pages: PageSite) -> None:
    ada = await pages.site.sign_up("ada")
    browser = pages.browser(ada)
    form = (await browser.see("/")).form("/tweets")
    sent = await browser.post("/fragments/tweets", {**form.fields(), "text": "Bread", "later": "2030-01-01T12:00"})
    assert (sent.status, sent.answer.json()) == (200, {"later": "/scheduled"})
    assert len(await call(pages.site, ada, "GET", "scheduled_statuses")) == 1
