"""``linnet`` as people start it: real processes, asked over HTTP, killed and counted.

Whatever a test starts dies with pytest, however pytest ends. All of a family carry a mark in their environment, and the
bundled servers stand in the data directory, so that what is left over can be found and named.
"""

import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
from psycopg.conninfo import conninfo_to_dict

from linnet.ids import random_bytes

T = TypeVar("T")

LIBC = ctypes.CDLL(None)
# For a machine that is slow, and busy with something else.
DEADLINE_SECONDS = 300.0
REQUEST_SECONDS = 60.0
# Nobody is in front who would have to notice that a web process ends.
_AT_ONCE = {"LINNET_WEB_STOP_DELAY_SECONDS": "0"}
COMMAND = (sys.executable, "-m", "linnet")


def eventually(question: Callable[[], T | None], *, what: str, seconds: float = DEADLINE_SECONDS) -> T:
    """Asks until the answer is true, and returns it."""
    give_up_at = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > give_up_at:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        # Those who are asked are other processes, which tell nobody here when it is so. The pause leaves them the
        # processor; how long it is decides nothing.
        time.sleep(0.02)


def free_port() -> int:
    """A port that nobody listened at a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def url_of(conninfo: str) -> str:
    """libpq's words as the URL that a setting takes."""
    words = {name: str(value) for name, value in conninfo_to_dict(conninfo).items() if value is not None}
    name = words.pop("dbname")
    return f"postgresql:///{name}?" + "&".join(f"{key}={value}" for key, value in words.items())


class Family:
    """Everything that one test starts."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.mark = random_bytes(8).hex()
        self.started: list[Linnet] = []

    def environment(self, settings: dict[str, str]) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LINNET_")}
        return {**inherited, "FAMILY_OF_TEST": self.mark, "LINNET_WEB_PROCESSES": "1", **_AT_ONCE, **settings}

    def start(self, *arguments: str, command: Sequence[str] = COMMAND, **settings: str) -> "Linnet":
        """Starts ``linnet ARGUMENTS``; settings as ``LINNET_*``."""
        return self.start_given((), *command, *arguments, **settings)

    def start_given(self, given_fds: Sequence[int], *command: str, **settings: str) -> "Linnet":
        """The same for a whole command, with open files of ours."""
        linnet = Linnet(self, command, self.environment(settings), given_fds)
        self.started.append(linnet)
        return linnet

    def serve(self, *arguments: str, port: str = "", **settings: str) -> "Linnet":
        """``linnet serve --no-demo`` on this family's data directory, ready for requests."""
        port = port or str(free_port())
        place = ("--data-dir", str(self.directory), "--port", port)
        linnet = self.start("serve", "--no-demo", *place, *arguments, **settings)
        linnet.wait_ready(int(port))
        return linnet

    def run(self, *arguments: str, command: Sequence[str] = COMMAND, **settings: str) -> "Outcome":
        """Runs ``linnet ARGUMENTS`` to its end."""
        return self.start(*arguments, command=command, **settings).outcome()

    def pids(self) -> dict[int, str]:
        """All that live, with their command lines."""
        return {
            pid: _command_line(pid) for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if self._is_ours(pid)
        }

    def find(self, *words: str) -> list[int]:
        """The pids of those whose command line has all words."""
        return [pid for pid, line in self.pids().items() if all(word in line for word in words)]

    def assert_nobody_left(self) -> None:
        eventually(lambda: not self.pids(), what=f"everybody is gone: {self.pids()}")

    def kill_everybody(self) -> None:
        """kill -9 of all at once."""
        for pid in self.pids():
            _kill(pid)
        self.assert_nobody_left()

    def close(self) -> None:
        for linnet in self.started:
            linnet.process.kill()
            # Shown by pytest when the test failed.
            sys.stderr.write(linnet.err)
        eventually(lambda: not [_kill(pid) for pid in self.pids()], what="the family is gone")
        for linnet in self.started:
            linnet.process.wait()

    def _is_ours(self, pid: int) -> bool:
        try:
            if pid == os.getpid() or Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return False
            place = os.readlink(f"/proc/{pid}/cwd")
            return (
                place.startswith(f"{self.directory}/")
                or f"FAMILY_OF_TEST={self.mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes()
            )
        except OSError:
            return False


