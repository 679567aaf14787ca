"""Promise: a tweet is edited by its author, through every door, and everybody who may see it can read what it said."""

from typing import Any

import pytest

from tests.http.app_world import Person, Site, assert_problem, problem_fields
from tests.http.page_world import pages_of
from tests.support.drawn import picture

HOSTILE = "<script>alert(1)</script><b>&amp;\"' #tag"


async def edited(site: Site, by: Person, tweet_id: str, **fields: Any) -> dict[str, Any]:
    answer = await site.ask("PATCH", f"/api/tweets/{tweet_id}", fields, by=by)
    assert answer.status_code == 200, answer.text
    tweet: dict[str, Any] = answer.json()
    return tweet


async def history(site: Site, tweet_id: str, by: Person | None = None) -> list[dict[str, Any]]:
    answer = await site.ask("GET", f"/api/tweets/{tweet_id}/history", by=by)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_an_edit_changes_what_is_sent_and_nothing_else(site: Site) -> None:
    ada = await site.sign_up("ada")
    tweet = await site.post(ada, "a #wren")
    assert "edited_at" not in tweet
    after = await edited(site, ada, tweet["id"], text="a #robin", warning="birds")
    assert (after["text"], after["warning"], after["sensitive"]) == ("a #robin", "birds", True)
    assert [tag["text"] for tag in after["entities"]["hashtags"]] == ["robin"]
    assert after["created_at"] == tweet["created_at"] < after["edited_at"]
    again = await edited(site, ada, tweet["id"], warning="", sensitive=False)
    assert (again["text"], again.get("warning"), again.get("sensitive")) == ("a #robin", None, None)
    assert (await site.ask("GET", f"/api/tweets/{tweet['id']}")).json()["text"] == "a #robin"
    assert await edited(site, ada, tweet["id"]) == again, "nothing is sent, and nothing is changed"
    versions = await history(site, tweet["id"])
    assert [(each["text"], each.get("warning", "")) for each in versions] == [
        ("a #wren", ""),
        ("a #robin", "birds"),
        ("a #robin", ""),
    ]
    assert [each["created_at"] for each in versions] == [tweet["created_at"], after["edited_at"], again["edited_at"]]


