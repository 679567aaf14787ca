"""Two people whose app is a page of somebody else's: masto.js in a browser, from the log-in to what comes in live."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, Page
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.apps._web_app import WebApp, open_web_app
from tests.flows._linnet_process import Person, eventually
from tests.web._browser import Windows, open_browser
from tests.web._site import WebSite

SCOPES = "read write follow push"


@pytest.fixture(scope="module")
def web_app() -> Iterator[WebApp]:
    with open_web_app() as web_app:
        yield web_app


@pytest.fixture(scope="module")
def browser(site: WebSite, web_app: WebApp) -> Iterator[Browser]:
    """Comes after the site, whose servers are started by an event loop."""
    with open_browser() as browser:
        yield browser


@pytest.fixture
def windows(browser: Browser, site: WebSite) -> Iterator[Windows]:
    windows = Windows(browser, site.url)
    try:
        yield windows
        windows.assert_quiet()
    finally:
        windows.close()


class App:
    """A window with the app in it. ``rest`` stands for its client in what the page is told to run."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def run(self, body: str, **given: Any) -> Any:
        """What an async function of this body returns. ``given`` are its variables."""
        names = "".join(f"const {name} = given.{name};" for name in given)
        return self.page.evaluate(f"async (given) => {{ {names} {body} }}", given)

    def hear(self) -> None:
        """From now on ``heard`` has what comes in live: [event, what it says in short]."""
        self.run(
            """
            const instance = await rest.v2.instance.fetch();
            window.streaming = masto.createStreamingAPIClient({
                streamingApiUrl: instance.configuration.urls.streaming,
                accessToken,
            });
            window.heard = [];
            window.listening = (async () => {
                for await (const {event, payload} of streaming.user.subscribe()) {
                    heard.push([event, payload.type ?? payload.content ?? payload]);
                }
            })();
            """
        )

    def wait_heard(self, event: str, said: str) -> None:
        """Waits until it came in."""
        self.page.wait_for_function(
            "([event, said]) => heard.some((each) => each[0] === event && each[1] === said)", arg=[event, said]
        )


def log_in(windows: Windows, site: WebSite, web_app: WebApp, person: Person) -> App:
    """The app registers itself, leads the browser to linnet, and comes back with a code."""
    page = windows.open(by=person)
    page.goto(web_app.url)
    page.wait_for_function("() => window.masto !== undefined")
    redirect_uri = f"{web_app.url}/back"
    app = App(page)
    registered = app.run(
        "return masto.createRestAPIClient({url}).v1.apps.create("
        "{clientName: 'A page', redirectUris: redirectUri, scopes, website: redirectUri});",
        url=site.url,
        redirectUri=redirect_uri,
        scopes=SCOPES,
    )
    asks = {
        "client_id": registered["clientId"],
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": SCOPES,
        "state": "a state",
    }
    page.goto(f"{site.url}/oauth/authorize?{urlencode(asks)}")
    page.get_by_role("button", name="Let it in").click()
    page.wait_for_url(f"{redirect_uri}?*")
    page.wait_for_function("() => window.masto !== undefined")
    told = parse_qs(urlsplit(page.url).query)
    assert told["state"] == ["a state"]
    app.run(
        """
        const token = await masto.createOAuthAPIClient({url}).token.create({
            grantType: 'authorization_code', clientId, clientSecret, redirectUri, code, scope,
        });
        window.accessToken = token.accessToken;
        window.rest = masto.createRestAPIClient({url, accessToken});
        """,
        url=site.url,
        clientId=registered["clientId"],
        clientSecret=registered["clientSecret"],
        redirectUri=redirect_uri,
        code=told["code"][0],
        scope=SCOPES,
    )
    return app


def test_two_people_meet_in_an_app_of_another_origin(windows: Windows, site: WebSite, web_app: WebApp) -> None:
    mila, nils = site.newcomer("mila"), site.newcomer("nils")
    milas, nilses = log_in(windows, site, web_app, mila), log_in(windows, site, web_app, nils)
    me = milas.run("return rest.v1.accounts.verifyCredentials();")
    assert (me["acct"], me["url"]) == (mila.name, f"{site.url}/@{mila.name}")
    milas.hear()
    start_hearing(milas)
    tweet_id = check_live(milas, nilses, mila, nils)
    site.settle()
    check_reading(windows, milas, nilses, mila, nils, tweet_id)
    check_poll(milas, nilses)
    check_profile(milas, nilses, mila)


def start_hearing(app: App) -> None:
    """A stream says nothing when it is open; one's own tweets come in as everybody's do.

    Each is waited for before the next, or a busy machine would fill more than a page with them.
    """

    def hears() -> bool:
        app.run("await rest.v1.statuses.create({status: `Is it on? ${heard.length} ${performance.now()}`});")
        with suppress(PlaywrightTimeout):
            app.page.wait_for_function("() => heard.some(([event]) => event === 'update')", timeout=2000)
            return True
        return False

    eventually(hears, what="the stream is open")


