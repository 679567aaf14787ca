"""Two people at their terminals: toot's command line, from the log-in on, each command a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.apps._apps import code_shown, let_in
from tests.flows._linnet_process import Person
from tests.web._site import WebSite

# A program beside ours: what it is licensed under does not reach us, and none of it is imported.
TOOT = (sys.executable, "-m", "toot", "--no-color")
DEADLINE_SECONDS = 120.0


class Terminal:
    """Where one person types ``toot …``. What toot knows of them lies in ``home``."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TOOT_", "XDG_"))}
        places = {name: str(home) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
        self._environment = {**kept, **places, "PYTHONWARNINGS": "ignore", "COLUMNS": "200"}

    def log_in(self, site: WebSite, person: Person) -> None:
        """``toot login`` shows where to go, and waits for the code that the browser shows there."""
        with self._running("login", "--instance", site.url) as toot:
            assert toot.stdin is not None
            assert toot.stdout is not None
            # It is told before it asks: no browser of its own.
            toot.stdin.write("n\n")
            toot.stdin.flush()
            address = next(line.strip() for line in toot.stdout if line.startswith(site.url))
            said, _ = toot.communicate(code_shown(let_in(address, person)) + "\n", timeout=DEADLINE_SECONDS)
        assert toot.returncode == 0, said
        assert "Successfully logged in" in said

    def toot(self, *words: str) -> str:
        """What it prints. It has to end well."""
        code, said = self._run(words)
        assert code == 0, f"toot {' '.join(words)}: {said}"
        return said

    def json(self, *words: str) -> Any:
        """The same as the server said it."""
        return json.loads(self.toot(*words, "--json"))

    def refused(self, *words: str) -> str:
        """What it prints when it does not end well. A traceback is a fault of somebody's."""
        code, said = self._run(words)
        assert code != 0, said
        assert "Traceback" not in said
        return said

    def _run(self, words: tuple[str, ...]) -> tuple[int, str]:
        with self._running(*words) as toot:
            said, _ = toot.communicate("", timeout=DEADLINE_SECONDS)
        return toot.returncode, said

    @contextmanager
    def _running(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        toot = subprocess.Popen(
            [*TOOT, *words],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with toot:
            try:
                yield toot
            finally:
                toot.kill()


@pytest.fixture(scope="module")
def people(site: WebSite) -> tuple[Person, Person]:
    return site.newcomer("tilda"), site.newcomer("uwe")


def test_two_people_meet_at_their_terminals(site: WebSite, people: tuple[Person, Person], tmp_path: Path) -> None:
    tilda, uwe = people
    tildas, uwes = Terminal(tmp_path / "tilda"), Terminal(tmp_path / "uwe")
    tildas.log_in(site, tilda)
    uwes.log_in(site, uwe)
    assert f"@{tilda.name}" in tildas.toot("whoami")
    tweet_id = check_posts(site, tildas, uwes, tilda)
    check_conversation(site, tildas, uwes, uwe, tweet_id)
    check_poll(tildas, uwes)
    check_people(tildas, uwes, tilda, uwe)
    assert "deleted" in tildas.toot("delete", tweet_id)
    assert "Record not found" in uwes.refused("status", tweet_id)
    assert "logged out" in tildas.toot("logout", f"{tilda.name}@{urlsplit(site.url).netloc}")


def check_posts(site: WebSite, tildas: Terminal, uwes: Terminal, tilda: Person) -> str:
    said = tildas.toot("post", f"Warm #{tilda.name}bread & <butter>")
    assert said.startswith(f"Toot posted: {site.url}/@{tilda.name}/"), said
    tweet_id = said.strip().rpartition("/")[2]
    assert "140 are allowed" in tildas.refused("post", "x" * 141)
    site.settle()
    assert "following" in uwes.toot("follow", tilda.name)
    assert f"Warm #{tilda.name}bread & <butter>" in uwes.toot("timelines", "home", "--no-pager", "--no-clear")
    return tweet_id


def check_conversation(site: WebSite, tildas: Terminal, uwes: Terminal, uwe: Person, tweet_id: str) -> None:
    assert "favourited" in uwes.toot("favourite", tweet_id)
    assert "reblogged" in uwes.toot("reblog", tweet_id)
    answer = uwes.json("post", "I bake, too", "--reply-to", tweet_id)
    assert answer["in_reply_to_id"] == tweet_id
    site.settle()
    shown = tildas.json("status", tweet_id)
    assert (shown["favourites_count"], shown["reblogs_count"], shown["replies_count"]) == (1, 1, 1)
    said = tildas.toot("thread", tweet_id)
    assert said.index("Warm #") < said.index("I bake, too")
    said = tildas.toot("notifications")
    assert said.count(uwe.name) >= 4, "followed, favourited, reblogged, answered"
    assert "I bake, too" in said
    assert "cleared" in tildas.toot("notifications", "--clear")


def check_poll(tildas: Terminal, uwes: Terminal) -> None:
    options = ("--poll-option", "Rye", "--poll-option", "Wheat", "--poll-expires-in", "1 hour", "--poll-multiple")
    asked = tildas.json("post", "Which one?", *options)
    assert [option["title"] for option in asked["poll"]["options"]] == ["Rye", "Wheat"]
    assert asked["poll"]["multiple"]
    said = uwes.toot("status", asked["id"])
    assert "Rye" in said
    assert "Wheat" in said
    assert "deleted" in tildas.toot("delete", asked["id"])


def check_people(tildas: Terminal, uwes: Terminal, tilda: Person, uwe: Person) -> None:
    assert uwe.name in tildas.toot("followers")
    assert "updated" in tildas.toot("update-account", "--display-name", "Tilda B.", "--note", "Bakes <bread>")
    said = uwes.toot("whois", tilda.name)
    assert "Tilda B." in said
    assert "Bakes <bread>" in said
    # It finds whom it is to unmute by a search, where those one mutes are not else.
    assert "muted" in uwes.toot("mute", tilda.name)
    assert tilda.name in uwes.toot("muted")
    assert "no longer muted" in uwes.toot("unmute", tilda.name)
