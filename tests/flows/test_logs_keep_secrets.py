"""Promise: however much is logged, nothing that people keep to themselves is; and every line is one for machines."""

import json
from pathlib import Path

import httpx
import psycopg

from linnet.embedded import find_running
from tests.flows._linnet_process import Person, eventually, family

PASSWORDS = ("feather-and-7-pens", "wrong-feather-9", "another-feather-11")
EMAIL, PHONE, TEXT = "quiet.dunnock@example.org", "+48601999888", "a secret nest below the eaves"


def test_nothing_that_is_secret_is_logged_at_any_level(tmp_path: Path) -> None:
    with family(tmp_path) as home:
        linnet = home.serve(LINNET_LOG_LEVEL="debug", LINNET_LOG_FORMAT="json", LINNET_LOG_REQUESTS="true")
        body = {"username": "ada", "name": "Ada", "email": EMAIL, "password": PASSWORDS[0]}
        answer = httpx.post(f"{linnet.url}/api/users", json=body, timeout=20)
        assert answer.status_code == 201
        ada = Person(linnet.url, "ada")
        ada.token = answer.json()["token"]
        asked = [
            ada.call("PATCH", "/me", json={"phone": PHONE}),
            ada.call("POST", "/tweets", json={"text": TEXT}),
            ada.call("POST", "/me/password", json={"old_password": PASSWORDS[1], "new_password": PASSWORDS[2]}),
            ada.call("POST", "/sessions", json={"login": EMAIL, "password": PASSWORDS[1]}),
            ada.call("POST", "/sessions", json={"login": EMAIL, "password": PASSWORDS[0]}),
            ada.call("GET", "/search", params={"q": TEXT}),
            httpx.get(f"{linnet.url}/", headers={"Cookie": f"linnet_session={ada.token}"}, timeout=20),
        ]
        assert [answer.status_code for answer in asked] == [200, 201, 403, 401, 201, 200, 200]
        eventually(lambda: ada.reads(TEXT), what="the worker applied it")

        # What breaks is logged with its traceback, and with nothing that was sent.
        servers = find_running(home.directory)
        assert servers is not None
        with psycopg.connect(servers.database_url, autocommit=True) as connection:
            connection.execute("alter table tweets add constraint planted check (text not like '%nest%') not valid")
        assert ada.call("POST", "/tweets", json={"text": TEXT}).status_code == 500
        logged = linnet.err + linnet.stop().err
    for secret in (*PASSWORDS, ada.token, EMAIL, PHONE, TEXT):
        assert secret not in logged
    lines = [json.loads(line) for line in logged.splitlines()]
    assert {"event", "level", "timestamp"} <= set.intersection(*(set(line) for line in lines))
    assert any("request_id" in line and line["level"] == "error" for line in lines)

    # Each request is a line, with the number of who asked: programs by their token, people by their cookie.
    asked_by = {(line["route"], line.get("user_id")) for line in lines if line["event"] == "request"}
    ada_id = answer.json()["user"]["id"]
    assert asked_by >= {("/api/me", ada_id), ("/", ada_id), ("/api/sessions", None)}
    broken = {line.get("user_id") for line in lines if line["level"] == "error" and "request_id" in line}
    assert broken == {ada_id}
