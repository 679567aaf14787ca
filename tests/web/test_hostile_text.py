"""What people write stays text, whatever it looks like: in every field, on every page, also where scripts put it."""

from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.flows._linnet_process import Person
from tests.web._browser import Windows
from tests.web._looks import DESKTOP, Look
from tests.web._site import WebSite
from tests.web._town import ask, reply

ATTACKS = (
    "<script>window.ran=1</script>",
    "<img src=x onerror=window.ran=1>",
    '"><svg onload=window.ran=1>',
    "'-window.ran=1-'",
    "</textarea><script>window.ran=1</script>",
    "</title><script>window.ran=1</script>",
    "<iframe srcdoc='<script>parent.ran=1</script>'>",
    '" autofocus onfocus=window.ran=1 x="',
    "javascript:window.ran=1",
    "http://example.com/\"onmouseover='window.ran=1'",
    "https://example.com/'><img/src/onerror=window.ran=1>",
    "[x](javascript:window.ran=1) <a href=javascript:window.ran=1>x</a>",
    "#<b>tag</b> @<i>ada</i> #x\"onclick=window.ran=1",
    "{{ 7 * 7 }} ${7*7} {% print(1) %} &lt;script&gt;",
    "<style>*{display:none}</style><link rel=stylesheet href=//example.com/x.css>",
    "<base href=//example.com/><meta http-equiv=refresh content='0;url=//example.com'>",
    "<form action=//example.com><button formaction=javascript:window.ran=1>",
    "<scr\u00adipt>\uff1cscript\uff1ewindow.ran=1</script>",
    "]]><!--<script>window.ran=1</script>-->",
)  # fmt: skip
NAMES = ('"><img src=x onerror=ran=1>', "<script>window.ran=1</script>", "'};window.ran=1;//{'")

# What a page of ours never holds, with or without visitors' words. Where it is, somebody's text became markup.
_MARKUP = """() => {
  const found = [], foreign = ["iframe", "object", "embed", "base", "style", "i"];
  const bad = (one, why) => found.push(`${why}: ${one.outerHTML.slice(0, 200)}`);
  for (const one of document.querySelectorAll("*")) {
    const tag = one.localName;
    if (foreign.includes(tag) || one.httpEquiv || (tag === "script" && !one.src)) bad(one, "foreign");
    for (const { name, value } of one.attributes) {
      if (name.startsWith("on") || ["style", "srcdoc"].includes(name)) bad(one, name);
      if (!["src", "href", "action", "formaction"].includes(name)) continue;
      const address = new URL(value, location);
      if (!["http:", "https:"].includes(address.protocol)) bad(one, address.protocol);
      if (tag !== "a" && address.origin !== location.origin) bad(one, "away");
    }
  }
  return window.ran === undefined ? found : ["a script ran", ...found];
}"""


def assert_only_text(page: Page) -> None:
    found = page.evaluate(_MARKUP)
    assert found == [], page.url


class Attacker:
    """Somebody whose every word wants to be a script."""

    def __init__(self, site: WebSite, number: int) -> None:
        self.person = site.newcomer("mallory")
        self.victim = site.newcomer("victim")
        self.name = NAMES[number]
        texts = ATTACKS[number :: len(NAMES)]
        ask(self.person, "PATCH", "/me", json={"name": self.name, "bio": texts[0], "location": texts[1][:100]})
        self.question = self.victim.post("What do you think?")
        self.victim.follow(self.person)
        self.person.follow(self.victim)
        self.tweets = [reply(self.person, self.question, f"@{self.victim.name} {texts[0]}")]
        self.tweets += [self.person.post(text) for text in texts]
        self.texts = [f"@{self.victim.name} {texts[0]}", *texts]
        for tweet_id in (self.question, self.tweets[0]):
            ask(self.person, "PUT", f"/tweets/{tweet_id}/like")
        ask(self.person, "PUT", f"/tweets/{self.question}/retweet")
        site.settle()

    def paths(self) -> list[str]:
        mallory = f"/@{self.person.name}"
        return [
            "/", "/everyone", "/explore", "/notifications", mallory, f"{mallory}/likes", f"{mallory}/replies",
            f"/@{self.victim.name}/{self.question}", f"{mallory}/{self.tweets[0]}", f"{mallory}/{self.tweets[-1]}",
            f"/tweets/{self.question}/likes", f"/tweets/{self.question}/retweets", f"/@{self.victim.name}/followers",
        ]  # fmt: skip


