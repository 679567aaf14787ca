"""What only scripts ask for: files under one version, pieces of pages, and sentences instead of error pages."""

import json
import re
from typing import Any

from linnet.read.streams import bookmark_of
from linnet.web.files import ENTRY, WORKER, all_files, module_paths, version
from tests.http.app_world import Site
from tests.http.page_world import Browser, PageSite, parse

SCRIPT = {"Accept": "application/json"}
_IMPORT = re.compile(rb"""^import (?:[^"]* from )?"\./([a-z]+\.js)";$""", re.MULTILINE)
_LATER_IMPORT = re.compile(rb"""import\("\./([a-z]+\.js)"\)""")


def imported_by(name: str) -> set[str]:
    """What a script imports at once, and what these do."""
    found = {match.decode() for match in _IMPORT.findall(all_files()[name].content)}
    return found.union(*(imported_by(one) for one in found))


def events_of(text: str) -> dict[str, Any]:
    """The data of each event by its name."""
    fields = (dict(line.split(": ", 1) for line in event.split("\n")) for event in text.strip().split("\n\n"))
    return {event["event"]: json.loads(event["data"]) for event in fields if "event" in event}


async def ask_of(browser: Browser, path: str, fields: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """A form that a script sends."""
    page = await browser.post(path, fields, headers=SCRIPT)
    return page.status, page.answer.json()


async def test_files_are_kept_for_ever_under_their_own_version_alone(pages: PageSite) -> None:
    browser = pages.browser()
    for name, file in all_files().items():
        answer = (await browser.get(f"/static/{version()}/{name}")).answer
        if name == WORKER:
            assert answer.status_code == 404
            continue
        assert answer.content == file.content
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    old = (await browser.get("/static/0123456789ab/feed.js")).answer
    assert (old.status_code, old.headers["cache-control"]) == (200, "no-cache")
    # Both ways in which it is sent are the same file, and caches are told so.
    assert old.headers["vary"] == "Accept-Encoding"


def test_pages_name_the_scripts_that_they_need_and_these_are_all_there() -> None:
    at_once = imported_by(ENTRY)
    assert {path.rpartition("/")[2] for path in module_paths()} == at_once
    for name, file in all_files().items():
        if name.endswith(".js"):
            named = {*_IMPORT.findall(file.content), *_LATER_IMPORT.findall(file.content)}
            assert {one.decode() for one in named} <= set(all_files()), name


def test_scripts_are_small() -> None:
    packed = {name: len(file.packed) for name, file in all_files().items() if name.endswith(".js") and name != WORKER}
    at_once = sum(packed[name] for name in (ENTRY, *imported_by(ENTRY)))
    assert at_once < 9_000
    # With writing and what is new, as home has it, before somebody begins to write.
    assert at_once + sum(packed[name] for name in ("composer.js", "characters.js", "live.js")) < 14_200
    assert sum(packed.values()) < 20_500


async def test_the_worker_is_asked_for_anew_and_names_files_that_are_there(pages: PageSite) -> None:
    browser = pages.browser()
    answer = (await browser.get("/worker.js")).answer
    assert answer.headers["cache-control"] == "no-cache"
    head = json.loads(answer.text.partition("\n")[0].removeprefix("self.linnet = ").removesuffix(";"))
    assert head["version"] == version()
    for path in [*head["files"], "/offline"]:
        assert (await browser.get(path)).status == 200


async def test_a_page_says_whose_it_is(pages: PageSite, site: Site) -> None:
    ada = await site.newcomer()
    assert (await pages.browser().get("/")).headers["linnet-viewer"] == ""
    assert (await pages.browser(ada).get("/")).headers["linnet-viewer"] == ada.id
    # What is not somebody's page does not.
    assert "linnet-viewer" not in (await pages.browser(ada).get("/nothing/here/at/all")).headers


async def test_scripts_are_told_in_a_sentence_what_was_wrong(pages: PageSite, site: Site) -> None:
    ada = await site.newcomer()
    browser = pages.browser(ada)
    csrf = await browser.csrf()
    assert await ask_of(browser, "/fragments/tweets", {"csrf": csrf, "text": " "}) == (
        422,
        {"code": "invalid_input", "sentence": "Your text is empty. Say something!"},
    )
    for path, fields, status, code in (
        ("/fragments/tweets", {"csrf": csrf, "text": "x", "reply_to": "1"}, 404, "tweet_not_found"),
        ("/fragments/tweets", {"text": "x"}, 403, "strange_form"),
        ("/tweets/1/like", {"csrf": csrf}, 404, "tweet_not_found"),
        (f"/users/{ada.id}/follow", {"csrf": csrf}, 422, "cannot_follow_yourself"),
    ):
        found_status, found = await ask_of(browser, path, fields)
        assert (found_status, found["code"]) == (status, code)
        assert found["sentence"].endswith((".", "!"))
    stranger = pages.browser()
    for path in ("/fragments/news", "/fragments/newer", "/stream"):
        for accept in ("application/json", "text/event-stream"):
            answer = (await stranger.get(path, headers={"Accept": accept})).answer
            assert (answer.status_code, answer.json()["code"]) == (401, "not_logged_in")


async def test_a_posted_tweet_comes_back_as_it_stands_in_a_list(pages: PageSite, site: Site) -> None:
    ada = await site.newcomer()
    browser = pages.browser(ada)
    fields = {"csrf": await browser.csrf(), "text": "<b>bold</b> #words", "once": "0123456789", "back": "/everyone"}
    status, posted = await ask_of(browser, "/fragments/tweets", fields)
    assert status == 200
    item = parse(posted["html"]).one("article")
    assert item.attributes["data-id"] == posted["id"]
    assert item.one(cls="text").text == "<b>bold</b> #words"
    assert item.all("button", name="at")[0].attributes["value"] == f"t{posted['id']}"
    # The same form is the same tweet.
    assert (await ask_of(browser, "/fragments/tweets", fields))[1]["id"] == posted["id"]
    status, refused = await ask_of(browser, "/fragments/tweets", {**fields, "text": "something else"})
    assert (status, refused["code"]) == (422, "idempotency_key_reused")


async def test_what_came_after_a_tweet_is_given_in_pieces(pages: PageSite, site: Site) -> None:
    ada = await site.newcomer()
    browser = pages.browser(ada)
    ids = [(await site.post(ada, f"number {number}"))["id"] for number in range(3)]
    await site.settle()
    newer = (await browser.get(f"/fragments/newer?after={ids[0]}", headers=SCRIPT)).answer.json()
    assert newer["more"] is False
    assert [item.attributes["data-id"] for item in parse(newer["html"]).all("article")] == [ids[2], ids[1]]
    for _ in range(60):
        await site.post(ada)
    newer = (await browser.get(f"/fragments/newer?after={ids[0]}", headers=SCRIPT)).answer.json()
    assert newer == {"html": "", "more": True}


async def test_news_are_what_a_stream_would_begin_with(pages: PageSite, site: Site) -> None:
    ada = await site.newcomer()
    browser = pages.browser(ada)
    kept, gone = [(await site.post(ada, text))["id"] for text in ("kept", "gone")]
    await site.settle()
    has = bookmark_of([int(kept), int(gone)])
    home = (await browser.see("/")).root.all(cls="feed")[0]
    assert home.attributes["data-bookmark"] == str(has)
    quiet = events_of((await browser.get(f"/fragments/news?last_event_id={has}")).answer.text)
    assert not quiet.keys() & {"tweets", "gone", "gap"}
    await site.ask("DELETE", f"/api/tweets/{gone}", by=ada)
    new = (await site.post(ada, "new"))["id"]
    await site.settle()
    # From what stayed right, on; and of what is watched, everything.
    news = events_of((await browser.get(f"/fragments/news?last_event_id={bookmark_of([int(kept)])}")).answer.text)
    assert [item["id"] for item in news["tweets"]["items"]] == [new]
    missed = events_of((await browser.get(f"/fragments/news?last_event_id={has}&watched={kept},{gone}")).answer.text)
    assert "gap" in missed
    assert missed["gone"]["ids"] == [gone]
    assert kept in [item["id"] for item in missed["counts"]["items"]]
    # What is no id is passed over.
    assert (await browser.get("/fragments/news?last_event_id=x&watched=x,,-1")).status == 200
