"""Tags over HTTP: what trends, tweets by tag, and the operator's commands."""

import asyncio
import os
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest
from click.testing import CliRunner, Result

from linnet.cli import main
from linnet.clock import ManualClock
from linnet.ids import Lease, UserId
from linnet.stores.postgres.queries import Query
from linnet.stores.valkey.keys import FORMAT
from linnet.write.actions import tweets
from linnet.write.jobs.erasure import erase_account
from tests.flows._leaving import run_job
from tests.flows._linnet_process import COMMAND, url_of
from tests.http.app_world import PASSWORD, Person, Site, assert_problem, open_site, problem_fields
from tests.support.servers import Servers

NOW_MS = 1_800_000_000_000
_BLOCK = Query("test.block", (), "none", "insert into {} values (%(user_id)s, %(other_id)s, 1)")


async def texts(site: Site, path: str, *, by: Person | None = None) -> list[str]:
    answer = await site.ask("GET", path, by=by)
    assert answer.status_code == 200, answer.text
    return [item["text"] for item in answer.json()["items"]]


async def test_tweets_by_tag_come_newest_first_in_any_spelling(site: Site) -> None:
    ada, linus = await site.sign_up("ada"), await site.sign_up("linus")
    for number in range(5):
        await site.post([ada, linus][number % 2], f"#{['birds', 'BIRDS', 'Birds'][number % 3]} {number}")
    await site.post(ada, "#cats")
    assert await texts(site, "/api/tags/birds/tweets") == []
    await site.settle()
    expected = ["#BIRDS 4", "#birds 3", "#Birds 2", "#BIRDS 1", "#birds 0"]
    for named in ("birds", "Birds", "#birds", "＃ＢＩＲＤＳ"):
        assert await texts(site, f"/api/tags/{quote(named)}/tweets") == expected
    first = (await site.ask("GET", "/api/tags/birds/tweets?limit=2")).json()
    assert [item["text"] for item in first["items"]] == expected[:2]
    second = (await site.ask("GET", f"/api/tags/birds/tweets?limit=9&before={first['next']}")).json()
    assert [item["text"] for item in second["items"]] == expected[2:]
    assert second["next"] is None
    upwards = await texts(site, f"/api/tags/birds/tweets?limit=2&after={second['items'][-1]['id']}")
    assert upwards == ["#Birds 2", "#BIRDS 1"]


async def test_answers_carry_tags_too_and_show_how_the_viewer_stands(site: Site) -> None:
    ada, linus = await site.sign_up("ada"), await site.sign_up("linus")
    tweet = await site.post(ada, "look")
    await site.post(linus, "#birds!", reply_to=tweet["id"])
    await site.settle()
    page = (await site.ask("GET", "/api/tags/birds/tweets", by=ada)).json()
    assert page["items"][0]["reply_to"]["tweet_id"] == tweet["id"]
    assert page["items"][0]["viewer"] == {"liked": False, "retweeted": False, "bookmarked": False}


@pytest.mark.parametrize("named", ["nobody_said_this", "1984", "a b", "%00", "%EF%BF%BF", "..%20", "a%23b", "x" * 3000])
async def test_a_tag_that_nobody_uses_or_can_use_has_an_empty_page(busy_site: Site, named: str) -> None:
    answer = await busy_site.ask("GET", f"/api/tags/{named}/tweets")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"items": [], "next": None, "prev": None}


async def test_a_deleted_tweet_is_gone_from_its_tag_at_once(site: Site) -> None:
    ada = await site.sign_up("ada")
    kept = await site.post(ada, "#birds kept")
    gone = await site.post(ada, "#birds gone")
    await site.settle()
    assert (await site.ask("DELETE", f"/api/tweets/{gone['id']}", by=ada)).status_code == 204
    page = (await site.ask("GET", "/api/tags/birds/tweets?limit=1")).json()
    assert [item["id"] for item in page["items"]] == [kept["id"]]
    assert (await site.ask("DELETE", f"/api/tweets/{kept['id']}", by=ada)).status_code == 204
    await site.settle()
    assert await texts(site, "/api/tags/birds/tweets") == []


@pytest.mark.parametrize("table", ["blocks", "blocked_by", "mutes"])
async def test_whom_one_keeps_away_is_not_met_under_a_tag(site: Site, table: str) -> None:
    ada, linus, mona = await site.sign_up("ada"), await site.sign_up("linus"), await site.sign_up("mona")
    tweet = await site.post(linus, "#birds by linus")
    await site.post(mona, "#birds to linus", reply_to=tweet["id"])
    await site.post(mona, "#birds by mona")
    await site.settle()
    query = msgspec.structs.replace(_BLOCK, text=_BLOCK.text.format(table))
    await site.world.db.run(query, user_id=int(ada.id), other_id=int(linus.id))
    assert await texts(site, "/api/tags/birds/tweets", by=ada) == ["#birds by mona"]
    assert len(await texts(site, "/api/tags/birds/tweets", by=mona)) == 3
    assert len(await texts(site, "/api/tags/birds/tweets")) == 3


