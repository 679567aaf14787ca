"""What a first visit weighs on the wire, counted by the browser."""

import msgspec
import pytest
from playwright.sync_api import Page

from linnet.domain.text import TextRules
from tests.flows._linnet_process import Person
from tests.web._browser import Windows
from tests.web._looks import DESKTOP, PHONE, Look
from tests.web._site import WebSite
from tests.web._town import Town

MAX_KB = 60


class Load(msgspec.Struct, frozen=True):
    """One file as it came: ``wire_bytes`` with its headers."""

    path: str
    wire_bytes: int
    status: int
    encoding: str


def open_without_worker(windows: Windows, look: Look, by: Person | None) -> Page:
    """What the service worker fetches for later is no part of a visit."""
    windows.expect_complaint("Service Worker registration blocked")
    return windows.open(look, by=by, service_workers="block")


def loads_of(page: Page, path: str) -> list[Load]:
    """Everything that the first visit to a page brings, up to when the page has loaded."""
    session = page.context.new_cdp_session(page)
    answers: dict[str, dict] = {}
    sizes: dict[str, int] = {}
    session.on("Network.responseReceived", lambda event: answers.update({event["requestId"]: event["response"]}))
    session.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    session.send("Network.enable")
    page.goto(path)
    # Everything that began has an end by now, once what the browser said until now has been heard.
    page.evaluate("() => new Promise(requestAnimationFrame)")
    session.send("Network.disable")
    found = []
    # What began before this visit has only its end here: no answer was heard.
    for request_id in sizes.keys() & answers.keys():
        answer, wire_bytes = answers[request_id], sizes[request_id]
        if answer["url"].startswith("data:"):
            # A browser's own picture, in a field for times.
            continue
        headers = {name.lower(): value for name, value in answer["headers"].items()}
        path = "/" + answer["url"].split("/", 3)[3]
        found.append(Load(path, round(wire_bytes), answer["status"], headers.get("content-encoding", "")))
    return found


@pytest.fixture(scope="module")
def reader(web_site: WebSite) -> Person:
    """Somebody whose page is full of tweets that are as long as tweets are, by people with names."""
    town = Town(web_site)
    for number in range(20):
        text = f"{number} " + "The water stands where it stood, and nobody in Reedwater minds the boats. " * 3
        town.bob.post(text[: TextRules().max_chars])
    web_site.settle()
    return town.ada


@pytest.mark.parametrize("look", [DESKTOP, PHONE], ids=str)
@pytest.mark.parametrize("place", ["home", "landing"])
def test_a_first_visit_weighs_at_most_60_kb(windows: Windows, reader: Person, look: Look, place: str) -> None:
    page = open_without_worker(windows, look, reader if place == "home" else None)
    loads = loads_of(page, "/")
    assert page.get_by_role("main").get_by_role("article").count() >= 20
    counted = [load for load in loads if not load.path.startswith("/media/avatars/")]
    assert {load.status for load in counted} == {200}
    weight = sum(load.wire_bytes for load in counted)
    print(f"{place}, {look}: {weight / 1000:.1f} kB in {len(counted)} files", *counted, sep="\n")
    assert weight <= MAX_KB * 1000
    for load in counted:
        if not load.path.endswith(".png"):
            assert load.encoding in ("gzip", "br", "zstd") or load.wire_bytes < 1500, load


def test_a_second_visit_brings_the_page_alone(windows: Windows, reader: Person) -> None:
    page = open_without_worker(windows, DESKTOP, reader)
    page.goto("/")
    page.goto("/explore")
    again = [load for load in loads_of(page, "/") if not load.path.startswith("/media/avatars/")]
    assert [load.path for load in again if load.wire_bytes] == ["/"]
