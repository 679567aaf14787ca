"""Saying who one is: what is sent changes, what is not sent stays, and everybody sees it at once."""

import asyncio
from typing import Any

import pytest

from linnet.clock import ManualClock
from linnet.ids import UserId
from linnet.stores.valkey.changes import decode_change
from linnet.stores.valkey.client import ValkeyOptions
from linnet.stores.valkey.subscription import Subscription
from tests.http.app_world import Person, Site, assert_problem, open_site, problem_fields
from tests.support.servers import Servers
from tests.support.world import open_process_beside

PROFILE = {"name": "Ada Finch", "bio": "I draw birds.", "location": "Kraków", "phone": "+48 601 234 567"}


async def edit(site: Site, by: Person, **fields: Any) -> dict[str, Any]:
    answer = await site.ask("PATCH", "/api/me", fields, by=by)
    assert answer.status_code == 200, answer.text
    account: dict[str, Any] = answer.json()
    return account


async def test_a_profile_is_edited_and_answered_as_it_is_now(site: Site) -> None:
    ada = await site.sign_up("ada")
    account = await edit(site, ada, **PROFILE)
    stored = {**PROFILE, "phone": "+48601234567"}
    assert {field: account[field] for field in PROFILE} == stored
    assert (await site.ask("GET", "/api/me", by=ada)).json() == account
    shown = (await site.ask("GET", f"/api/users/{ada.id}")).json()
    assert {field: shown[field] for field in ("name", "bio", "location")} == {
        field: stored[field] for field in ("name", "bio", "location")
    }


async def test_what_is_not_sent_stays_and_null_clears(site: Site) -> None:
    ada = await site.sign_up("ada")
    await edit(site, ada, **PROFILE)
    account = await edit(site, ada, bio=None)
    assert [account[field] for field in PROFILE] == ["Ada Finch", "", "Kraków", "+48601234567"]
    account = await edit(site, ada, phone=None, location=None)
    assert [account[field] for field in PROFILE] == ["Ada Finch", "", "", None]
    assert await edit(site, ada) == account, "nothing sent, nothing changed"
    assert (await edit(site, ada, phone=" "))["phone"] is None


async def test_every_bad_field_is_named_in_one_answer_and_nothing_is_changed(site: Site) -> None:
    ada = await site.sign_up("ada")
    before = await edit(site, ada, **PROFILE)
    body = {"name": None, "bio": "x" * 161, "location": ["here"], "phone": "601", "email": "eve@example.com"}
    answer = await site.ask("PATCH", "/api/me", body, by=ada)
    assert problem_fields(answer) == ["name", "bio", "location", "phone", "email"]
    assert (await site.ask("GET", "/api/me", by=ada)).json() == before


@pytest.mark.parametrize("field", ["name", "bio", "location", "phone"])
@pytest.mark.parametrize("value", [5, True, [], {}, "a\0b", "x" * 50_000])
async def test_no_value_is_a_server_error(busy_site: Site, field: str, value: Any) -> None:
    ada = await busy_site.newcomer()
    assert problem_fields(await busy_site.ask("PATCH", "/api/me", {field: value}, by=ada)) == [field]


async def test_a_name_cannot_be_cleared_or_blank(busy_site: Site) -> None:
    ada = await busy_site.newcomer()
    for name in (None, "", " \n", "\u200b"):
        assert problem_fields(await busy_site.ask("PATCH", "/api/me", {"name": name}, by=ada)) == ["name"]


async def test_very_many_unknown_fields_get_a_short_answer(busy_site: Site) -> None:
    ada = await busy_site.newcomer()
    answer = await busy_site.ask("PATCH", "/api/me", {f"field{number}": 1 for number in range(3000)}, by=ada)
    assert len(problem_fields(answer)) == 20


async def test_nobody_edits_without_a_token_or_with_another_kind_of_body(busy_site: Site) -> None:
    ada = await busy_site.newcomer()
    assert_problem(await busy_site.ask("PATCH", "/api/me", PROFILE), 401, "not_logged_in")
    answer = await busy_site.ask("PATCH", "/api/me", by=ada, content=b"name=Eve")
    assert_problem(answer, 415, "not_json")
    answer = await busy_site.ask("PATCH", "/api/me", ["name"], by=ada)
    assert problem_fields(answer) == ["body"]


async def test_edits_of_different_fields_at_once_lose_nothing(site: Site) -> None:
    ada = await site.sign_up("ada")
    for round_number in range(5):
        wishes = [
            {"name": f"Ada {round_number}"},
            {"bio": f"bio {round_number}"},
            {"location": f"place {round_number}"},
            {"phone": f"+4860123456{round_number}"},
        ]
        answers = await asyncio.gather(*(site.ask("PATCH", "/api/me", wish, by=ada) for wish in wishes))
        assert [answer.status_code for answer in answers] == [200] * 4
        account = (await site.ask("GET", "/api/me", by=ada)).json()
        expected = {field: value for wish in wishes for field, value in wish.items()}
        assert {field: account[field] for field in expected} == expected


