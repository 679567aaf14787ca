"""``linnet backup`` and ``linnet restore`` as an operator meets them: beside people who go on, on another machine."""

import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from linnet.ids import random_bytes
from tests.flows._linnet_process import Family, Person, eventually, family
from tests.support import drawn


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Family]:
    with family(tmp_path) as home:
        yield home


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Family]:
    """Another machine, as far as linnet can tell."""
    (tmp_path / "elsewhere").mkdir()
    with family(tmp_path / "elsewhere") as elsewhere:
        yield elsewhere


def test_a_place_goes_to_another_machine_while_people_write(home: Family, elsewhere: Family, tmp_path: Path) -> None:
    linnet = home.serve(LINNET_RATE_LIMITS_ENABLED="false")
    ada, ben = Person(linnet.url, "ada").sign_up(), Person(linnet.url, "ben").sign_up()
    ben.follow(ada)
    headers = {"Content-Type": "image/png"}
    assert ada.call("PUT", "/me/avatar", content=drawn.picture("PNG"), headers=headers).status_code == 200
    path, said = tmp_path / "linnet.zip", ada.post("hello from before")

    posted: list[str] = []
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            posted.append(ada.post(f"number {len(posted)}"))

    writing = threading.Thread(target=write)
    writing.start()
    try:
        eventually(lambda: len(posted) > 5, what="ada writes")
        began = len(posted)
        outcome = home.run("backup", str(path), "--data-dir", str(home.directory), "--json")
        assert (outcome.code, outcome.err) == (0, "")
        eventually(lambda: len(posted) > began, what="ada goes on writing")
    finally:
        stop.set()
        writing.join()
    report = json.loads(outcome.out)
    assert report["bytes"] == path.stat().st_size
    assert (report["pictures"], report["missing_pictures"]) == (3, 0)
    home.run("backup", str(path), "--data-dir", str(home.directory)).assert_refused("is there already")
    checks = json.loads(home.run("doctor", "--data-dir", str(home.directory), "--json").out)["checks"]
    assert {"taken_at": report["taken_at"]} in [check["details"] for check in checks]
    home.run("restore", str(path), "--data-dir", str(home.directory)).assert_refused("in use")
    linnet.stop()
    home.run("restore", str(path), "--data-dir", str(home.directory)).assert_refused("not empty")

    outcome = elsewhere.run("restore", str(path), "--data-dir", str(elsewhere.directory))
    assert (outcome.code, outcome.err) == (0, "")
    assert "Restored 2 people" in outcome.out
    assert f"linnet serve --data-dir {elsewhere.directory}" in outcome.out
    restored = elsewhere.serve()
    assert "demo" not in restored.out
    for person in (ada, ben):
        person.url = restored.url
    # They are logged in still, and what ben reads is what ada had written by some moment of the backup, all of it.
    saved = next(table["rows"] for table in report["tables"] if table["name"] == "tweets")
    assert saved >= 1 + began
    expected = ["hello from before", *(f"number {number}" for number in range(saved - 1))]
    eventually(lambda: ben.reads(expected[-1]), what="ben reads the last of them")
    assert ben.home() == expected[::-1][:100]
    assert ada.call("GET", f"/tweets/{said}").json()["text"] == "hello from before"
    picture = ada.call("GET", "/me").json()["avatar_url"]
    assert httpx.get(f"{restored.url}{picture}").headers["content-type"] == "image/webp"
    assert ada.post("hello from elsewhere") > max(posted), "ids go on where they were"
    eventually(lambda: ben.reads("hello from elsewhere"), what="it goes on")
    place = ("--data-dir", str(elsewhere.directory))
    assert elsewhere.run("timelines", "verify", *place).code == 0
    eventually(lambda: elsewhere.run("doctor", *place, "--recount").code == 0, what="the doctor finds it well")


def test_half_a_restore_is_no_place_to_live_in(home: Family, tmp_path: Path) -> None:
    linnet = home.serve()
    Person(linnet.url, "ada").sign_up()
    path = tmp_path / "linnet.zip"
    assert home.run("backup", str(path), "--data-dir", str(home.directory)).code == 0

    def break_off() -> Path | None:
        """The directory of a restore that was killed; None when it was through before."""
        directory = home.directory.with_name(f"new-{random_bytes(4).hex()}")
        restoring = home.start("restore", str(path), "--data-dir", str(directory))
        eventually((directory / "postgres").exists, what="it is under way")
        return directory if restoring.stop(signal.SIGKILL).code else None

    directory = str(eventually(break_off, what="a restore is broken off"))
    home.run("serve", "--data-dir", directory).assert_refused("broken off")
    home.run("restore", str(path), "--data-dir", directory).assert_refused("not empty")


def test_what_cannot_be_restored_is_said_before_anything_is_made(home: Family, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Ben")
    directory = tmp_path / "new"
    refused = home.run("restore", str(tmp_path / "letter.txt"), "--data-dir", str(directory))
    refused.assert_refused("no backup of linnet")
    assert not directory.exists()
    home.run("restore", str(tmp_path / "nothing.zip")).assert_usage()
    home.run("backup", str(tmp_path / "new.zip"), "--data-dir", str(directory)).assert_refused("no linnet runs")
    assert not (tmp_path / "new.zip").exists()


def test_servers_that_somebody_lives_on_are_left_alone(home: Family, tmp_path: Path) -> None:
    linnet = home.serve()
    Person(linnet.url, "ada").sign_up()
    path = tmp_path / "linnet.zip"
    assert home.run("backup", str(path), "--data-dir", str(home.directory)).code == 0
    urls = json.loads((home.directory / "servers.json").read_bytes())
    servers = {"LINNET_DATABASE_URL": urls["database_url"], "LINNET_VALKEY_URL": urls["valkey_url"]}
    home.run("restore", str(path), **servers).assert_refused("Valkey holds keys")
    apart = servers | {"LINNET_VALKEY_PREFIX": "apart:"}
    home.run("restore", str(path), **apart).assert_refused("People live in this database already")
    alone = {"LINNET_DATABASE_URL": urls["database_url"]}
    home.run("restore", str(path), **alone).assert_refused("set both, or neither")
