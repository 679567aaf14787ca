"""``linnet move`` as an operator meets it: from one command to servers of one's own and back, while people write."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from click.testing import CliRunner, Result

from linnet.cli import main
from linnet.embedded import find_running
from linnet.ids import random_bytes
from tests.flows._linnet_process import Family, Person, eventually, family, free_port, url_of
from tests.support import drawn
from tests.support.servers import Servers


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Family]:
    with family(tmp_path) as home:
        yield home


class Writer:
    """Somebody who posts on and on until they are told that the place has moved, and knows what was answered."""

    def __init__(self, person: Person) -> None:
        self.posted: dict[str, str] = {}
        self.refusal: httpx.Response | None = None
        self._person = person
        self._breath = threading.Event()
        self._thread = threading.Thread(target=self._write, name="writer", daemon=True)
        self._thread.start()

    def wrote(self, more: int) -> None:
        enough = len(self.posted) + more
        eventually(lambda: len(self.posted) >= enough, what=f"{self._person.name} writes")

    def told(self) -> httpx.Response:
        """What they were told in the end."""
        self._thread.join(300)
        assert self.refusal is not None
        return self.refusal

    def _write(self) -> None:
        while self.refusal is None:
            text = f"number {len(self.posted)} {random_bytes(4).hex()}"
            headers = {"Idempotency-Key": random_bytes(8).hex()}
            answer = self._person.call("POST", "/tweets", json={"text": text}, headers=headers)
            while answer.status_code == 503 and "moved" not in answer.text:
                # A busy machine may have waited for too long; it was asked, and may have done it.
                answer = self._person.call("POST", "/tweets", json={"text": text}, headers=headers)
            if answer.status_code == 201:
                self.posted[str(answer.json()["id"])] = text
                # Leaves the processor to those who move. How long it is decides nothing.
                self._breath.wait(0.1)
            else:
                self.refusal = answer


def test_a_place_moves_to_servers_while_people_write_and_back_again(
    home: Family, servers: Servers, tmp_path: Path
) -> None:
    linnet = home.serve(LINNET_RATE_LIMITS_ENABLED="false")
    ada, ben = Person(linnet.url, "ada").sign_up(), Person(linnet.url, "ben").sign_up()
    ben.follow(ada)
    headers = {"Content-Type": "image/png"}
    assert ada.call("PUT", "/me/avatar", content=drawn.picture("PNG"), headers=headers).status_code == 200
    picture = ada.call("GET", "/me").json()["avatar_url"]
    place = ("--data-dir", str(home.directory))

    with servers.fresh_database() as database:
        settings = {
            "LINNET_DATABASE_URL": url_of(database),
            "LINNET_VALKEY_URL": servers.valkey_url,
            "LINNET_VALKEY_PREFIX": f"m{random_bytes(6).hex()}:",
            "LINNET_MEDIA_URL": (tmp_path / "pictures").as_uri(),
        }
        prefix = {"LINNET_VALKEY_PREFIX": settings["LINNET_VALKEY_PREFIX"]}
        to = ["--to-database", settings["LINNET_DATABASE_URL"], "--to-valkey", settings["LINNET_VALKEY_URL"]]
        to += ["--to-media", settings["LINNET_MEDIA_URL"]]
        writer = Writer(ada)
        writer.wrote(3)
        # Killed on the way; nobody notices, and the same command goes on.
        moving = home.start("move", *to, *place, **prefix)
        eventually(lambda: _holds(database, "select exists (select from users)"), what="people arrive")
        moving.stop(signal.SIGKILL)
        eventually(lambda: _is_gone(database) and _is_gone(_embedded_url(home.directory)), what="both have noticed")
        writer.wrote(3)
        outcome = home.run("move", *to, *place, "--json", **prefix)
        assert (outcome.code, outcome.err) == (0, "")
        assert json.loads(outcome.out)["rows"]["users"] == 2
        refusal = writer.told()
        assert refusal.status_code == 503
        assert int(refusal.headers["retry-after"]) > 0
        assert "moved to another server" in refusal.json()["detail"]
        # Reading goes on, with all that was written.
        for tweet_id, text in list(writer.posted.items())[-3:]:
            assert ben.call("GET", f"/tweets/{tweet_id}").json()["text"] == text
        linnet.stop()
        again = home.run("serve", "--port", str(free_port()), *place)
        again.assert_refused("has moved to postgresql:///", "linnet move reopen")

        moved = home.serve(LINNET_RATE_LIMITS_ENABLED="false", **settings)
        for person in (ada, ben):
            person.url = moved.url
        _assert_all_is_there(ben, writer, ada.post("hello from servers"), picture)

        back = tmp_path / "back" / "data"
        back.parent.mkdir()
        outcome = home.run("move", "--to-data-dir", str(back), **settings)
        assert (outcome.code, outcome.err) == (0, "")
        assert f"linnet serve --data-dir {back}" in outcome.out
        assert ada.call("POST", "/tweets", json={"text": "too late"}).status_code == 503
        moved.stop()

    with family(back.parent) as returned:
        served = returned.serve(LINNET_RATE_LIMITS_ENABLED="false")
        for person in (ada, ben):
            person.url = served.url
        assert "hello from servers" in ben.home()
        _assert_all_is_there(ben, writer, ada.post("hello from home"), picture)


def _assert_all_is_there(reader: Person, writer: Writer, newest: str, picture: str) -> None:
    """Each tweet that was answered once, ids in order, with the same log-in and the same picture."""
    assert int(newest) > max(map(int, writer.posted))
    # The last ones may have been delivered by nobody yet.
    wanted = {newest, *writer.posted}
    eventually(lambda: wanted <= {tweet_id for tweet_id, _ in _timeline(reader)}, what="all is delivered")
    found = _timeline(reader)
    assert {tweet_id: text for tweet_id, text in found if text.startswith("number ")} == writer.posted
    assert [int(tweet_id) for tweet_id, _ in found] == sorted({int(tweet_id) for tweet_id, _ in found}, reverse=True)
    assert httpx.get(f"{reader.url}{picture}").headers["content-type"] == "image/webp"


def _timeline(reader: Person) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    more = ""
    while True:
        answer = reader.call("GET", f"/timelines/home?limit=100{more}")
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        found += [(item["id"], item["text"]) for item in page["items"]]
        if page["next"] is None:
            return found
        more = f"&before={page['next']}"


def _is_gone(url: str) -> bool:
    """Whether a server knows that nobody moves any more."""
    return _holds(url, "select not exists (select from pg_stat_activity where application_name = 'linnet move')")


def _embedded_url(directory: Path) -> str:
    found = find_running(directory)
    assert found is not None
    return found.database_url


def _holds(url: str, question: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute(question.encode()).fetchone() == (True,)


def test_what_cannot_be_is_said_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LINNET_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["move", *arguments])

    nowhere = ("--to-database", "postgresql:///none?host=/nowhere", "--to-valkey", "unix:///nowhere/valkey.sock")
    for arguments in ((), ("--to-database", "postgresql:///x"), (*nowhere, "--to-data-dir", "x")):
        found = run(*arguments)
        assert (found.exit_code, "Usage:" in found.stderr) == (2, True)
    for sentence, *said in (
        ("LINNET_DATABASE_URL must be a URL like", "--to-database", "mysql://x", "--to-valkey", "redis://x"),
        ("there is no data of linnet in data", *nowhere),
        ("there is no data of linnet in", "cancel", "--data-dir", str(tmp_path)),
        ("there is no data of linnet in", "reopen", "--yes", "--data-dir", str(tmp_path)),
    ):
        found = run(*said)
        assert found.exit_code > 0
        assert found.stderr.startswith(f"linnet: {sentence}"), found.stderr
        assert found.stderr.count("\n") == 1
