"""Who sees what somebody said to everybody, off the lists, to followers, or to some: each person, each surface.

Ada says four things, and says four things again in answer to Frida, who does not follow her. Each begins with what it
is. A surface is asked which of them it shows. What may be seen where stands in ``domain.visibility.is_for`` alone, and
``test_another_rule_shows_on_these_surfaces`` changes it there and sees the surfaces change.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import msgspec
import pytest

from linnet.read.hydration import entries as hydration
from linnet.read.timelines import thread as thread_screen
from linnet.stores.postgres.queries import Query
from linnet.write.actions import originals
from tests.http.app_world import Person, Site, assert_problem, open_site, problem_fields
from tests.http.page_world import PageSite, pages_of
from tests.support.servers import Servers
from tests.support.world import WorldOptions

KINDS: Final = ("public", "unlisted", "private", "direct")
ALL, FOLLOWERS, OPEN = set(KINDS), {"public", "unlisted", "private"}, {"public", "unlisted"}
PUBLIC, DIRECT, NONE = {"public"}, {"direct"}, set[str]()
WHO: Final = ("ada", "fan", "mona", "frida", "former", "removed", "blocked", "stranger", "nobody")
"""The author; a follower; whom she mentions; whom she answers; who followed her; whom she sent away; and others."""


class Scene(msgspec.Struct, frozen=True):
    """``tweets``, ``answers`` and ``retweets`` are ids by kind; ``asked`` is what she answers."""

    site: Site
    pages: PageSite
    people: dict[str, Person]
    tweets: dict[str, str]
    answers: dict[str, str]
    retweets: dict[str, str]
    further: dict[str, str]
    asked: str

    async def get(self, path: str, who: str) -> Any:
        answer = await self.site.ask("GET", path, by=self.people.get(who))
        return answer.json() if answer.status_code == 200 else None

    async def there(self, template: str, who: str, ids: dict[str, str] | None = None) -> set[str]:
        """Of which kinds an address is found."""
        return {kind for kind, name in (ids or self.tweets).items() if await self.get(template.format(name), who)}


Surface = Callable[[Scene, str], Awaitable[set[str]]]


def kinds_in(found: Any) -> set[str]:
    """Whatever the answer looks like: what Ada says begins with what it is."""
    # What stands beside a list is of other lists.
    shown = found["items"] if isinstance(found, dict) and "items" in found else found
    text = msgspec.json.encode(shown).decode()
    return {kind for kind in KINDS if f"{kind} finches" in text}


def listed(path: str) -> Surface:
    async def ask(scene: Scene, who: str) -> set[str]:
        words = {name: person.id for name, person in scene.people.items()}
        return kinds_in(await scene.get(path.format(asked=scene.asked, **words), who))

    return ask


def each(path: str, which: str = "tweets") -> Surface:
    async def ask(scene: Scene, who: str) -> set[str]:
        return await scene.there(path, who, getattr(scene, which))

    return ask


def inside(path: str, which: str) -> Surface:
    """Which of them stand in answers about other things, one for each."""

    async def ask(scene: Scene, who: str) -> set[str]:
        found = [await scene.get(path.format(name), who) for name in getattr(scene, which).values()]
        return kinds_in(found)

    return ask


def on_page(path: str) -> Surface:
    async def ask(scene: Scene, who: str) -> set[str]:
        page = await scene.pages.browser(scene.people.get(who)).get(path.format(asked=scene.asked))
        return kinds_in(page.main.text) if page.status == 200 else set()

    return ask


def each_page(path: str) -> Surface:
    async def ask(scene: Scene, who: str) -> set[str]:
        browser = scene.pages.browser(scene.people.get(who))
        pages = {kind: await browser.get(path.format(tweet_id)) for kind, tweet_id in scene.tweets.items()}
        return {kind for kind, page in pages.items() if page.status == 200}

    return ask


FOLLOWED = {"ada": FOLLOWERS, "fan": FOLLOWERS}
HERS = {"ada": ALL}
NOT_HERS = dict.fromkeys(WHO, OPEN) | {"blocked": NONE}
SEES = NOT_HERS | FOLLOWED | HERS | {"mona": ALL}
SEES_ANSWER = NOT_HERS | FOLLOWED | HERS | {"frida": ALL}
OWN_PAGE = NOT_HERS | FOLLOWED
LISTS = dict.fromkeys(WHO, PUBLIC) | {"blocked": NONE}
HOME = dict.fromkeys(WHO, NONE) | FOLLOWED
NOBODY_ELSE = dict.fromkeys(WHO, NONE)
TOLD = NOBODY_ELSE | {"ada": ALL, "mona": ALL, "frida": ALL}
MESSAGES = NOBODY_ELSE | {"ada": DIRECT, "mona": DIRECT, "frida": DIRECT}
HERS_SEEN = {"ada": FOLLOWERS, "mona": FOLLOWERS}
PUT_BY = {"fan": FOLLOWERS, "former": OPEN, "mona": DIRECT}
FOR_MONA = {"ada": DIRECT, "mona": DIRECT}
# These hold nothing else, whatever is asked when they are shown.
HELD_FROM_THE_START: Final = (HOME, LISTS, LISTS | FOLLOWED, OWN_PAGE, TOLD, MESSAGES)

# One line for each place: a table.
# fmt: off
TABLE: dict[str, tuple[Surface, dict[str, set[str]]]] = {
    "home": (listed("/api/timelines/home?limit=100"), HOME),
    "home for apps": (listed("/api/v1/timelines/home?limit=40"), HOME),
    "home page, with what is popular": (on_page("/"), LISTS | FOLLOWED),
    "everyone's tweets": (listed("/api/tweets?limit=100"), LISTS),
    "everyone's tweets for apps": (listed("/api/v1/timelines/public"), LISTS),
    "everyone's page": (on_page("/everyone"), LISTS),
    "a tag": (listed("/api/tags/birds/tweets"), LISTS),
    "a tag for apps": (listed("/api/v1/timelines/tag/birds"), LISTS),
    "a tag's page": (on_page("/tags/birds"), LISTS),
    "search": (listed("/api/search?q=finches&limit=100"), LISTS),
    "search for hers": (listed("/api/search?q=from:ada&limit=100"), LISTS),
    "search for apps": (listed("/api/v2/search?q=finches&type=statuses"), LISTS | {"nobody": NONE}),
    "search page": (on_page("/search?q=finches"), LISTS),
    "popular": (listed("/api/tweets/top?k=100"), LISTS),
    "her page": (listed("/api/users/{ada}/tweets?limit=100"), OWN_PAGE),
    "her page in other words": (listed("/api/tweets/user/{ada}?limit=100"), OWN_PAGE),
    "her page for apps": (listed("/api/v1/accounts/{ada}/statuses?limit=40"), OWN_PAGE),
    "her own page": (on_page("/@ada"), OWN_PAGE),
    "her answers' page": (on_page("/@ada/replies"), OWN_PAGE),
    "a tweet": (each("/api/tweets/{}"), SEES),
    "a tweet in other words": (each("/api/tweet?id={}"), SEES),
    "a tweet for apps": (each("/api/v1/statuses/{}"), SEES),
    "its poll for apps": (each("/api/v1/polls/{}"), SEES),
    "a tweet's page": (each_page("/@ada/{}"), SEES),
    "its thread": (each("/api/tweets/{}/thread"), SEES),
    "its history": (each("/api/tweets/{}/history"), SEES),
    "its history for apps": (each("/api/v1/statuses/{}/history"), SEES),
    "its thread for apps": (each("/api/v1/statuses/{}/context"), SEES),
    "who likes it": (each("/api/tweets/{}/likes"), SEES),
    "who likes it for apps": (each("/api/v1/statuses/{}/favourited_by"), SEES),
    "who retweeted it": (each("/api/tweets/{}/retweets"), SEES),
    "her retweet of it": (each("/api/tweets/{}", "retweets"), OWN_PAGE),
    "an answer of hers": (each("/api/tweets/{}", "answers"), SEES_ANSWER),
    "answers in a thread": (listed("/api/tweets/{asked}/thread?limit=100"), SEES_ANSWER),
    "answers in a thread for apps": (listed("/api/v1/statuses/{asked}/context"), SEES_ANSWER),
    "what others answered": (inside("/api/tweets/{}/thread", "further"), SEES),
    "what others answered, for apps": (inside("/api/v1/statuses/{}/context", "further"), SEES),
    "what others like": (listed("/api/users/{fan}/likes?limit=100"), SEES | HERS_SEEN),
    "what is for few, liked": (listed("/api/users/{mona}/likes?limit=100"), NOBODY_ELSE | FOR_MONA),
    "what one put by": (listed("/api/me/bookmarks?limit=100"), NOBODY_ELSE | PUT_BY),
    "what one likes, for apps": (listed("/api/v1/favourites"), NOBODY_ELSE | {"fan": FOLLOWERS, "mona": DIRECT}),
    "notifications": (listed("/api/notifications?limit=100"), TOLD),
    "notifications for apps": (listed("/api/v1/notifications?limit=80"), TOLD),
    "notifications' page": (on_page("/notifications"), TOLD),
    "conversations": (listed("/api/conversations?limit=100"), MESSAGES),
    "conversations for apps": (listed("/api/v1/conversations"), MESSAGES),
    "direct tweets": (listed("/api/timelines/direct?limit=100"), MESSAGES),
    "direct tweets for apps": (listed("/api/v1/timelines/direct"), MESSAGES),
    "messages": (on_page("/messages"), MESSAGES),
}
# fmt: on


AGAIN = {name: TABLE[name] for name in ("home", "her page", "a tweet", "answers in a thread", "what others like")}


async def play(site: Site, pages: PageSite) -> Scene:
    people = {name: await site.sign_up(name) for name in WHO if name != "nobody"}
    ada, fan = people["ada"], people["fan"]

    async def do(by: str, method: str, path: str, body: Any = None) -> Any:
        answer = await site.ask(method, path, body, by=people[by])
        assert answer.status_code in (200, 201, 204), answer.text
        return answer.json() if answer.content else None

    async def post(by: str, text: str, **more: Any) -> str:
        tweet_id: str = (await do(by, "POST", "/api/tweets", {"text": text, **more}))["id"]
        return tweet_id

    for who in ("fan", "former", "removed", "blocked"):
        await do(who, "PUT", f"/api/users/{ada.id}/follow")
    asked = await post("frida", "what flies there?")
    tweets, answers, retweets, further = dict[str, str](), dict[str, str](), dict[str, str](), dict[str, str]()
    for kind in KINDS:
        poll = {"options": ["some", "none"], "expires_in": 300}
        tweets[kind] = await post("ada", f"{kind} finches #birds @mona", visibility=kind, poll=poll)
        answers[kind] = await post("ada", f"{kind} finches indeed", visibility=kind, reply_to=asked)
        if kind == "direct":
            further[kind] = await post("mona", "so nice", reply_to=tweets[kind])
            for verb in ("like", "bookmark"):
                await do("mona", "PUT", f"/api/tweets/{tweets[kind]}/{verb}")
            continue
        retweets[kind] = (await do("ada", "PUT", f"/api/tweets/{tweets[kind]}/retweet"))["id"]
        further[kind] = await post("fan", "so nice", reply_to=tweets[kind])
        await do("fan", "PUT", f"/api/tweets/{tweets[kind]}/like")
        for who in ("fan", "former"):
            await do(who, "PUT", f"/api/tweets/{tweets[kind]}/bookmark")
    await site.settle()
    for who in ("former", "removed", "fan"):
        # Windows and caches hold all of it.
        assert kinds_in((await site.ask("GET", "/api/timelines/home", by=people[who])).json()) == FOLLOWERS
    await do("former", "DELETE", f"/api/users/{ada.id}/follow")
    await do("ada", "DELETE", f"/api/me/followers/{people['removed'].id}")
    await do("ada", "PUT", f"/api/users/{people['blocked'].id}/block")
    assert fan.id
    scene = Scene(site, pages, people, tweets, answers, retweets, further, asked)
    for who in ("former", "removed", "blocked"):
        assert await TABLE["home"][0](scene, who) == NONE, f"{who} still sees it, before any worker ran"
    await site.settle()
    return scene


PUSHED_OR_PULLED = pytest.mark.parametrize("scene", [5000, 1], indirect=True, ids=["pushed", "pulled"])


@pytest.fixture
async def scene(request: pytest.FixtureRequest, servers: Servers, database_url: str) -> AsyncIterator[Scene]:
    options = WorldOptions(top_user_followers=getattr(request, "param", 5000))
    async with open_site(database_url, servers.valkey_url, options=options) as site, pages_of(site) as pages:
        yield await play(site, pages)


async def everything_met(scene: Scene) -> dict[str, dict[str, set[str]]]:
    return {name: {who: await surface(scene, who) for who in WHO} for name, (surface, _) in TABLE.items()}


def differing(found: dict[str, dict[str, set[str]]]) -> dict[str, dict[str, set[str]]]:
    """By surface, what is shown to whom against the table."""
    return {
        name: {who: kinds for who, kinds in met.items() if kinds != TABLE[name][1][who]}
        for name, met in found.items()
        if met != TABLE[name][1]
    }


@PUSHED_OR_PULLED
async def test_everybody_sees_what_is_for_them_and_nothing_else(scene: Scene) -> None:
    assert differing(await everything_met(scene)) == {}
    # Nothing is left, or comes, when all is forgotten.
    await scene.site.world.flush()
    again = {name: {who: await surface(scene, who) for who in WHO} for name, (surface, _) in AGAIN.items()}
    assert differing(again) == {}
    await scene.site.world.assert_exact()
    await check_verbs(scene)
    await check_lists_from_the_start(scene)
    await check_streams(scene)
    # Whoever follows her from now on sees what was for followers before.
    former = scene.people["former"]
    assert (await scene.site.ask("PUT", f"/api/users/{scene.people['ada'].id}/follow", by=former)).status_code == 200
    for name in ("home", "her page", "a tweet", "what one put by"):
        assert await TABLE[name][0](scene, "former") == FOLLOWERS, name


async def check_verbs(scene: Scene) -> None:
    """What one may not see one can do nothing with; what is for followers nobody else passes on."""
    site, private, direct = scene.site, scene.tweets["private"], scene.tweets["direct"]
    refused = [(who, private) for who in ("former", "removed", "stranger", "frida")]
    refused += [(who, direct) for who in ("fan", "former", "stranger", "frida")]
    for who, tweet_id in refused:
        by = scene.people[who]
        for method, verb in (
            ("PUT", "like"),
            ("PUT", "bookmark"),
            ("PUT", "retweet"),
            ("DELETE", "retweet"),
            ("PUT", "mute"),
        ):
            assert_problem(await site.ask(method, f"/api/tweets/{tweet_id}/{verb}", by=by), 404, "tweet_not_found")
        vote = {"choices": [0]}
        assert_problem(await site.ask("PUT", f"/api/tweets/{tweet_id}/vote", vote, by=by), 404, "tweet_not_found")
        assert (await site.ask("POST", f"/api/v1/polls/{tweet_id}/votes", vote, by=by)).status_code == 404
        answer = await site.ask("POST", "/api/tweets", {"text": "no", "reply_to": tweet_id}, by=by)
        assert_problem(answer, 404, "tweet_not_found")
        assert_problem(await site.ask("DELETE", f"/api/tweets/{tweet_id}", by=by), 404, "tweet_not_found")
        assert (await site.ask("POST", f"/api/v1/statuses/{tweet_id}/reblog", by=by)).status_code == 404
    for who in ("fan", "mona"):
        by = scene.people[who]
        answer = await site.ask("PUT", f"/api/tweets/{private}/retweet", by=by)
        assert_problem(answer, 403, "not_to_be_retweeted")
        assert (await site.ask("POST", f"/api/v1/statuses/{private}/reblog", by=by)).status_code == 403
        assert (await site.ask("PUT", f"/api/tweets/{private}/like", by=by)).status_code == 200
        vote = {"choices": [0]}
        assert (await site.ask("PUT", f"/api/tweets/{private}/vote", vote, by=by)).status_code == 200
        assert (await site.ask("PUT", f"/api/tweets/{scene.tweets['unlisted']}/retweet", by=by)).status_code == 200
    vote = {"choices": [0]}
    assert (await site.ask("PUT", f"/api/tweets/{direct}/vote", vote, by=scene.people["mona"])).status_code == 200
    for who in ("ada", "mona"):
        # Not even whoever wrote it passes it on.
        answer = await site.ask("PUT", f"/api/tweets/{direct}/retweet", by=scene.people[who])
        assert_problem(answer, 403, "not_to_be_retweeted")
        assert (await site.ask("POST", f"/api/v1/statuses/{direct}/reblog", by=scene.people[who])).status_code == 403
    assert_problem(await site.ask("PUT", f"/api/tweets/{direct}/pin", by=scene.people["ada"]), 403, "not_to_be_pinned")
    assert (await site.ask("POST", f"/api/v1/statuses/{direct}/pin", by=scene.people["ada"])).status_code == 403
    await site.settle()
    # A retweet of it is as little in a list as it is.
    assert await TABLE["everyone's tweets"][0](scene, "stranger") == PUBLIC
    await site.ask("DELETE", f"/api/tweets/{private}/like", by=scene.people["mona"])


_DERIVED = {
    "documents": "select tweet_id from tweet_documents",
    "tags": "select tweet_id from tweet_tags",
    "popular tweets": "select tweet_id from popular",
}


async def check_streams(scene: Scene) -> None:
    """Who asks what became of a tweet that is not for them is told that it is gone, as of any that is."""
    ids = ",".join(scene.tweets.values())
    for who, gone in (("fan", ["direct"]), ("mona", []), ("stranger", ["direct", "private"])):
        news = await scene.pages.browser(scene.people[who]).get(f"/fragments/news?watched={ids}")
        [told] = re.findall(r"event: gone\n(?:id: .*\n)?data: (.*)", news.answer.text) or ['{"ids":[]}']
        assert msgspec.json.decode(told) == {"ids": [scene.tweets[kind] for kind in gone]}, who


async def check_lists_from_the_start(scene: Scene) -> None:
    """What is found, trends or is popular knows nothing of what is not public: there is nothing to leave out."""
    narrowed = {int(ids[kind]) for ids in (scene.tweets, scene.answers) for kind in KINDS[1:]}
    for name, text in _DERIVED.items():
        found = set(await scene.site.world.db.fetch(int, Query("test.derived", (), "many", text)))
        assert found, name
        assert not found & narrowed, name
    [tag] = list((await scene.get("/api/tags/trending", "stranger"))["items"]) or [None]
    assert tag is None or tag["tweets_count"] == 1
    # Nor does any number tell of what is for few: four things and four answers, three of them retweeted.
    counts = (await scene.get("/api/users/{}".format(scene.people["ada"].id), "stranger"))["counts"]
    assert counts["tweets"] == 3 + 3 + len(scene.retweets)
    assert (await scene.get(f"/api/tweets/{scene.asked}", "frida"))["counts"]["replies"] == 3


async def test_another_rule_shows_on_these_surfaces(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule is in one place: whoever changes it there is told of every surface that shows something else now."""

    def everything_is_for_everybody(*_: Any, **__: Any) -> bool:
        return True

    for module in (hydration, originals):
        monkeypatch.setattr(module, "is_for", everything_is_for_everybody)

    async def sees(*_: Any, **__: Any) -> bool:
        return True

    monkeypatch.setattr(thread_screen, "sees", sees)
    changed = set(differing(await everything_met(scene)))
    held_from_the_start = {name for name, (_, expected) in TABLE.items() if expected in HELD_FROM_THE_START}
    held_from_the_start |= {"search for apps", "what one likes, for apps"}
    assert changed == set(TABLE) - held_from_the_start | {"her retweet of it"}


