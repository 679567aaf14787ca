"""Promise: an app and the web app have a post wait, change its time, and take it back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.http.app_world import Person, Site
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