def check_live(milas: App, nilses: App, mila: Person, nils: Person) -> str:
    """Whatever nils does comes in where mila listens, by the socket whose protocol is her token."""
    milas.run("await rest.v1.accounts.$select(id).follow();", id=nils.id)
    tweet = milas.run(
        "return rest.v1.statuses.create({status: 'Warm #bread & <butter>'}, "
        "{requestInit: {headers: {'Idempotency-Key': 'once'}}});"
    )
    tweet_id: str = tweet["id"]
    milas.wait_heard("update", tweet["content"])
    [found] = nilses.run("return (await rest.v2.search.list({q, type: 'accounts'})).accounts;", q=f"@{mila.name}")
    assert found["id"] == mila.id
    stands = nilses.run("return rest.v1.accounts.$select(id).follow();", id=mila.id)
    assert stands["following"]
    milas.wait_heard("notification", "follow")
    liked = nilses.run("return rest.v1.statuses.$select(id).favourite();", id=tweet_id)
    assert liked["favourited"]
    milas.wait_heard("notification", "favourite")
    boost = nilses.run("return rest.v1.statuses.$select(id).reblog();", id=tweet_id)
    assert (boost["reblog"]["id"], boost["reblogged"]) == (tweet_id, True)
    milas.wait_heard("notification", "reblog")
    answer = nilses.run("return rest.v1.statuses.create({status: 'I bake, too', inReplyToId});", inReplyToId=tweet_id)
    milas.wait_heard("notification", "mention")
    milas.wait_heard("update", answer["content"])
    passing = nilses.run("return rest.v1.statuses.create({status: 'Not for long'});")
    milas.wait_heard("update", passing["content"])
    nilses.run("await rest.v1.statuses.$select(id).remove();", id=passing["id"])
    milas.wait_heard("delete", passing["id"])
    return tweet_id


def check_reading(windows: Windows, milas: App, nilses: App, mila: Person, nils: Person, tweet_id: str) -> None:
    """Pages, threads and lists; a page knows where the next one is by a header, which browsers show if they may."""
    seen = milas.run("return rest.v1.statuses.$select(id).fetch();", id=tweet_id)
    assert (seen["favouritesCount"], seen["reblogsCount"], seen["repliesCount"]) == (1, 1, 1)
    home = nilses.run("return (await rest.v1.timelines.home.list({limit: 40})).map((each) => each.id);")
    paged = nilses.run(
        """
        const found = [];
        for await (const page of rest.v1.timelines.home.list({limit: 2})) {
            found.push(...page.map((each) => each.id));
        }
        return found;
        """
    )
    assert tweet_id in home
    assert paged == home
    context = milas.run("return rest.v1.statuses.$select(id).context.fetch();", id=tweet_id)
    assert [each["account"]["id"] for each in context["descendants"]] == [nils.id]
    by = milas.run("return rest.v1.statuses.$select(id).favouritedBy.list();", id=tweet_id)
    assert [each["id"] for each in by] == [nils.id]
    told = milas.run("return rest.v1.notifications.list({types: ['follow', 'favourite']});")
    assert {(each["type"], each["account"]["id"]) for each in told} == {("follow", nils.id), ("favourite", nils.id)}
    groups = milas.run("return (await rest.v2.notifications.list()).notificationGroups;")
    assert {each["type"] for each in groups} == {"follow", "favourite", "reblog", "mention"}
    # What is not there is an error with its words, and not a failure of the network.
    windows.expect_complaint("404")
    sentence = milas.run(
        """
        try { await rest.v1.statuses.$select('1').fetch(); }
        catch (error) { return [error instanceof masto.MastoHttpError, error.statusCode, error.message]; }
        """
    )
    assert sentence == [True, 404, "Record not found"]


def check_poll(milas: App, nilses: App) -> None:
    asked = milas.run(
        "return rest.v1.statuses.create({status: 'Which one?', poll: {options: ['Rye', 'Wheat'], expiresIn: 300}});"
    )
    voted = nilses.run("return rest.v1.polls.$select(id).votes.create({choices: [1]});", id=asked["poll"]["id"])
    assert (voted["voted"], voted["ownVotes"], voted["expired"]) == (True, [1], False)
    assert [(option["title"], option["votesCount"]) for option in voted["options"]] == [("Rye", 0), ("Wheat", 1)]
    shown = milas.run("return rest.v1.polls.$select(id).fetch();", id=asked["poll"]["id"])
    assert (shown["voted"], shown["ownVotes"]) == (True, [])
    milas.run("return rest.v1.statuses.$select(id).remove();", id=asked["id"])


def check_profile(milas: App, nilses: App, mila: Person) -> None:
    changed = milas.run("return rest.v1.accounts.updateCredentials({displayName: 'Mila B.', note: 'Bakes <bread>'});")
    assert (changed["displayName"], changed["source"]["note"]) == ("Mila B.", "Bakes <bread>")
    shown = nilses.run("return rest.v1.accounts.lookup({acct});", acct=mila.name)
    assert shown["displayName"] == "Mila B."