async def test_what_can_be_chosen_and_what_cannot(site: Site) -> None:
    ada = await site.sign_up("ada")
    for wrong in ("circle", "everybody", None, 1):
        answer = await site.ask("POST", "/api/tweets", {"text": "hello", "visibility": wrong}, by=ada)
        assert problem_fields(answer) == ["visibility"]
    for kind in KINDS:
        posted = (await site.ask("POST", "/api/tweets", {"text": kind, "visibility": kind}, by=ada)).json()
        assert posted.get("visibility", "public") == kind
        status = (await site.ask("POST", "/api/v1/statuses", {"status": f"{kind}!", "visibility": kind}, by=ada)).json()
        assert status["visibility"] == kind
        assert (await site.ask("GET", f"/api/v1/statuses/{status['id']}", by=ada)).json()["visibility"] == kind
    for wrong in ("circle", "everybody"):
        body = {"status": "hello", "visibility": wrong}
        assert (await site.ask("POST", "/api/v1/statuses", body, by=ada)).status_code == 422
    headers = {"Idempotency-Key": "once"}
    body = {"text": "once", "visibility": "private"}
    first = (await site.ask("POST", "/api/tweets", body, by=ada, headers=headers)).json()
    assert (await site.ask("POST", "/api/tweets", body, by=ada, headers=headers)).json() == first
    again = await site.ask("POST", "/api/tweets", {"text": "once"}, by=ada, headers=headers)
    assert_problem(again, 422, "idempotency_key_reused")