async def trending(site: Site, query: str = "") -> list[dict[str, object]]:
    site.world.forget()
    answer = await site.ask("GET", f"/api/tags/trending{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, object]] = answer.json()["items"]
    return items


async def test_tags_trend_by_people_and_not_by_tweets(site: Site) -> None:
    people = [await site.sign_up(f"p{number}") for number in range(3)]
    for number in range(50):
        await site.post(people[0], f"#spam {number}")
    for person in people:
        await site.post(person, "#Birds")
    for person in people[:2]:
        await site.post(person, "#cats")
    assert await trending(site) == []
    await site.settle()
    birds = {"tag": "Birds", "name": "birds", "tweets_count": 3, "people_count": 3, "pinned": False}
    cats = {"tag": "cats", "name": "cats", "tweets_count": 2, "people_count": 2, "pinned": False}
    assert await trending(site) == [birds, cats]
    assert await trending(site, "?limit=1") == [birds]


async def test_a_tag_that_one_person_posts_a_thousand_times_does_not_trend(site: Site) -> None:
    spammer, ada, linus = [await site.sign_up(name) for name in ("spammer", "ada", "linus")]
    for number in range(1000):
        await tweets.post_tweet(
            site.world.write, UserId(int(spammer.id)), text=f"#spam {number}", reply_to=None, idempotency_key=None
        )
    for person in (ada, linus):
        await site.post(person, "#birds")
    await site.settle()
    assert [item["name"] for item in await trending(site)] == ["birds"]
    assert len(await texts(site, "/api/tags/spam/tweets?limit=100")) == 100


async def test_what_is_talked_about_now_trends_before_what_was_and_it_ends(servers: Servers, database_url: str) -> None:
    clock = ManualClock(NOW_MS)
    async with open_site(database_url, servers.valkey_url, clock=clock) as site:
        site.world.write.ids.renew(Lease(0, 0, 2 * NOW_MS))
        people = [await site.sign_up(f"p{number}") for number in range(6)]
        for person in people:
            await site.post(person, "#yesterday")
        clock.advance(24 * 3600)
        for person in people[:2]:
            await site.post(person, "#today")
        await site.settle()
        assert [(item["name"], item["people_count"]) for item in await trending(site)] == [
            ("today", 2),
            ("yesterday", 6),
        ]
        clock.advance(25 * 3600)
        assert [item["name"] for item in await trending(site)] == ["today"]
        clock.advance(24 * 3600)
        assert await trending(site) == []
        assert len(await texts(site, "/api/tags/yesterday/tweets")) == 6


async def test_what_trended_goes_with_the_tweets_and_accounts_that_made_it_trend(site: Site) -> None:
    ada, linus, mona = [await site.sign_up(name) for name in ("ada", "linus", "mona")]
    posted = {person.username: await site.post(person, "#birds #cats") for person in (ada, linus)}
    await site.post(mona, "#cats")
    await site.settle()
    assert [(item["name"], item["people_count"]) for item in await trending(site)] == [("cats", 3), ("birds", 2)]
    assert (await site.ask("DELETE", f"/api/tweets/{posted['linus']['id']}", by=linus)).status_code == 204
    await site.settle()
    assert [(item["name"], item["people_count"]) for item in await trending(site)] == [("cats", 2)]
    answer = await site.ask("DELETE", "/api/me", {"password": PASSWORD}, by=ada)
    assert answer.status_code == 204, answer.text
    site.world.forget()
    assert await texts(site, "/api/tags/cats/tweets") == ["#cats"]
    await run_job(site.world, erase_account)
    await site.settle()
    assert await trending(site) == []
    found = (await site.ask("GET", "/api/search?type=tags&q=cats")).json()["items"]
    assert [(item["tweets_count"], item["people_count"]) for item in found] == [(1, 1)]


async def test_bad_limits_are_named(busy_site: Site) -> None:
    for limit in ("0", "101", "x", "-1"):
        assert problem_fields(await busy_site.ask("GET", f"/api/tags/trending?limit={limit}")) == ["limit"]
    assert problem_fields(await busy_site.ask("GET", "/api/tags/trending?before=5")) == ["before"]
    assert problem_fields(await busy_site.ask("GET", "/api/tags/birds/tweets?before=x")) == ["before"]
    assert_problem(await busy_site.ask("POST", "/api/tags/trending"), 405, "method_not_allowed")


async def test_operators_pin_and_hide_tags(site: Site, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    # The command runs in this process, whose log is pytest's.
    monkeypatch.setattr("linnet.cli.tags.configure_logs", lambda options: None)
    people = [await site.sign_up(f"p{number}") for number in range(2)]
    for person in people:
        await site.post(person, "#Birds #cats")
    await site.settle()
    environ = {
        "LINNET_DATABASE_URL": url_of(site.world.db.options.url),
        "LINNET_VALKEY_URL": servers.valkey_url,
        "LINNET_VALKEY_PREFIX": site.world.write.keys.prefix.removesuffix(FORMAT).decode(),
    }

    async def tags(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, main, ["tags", *arguments], env=environ)

    async def names() -> list[object]:
        return [item["name"] for item in await trending(site)]

    assert "#Birds  hidden, 2 tweets, 2 people" in (await tags("hide", "birds")).output
    assert await names() == ["cats"]
    assert len(await texts(site, "/api/tags/birds/tweets")) == 2
    assert "#Welcome  pinned, 0 tweets" in (await tags("pin", "#Welcome")).output
    assert await names() == ["welcome", "cats"]
    listed = [msgspec.json.decode(line) for line in (await tags("list", "--json")).output.splitlines()]
    assert [(item["tag"], item["pinned"], item["hidden"]) for item in listed] == [
        ("Welcome", True, False),
        ("cats", False, False),
        ("Birds", False, True),
    ]
    assert "#Birds  2 tweets" in (await tags("show", "birds")).output
    unpinned = msgspec.json.decode((await tags("unpin", "welcome", "--json")).output)
    assert (unpinned["name"], unpinned["pinned"], unpinned["tweets_count"]) == ("welcome", False, 0)
    assert sorted(map(str, await names())) == ["birds", "cats"]
    refused = await tags("pin", "no tag")
    assert refused.exit_code == 1
    assert refused.output == "linnet: 'no tag' is no tag: no tweet can carry it.\n"


@pytest.mark.parametrize("verb", ["list", "pin", "unpin", "hide", "show"])
def test_each_command_says_what_it_does_and_what_it_lacks(verb: str, tmp_path: Path) -> None:
    def run(*arguments: str, **environ: str) -> Result:
        return CliRunner().invoke(main, ["tags", verb, *arguments], env=environ)

    overview = CliRunner().invoke(main, ["tags", "--help"])
    told = run("--help")
    assert (overview.exit_code, told.exit_code) == (0, 0)
    sentence = told.output.split("\n\n")[1].strip().rstrip(".")
    assert sentence in overview.output
    assert "--json" in told.output
    named = () if verb == "list" else ("birds",)
    if named:
        assert (run().exit_code, "Missing argument 'TAG'" in run().output) == (2, True)
    assert "No such option" in run(*named, "--birds").output
    nowhere = run(*named, "--data-dir", str(tmp_path))
    assert nowhere.exit_code == 1
    assert nowhere.output.startswith(f"linnet: no linnet runs on {tmp_path}")
    away = f"postgresql:///linnet?host={tmp_path}&connect_timeout=2"
    half = run(*named, LINNET_DATABASE_URL=away)
    assert half.exit_code == 1
    assert half.output == "linnet: LINNET_DATABASE_URL is set, but LINNET_VALKEY_URL is not: set both, or neither.\n"


async def test_a_command_is_a_process_of_its_own(site: Site, servers: Servers) -> None:
    for name in ("ada", "linus"):
        await site.post(await site.sign_up(name), "#Birds")
    await site.settle()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LINNET_")} | {
        "LINNET_DATABASE_URL": url_of(site.world.db.options.url),
        "LINNET_VALKEY_URL": servers.valkey_url,
        "LINNET_VALKEY_PREFIX": site.world.write.keys.prefix.removesuffix(FORMAT).decode(),
    }

    async def tags(*arguments: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "tags", *arguments, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        said, complained = await asyncio.wait_for(process.communicate(), 300)
        return process.returncode or 0, said.decode(), complained.decode()

    assert await tags("list") == (0, "#Birds  2 tweets, 2 people lately\n", "")
    assert await tags("hide", "#BIRDS") == (0, "#Birds  hidden, 2 tweets, 2 people lately\n", "")
    assert await trending(site) == []
    assert await tags("hide", "a b") == (1, "", "linnet: 'a b' is no tag: no tweet can carry it.\n")


async def test_nothing_of_a_person_is_left_when_their_tweets_are_gone(site: Site) -> None:
    ada, linus = await site.sign_up("ada"), await site.sign_up("linus")
    posted = [await site.post(ada, text) for text in ("#AdaWasHere #shared", "#adawashere")]
    await site.post(linus, "#Shared")
    await site.settle()
    for tweet in posted:
        await site.ask("DELETE", f"/api/tweets/{tweet['id']}", by=ada)
    await site.settle()
    left = Query(
        "test.left",
        (),
        "value",
        "select (select count(*) from tweet_tags where author_id = %(user_id)s)"
        " + (select count(*) from tag_people where user_id = %(user_id)s)"
        " + (select count(*) from tags where display_author_id = %(user_id)s or tag = 'adawashere')",
    )
    assert await site.world.db.value(left, user_id=UserId(int(ada.id))) == 0
    site.world.forget()
    assert await texts(site, "/api/tags/adawashere/tweets") == []