async def test_a_phone_number_is_shown_to_its_owner_alone(site: Site) -> None:
    ada, eve = await site.sign_up("ada"), await site.sign_up("eve")
    await edit(site, ada, phone="+48 601 234 567")
    await site.ask("PUT", f"/api/users/{ada.id}/follow", by=eve)
    await site.post(ada, "call me, @eve")
    await site.settle()
    for path in (
        f"/api/users/{ada.id}",
        "/api/users/by-username/ada",
        f"/api/users/{eve.id}/following",
        f"/api/users/{ada.id}/tweets",
        "/api/timelines/home",
        "/api/tweets",
    ):
        for by in (eve, None):
            answer = await site.ask("GET", path, by=by)
            assert "601234567" not in answer.text, path
            assert "phone" not in answer.text, path
    assert "+48601234567" in (await site.ask("GET", "/api/me", by=ada)).text


async def test_everybody_is_told_to_five_minutes_when_somebody_was_last_there(
    servers: Servers, database_url: str
) -> None:
    clock = ManualClock(1_800_000_000_000)
    async with open_site(database_url, servers.valkey_url, clock=clock) as site:
        ada, eve = await site.sign_up("ada"), await site.sign_up("eve")

        async def last_active(by: Person | None) -> str | None:
            # What is known of visits is stored beside the requests, a few seconds later.
            await site.services.viewers.flush_last_used()
            found: str | None = (await site.ask("GET", f"/api/users/{ada.id}", by=by)).json()["last_active_at"]
            return found

        assert await last_active(eve) is None
        clock.advance(7 * 60)
        assert (await site.ask("GET", "/api/me", by=ada)).status_code == 200
        assert await last_active(None) == await last_active(eve) == "2027-01-15T08:05:00.000Z"
        clock.advance(60)
        assert (await site.ask("GET", "/api/me", by=ada)).status_code == 200
        assert await last_active(eve) == "2027-01-15T08:05:00.000Z"


async def test_a_new_name_shows_on_old_tweets_at_once(site: Site) -> None:
    ada, eve = await site.sign_up("ada"), await site.sign_up("eve")
    await site.ask("PUT", f"/api/users/{ada.id}/follow", by=eve)
    tweet = await site.post(ada)
    await site.settle()
    for number in range(3):
        await edit(site, ada, name=f"Name {number}")
        for by in (ada, eve):
            home = (await site.ask("GET", "/api/timelines/home", by=by)).json()
            assert [item["author"]["name"] for item in home["items"]] == [f"Name {number}"]
        thread = (await site.ask("GET", f"/api/tweets/{tweet['id']}")).json()
        assert thread["author"]["name"] == f"Name {number}"


async def test_another_process_shows_the_change_as_soon_as_it_is_told(site: Site, servers: Servers) -> None:
    ada = await site.sign_up("ada")
    user_id = UserId(int(ada.id))
    async with open_process_beside(site.world, servers.valkey_url) as beside:
        told = asyncio.Event()

        def on_message(message: bytes) -> None:
            beside.read.forget(decode_change(message))
            told.set()

        subscription = Subscription(ValkeyOptions(servers.valkey_url), site.world.write.keys.changes(), on_message)
        subscription.start()
        try:
            await asyncio.wait_for(subscription.ready.wait(), 60)
            for number in range(3):
                assert user_id in await beside.read.profiles.fetch([user_id]), "it has the old one in its memory"
                told.clear()
                await edit(site, ada, bio=f"bio {number}")
                await asyncio.wait_for(told.wait(), 60)
                assert (await beside.read.profiles.fetch([user_id]))[user_id].bio == f"bio {number}"
        finally:
            await subscription.close()


async def test_the_event_tells_caches_what_the_request_could_not(site: Site) -> None:
    ada = await site.sign_up("ada")
    user_id, world = UserId(int(ada.id)), site.world
    [old] = await world.read.profiles.load([user_id])
    await edit(site, ada, bio="new")
    # As if Valkey had been away, and came back with what it held before.
    await world.write.valkey.call(b"UNLINK", world.write.keys.profile(user_id))
    await world.read.profiles.remember([old], generation=world.read.profiles.memory.generation)
    assert (await world.read.profiles.fetch([user_id]))[user_id].bio == "", "the situation is made"
    await world.settle()
    assert (await world.read.profiles.fetch([user_id]))[user_id].bio == "new"


async def test_a_reader_who_was_slow_does_not_bring_the_old_profile_back(site: Site) -> None:
    ada = await site.sign_up("ada")
    user_id, world = UserId(int(ada.id)), site.world
    [old] = await world.read.profiles.load([user_id])
    await edit(site, ada, bio="new")
    await world.read.profiles._share([old], [])
    world.forget()
    assert (await world.read.profiles.fetch([user_id]))[user_id].bio == "new"