async def test_pages_let_one_choose_and_say_what_was_chosen(pages: PageSite) -> None:
    site = pages.site
    ada, fan = await site.sign_up("ada"), await site.sign_up("fan")
    await site.ask("PUT", f"/api/users/{ada.id}/follow", by=fan)
    adas, fans = pages.browser(ada), pages.browser(fan)
    form = (await adas.see("/")).form("/tweets")
    assert [option.attributes["value"] for option in form.one("select", name="visibility").all("option")] == list(KINDS)
    for kind in KINDS:
        form = (await adas.see("/")).form("/tweets")
        assert (await adas.send(form, text=f"{kind} finches", visibility=kind)).status == 303
    await site.settle()
    cards = (await fans.see("/@ada")).main.all("article")
    said = [[badge.text for badge in card.all("span", cls="badge")] for card in cards]
    # What is for whom it mentions is on no profile.
    assert said == [["for followers"], ["not in lists"], []]
    assert [bool(card.all("button", cls="retweet")) for card in cards] == [False, True, True]
    own = (await adas.see("/@ada")).main.all("article")
    assert all(card.all("button", cls="retweet") for card in own)
    # An answer is for no more people than what it answers, unless one says so; nothing typed is lost, nor chosen.
    private = cards[0].attributes["data-tweet"]
    form = (await fans.see(f"/@ada/{private}")).form("/tweets")
    chosen = [
        option for option in form.one("select", name="visibility").all("option") if "selected" in option.attributes
    ]
    assert [option.attributes["value"] for option in chosen] == ["private"]
    refused = await fans.send(form, text="x" * 200, visibility="unlisted")
    field = refused.form("/tweets").one("select", name="visibility")
    chosen = [option for option in field.all("option") if "selected" in option.attributes]
    assert (refused.status, [option.attributes["value"] for option in chosen]) == (422, ["unlisted"])
    # A choice that there is not is taken for the narrowest: a note to oneself, as it mentions nobody.
    form = (await adas.see("/compose")).form("/tweets")
    assert (await adas.send(form, text="odd", visibility="friends of mine")).status == 303
    await site.settle()
    newest = (await site.ask("GET", "/api/timelines/direct", by=ada)).json()["items"][0]
    assert (newest["text"], newest["visibility"]) == ("odd", "direct")
