"""Leaving, over HTTP: asked for with the password, at once true on every page, and for good."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest

from linnet.api.app import ENDPOINTS
from linnet.ids import TweetId, UserId
from linnet.write.actions.likes import like
from linnet.write.jobs.erasure import erase_account, erase_last_traces
from tests.flows import _leaving as leaving
from tests.http.app_world import PASSWORD, Person, Site, assert_problem, open_site, problem_fields
from tests.support.servers import Servers
from tests.support.world import WorldOptions

NAME = "Zoe Quicksilver"
TEXTS = ("a thimble of mine #thimbles", "a thimble for you")
# What a page must be asked for to show something.
QUERIES = {"/api/search": ("?q=thimble", "?q=zoe&type=users", "?q=quicksilver&type=users", "?q=thimb&type=tags")}


class Town:
    """Zoe among people who follow, answer, like and retweet her."""

    def __init__(self, site: Site, zoe: Person, ada: Person, ben: Person) -> None:
        self.site, self.zoe, self.ada, self.ben = site, zoe, ada, ben
        self.tweet_ids: list[str] = []

    def paths(self) -> Iterator[str]:
        """Every page there is, of everybody and everything that it can be of."""
        for endpoint in ENDPOINTS:
            if endpoint.method == "GET":
                for filled in self._filled(endpoint.path):
                    yield from (filled + query for query in QUERIES.get(endpoint.path, ("",)))

    def _filled(self, path: str) -> Iterator[str]:
        given = re.search(r"\{(\w+)\}", path)
        if given is None:
            yield path
            return
        values = {
            "user_id": [self.zoe.id, self.ada.id, self.ben.id],
            "tweet_id": self.tweet_ids,
            "username": ["zoe", "ada"],
            "tag": ["thimbles"],
        }.get(given[1], ["1"])
        for value in values:
            yield from self._filled(path.replace(given[0], value, 1))

    async def pages_with(self, *needles: str) -> list[str]:
        """Pages of somebody's, or of a stranger's, on which one of these is to be read."""
        found = []
        for by in (self.ada, self.ben, None):
            for path in self.paths():
                answer = await self.site.ask("GET", path, by=by)
                assert answer.status_code < 500, path
                if any(needle in answer.text for needle in needles):
                    found.append(f"{path} as {by.username if by else 'a stranger'}")
        return found

    @property
    def shown(self) -> tuple[str, ...]:
        """How somebody shows: as the author, as a person, or with what they wrote."""
        return (f'"id":"{self.zoe.id}"', NAME, *TEXTS)

    async def leave(self) -> None:
        answer = await self.site.ask("DELETE", "/api/me", {"password": PASSWORD}, by=self.zoe)
        assert (answer.status_code, answer.content) == (204, b""), answer.text


@pytest.fixture
async def town(servers: Servers, database_url: str) -> AsyncIterator[Town]:
    options = WorldOptions(top_user_followers=1)
    async with open_site(database_url, servers.valkey_url, options=options) as site:
        zoe = await site.sign_up("zoe", NAME)
        town = Town(site, zoe, await site.sign_up("ada"), await site.sign_up("ben"))
        ada, ben = town.ada, town.ben
        for follower, followed in ((ada, zoe), (ben, zoe), (zoe, ada), (ben, ada), (ada, ben)):
            assert (await site.ask("PUT", f"/api/users/{followed.id}/follow", by=follower)).status_code == 200
        adas = await site.post(ada, "good morning, @zoe")
        hers = await site.post(zoe, TEXTS[0])
        reply = await site.post(zoe, TEXTS[1], reply_to=adas["id"])
        answer = await site.post(ada, "thank you", reply_to=hers["id"])
        for person, tweet in ((ben, hers), (zoe, adas)):
            assert (await site.ask("PUT", f"/api/tweets/{tweet['id']}/retweet", by=person)).status_code == 200
        for person, tweet in ((ada, hers), (zoe, adas)):
            await like(site.world.write, UserId(int(person.id)), TweetId(int(tweet["id"])))
        town.tweet_ids = [tweet["id"] for tweet in (adas, hers, reply, answer)]
        await site.settle()
        yield town


async def test_from_that_moment_no_page_shows_the_person(town: Town) -> None:
    seen = await town.pages_with(*town.shown)
    assert len(seen) > 40, "before, she is everywhere"
    await town.leave()
    assert await town.pages_with(*town.shown) == []
    for path in (f"/api/users/{town.zoe.id}", "/api/users/by-username/zoe", f"/api/users/{town.zoe.id}/tweets"):
        assert_problem(await town.site.ask("GET", path, by=town.ada), 404, "user_not_found")
    for path in (f"/api/tweets/{town.tweet_ids[1]}", f"/api/tweets/{town.tweet_ids[1]}/thread"):
        assert_problem(await town.site.ask("GET", path), 404, "tweet_not_found")


async def test_after_the_jobs_not_even_the_id_is_left(town: Town) -> None:
    await town.leave()
    await leaving.run_job(town.site.world, erase_account)
    await town.site.settle()
    await leaving.run_job(town.site.world, erase_last_traces)
    town.site.world.forget()
    hers = {town.zoe.id, *town.tweet_ids[1:3]}
    town.tweet_ids = [town.tweet_ids[0], town.tweet_ids[3]]
    assert await town.pages_with(*town.shown, f'"{town.zoe.id}"') == []
    adas = await town.site.ask("GET", f"/api/users/{town.ada.id}", by=town.ben)
    assert adas.json()["counts"] == {"tweets": 2, "followers": 1, "following": 1}
    tweet = (await town.site.ask("GET", f"/api/tweets/{town.tweet_ids[0]}", by=town.ben)).json()
    assert tweet["counts"] == {"replies": 0, "retweets": 0, "likes": 0}
    assert (tweet["text"], tweet["entities"]["mentions"]) == ("good morning, @zoe", [])
    answer = (await town.site.ask("GET", f"/api/tweets/{town.tweet_ids[1]}/thread", by=town.ben)).json()
    [placeholder] = answer["ancestors"]
    assert placeholder == {"id": answer["tweet"]["reply_to"]["tweet_id"], "deleted": True}
    assert placeholder["id"] in hers
    assert answer["tweet"]["reply_to"]["username"] == ""


async def test_every_session_ends_and_nobody_logs_in_again(town: Town) -> None:
    site, zoe = town.site, town.zoe
    log_in = {"login": "zoe", "password": PASSWORD}
    telephone = (await site.ask("POST", "/api/sessions", log_in)).json()["token"]
    await town.leave()
    for token in (zoe.token, telephone):
        again = Person(zoe.id, "zoe", token)
        assert_problem(await site.ask("GET", "/api/me", by=again), 401, "invalid_token")
        assert_problem(await site.ask("POST", "/api/tweets", {"text": "hello?"}, by=again), 401, "invalid_token")
    for login in ("zoe", "zoe@example.com"):
        answer = await site.ask("POST", "/api/sessions", log_in | {"login": login})
        assert_problem(answer, 401, "wrong_credentials")


async def test_the_address_is_free_again_and_the_username_is_not(town: Town) -> None:
    site = town.site
    wish = {"username": "zoe", "name": "Another", "email": "zoe@example.com", "password": PASSWORD}
    await town.leave()
    for stage in ("at once", "after the jobs"):
        assert_problem(await site.ask("POST", "/api/users", wish | {"email": "x@example.com"}), 409, "username_taken")
        if stage == "at once":
            assert (await site.ask("POST", "/api/users", wish | {"username": "newzoe"})).status_code == 201
            await leaving.run_job(site.world, erase_account)
            await site.settle()
            await leaving.run_job(site.world, erase_last_traces)
    # The new account with the old address is another person's.
    answer = await site.ask("POST", "/api/sessions", {"login": "zoe@example.com", "password": PASSWORD})
    assert answer.json()["user"]["username"] == "newzoe"


async def test_others_cannot_act_on_the_person_any_more(town: Town) -> None:
    site, ada, hers = town.site, town.ada, town.tweet_ids[1]
    await town.leave()
    tried = 0
    for endpoint in ENDPOINTS:
        # A tweet that is gone already is quietly deleted again.
        if endpoint.method in ("PUT", "DELETE") and endpoint.path != "/api/tweets/{tweet_id}":
            path = endpoint.path.replace("{user_id}", town.zoe.id).replace("{tweet_id}", hers)
            if path != endpoint.path and "{" not in path:
                code = "user_not_found" if "{user_id}" in endpoint.path else "tweet_not_found"
                body = None if endpoint.body is None else msgspec.to_builtins(endpoint.body_example)
                assert_problem(await site.ask(endpoint.method, path, body, by=ada), 404, code)
                tried += 1
    assert tried >= 8
    answer = await site.ask("POST", "/api/tweets", {"text": "are you there?", "reply_to": hers}, by=ada)
    assert_problem(answer, 404, "tweet_not_found")


async def test_a_wrong_password_or_none_changes_nothing(town: Town) -> None:
    site, zoe = town.site, town.zoe
    assert_problem(await site.ask("DELETE", "/api/me", {"password": "a guess"}, by=zoe), 403, "wrong_password")
    assert_problem(await site.ask("DELETE", "/api/me", {"password": "x" * 5000}, by=zoe), 403, "wrong_password")
    for body in ({}, {"password": 7}, {"password": None}):
        assert problem_fields(await site.ask("DELETE", "/api/me", body, by=zoe)) == ["password"]
    assert (await site.ask("DELETE", "/api/me", {"password": PASSWORD})).status_code == 401
    assert (await site.ask("GET", "/api/me", by=zoe)).json()["name"] == NAME
    await site.post(zoe, "still here")


async def test_of_two_requests_at_once_one_is_too_late(town: Town) -> None:
    ask = town.site.ask
    answers = await asyncio.gather(*(ask("DELETE", "/api/me", {"password": PASSWORD}, by=town.zoe) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [204, 401]
