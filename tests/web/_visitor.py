"""Somebody before a browser, who does what people do: reads names and labels, clicks, types, looks."""

import re

from playwright.sync_api import Locator, Page, Response, expect

from tests.web._looks import Look

PASSWORD = "a feather for a pen"


class Visitor:
    """One person in one window. Names on pages are read as people read them, so no test knows how a page is built."""

    def __init__(self, page: Page, look: Look, username: str) -> None:
        self.page, self.look, self.username = page, look, username
        self.name = username.title()

    def go(self, path: str) -> Response:
        answer = self.page.goto(path)
        assert answer is not None
        return answer

    def button(self, name: str | re.Pattern[str], within: Locator | None = None) -> Locator:
        return (within or self.page).get_by_role("button", name=name)

    def link(self, name: str | re.Pattern[str], within: Locator | None = None) -> Locator:
        return (within or self.page).get_by_role("link", name=name)

    def tweet(self, text: str) -> Locator:
        """The tweet with a text, in the middle of the page."""
        return self.page.get_by_role("main").get_by_role("article").filter(has_text=text)

    def send(self, click: Locator) -> Response:
        """Clicks what sends a form, and returns the answer: of the page that comes, or of what a script asked."""
        with self.page.expect_response(lambda answer: answer.request.method == "POST") as answered:
            click.click()
        answer = answered.value
        assert answer.status < 400, (answer.status, answer.url)
        if not self.look.scripts:
            self.page.wait_for_load_state()
        return answer

    def sign_up(self) -> None:
        """From the front page, as strangers come."""
        self.go("/")
        self.link("Sign up").first.click()
        for label, value in (
            ("Username", self.username),
            ("Name", self.name),
            ("E-mail", f"{self.username}@example.org"),
            ("Password", PASSWORD),
        ):
            self.page.get_by_label(re.compile(f"^{label}")).fill(value)
        self.button("Sign up").click()
        expect(self.page.get_by_role("heading", name="Home")).to_be_visible()

    def post(self, text: str) -> None:
        self.go("/")
        self.page.get_by_label("New tweet").fill(text)
        self.send(self.button("Post", self.page.get_by_role("main")))
        expect(self.tweet(text)).to_be_visible()

    def reply(self, text: str, answer: str) -> None:
        """Answers a tweet that is on this page."""
        self.link(re.compile("^Reply"), self.tweet(text)).click()
        self.page.get_by_label(re.compile("^Your answer")).fill(answer)
        self.send(self.button("Reply", self.page.get_by_role("main")))

    def press(self, verb: str, text: str) -> None:
        """Likes or retweets a tweet that is on this page."""
        button = self.button(re.compile(f"^{verb}:"), self.tweet(text)).first
        expect(button).to_have_attribute("aria-pressed", "false")
        self.send(button)
        expect(button).to_have_attribute("aria-pressed", "true")

    def follow(self, other: "Visitor") -> None:
        self.go(f"/@{other.username}")
        self.send(self.button(f"Follow {other.name}"))
        expect(self.button(f"Unfollow {other.name}")).to_be_visible()

    def block(self, other: "Visitor") -> None:
        self.go(f"/@{other.username}")
        self.page.get_by_label("More").first.click()
        self.send(self.button(f"Block @{other.username}").first)
        expect(self.page.get_by_text(f"You block @{other.username}")).to_be_visible()

    def search(self, words: str) -> None:
        self.go("/explore")
        self.page.get_by_role("main").get_by_role("searchbox").fill(words)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url("**/search?q=*")

    def choose_picture(self, content: bytes) -> None:
        self.go("/settings")
        self.page.get_by_label("Choose a picture").set_input_files(
            {"name": "me.png", "mimeType": "image/png", "buffer": content}
        )
        self.button("Upload", self.page.get_by_role("region", name="Picture", exact=True)).click()
        expect(self.page.get_by_text("This is you now.")).to_be_visible()

    def leave(self) -> None:
        """Deletes the account."""
        self.go("/settings")
        self.page.get_by_text("Delete my account", exact=True).click()
        self.page.get_by_label("Your password").fill(PASSWORD)
        self.button("Delete my account for good").click()
        self.page.wait_for_url(re.compile("/$"))
        expect(self.link("Log in").first).to_be_visible()