async def test_what_is_wrong_with_an_edit_is_said_and_loses_nothing(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    tweet = await site.post(ada, "fine")
    path = f"/api/tweets/{tweet['id']}"
    for body, field in (
        ({"text": ""}, "text"),
        ({"text": "x" * 141}, "text"),
        ({"text": "x" * 100, "warning": "y" * 41}, "text"),
        ({"attachments": ["1"]}, "attachments"),
        ({"attachments": [tweet["id"]] * 2}, "attachments"),
        ({"visibility": "private"}, "visibility"),
        ({"reply_to": "1"}, "reply_to"),
        ({"described": [{"id": "1", "focus": {"x": 2, "y": 0}}]}, "described[0].focus.x"),
    ):
        answer = await site.ask("PATCH", path, body, by=ada)
        assert answer.status_code == 422, (body, answer.text)
        assert field.partition("[")[0] in str(problem_fields(answer)), (body, answer.text)
    assert_problem(await site.ask("PATCH", path, {"text": "mine"}, by=ben), 403, "forbidden")
    assert_problem(await site.ask("PATCH", "/api/tweets/1", {"text": "mine"}, by=ben), 404, "tweet_not_found")
    assert (await site.ask("PATCH", path, {"text": "mine"})).status_code == 401
    headers = {"Idempotency-Key": "once"}
    for _ in range(2):
        assert (await site.ask("PATCH", path, {"text": "better"}, by=ada, headers=headers)).status_code == 200
    assert_problem(
        await site.ask("PATCH", path, {"text": "best"}, by=ada, headers=headers), 422, "idempotency_key_reused"
    )
    assert [each["text"] for each in await history(site, tweet["id"])] == ["fine", "better"]


async def upload(site: Site, by: Person, **said: str) -> str:
    form = {"file": ("a.jpg", picture(), "image/jpeg")}
    answer = await site.ask("POST", "/api/v2/media", by=by, files=form, data=said)
    assert answer.status_code == 200, answer.text
    some_id: str = answer.json()["id"]
    return some_id


async def test_pictures_come_go_are_described_and_stay_in_the_history(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    one, two = await upload(site, ada, description="one"), await upload(site, ada, description="two")
    theirs = await upload(site, ben)
    posted = await site.ask("POST", "/api/tweets", {"text": "", "attachments": [one]}, by=ada)
    tweet_id = posted.json()["id"]
    assert (await site.ask("PATCH", f"/api/tweets/{tweet_id}", {"attachments": []}, by=ada)).status_code == 422
    assert (
        await site.ask("PATCH", f"/api/tweets/{tweet_id}", {"attachments": [one, theirs]}, by=ada)
    ).status_code == 422
    after = await edited(
        site, ada, tweet_id, attachments=[two, one], described=[{"id": one, "description": "the first"}]
    )
    assert [(each["id"], each["description"]) for each in after["attachments"]] == [(two, "two"), (one, "the first")]
    assert (await site.ask("GET", f"/api/attachments/{one}", by=ada)).json()["description"] == "the first"
    assert (await site.ask("PATCH", f"/api/attachments/{one}", {"description": "x"}, by=ada)).status_code == 422
    after = await edited(site, ada, tweet_id, text="words", attachments=[two])
    assert [each["id"] for each in after["attachments"]] == [two]
    # What was taken out stands in no other tweet, is not given up, and can come back.
    other = await site.ask("POST", "/api/tweets", {"text": "", "attachments": [one]}, by=ada)
    assert other.status_code == 422
    assert (await site.ask("DELETE", f"/api/attachments/{one}", by=ada)).status_code == 422
    after = await edited(site, ada, tweet_id, attachments=[one])
    assert [each["description"] for each in after["attachments"]] == ["the first"]
    versions = await history(site, tweet_id)
    assert [[each["description"] for each in version.get("attachments", [])] for version in versions] == [
        ["one"],
        ["two", "the first"],
        ["two"],
        ["the first"],
    ]
    for version in versions:
        for each in version["attachments"]:
            assert (await site.client.get(each["url"])).status_code == 200


async def test_an_app_edits_and_reads_what_it_was(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    media = await upload(site, ada, description="Crumbs")
    sent = {"status": "Fresh #bread @ben", "media_ids": [media]}
    status = (await site.ask("POST", "/api/v1/statuses", sent, by=ada)).json()
    path = f"/api/v1/statuses/{status['id']}"
    assert status["edited_at"] is None
    body = {
        "status": "Stale bread",
        "spoiler_text": "Sad",
        "media_ids": [media],
        "media_attributes": [{"id": media, "description": "Old crumbs", "focus": "0.5,0.5"}],
        "language": "en",
    }
    answer = await site.ask("PUT", path, body, by=ada)
    assert answer.status_code == 200, answer.text
    after = answer.json()
    assert (after["content"], after["spoiler_text"], after["sensitive"]) == ("<p>Stale bread</p>", "Sad", True)
    assert (after["mentions"], after["tags"], after["visibility"]) == ([], [], "public")
    assert after["media_attachments"][0]["description"] == "Old crumbs"
    assert after["edited_at"] > after["created_at"] == status["created_at"]
    assert (await site.ask("PUT", path, body, by=ada)).json()["edited_at"] == after["edited_at"], "nothing changed"
    # As a form, which cannot send an empty list: all that it says is all that there is.
    answer = await site.ask("PUT", path, by=ada, data={"status": "Crumbs alone"})
    assert (answer.json()["media_attachments"], answer.json()["spoiler_text"]) == ([], "")
    versions = (await site.ask("GET", f"{path}/history", by=ben)).json()
    assert [each["content"] for each in versions][1:] == ["<p>Stale bread</p>", "<p>Crumbs alone</p>"]
    assert [len(each["media_attachments"]) for each in versions] == [1, 1, 0]
    assert versions[0]["created_at"] == status["created_at"]
    assert versions[1]["account"]["username"] == "ada"
    source = (await site.ask("GET", f"{path}/source", by=ada)).json()
    assert source == {"id": status["id"], "text": "Crumbs alone", "spoiler_text": ""}
    for method, where in (("PUT", path), ("GET", f"{path}/source")):
        assert (await site.ask(method, where, {"status": "x"} if method == "PUT" else None, by=ben)).status_code == 404
    for wrong in ({"status": ""}, {"status": "x" * 141}, {"status": "x", "media_ids": ["9"]}, {}):
        assert (await site.ask("PUT", path, wrong, by=ada)).status_code == 422, wrong
    assert (await site.ask("PUT", "/api/v1/statuses/1", {"status": "x"}, by=ada)).status_code == 404


async def test_an_edit_keeps_the_poll_and_does_not_change_it(site: Site) -> None:
    ada = await site.sign_up("ada")
    poll = {"options": ["yes", "no"], "expires_in": 3600}
    status = (await site.ask("POST", "/api/v1/statuses", {"status": "Shal we?", "poll": poll}, by=ada)).json()
    path = f"/api/v1/statuses/{status['id']}"
    for body in ({"status": "Shall we?", "poll": poll}, {"status": "Shall we, then?"}):
        after = (await site.ask("PUT", path, body, by=ada)).json()
        assert after["poll"] == status["poll"]
    for other in (["yes", "never"], ["yes", "no", "maybe"], ["no", "yes"]):
        changed = {"status": "Shall we?", "poll": {"options": other, "expires_in": 3600}}
        assert (await site.ask("PUT", path, changed, by=ada)).status_code == 422
    media = await upload(site, ada)
    assert (await site.ask("PUT", path, {"status": "x", "media_ids": [media]}, by=ada)).status_code == 422
    plain = await site.post(ada, "nothing is asked")
    answer = await site.ask("PUT", f"/api/v1/statuses/{plain['id']}", {"status": "x", "poll": poll}, by=ada)
    assert answer.status_code == 422


async def test_apps_are_told_that_what_they_retweeted_was_edited(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    tweet = await site.post(ada, "one")
    await site.ask("PUT", f"/api/tweets/{tweet['id']}/retweet", by=ben)
    await site.settle()
    await edited(site, ada, tweet["id"], text="two")
    await site.settle()
    [told] = (await site.ask("GET", "/api/v1/notifications?types[]=update", by=ben)).json()
    assert (told["type"], told["account"]["username"], told["status"]["content"]) == ("update", "ada", "<p>two</p>")
    [own] = (await site.ask("GET", "/api/notifications", by=ben)).json()["items"]
    assert (own["kind"], own["tweet"]["text"]) == ("edited", "two")
    [group] = (await site.ask("GET", "/api/v2/notifications", by=ben)).json()["notification_groups"]
    assert (group["type"], group["status_id"]) == ("update", tweet["id"])


async def test_pages_edit_mark_what_was_edited_and_show_what_it_said_without_scripts(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    tweet = await site.post(ada, HOSTILE)
    async with pages_of(site) as pages:
        adas, bens, strangers = pages.browser(ada), pages.browser(ben), pages.browser()
        thread = await adas.see(f"/@ada/{tweet['id']}")
        assert thread.main.all("a", href=f"/tweets/{tweet['id']}/edit")
        assert not (await bens.see(f"/@ada/{tweet['id']}")).main.all("a", href=f"/tweets/{tweet['id']}/edit")
        page = await adas.see(f"/tweets/{tweet['id']}/edit")
        form = page.form(f"/tweets/{tweet['id']}/edit")
        assert form.one("textarea").text.lstrip("\n") == HOSTILE
        refused = await adas.send(form, text="x" * 141)
        assert refused.status == 422
        again = refused.form(f"/tweets/{tweet['id']}/edit")
        assert again.one("textarea").text.lstrip("\n") == "x" * 141, "nothing typed is lost"
        saved = await adas.send(again, text=f"{HOSTILE}, again", warning="<i>")
        assert saved.location == f"/@ada/{tweet['id']}"
        for browser in (adas, bens, strangers):
            shown = await browser.see(saved.location)
            [mark] = shown.main.all("a", href=f"/tweets/{tweet['id']}/history")
            assert mark.text.startswith("edited ")
            versions = (await browser.see(f"/tweets/{tweet['id']}/history")).main.all("article", cls="version")
            assert [version.one("p", cls="text").text for version in versions] == [f"{HOSTILE}, again", HOSTILE]
            assert versions[0].one("summary").text == "<i>"
        # The form that is sent once more is the same edit.
        assert (await adas.send(again, text=f"{HOSTILE}, again", warning="<i>")).location == saved.location
        assert len(await history(site, tweet["id"])) == 2


async def test_who_was_logged_out_while_editing_finds_the_text_behind_the_log_in(site: Site) -> None:
    ada = await site.sign_up("ada")
    tweet = await site.post(ada, "one")
    async with pages_of(site) as pages:
        adas = pages.browser(ada)
        form = (await adas.see(f"/tweets/{tweet['id']}/edit")).form(f"/tweets/{tweet['id']}/edit")
        adas.client.cookies.clear()
        gone = await adas.send(form, text="two & a half")
        assert gone.location.startswith("/login?next=")
        assert "two" in gone.location


@pytest.mark.parametrize("door", ["/api/tweets/{}/history", "/api/v1/statuses/{}/history", "/tweets/{}/history"])
async def test_what_it_said_is_for_whom_the_tweet_is(site: Site, door: str) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    sent = {"text": "for @ben", "visibility": "private"}
    tweet = (await site.ask("POST", "/api/tweets", sent, by=ada)).json()
    async with pages_of(site) as pages:

        async def sees(person: Person | None) -> int:
            if door.startswith("/api"):
                return (await site.ask("GET", door.format(tweet["id"]), by=person)).status_code
            return (await pages.browser(person).get(door.format(tweet["id"]))).status

        assert [await sees(person) for person in (ada, ben, None)] == [200, 200, 404]
        await edited(site, ada, tweet["id"], text="for nobody")
        assert [await sees(person) for person in (ada, ben, None)] == [200, 404, 404]
