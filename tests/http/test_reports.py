"""What somebody tells the operator about somebody else: by each door, once, and what the operator does with it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from linnet.api.services import ApiServices
from linnet.cli import main
from linnet.domain.place import Place
from linnet.domain.reports import MAX_COMMENT_CHARS
from linnet.stores.postgres import reports
from linnet.stores.valkey.keys import FORMAT
from tests.flows._linnet_process import url_of
from tests.http.app_world import Site, open_site
from tests.http.page_world import pages_of
from tests.support.servers import Servers

RULES = ("Be kind", "No crumbs")
Command = Callable[..., Awaitable[Result]]


def with_rules(services: ApiServices) -> ApiServices:
    options = msgspec.structs.replace(services.write.options, place=Place(rules=RULES))
    return msgspec.structs.replace(services, write=msgspec.structs.replace(services.write, options=options))


@pytest.fixture
async def site(servers: Servers, database_url: str) -> AsyncIterator[Site]:
    async with open_site(database_url, servers.valkey_url, change=with_rules) as site:
        yield site


@pytest.fixture
def command(servers: Servers, site: Site, monkeypatch: pytest.MonkeyPatch) -> Command:
    """``linnet reports …`` on the stores of the site."""
    # The command runs in this process, whose log is pytest's.
    monkeypatch.setattr("linnet.cli.reports.configure_logs", lambda options: None)
    environ = {
        "LINNET_DATABASE_URL": url_of(site.world.db.options.url),
        "LINNET_VALKEY_URL": servers.valkey_url,
        "LINNET_VALKEY_PREFIX": site.world.write.keys.prefix.removesuffix(FORMAT).decode(),
    }

    async def run(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, main, ["reports", *arguments], env=environ)

    return run


async def waiting(site: Site) -> list[Any]:
    return await reports.fetch(site.world.db, after_id=0, page_size=100, with_resolved=False)


async def test_a_report_names_no_tweet_that_its_reporter_cannot_see(site: Site) -> None:
    ada, ben = [await site.sign_up(name) for name in ("ada", "ben")]
    wish = {"status": "For my followers", "visibility": "private"}
    private = (await site.ask("POST", "/api/v1/statuses", wish, by=ada)).json()["id"]
    report = {"account_id": ada.id, "status_ids": [private]}
    assert (await site.ask("POST", "/api/v1/reports", report, by=ben)).json()["status_ids"] == []
    await site.ask("PUT", f"/api/users/{ada.id}/follow", by=ben)
    assert (await site.ask("POST", "/api/v1/reports", report, by=ben)).json()["status_ids"] == [private]


async def test_a_report_by_an_app_is_kept_with_what_it_is_about(site: Site) -> None:
    ada, ben, cleo = [await site.sign_up(name) for name in ("ada", "ben", "cleo")]
    crumbs, bens = await site.post(ada, "Crumbs"), await site.post(ben, "No crumbs")
    wish = {
        "account_id": ada.id,
        # One that is gone, and one of somebody else's, are left out.
        "status_ids": [crumbs["id"], bens["id"], "1"],
        "comment": "  Crumbs\neverywhere ",
        "rule_ids": ["2", "2"],
        "category": "spam",
        "forward": True,
    }
    answer = await site.ask("POST", "/api/v1/reports", wish, by=ben)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["category"], said["rule_ids"]) == ("violation", ["2"]), "whoever names a rule says it was broken"
    assert (said["comment"], said["status_ids"]) == ("Crumbs\neverywhere", [crumbs["id"]])
    assert (said["target_account"]["id"], said["action_taken"], said["forwarded"]) == (ada.id, False, False)
    [kept] = await waiting(site)
    assert (str(kept.user_id), str(kept.about_id), kept.rules) == (ben.id, ada.id, ["No crumbs"])
    # Sent again it is the same one, with the newer words; without the slash or with it.
    again = await site.ask("POST", "/api/v1/reports/", {**wish, "comment": "Really"}, by=ben)
    assert (again.json()["id"], again.json()["comment"]) == (said["id"], "Really")
    assert [each.comment for each in await waiting(site)] == ["Really"]
    # About something else, or by somebody else, it is another.
    await site.ask("POST", "/api/v1/reports", {"account_id": ada.id}, by=ben)
    await site.ask("POST", "/api/v1/reports", wish, by=cleo)
    assert len(await waiting(site)) == 3
    await site.settle()
    assert (await site.ask("GET", "/api/v1/notifications", by=ada)).json() == [], "she is not told"


async def test_our_own_interface_takes_the_same(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    tweet = await site.post(ada, "Crumbs")
    wish = {"user_id": ada.id, "tweet_ids": [tweet["id"]], "comment": "Crumbs", "rules": [1]}
    made = await site.ask("POST", "/api/reports", wish, by=ben)
    assert made.status_code == 201, made.text
    assert (made.json()["rules"], made.json()["resolved"]) == (["Be kind"], False)
    by_app = await site.ask("POST", "/api/v1/reports", {"account_id": ada.id, "status_ids": [tweet["id"]]}, by=ben)
    assert by_app.json()["id"] == made.json()["id"]


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"comment": "x" * (MAX_COMMENT_CHARS + 1)}, 422),
        ({"comment": "a \x07 bell"}, 422),
        ({"category": "boring"}, 422),
        ({"rule_ids": ["3"]}, 422),
        ({"rule_ids": ["-1"]}, 422),
        ({"status_ids": [str(number) for number in range(1, 22)]}, 422),
        ({"status_ids": ["first"]}, 422),
        ({"account_id": ""}, 404),
        ({"account_id": "1"}, 404),
        ({"account_id": "me"}, 404),
        ({"account_id": "BEN"}, 422),
    ],
)
async def test_what_cannot_be_a_report_is_refused_and_not_kept(site: Site, wish: dict[str, Any], status: int) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    if wish.get("account_id") == "BEN":
        wish = {"account_id": ben.id}
    answer = await site.ask("POST", "/api/v1/reports", {"account_id": ada.id, **wish}, by=ben)
    assert answer.status_code == status, answer.text
    assert await waiting(site) == []


async def test_whoever_is_blocked_may_still_report(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    tweet = await site.post(ada, f"@{ben.username} is a crumb")
    await site.ask("PUT", f"/api/users/{ben.id}/block", by=ada)
    answer = await site.ask("POST", "/api/v1/reports", {"account_id": ada.id, "status_ids": [tweet["id"]]}, by=ben)
    assert answer.json()["status_ids"] == [tweet["id"]]


async def test_ten_at_once_are_one_report(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    wish = {"account_id": ada.id, "comment": "Crumbs"}
    answers = await asyncio.gather(*(site.ask("POST", "/api/v1/reports", wish, by=ben) for _ in range(10)))
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(await waiting(site)) == 1


async def test_a_person_reports_on_a_page(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    tweet = await site.post(ada, "Crumbs")
    path = f"/users/{ada.id}/report"
    async with pages_of(site) as pages:
        browser = pages.browser(ben)
        menu = await browser.see(f"/@ada/{tweet['id']}")
        assert menu.root.all("a", href=f"{path}?tweet={tweet['id']}")
        form = (await browser.see(f"{path}?tweet={tweet['id']}")).form(path)
        assert form.fields()["tweet"] == tweet["id"]
        wrong = await browser.send(form, comment="x" * (MAX_COMMENT_CHARS + 1), rule_1="yes")
        assert wrong.status == 422
        assert "1000 are allowed" in wrong.main.text
        again = wrong.form(path)
        assert again.fields()["rule_1"], "what was typed is kept"
        sent = await browser.send(again, comment="Crumbs")
        assert (sent.status, sent.location) == (303, f"{path}?done=yes")
        assert "Thank you" in (await browser.see(sent.location)).main.text
        own = await pages.browser(ada).post(path, {"csrf": await pages.browser(ada).csrf(), "comment": "me"})
        assert own.status == 422
    [kept] = await waiting(site)
    assert (kept.comment, kept.rules, [str(each) for each in kept.tweet_ids]) == ("Crumbs", ["Be kind"], [tweet["id"]])


async def test_an_operator_reads_and_resolves_reports(site: Site, command: Command) -> None:
    assert (await command("list")).output == "Nothing waits for you.\n"
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    tweet = await site.post(ada, "Crumbs <b>everywhere</b>")
    wish = {"account_id": ada.id, "status_ids": [tweet["id"]], "comment": "Look\nat this", "rule_ids": ["1"]}
    report_id = (await site.ask("POST", "/api/v1/reports", wish, by=ben)).json()["id"]
    await site.ask("POST", "/api/v1/reports", {"account_id": ben.id, "comment": "y" * 200}, by=ada)
    listed = await command("list")
    assert listed.exit_code == 0
    assert listed.output.splitlines()[-1] == "2 reports"
    assert f"{report_id}  " in listed.output
    assert "violation: @ada, 1 of their tweets, by @ben\n    Look at this\n" in listed.output
    assert f"other: @ben, by @ada\n    {'y' * 100}…\n" in listed.output
    shown = (await command("show", report_id)).output
    for words in (
        "about    @ada",
        "by       @ben",
        "rule     Be kind",
        "    Look\n    at this",
        "Crumbs <b>",
    ):
        assert words in shown
    [first, _] = [msgspec.json.decode(line) for line in (await command("list", "--json")).output.splitlines()]
    assert (first["id"], first["about"]["username"], first["resolved_at"]) == (report_id, "ada", None)

    resolved = await command("resolve", report_id, "--note", "Talked to her")
    assert "(resolved " in resolved.output
    # A second time nothing changes.
    again = msgspec.json.decode((await command("resolve", report_id, "--note", "Twice", "--json")).output)
    assert again["resolution"] == "Talked to her"
    assert (await command("list")).output.splitlines()[-1] == "1 report"
    assert "Talked to her" in (await command("show", report_id)).output
    assert (await command("list", "--all")).output.splitlines()[-1] == "2 reports"
    # What happens again may be reported again.
    anew = (await site.ask("POST", "/api/v1/reports", wish, by=ben)).json()
    assert anew["id"] != report_id
    await site.ask("DELETE", f"/api/tweets/{tweet['id']}", by=ada)
    assert "It is gone" in (await command("show", anew["id"])).output


async def test_a_report_that_there_is_not_is_said_to_be_none(command: Command) -> None:
    for verb in ("show", "resolve"):
        missing = await command(verb, "12")
        assert missing.exit_code != 0
        assert "there is no report 12" in missing.output
        for wrong in ("twelve", "-1", "99999999999999999999"):
            refused = await command(verb, "--", wrong)
            assert refused.exit_code == 2, refused.output
            assert "Usage:" in refused.output
