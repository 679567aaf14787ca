"""The README's two commands, in a directory and an environment where nobody has been."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from select import select

import httpx
import pytest

from tests.flows._linnet_process import Family, family, free_port

ROOT = Path(__file__).parents[2]
SET_UP_SECONDS = 600


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a clone would hold, with what is not committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (tmp_path / "linnet" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / "linnet" / name)
    return tmp_path / "linnet"


@pytest.fixture
def visitors(clone: Path) -> Iterator[Family]:
    with family(clone / "data") as visitors:
        yield visitors


def clean_environment(home: Path, visitors: Family) -> dict[str, str]:
    """Nothing of ours but where commands are, and what pip downloaded before, so that it need not come twice."""
    cache = subprocess.run(
        [sys.executable, "-m", "pip", "cache", "dir"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    )
    kept = {name: os.environ[name] for name in os.environ if name.startswith("PIP_")}
    return {
        **kept,
        "PIP_CACHE_DIR": cache.stdout.decode().strip() or str(home / "cache"),
        "HOME": str(home),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "FAMILY_OF_TEST": visitors.mark,
    }


def test_the_two_commands_of_the_readme_work_from_nothing(clone: Path, tmp_path: Path, visitors: Family) -> None:
    readme = (clone / "README.md").read_text()
    assert "make run" in readme
    assert "make test" in readme
    environment = clean_environment(tmp_path, visitors)
    # The Python that this one was made from: ours has everything in it already.
    make = ["make", f"PYTHON={sys.base_prefix}/bin/python3"]

    port = free_port()
    running = subprocess.Popen(
        [*make, "run", f"ARGS=--port {port}"],
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said = read_until(running, "Ctrl-C stops it.")
        login = re.search(r"Log in as +(\S+)\n +with the password +(\S+)", said)
        assert login is not None, said
        site = f"http://127.0.0.1:{port}"
        session = httpx.post(f"{site}/api/sessions", json={"login": login[1], "password": login[2]}, timeout=60)
        assert session.status_code == 201, session.text
        headers = {"Authorization": f"Bearer {session.json()['token']}"}
        home = httpx.get(f"{site}/api/timelines/home", headers=headers, timeout=60)
        assert len(home.json()["items"]) == 15
    finally:
        os.killpg(running.pid, signal.SIGTERM)
        running.communicate(timeout=SET_UP_SECONDS)
    visitors.assert_nobody_left()

    # All of it would be this test again: one file over real servers shows that everything is in place.
    others = " ".join(f"--ignore=tests/{name}" for name in ("architecture", "http", "stores", "unit", "web"))
    tested = subprocess.run(
        [*make, "test", f"ARGS=-n 0 {others} -k test_people_screens"],
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SET_UP_SECONDS,
        check=False,
    )
    assert tested.returncode == 0, tested.stdout.decode()[-3000:]


def read_until(process: subprocess.Popen[bytes], words: str) -> str:
    """What a process says up to some words, however slowly."""
    assert process.stdout is not None
    said = b""
    while words.encode() not in said:
        ready, _, _ = select([process.stdout], [], [], SET_UP_SECONDS)
        assert ready, f"silent for {SET_UP_SECONDS} s after: {said.decode()}"
        more = os.read(process.stdout.fileno(), 65536)
        assert more, f"ended after: {said.decode()}"
        said += more
    return said.decode()
