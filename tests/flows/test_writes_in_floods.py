"""However many want to write, and however long that takes: people can read, and nothing is half done."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg

from linnet.ids import random_bytes
from tests.flows._linnet_process import REQUEST_SECONDS, Person, eventually, family, free_port, url_of
from tests.support.servers import Servers

_CLIENTS = 40
_AT_ONCE = 8


def test_a_flood_of_posts_leaves_people_who_read_alone(tmp_path: Path, servers: Servers, database_url: str) -> None:
    port = free_port()
    settings = {
        "LINNET_DATABASE_URL": url_of(database_url),
        "LINNET_DATABASE_POOL_SIZE": "4",
        "LINNET_VALKEY_URL": servers.valkey_url,
        "LINNET_VALKEY_PREFIX": f"flood{random_bytes(4).hex()}:",
        "LINNET_RATE_LIMITS_ENABLED": "false",
        "LINNET_WEB_WRITES_AT_ONCE": str(_AT_ONCE),
    }
    with family(tmp_path) as linnets, ThreadPoolExecutor(_CLIENTS) as clients:
        web = linnets.start("web", "--port", str(port), **settings)
        web.wait_ready(port)
        ada = Person(web.url, "ada").sign_up()
        ada.post("before")
        answers: list[httpx.Response] = []

        def post(number: int) -> None:
            answers.append(ada.call("POST", "/tweets", json={"text": f"number {number}"}))

        with psycopg.connect(database_url) as holding:
            # Whoever writes a tweet waits for this one, and who reads does not.
            holding.execute("lock table tweets in share mode")
            flood = [clients.submit(post, number) for number in range(_CLIENTS)]
            eventually(lambda: len(answers) >= _CLIENTS - _AT_ONCE, what="those beyond the bound are turned away")
            # More come while the places are taken: each of them is answered, and so is everybody who reads.
            for number in range(_CLIENTS, _CLIENTS + 5):
                flood.append(clients.submit(post, number))
                assert ada.home() == ["before"]
                for path in (f"/users/{ada.id}", f"/users/{ada.id}/tweets", "/tweets"):
                    assert ada.call("GET", path).status_code == 200
            assert _shed(web.url) >= 1
        for future in flood:
            future.result(REQUEST_SECONDS)
        statuses = Counter(answer.status_code for answer in answers)
        assert set(statuses) <= {201, 503}, statuses
        assert all(answer.headers["retry-after"] == "1" for answer in answers if answer.status_code == 503)
        after = ada.post_at_last("after")
        acknowledged = {answer.json()["id"] for answer in answers if answer.status_code == 201} | {after}
        with psycopg.connect(database_url) as connection:
            rows = connection.execute("select id from tweets where text <> 'before'").fetchall()
            events = connection.execute("select count(*) from outbox where kind = 'tweet_posted'").fetchone()
        assert {str(tweet_id) for (tweet_id,) in rows} == acknowledged
        assert events == (len(acknowledged) + 1,), "each has its event, and no other is there"
        assert web.stop().code == 0


def _shed(url: str) -> float:
    lines = httpx.get(f"{url}/metrics", timeout=REQUEST_SECONDS).text.splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith('linnet_requests_shed_total{kind="write"}'))
