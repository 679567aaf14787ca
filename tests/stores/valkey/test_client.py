"""The shared Valkey connection keeps order, shares writes, and says so when Valkey is away."""

import asyncio
import contextlib
import ctypes
import gc
import os
import pathlib
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from linnet.embedded.programs import find_programs
from linnet.errors import Unavailable
from linnet.stores.valkey import Valkey, ValkeyOptions, ValkeyReplyError
from linnet.stores.valkey.address import parse_address

T = TypeVar("T")

BINARY = find_programs().valkey_server
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class Server:
    """A real Valkey on a Unix socket, that dies with this process whatever ends it."""

    def __init__(self, directory: pathlib.Path, *settings: str) -> None:
        self.socket = directory / "valkey.sock"
        self.url = f"unix://{self.socket}"
        self._command = [
            *(str(BINARY), "--port", "0", "--unixsocket", str(self.socket), "--dir", str(directory)),
            *("--save", "", "--enable-debug-command", "local", *settings),
        ]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if "connections unix" in line or "connections at" in line:
                return
        raise AssertionError("Valkey ended before it was ready")

    def kill(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        self._process = None

    def pause(self) -> None:
        """Returns when the server has stopped to run; sockets stay open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    @classmethod
    @contextlib.contextmanager
    def running(cls, directory: pathlib.Path, *settings: str) -> Iterator["Server"]:
        server = cls(directory, *settings)
        server.start()
        try:
            yield server
        finally:
            if server._process is not None:
                server.kill()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server.running(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def own_server(tmp_path: pathlib.Path) -> Iterator[Server]:
    """For tests that kill it, stop it or change its settings."""
    with Server.running(tmp_path) as server:
        yield server


@contextlib.contextmanager
def listening(directory: pathlib.Path, *settings: str) -> Iterator[int]:
    """A server at a port of its own."""
    with contextlib.ExitStack() as stack:
        while True:
            with socket.create_server(("127.0.0.1", 0)) as probe:
                port: int = probe.getsockname()[1]
            with contextlib.suppress(AssertionError):
                # Unless somebody else took the port meanwhile.
                stack.enter_context(Server.running(directory, *settings, "--port", str(port), "--bind", "127.0.0.1"))
                break
        yield port


@contextlib.asynccontextmanager
async def opened(server: Server, **options: float) -> AsyncIterator[Valkey]:
    valkey = Valkey(ValkeyOptions(url=server.url, **options))
    await at_last(valkey.open)
    await at_last(lambda: valkey.call("FLUSHALL"))
    try:
        yield valkey
    finally:
        await valkey.close()


class SpyTransport:
    """Passes everything on, and keeps what was written."""

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self.transport = transport
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)
        self.transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)


def spy_on(valkey: Valkey) -> SpyTransport:
    connection: Any = valkey._connection
    connection._transport = spy = SpyTransport(connection._transport)
    return spy


async def at_last(ask: Callable[[], Awaitable[T]]) -> T:
    """The answer of a server that was away a moment ago: how long it takes to wake is nobody's promise."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await ask()
            except Unavailable:
                await asyncio.sleep(0)


async def a_turn_of_the_loop() -> None:
    """After two of these, what was called before has been written."""
    await asyncio.sleep(0)


# Pipelining and order


async def test_all_calls_of_one_turn_leave_in_one_write(server: Server) -> None:
    async with opened(server) as valkey:
        spy = spy_on(valkey)
        before = valkey.writes
        answers = [valkey.call("ECHO", n) for n in range(200)]
        assert [await answer for answer in answers] == [b"%d" % n for n in range(200)]
        assert len(spy.written) == 1
        assert valkey.writes == before + 1


async def test_calls_of_many_tasks_share_the_writes(server: Server) -> None:
    async with opened(server) as valkey:
        spy = spy_on(valkey)

        async def three_calls(n: int) -> list[bytes]:
            return [await valkey.call("ECHO", f"{n}.{step}") for step in range(3)]

        results = await asyncio.gather(*[three_calls(n) for n in range(100)])
        assert results == [[b"%d.%d" % (n, step) for step in range(3)] for n in range(100)]
        # How many answers share a read is the kernel's affair; without sharing this would be 300.
        assert len(spy.written) < 100


async def test_ten_thousand_mixed_calls_keep_their_order(server: Server) -> None:
    async with opened(server) as valkey:
        expected: list[Any] = []
        answers = []
        for n in range(2_500):
            answers.append(valkey.call("SET", f"key:{n}", b"value %d" % n))
            answers.append(valkey.call("GET", f"key:{n}"))
            answers.append(valkey.call("INCR", "counter"))
            answers.append(valkey.call("LRANGE", "counter", 0, -1) if n % 5 == 0 else valkey.call("GET", "none"))
            expected += [b"OK", b"value %d" % n, n + 1, "WRONGTYPE" if n % 5 == 0 else None]
        results = await asyncio.gather(*answers, return_exceptions=True)
        assert [result.word if isinstance(result, ValkeyReplyError) else result for result in results] == expected


async def test_a_big_value_travels_among_small_ones(server: Server) -> None:
    async with opened(server) as valkey:
        big = os.urandom(5_000_000)
        answers = [
            valkey.call("SET", "big", big),
            valkey.call("ECHO", "small"),
            valkey.call("GET", "big"),
            valkey.call("MGET", "big", "none", "big"),
            valkey.call("ECHO", "last"),
        ]
        assert [await answer for answer in answers] == [b"OK", b"small", big, [big, None, big], b"last"]


async def test_an_error_reply_fails_its_own_call_only(server: Server) -> None:
    async with opened(server) as valkey:
        first, wrong, last = (
            valkey.call("SET", "text", "a"),
            valkey.call("LPUSH", "text", "b"),
            valkey.call("GET", "text"),
        )
        assert await first == b"OK"
        with pytest.raises(ValkeyReplyError) as caught:
            await wrong
        assert caught.value.word == "WRONGTYPE"
        assert "wrong kind of value" in caught.value.reply
        assert "wrong kind of value" not in caught.value.sentence
        assert await last == b"a"


async def test_an_error_reply_may_hold_any_bytes(server: Server) -> None:
    async with opened(server) as valkey:
        with pytest.raises(ValkeyReplyError, match="unknown command"):
            await valkey.call(b"\xff\xfe")
        assert await valkey.call("PING") == b"PONG"


async def test_cancelled_callers_do_not_shift_the_answers_of_others(server: Server) -> None:
    async with opened(server) as valkey:
        answers = [valkey.call("ECHO", n) for n in range(30)]
        for answer in answers[::3]:
            answer.cancel()
        await a_turn_of_the_loop()
        await a_turn_of_the_loop()
        for answer in answers[1::3]:
            answer.cancel()
        assert [await answer for answer in answers[2::3]] == [b"%d" % n for n in range(2, 30, 3)]
        failing = valkey.call("NONSENSE")
        failing.cancel()
        assert await valkey.call("ECHO", "next") == b"next"


async def test_an_argument_of_a_wrong_type_is_refused_before_anything_is_sent(server: Server) -> None:
    async with opened(server) as valkey:
        nothing: Any = None
        with pytest.raises(TypeError):
            valkey.call("SET", "key", nothing)
        assert await valkey.call("ECHO", "next") == b"next"


@settings(max_examples=60, deadline=None)
@given(values=st.dictionaries(st.binary(max_size=80), st.binary(max_size=400), max_size=20))
async def test_any_bytes_come_back_as_they_went(server: Server, values: dict[bytes, bytes]) -> None:
    async with opened(server) as valkey:
        writes = [valkey.call("SET", key, value) for key, value in values.items()]
        reads = [valkey.call("GET", key) for key in values]
        assert [await write for write in writes] == [b"OK"] * len(values)
        assert [await read for read in reads] == list(values.values())


# Scripts

ADD = "return redis.call('INCRBY', KEYS[1], ARGV[1])"


async def test_a_script_runs_by_its_hash_and_loads_itself_once(server: Server) -> None:
    async with opened(server) as valkey:
        await valkey.call("SCRIPT", "FLUSH")
        script = valkey.script(ADD)
        spy = spy_on(valkey)
        assert await script.call([b"sum"], [1]) == 1
        assert await script.call([b"sum"], [b"2"]) == 3
        assert [b"INCRBY" in written for written in spy.written] == [False, True, False]


async def test_calls_that_meet_a_flushed_script_cache_are_repeated_once_each(server: Server) -> None:
    async with opened(server) as valkey:
        script = valkey.script(ADD.encode())
        await script.call([b"sum"], [0])
        flush = valkey.call("SCRIPT", "FLUSH")
        answers = [script.call([b"sum"], [1]) for _ in range(100)]
        echo = valkey.call("ECHO", "between")
        assert await flush == b"OK"
        assert sorted([await answer for answer in answers]) == list(range(1, 101))
        assert await echo == b"between"
        assert await valkey.call("GET", "sum") == b"100"


async def test_a_cancelled_script_call_is_not_repeated(server: Server) -> None:
    async with opened(server) as valkey:
        await valkey.call("SCRIPT", "FLUSH")
        answer = valkey.script(ADD).call([b"sum"], [1])
        answer.cancel()
        await valkey.call("PING")
        assert await valkey.call("EXISTS", "sum") == 0


async def test_a_script_that_fails_says_why(server: Server) -> None:
    async with opened(server) as valkey:
        with pytest.raises(ValkeyReplyError, match="compiling script"):
            await valkey.script("this is not Lua").call([], [])
        with pytest.raises(ValkeyReplyError, match="NOSCRIPT by hand"):
            await valkey.script("return redis.error_reply('NOSCRIPT by hand')").call([], [])
        assert await valkey.call("PING") == b"PONG"


async def test_a_script_survives_a_restart_of_the_server(own_server: Server) -> None:
    async with opened(own_server) as valkey:
        script = valkey.script(ADD)
        assert await script.call([b"sum"], [5]) == 5
        own_server.kill()
        own_server.start()
        with pytest.raises(Unavailable):
            await valkey.call("PING")
        assert await script.call([b"sum"], [5]) == 5


# Trouble


async def test_a_killed_server_fails_the_calls_under_way_and_the_next_call_reconnects(own_server: Server) -> None:
    async with opened(own_server) as valkey:
        own_server.pause()
        answers = [valkey.call("INCR", "counter") for _ in range(50)]
        await a_turn_of_the_loop()
        await a_turn_of_the_loop()
        own_server.kill()
        results = await asyncio.gather(*answers, return_exceptions=True)
        assert {type(result) for result in results} == {Unavailable}
        assert "closed the connection" in str(results[0])
        own_server.start()
        assert await valkey.call("GET", "counter") is None, "calls that failed must not be repeated"
        assert await valkey.call("INCR", "counter") == 1


async def test_while_the_server_is_away_calls_fail_at_once_with_the_reason(own_server: Server) -> None:
    async with opened(own_server) as valkey:
        own_server.kill()
        with pytest.raises(Unavailable):
            await valkey.call("PING")
        with pytest.raises(Unavailable, match=r"valkey\.sock cannot be reached"):
            await valkey.call("PING")
        results = await asyncio.gather(*[valkey.call("PING") for _ in range(1_000)], return_exceptions=True)
        assert all("cannot be reached" in str(result) for result in results)
        own_server.start()
        await valkey.open()
        assert await valkey.call("PING") == b"PONG"


async def test_a_stopped_server_is_given_up_in_time_and_found_again(own_server: Server) -> None:
    async with opened(own_server, timeout_seconds=0.4) as valkey:
        await at_last(lambda: valkey.call("SET", "key", "value"))
        own_server.pause()
        answers = [valkey.call("GET", "key") for _ in range(20)]
        for answer in answers:
            with pytest.raises(Unavailable, match=r"did not answer within 0\.4 seconds"):
                await answer
        own_server.resume()
        assert await at_last(lambda: valkey.call("GET", "key")) == b"value"


async def test_only_who_was_there_when_it_fell_silent_waits_for_a_server(own_server: Server) -> None:
    async with opened(own_server, timeout_seconds=0.4, connect_timeout_seconds=0.4) as valkey:
        own_server.pause()
        with pytest.raises(Unavailable, match="did not answer"):
            await valkey.call("PING")
        # The first of these begins a connect, and none waits for it.
        answers = [valkey.call("PING") for _ in range(3)]
        assert all(answer.done() for answer in answers)
        assert valkey._connecting is not None
        await asyncio.wait([valkey._connecting])
        assert valkey.call("PING").done(), "nor for any after it"
        own_server.resume()
        assert await at_last(lambda: valkey.call("PING")) == b"PONG"


async def test_a_steady_stream_of_calls_does_not_hide_an_old_one(own_server: Server) -> None:
    async with opened(own_server, timeout_seconds=0.4) as valkey:
        # A blocked command stands for any that takes too long, behind which others queue up.
        blocked = valkey.call("BLPOP", "never", 0)
        later = []
        while not blocked.done():
            later.append(valkey.call("PING"))
            await asyncio.wait([blocked], timeout=0.02)
        for answer in [blocked, *later]:
            with pytest.raises(Unavailable):
                await answer


async def test_a_stopped_server_does_not_hold_up_a_connect_for_longer_than_agreed(own_server: Server) -> None:
    own_server.pause()
    valkey = Valkey(ValkeyOptions(url=own_server.url, connect_timeout_seconds=0.4))
    waiting = [valkey.call("PING") for _ in range(10)]
    for answer in waiting:
        with pytest.raises(Unavailable, match=r"did not accept a connection within 0\.4 seconds"):
            await answer
    with pytest.raises(Unavailable):
        await valkey.open()
    own_server.resume()
    await at_last(valkey.open)
    assert await valkey.call("PING") == b"PONG"
    await valkey.close()


async def test_a_process_that_was_itself_held_up_does_not_blame_the_server(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(own_server, timeout_seconds=2.0) as valkey:
        own_server.pause()
        answer = valkey.call("ECHO", "late")
        await a_turn_of_the_loop()
        await a_turn_of_the_loop()
        loop = asyncio.get_running_loop()
        real_time = loop.time
        monkeypatch.setattr(loop, "time", lambda: real_time() + 3600)
        for _ in range(10):
            await a_turn_of_the_loop()
        assert not answer.done()
        own_server.resume()
        assert await answer == b"late"


async def test_tries_to_connect_grow_rarer_up_to_once_a_second(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0

    def slam_the_door(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tries
        tries += 1
        writer.close()

    now = 1_000_000.0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
    path = tmp_path / "door.sock"
    async with await asyncio.start_unix_server(slam_the_door, path):
        valkey = Valkey(ValkeyOptions(url=f"unix://{path}"))
        waits = []
        for _ in range(8):
            tried, before = tries, now
            while tries == tried:
                for _ in range(3):
                    with pytest.raises(Unavailable):
                        await valkey.call("PING")
                # Calls do not wait for a connect that may fail again.
                assert valkey._connecting is not None
                await asyncio.wait([valkey._connecting])
                if tries == tried:
                    now += 0.025
            assert tries == tried + 1, "calls after a failed try must not cause another at once"
            waits.append(round(now - before, 3))
        assert waits == [0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
        await valkey.close()


async def test_a_server_that_speaks_something_else_is_unavailable(tmp_path: pathlib.Path) -> None:
    async def speak_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()
        writer.close()

    path = tmp_path / "http.sock"
    async with await asyncio.start_unix_server(speak_http, path):
        valkey = Valkey(ValkeyOptions(url=f"unix://{path}"))
        with pytest.raises(Unavailable, match="sent something that is not an answer"):
            await valkey.open()
        await valkey.close()


async def test_too_many_waiting_calls_are_refused_and_the_others_answered(own_server: Server) -> None:
    async with opened(own_server, timeout_seconds=30.0) as valkey:
        own_server.pause()
        answers = [valkey.call("ECHO", n) for n in range(10_000)]
        with pytest.raises(Unavailable, match="overloaded: 10000 calls"):
            await valkey.call("ECHO", "one too many")
        own_server.resume()
        assert [await answer for answer in answers] == [b"%d" % n for n in range(10_000)]
        assert await valkey.call("ECHO", "again") == b"again"


async def test_a_node_that_became_a_replica_is_left_and_asked_again(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(own_server) as valkey, opened(own_server) as operator:
        await operator.call("REPLICAOF", "127.0.0.1", 1)
        loop = asyncio.get_running_loop()
        now = loop.time()
        monkeypatch.setattr(loop, "time", lambda: now)
        answers = [valkey.call("SET", n, n) for n in range(3)]
        for answer in answers:
            with pytest.raises(Unavailable, match="cannot serve now: READONLY"):
                await answer
        await operator.call("REPLICAOF", "NO", "ONE")
        now += 0.99
        with pytest.raises(Unavailable):
            await valkey.call("PING")
        now += 0.02
        assert await valkey.call("SET", "key", "value") == b"OK"


async def test_a_full_node_refuses_writes_and_still_reads(own_server: Server) -> None:
    async with opened(own_server) as valkey:
        await valkey.call("SET", "key", "value")
        await valkey.call("CONFIG", "SET", "maxmemory", 1)
        with pytest.raises(Unavailable, match="cannot do this now: OOM"):
            await valkey.call("SET", "key", "other")
        assert await valkey.call("GET", "key") == b"value"


async def test_failed_calls_that_nobody_awaits_make_no_noise(own_server: Server) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))
    async with opened(own_server) as valkey:
        own_server.pause()
        answers = [valkey.call("PING") for _ in range(100)]
        own_server.kill()
        with pytest.raises(Unavailable):
            await answers[0]
        answers += [valkey.call("PING") for _ in range(100)]
        await asyncio.wait(answers)
    del answers
    gc.collect()
    assert complaints == []


# Opening and closing


async def test_calls_made_before_the_connection_stands_wait_for_it_and_share_a_write(server: Server) -> None:
    valkey = Valkey(ValkeyOptions(url=f"{server.url}?db=4"))
    answers = [valkey.call("ECHO", n) for n in range(100)]
    answers[7].cancel()
    assert [await answer for answer in answers if not answer.cancelled()] == [b"%d" % n for n in range(100) if n != 7]
    assert valkey.writes == 1
    assert b"db=4" in await valkey.call("CLIENT", "INFO")
    assert await valkey.call("CLIENT", "GETNAME") == b"linnet"
    await valkey.close()


async def test_close_waits_for_answers_that_are_due_and_open_starts_again(server: Server) -> None:
    valkey = Valkey(ValkeyOptions(url=server.url))
    answers = [valkey.call("ECHO", n) for n in range(10)]
    await valkey.close()
    assert [answer.result() for answer in answers] == [b"%d" % n for n in range(10)]
    with pytest.raises(Unavailable, match="closed on purpose"):
        await valkey.call("PING")
    await valkey.close()
    await valkey.open()
    assert await valkey.call("PING") == b"PONG"
    await valkey.close()


async def test_the_password_and_the_database_come_from_the_url(tmp_path: pathlib.Path) -> None:
    with listening(tmp_path, "--requirepass", "s/cr@t") as port:
        valkey = Valkey(ValkeyOptions(url=f"redis://:s%2Fcr%40t@127.0.0.1:{port}/3"))
        await valkey.open()
        assert b" db=3 " in await valkey.call("CLIENT", "INFO")
        await valkey.close()

        valkey = Valkey(ValkeyOptions(url=f"valkey://default:wr0ng@127.0.0.1:{port}/3"))
        with pytest.raises(Unavailable) as caught:
            await valkey.open()
        assert f"Valkey at 127.0.0.1:{port} refused the connection: WRONGPASS" in str(caught.value)
        assert "wr0ng" not in str(caught.value)
        assert "WRONGPASS" not in caught.value.sentence
        await valkey.close()

        valkey = Valkey(ValkeyOptions(url=f"redis://127.0.0.1:{port}"))
        with pytest.raises(Unavailable, match="refused the connection: NOAUTH"):
            await valkey.call("PING")
        await valkey.close()


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://host", "must begin with"),
        ("localhost:6379", "must begin with"),
        ("redis://", "names no host"),
        ("redis://host:port", "not a URL"),
        ("redis://host/one", "not a number"),
        ("redis://user@host", "without a password"),
        ("unix:///", "names no socket"),
        ("unix:///a.sock?db=x", "not a number"),
    ],
)
def test_a_url_that_cannot_be_read_is_refused_with_a_sentence(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Valkey(ValkeyOptions(url=url))


def test_a_url_says_where_the_node_is() -> None:
    address = parse_address("rediss://user:p%40ss@[::1]/2")
    assert (address.host, address.port, address.tls, address.database) == ("::1", 6379, True, 2)
    assert (address.username, address.password) == ("user", "p@ss")
    assert repr(address) == "Address([::1]:6379)"
    assert parse_address("unix:///run/val%20key.sock").socket_path == "/run/val key.sock"


@pytest.mark.parametrize(
    "scenario",
    [
        test_all_calls_of_one_turn_leave_in_one_write,
        test_ten_thousand_mixed_calls_keep_their_order,
        test_a_big_value_travels_among_small_ones,
        test_cancelled_callers_do_not_shift_the_answers_of_others,
        test_calls_that_meet_a_flushed_script_cache_are_repeated_once_each,
        test_a_killed_server_fails_the_calls_under_way_and_the_next_call_reconnects,
        test_while_the_server_is_away_calls_fail_at_once_with_the_reason,
        test_a_stopped_server_is_given_up_in_time_and_found_again,
        test_close_waits_for_answers_that_are_due_and_open_starts_again,
    ],
)
def test_the_same_holds_under_uvloop(
    own_server: Server, scenario: Callable[[Server], Coroutine[Any, Any, None]]
) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario(own_server))
