"""One ``linnet web`` takes the place of another at the same socket, under load: nobody gets less than an answer."""

import http.client
import json
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from linnet.ids import random_bytes
from tests.flows._linnet_process import COMMAND, REQUEST_SECONDS, Family, Linnet, Person, eventually, family, url_of
from tests.support.servers import Servers

# As systemd does it: the socket is number 3, and these two say so.
_GIVEN = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""


class Client(threading.Thread):
    """Asks without end, and never asks twice. ``keeps``: over one connection for as long as it is let."""

    def __init__(self, port: int, token: str, *, keeps: bool, posts: bool) -> None:
        super().__init__(daemon=True)
        self.port, self.token, self.keeps, self.posts = port, token, keeps, posts
        self.answers: list[int] = []
        self.posted: list[str] = []
        self.failures: list[str] = []
        self.connections = 0
        self.told_to_go = 0
        self.enough = threading.Event()

    def run(self) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self.enough.is_set():
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=REQUEST_SECONDS)
                self.connections += 1
            try:
                closes = self._ask(connection)
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                closes = True
            self.told_to_go += closes
            if closes or not self.keeps:
                connection.close()
                connection = None
        if connection is not None:
            connection.close()

    def _ask(self, connection: http.client.HTTPConnection) -> bool:
        """Whether the connection ends with the answer."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if self.posts:
            text = f"number {len(self.answers)} of {self.name}"
            connection.request("POST", "/api/tweets", json.dumps({"text": text}), headers)
        else:
            connection.request("GET", "/api/timelines/home?limit=1", headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        self.answers.append(answer.status)
        if answer.status == 201:
            self.posted.append(json.loads(body)["id"])
        elif answer.status != 200:
            self.failures.append(f"{answer.status} {body!r}")
        return answer.getheader("connection") == "close"

    def wait_until_told_to_go(self, times: int) -> None:
        eventually(lambda: self.told_to_go >= times or self.failures, what="it is told to go elsewhere")

    def wait_for_more(self, count: int = 3) -> None:
        reached = len(self.answers) + count
        eventually(lambda: len(self.answers) >= reached or self.failures, what="it is answered")


@contextmanager
def clients(port: int, token: str) -> Iterator[list[Client]]:
    kinds = [(True, False), (True, True), (False, False), (False, True)]
    asking = [Client(port, token, keeps=keeps, posts=posts) for keeps, posts in kinds]
    for client in asking:
        client.start()
    try:
        yield asking
    finally:
        for client in asking:
            client.enough.set()
        for client in asking:
            client.join(REQUEST_SECONDS)


def test_no_request_is_lost_when_one_takes_the_place_of_another(
    tmp_path: Path, servers: Servers, database_url: str
) -> None:
    with family(tmp_path) as linnets, socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        port: int = listener.getsockname()[1]
        settings = {
            "LINNET_DATABASE_URL": url_of(database_url),
            "LINNET_VALKEY_URL": servers.valkey_url,
            "LINNET_VALKEY_PREFIX": f"rolling{random_bytes(4).hex()}:",
            "LINNET_RATE_LIMITS_ENABLED": "false",
            # Longer than this test: it is ended by a second signal, once everybody has noticed.
            "LINNET_WEB_STOP_DELAY_SECONDS": "600",
        }
        old = _start(linnets, listener, settings)
        old.wait_ready(port)
        ada = Person(old.url, "ada").sign_up()
        with clients(port, ada.token) as asking:
            for client in asking:
                client.wait_for_more()
            new = _start(linnets, listener, settings)
            _wait_until_it_listens(new)
            told = [client.told_to_go for client in asking]
            old.process.terminate()
            for client, times in zip(asking, told, strict=True):
                if client.keeps:
                    client.wait_until_told_to_go(times + 1)
            old.process.terminate()
            assert old.outcome().code == 0, old.err
            for client in asking:
                client.wait_for_more(20)
        assert [client.failures for client in asking] == [[]] * 4
        posted = {tweet_id for client in asking for tweet_id in client.posted}
        assert len(posted) == sum(len(client.posted) for client in asking)
        with psycopg.connect(database_url) as connection:
            rows = connection.execute("select id from tweets where author_id = %s", (ada.id,)).fetchall()
        assert {str(tweet_id) for (tweet_id,) in rows} == posted, "what was answered is there, and nothing else"


def _start(linnets: Family, listener: socket.socket, settings: dict[str, str]) -> Linnet:
    number = listener.fileno()
    return linnets.start_given([number], sys.executable, "-c", _GIVEN, str(number), *COMMAND, "web", **settings)


def _wait_until_it_listens(web: Linnet) -> None:
    eventually(lambda: "a web process is ready" in web.err, what="the new one is there")