class Outcome:
    """How a command ended, and what it said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def assert_refused(self, *words: str) -> None:
        """One clear sentence, a number other than 0, and no traceback."""
        assert self.code not in (0, None), self.out
        assert "Traceback" not in self.out + self.err
        lines = [line for line in self.err.splitlines() if line.startswith("linnet: ")]
        assert len(lines) == 1, self.err
        assert lines[0].endswith((".", "!", "?")), lines
        for word in words:
            assert word in lines[0], lines

    def assert_usage(self) -> None:
        """The command was called in a way it does not know."""
        assert self.code == 2
        assert "Usage:" in self.err
        assert "Traceback" not in self.err


class Linnet:
    """One started command."""

    def __init__(
        self, family: Family, command: Sequence[str], environment: dict[str, str], given_fds: Sequence[int]
    ) -> None:
        self.url = ""
        self._out_path = family.directory.with_name(f"{random_bytes(4).hex()}.out")
        self._err_path = self._out_path.with_suffix(".err")
        with self._out_path.open("wb") as out, self._err_path.open("wb") as err:
            self.process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                pass_fds=given_fds,
                preexec_fn=lambda: LIBC.prctl(1, signal.SIGKILL),
            )

    @property
    def out(self) -> str:
        return self._out_path.read_text()

    @property
    def err(self) -> str:
        return self._err_path.read_text()

    @property
    def pid(self) -> int:
        return self.process.pid

    def outcome(self) -> Outcome:
        """Waits for its end."""
        code = self.process.wait(DEADLINE_SECONDS)
        return Outcome(code, self.out, self.err)

    def wait_ready(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

        def ready() -> bool:
            assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.out}{self.err}"
            try:
                return httpx.get(f"{self.url}/health/ready", timeout=5).status_code == 200
            except httpx.TransportError:
                return False

        eventually(ready, what=f"{self.url} is ready")

    def wait_said(self, pattern: str) -> re.Match[str]:
        """Waits for words on its standard output."""
        return eventually(lambda: re.search(pattern, self.out), what=f"it says {pattern!r}")

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", timeout=REQUEST_SECONDS)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> Outcome:
        self.process.send_signal(how)
        return self.outcome()


class Person:
    """A client of the API. A call that meets a server on its way down or up is made again."""

    def __init__(self, url: str, name: str) -> None:
        self.url, self.name = url, name
        self.token = ""

    def sign_up(self) -> "Person":
        answer = httpx.post(
            f"{self.url}/api/users",
            json={
                "username": self.name,
                "name": self.name.title(),
                "email": f"{self.name}@example.org",
                "password": "correct horse",
            },
            timeout=REQUEST_SECONDS,
        )
        assert answer.status_code == 201, answer.text
        self.token = answer.json()["token"]
        self.id = answer.json()["user"]["id"]
        return self

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        return httpx.request(method, f"{self.url}/api{path}", headers=headers, timeout=REQUEST_SECONDS, **more)

    def follow(self, other: "Person") -> None:
        answer = self.call("PUT", f"/users/{other.id}/follow")
        assert answer.status_code in (200, 204), answer.text

    def post(self, text: str) -> str:
        answer = self.call("POST", "/tweets", json={"text": text})
        assert answer.status_code == 201, answer.text
        tweet_id: str = answer.json()["id"]
        return tweet_id

    def post_at_last(self, text: str) -> str:
        """Posts once, however often it has to ask."""
        headers = {"Idempotency-Key": random_bytes(8).hex()}

        def attempt() -> str:
            try:
                answer = self.call("POST", "/tweets", json={"text": text}, headers=headers)
            except httpx.TransportError:
                return ""
            return str(answer.json()["id"]) if answer.status_code == 201 else ""

        return eventually(attempt, what=f"{self.name} can post")

    def home(self) -> list[str]:
        """The texts of the first page."""
        answer = self.call("GET", "/timelines/home?limit=100")
        assert answer.status_code == 200, answer.text
        return [item["text"] for item in answer.json()["items"]]

    def reads(self, text: str) -> bool:
        try:
            return text in self.home()
        except (httpx.TransportError, AssertionError):
            return False


@contextmanager
def family(directory: Path) -> Iterator[Family]:
    """A family on ``directory / data``."""
    with ExitStack() as stack:
        family = Family(directory / "data")
        stack.callback(family.close)
        yield family


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def _kill(pid: int) -> int:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return 0
    return pid