@pytest.fixture(scope="module", params=range(len(NAMES)))
def attacker(web_site: WebSite, request: pytest.FixtureRequest) -> Attacker:
    return Attacker(web_site, request.param)


def test_names_profiles_and_tweets_are_text_on_every_page(windows: Windows, attacker: Attacker) -> None:
    page = windows.open(by=attacker.victim)
    for path in attacker.paths():
        page.goto(path)
        assert_only_text(page)
    page.goto(f"/@{attacker.person.name}")
    expect(page.get_by_role("heading", level=1)).to_have_text(attacker.name)
    for tweet_id, text in zip(attacker.tweets, attacker.texts, strict=True):
        page.goto(f"/@{attacker.person.name}/{tweet_id}")
        # Long links are shown shortened; all else as it was written.
        if "://" not in text:
            expect(page.locator(f"#t{tweet_id} .text")).to_have_text(text, use_inner_text=True)
        assert_only_text(page)


def test_scripts_put_text_as_text_too(windows: Windows, attacker: Attacker, web_site: WebSite) -> None:
    page = windows.open(by=attacker.victim)
    page.goto(f"/@{attacker.person.name}")
    page.get_by_role("button", name="Unfollow").click()
    expect(page.get_by_role("button", name="Follow ", exact=False).first).to_be_visible()
    assert_only_text(page)
    page.get_by_role("button", name="Follow ", exact=False).first.click()
    for text in attacker.texts[1:4]:
        page.goto("/")
        page.get_by_label("New tweet").fill(text)
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            page.get_by_role("main").get_by_role("button", name="Post").click()
        expect(page.locator("main article", has_text=text).first).to_be_visible()
        assert_only_text(page)
    web_site.settle()


@pytest.mark.parametrize("look", [DESKTOP, Look(scripts=False)], ids=str)
def test_what_is_typed_into_forms_and_addresses_comes_back_as_text(
    windows: Windows, web_site: WebSite, look: Look
) -> None:
    person: Person = web_site.newcomer("typist")
    stranger, member = windows.open(look, user_agent=ATTACKS[1]), windows.open(look, by=person)
    for status in ("404", "422", "400", "401"):
        windows.expect_complaint(status)
    for number in range(len(NAMES)):
        attacks = " ".join(ATTACKS[number :: len(NAMES)])
        for page in (stranger, member):
            for path in ("/search", "/compose", "/login"):
                page.goto(f"{path}?{urlencode({'q': attacks, 'text': attacks, 'next': attacks})}")
                assert_only_text(page)
        for path in ("tags/", "@", ""):
            stranger.goto(f"/{path}{quote(ATTACKS[number], safe='')}")
            assert_only_text(stranger)
        stranger.goto("/signup")
        stranger.get_by_label("Username").fill(attacks[:30])
        stranger.get_by_label("Name optional").fill(attacks)
        stranger.get_by_label("E-mail").fill("a@b")
        stranger.get_by_label("Password").fill("short")
        stranger.get_by_role("button", name="Sign up").click()
        expect(stranger.get_by_label("Username")).to_have_value(attacks[:30])
        expect(stranger.get_by_label("Name optional")).to_have_value(attacks)
        assert_only_text(stranger)


def test_what_a_browser_calls_itself_is_text_among_the_devices(windows: Windows, web_site: WebSite) -> None:
    person = web_site.newcomer("device")
    page = windows.open(user_agent=f"Mozilla {ATTACKS[1]} {ATTACKS[0]}")
    page.goto("/login")
    page.get_by_label("Username or e-mail").fill(person.name)
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    page.goto("/settings")
    assert_only_text(page)


@pytest.mark.parametrize("planted", ["<img src=x onerror=window.ran=1>", "<a href='javascript:window.ran=1'>x</a>"])
def test_markup_that_got_through_would_be_caught(windows: Windows, planted: str) -> None:
    windows.expect_complaint("Content Security Policy")
    windows.expect_complaint("404")
    page = windows.open()
    page.goto("/")
    assert_only_text(page)
    page.evaluate("(planted) => document.querySelector('main').insertAdjacentHTML('beforeend', planted)", planted)
    with pytest.raises(AssertionError):
        assert_only_text(page)
