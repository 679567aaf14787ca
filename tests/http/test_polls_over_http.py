"""Promise: a poll is asked, voted in and told of in the words of each interface, however an app writes them."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from linnet.clock import ManualClock
from linnet.write.jobs.polls import end_polls
from tests.http.app_world import Person, Site, assert_problem, open_site, problem_fields
from tests.support.servers import Servers

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_800_000_000_000)


@pytest.fixture
async def site(servers: Servers, database_url: str, clock: ManualClock) -> AsyncIterator[Site]:
    """Nobody has signed up yet."""
    async with open_site(database_url, servers.valkey_url, clock=clock) as site:
        yield site


async def post(site: Site, by: Person, **poll: Any) -> dict[str, Any]:
    wish = {"options": ["tea", "coffee"], "expires_in": 300, **poll}
    answer = await site.ask("POST", "/api/tweets", {"text": "Which?", "poll": wish}, by=by)
    assert answer.status_code == 201, answer.text
    tweet: dict[str, Any] = answer.json()
    return tweet


# Our own interface


async def test_a_poll_is_asked_voted_in_and_over(site: Site, clock: ManualClock) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    tweet = await post(site, ada, hides_votes=True, multiple=True)
    assert tweet["poll"] == {
        "options": [{"text": "tea", "votes": None}, {"text": "coffee", "votes": None}],
        "ends_at": "2027-01-15T08:05:00.000Z",
        "ended": False,
        "multiple": True,
        "hides_votes": True,
        "votes_count": 0,
        "voters_count": 0,
        "viewer": {"choices": []},
    }
    path = f"/api/tweets/{tweet['id']}"
    voted = await site.ask("PUT", f"{path}/vote", {"choices": [1, 0]}, by=ben)
    assert voted.json()["poll"]["viewer"] == {"choices": [0, 1]}
    assert (voted.json()["poll"]["votes_count"], voted.json()["poll"]["voters_count"]) == (2, 1)
    assert (await site.ask("PUT", f"{path}/vote", {"choices": [0, 1]}, by=ben)).status_code == 200
    for choices, code in (([0], "already_voted"), ([7], "invalid_input"), ([], "invalid_input")):
        assert_problem(await site.ask("PUT", f"{path}/vote", {"choices": choices}, by=ben), 422, code)
    own = await site.ask("PUT", f"{path}/vote", {"choices": [0]}, by=ada)
    assert_problem(own, 422, "cannot_vote_in_own_poll")
    plain = await site.post(ada)
    none = await site.ask("PUT", f"/api/tweets/{plain['id']}/vote", {"choices": [0]}, by=ben)
    assert_problem(none, 404, "poll_not_found")
    assert "poll" not in plain
    clock.advance(300)
    over = await site.ask("PUT", f"{path}/vote", {"choices": [0]}, by=await site.sign_up("cleo"))
    assert_problem(over, 422, "poll_is_over")
    await site.settle()
    seen = (await site.ask("GET", path)).json()["poll"]
    assert (seen["ended"], [option["votes"] for option in seen["options"]], seen["viewer"]) == (True, [1, 1], None)
    await end_polls.run(site.world.write, {})
    await site.settle()
    [told] = (await site.ask("GET", "/api/notifications", by=ben)).json()["items"]
    assert (told["kind"], told["people"][0]["username"], told["tweet"]["id"]) == ("poll_ended", "ada", tweet["id"])
    assert told["tweet"]["poll"]["viewer"] == {"choices": [0, 1]}


@pytest.mark.parametrize(
    ("poll", "fields"),
    [
        ({"options": []}, ["poll.options"]),
        ({"options": ["a"] * 2}, ["poll.options"]),
        ({"options": [str(number) for number in range(100)]}, ["poll.options"]),
        ({"options": ["a", "b" * 30_000]}, ["poll.options"]),
        ({"options": ["a", 5]}, ["poll"]),
        ({"expires_in": -5}, ["poll.expires_in"]),
        ({"expires_in": 10**15, "options": ["a"]}, ["poll.options", "poll.expires_in"]),
        ({"expires_in": "300"}, ["poll"]),
        ({"hide_totals": True}, ["poll"]),
    ],
)
async def test_what_cannot_be_asked_is_named(busy_site: Site, poll: dict[str, Any], fields: list[str]) -> None:
    ada = await busy_site.newcomer()
    wish = {"options": ["a", "b"], "expires_in": 300, **poll}
    answer = await busy_site.ask("POST", "/api/tweets", {"text": "?", "poll": wish}, by=ada)
    assert_problem(answer, 422, "invalid_input")
    assert problem_fields(answer) == fields


async def test_a_filter_looks_at_what_may_be_chosen(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    wish = {"title": "Tea", "context": ["public"], "keywords_attributes": [{"keyword": "tea"}]}
    assert (await site.ask("POST", "/api/v2/filters", wish, by=ben)).status_code == 200
    tweet = await post(site, ada)
    await site.settle()
    for path in ("/api/v1/timelines/public", f"/api/v1/statuses?id[]={tweet['id']}"):
        [status] = (await site.ask("GET", path, by=ben)).json()
        assert status["filtered"][0]["keyword_matches"] == ["tea"]
        assert status["poll"]["options"][0]["title"] == "tea"


# The Mastodon API


@pytest.mark.parametrize(
    "body",
    [
        {"options": ["tea", "coffee"], "expires_in": 300, "multiple": True, "hide_totals": False},
        {"options": ["tea", "", "coffee"], "expires_in": "300", "multiple": "true", "hide_totals": "false"},
        {"options": ["tea", "coffee"], "expires_in": "300", "multiple": "1"},
        {"options": [" tea", "coffee"], "expires_in": 300, "multiple": 1, "hide_totals": 0},
        [
            ("poll[options][]", "tea"),
            ("poll[options][]", "coffee"),
            ("poll[expires_in]", "300"),
            ("poll[multiple]", "1"),
        ],
        [
            ("poll[options][]", "tea"),
            ("poll[options][]", "coffee"),
            ("poll[expires_in]", "300"),
            ("poll[multiple]", "on"),
        ],
    ],
)
async def test_however_an_app_writes_a_poll_it_is_the_same(busy_site: Site, body: Any) -> None:
    ada = await busy_site.newcomer()
    if isinstance(body, dict):
        answer = await busy_site.ask("POST", "/api/v1/statuses", {"status": "Which?", "poll": body}, by=ada)
    else:
        sent = urlencode([("status", "Which?"), *body]).encode()
        answer = await busy_site.ask("POST", "/api/v1/statuses", by=ada, content=sent, headers=FORM)
    assert answer.status_code == 200, answer.text
    status = answer.json()
    assert status["poll"] == {
        "id": status["id"],
        "expires_at": status["poll"]["expires_at"],
        "expired": False,
        "multiple": True,
        "votes_count": 0,
        "voters_count": 0,
        "options": [{"title": "tea", "votes_count": 0}, {"title": "coffee", "votes_count": 0}],
        "emojis": [],
        # Whoever asks is shown what was counted.
        "voted": True,
        "own_votes": [],
    }


async def test_an_app_reads_votes_and_is_told(site: Site, clock: ManualClock) -> None:
    ada, ben, cleo = [await site.sign_up(name) for name in ("ada", "ben", "cleo")]
    wish = {"status": "Which?", "poll": {"options": ["tea", "coffee"], "expires_in": 300, "hide_totals": True}}
    asked = (await site.ask("POST", "/api/v1/statuses", wish, by=ada)).json()["poll"]
    path = f"/api/v1/polls/{asked['id']}"
    # A form, and numbers as strings, as some libraries have them.
    voted = await site.ask("POST", f"{path}/votes", by=ben, content=b"choices[]=1", headers=FORM)
    assert voted.status_code == 200, voted.text
    assert (voted.json()["voted"], voted.json()["own_votes"], voted.json()["votes_count"]) == (True, [1], 1)
    assert [option["votes_count"] for option in voted.json()["options"]] == [None, None]
    bodies: tuple[dict[str, Any], ...] = (
        {"choices": ["0"]},
        {"choices": ["0", "1"]},
        {"choices": ["x"]},
        {"choices": [-1]},
        {"choices": []},
        {},
    )
    for body in bodies:
        refused = await site.ask("POST", f"{path}/votes", body, by=ben)
        assert (refused.status_code, list(refused.json())) == (
            422,
            ["error", *([] if body == {"choices": ["0"]} else ["details"])],
        )
    assert (await site.ask("POST", f"{path}/votes", {"choices": [0]}, by=ada)).status_code == 422
    for missing in ("1", "0", "x", "9" * 30):
        assert (await site.ask("GET", f"/api/v1/polls/{missing}", by=ben)).status_code == 404
        assert (await site.ask("POST", f"/api/v1/polls/{missing}/votes", {"choices": [0]}, by=ben)).status_code == 404
    await site.settle()
    seen = (await site.ask("GET", path)).json()
    assert (seen["votes_count"], "voted" in seen, "own_votes" in seen) == (1, False, False)
    assert (await site.ask("GET", path, by=cleo)).json()["voted"] is False
    clock.advance(300)
    assert (await site.ask("POST", f"{path}/votes", {"choices": [0]}, by=cleo)).status_code == 422
    await end_polls.run(site.world.write, {})
    await site.settle()
    for by in (ada, ben):
        query = "?types[]=poll"
        [told] = (await site.ask("GET", f"/api/v1/notifications{query}", by=by)).json()
        assert (told["type"], told["account"]["username"], told["status"]["poll"]["expired"]) == ("poll", "ada", True)
        assert [option["votes_count"] for option in told["status"]["poll"]["options"]] == [0, 1]
        grouped = (await site.ask("GET", f"/api/v2/notifications{query}", by=by)).json()
        [group] = grouped["notification_groups"]
        assert (group["type"], group["status_id"], group["group_key"][:10]) == ("poll", asked["id"], "ungrouped-")
        assert (await site.ask("GET", "/api/v1/notifications?exclude_types[]=poll", by=by)).json() == []
    gone = await site.ask("DELETE", f"/api/v1/statuses/{asked['id']}", by=ada)
    assert [option["title"] for option in gone.json()["poll"]["options"]] == ["tea", "coffee"]
    assert (await site.ask("GET", path, by=ben)).status_code == 404
    await site.settle()
    assert (await site.ask("GET", "/api/v1/notifications", by=ben)).json() == []


@pytest.mark.parametrize(
    "poll",
    [
        {"options": [], "expires_in": 300},
        {"options": ["a"], "expires_in": 300},
        {"options": ["a", "a"], "expires_in": 300},
        {"options": ["a", "b"]},
        {"options": ["a", "b"], "expires_in": "soon"},
        {"options": ["a", "b"], "expires_in": -300},
        {"options": ["a", "b"], "expires_in": "9" * 400},
        {"options": [{"title": "a"}, {"title": "b"}], "expires_in": 300},
        {"options": [["a"], ["b"]], "expires_in": 300},
        {"expires_in": 300},
        {"options": ["x"] * 390, "expires_in": 300},
        {"options": ["a", "b" * 50_000], "expires_in": 300},
    ],
)
async def test_an_app_is_told_what_cannot_be_asked_and_nothing_is_posted(busy_site: Site, poll: Any) -> None:
    ada = await busy_site.newcomer()
    answer = await busy_site.ask("POST", "/api/v1/statuses", {"status": "?", "poll": poll}, by=ada)
    assert answer.status_code == 422, answer.text
    assert "error" in answer.json()
    assert (await busy_site.ask("GET", f"/api/v1/accounts/{ada.id}/statuses", by=ada)).json() == []


async def test_an_app_that_sends_no_poll_posts_none(busy_site: Site) -> None:
    ada = await busy_site.newcomer()
    nothing: tuple[Any, ...] = (None, {}, "none")
    for poll in nothing:
        answer = await busy_site.ask("POST", "/api/v1/statuses", {"status": "?", "poll": poll}, by=ada)
        assert (answer.status_code, answer.json()["poll"]) == (200, None)


async def test_a_place_says_what_a_poll_may_be(busy_site: Site) -> None:
    for path in ("/api/v1/instance", "/api/v2/instance"):
        said = msgspec.json.decode((await busy_site.ask("GET", path)).content)["configuration"]["polls"]
        assert said == {
            "max_options": 4,
            "max_characters_per_option": 50,
            "min_expiration": 300,
            "max_expiration": 2_629_746,
        }
