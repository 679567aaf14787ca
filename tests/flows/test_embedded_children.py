"""Children are started again when they die, given up when they keep dying, and stopped whole."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from linnet.embedded import ChildSpec, EmbeddedError, RestartPolicy, StopStep, Supervisor, spawn

QUICK = RestartPolicy(attempts=3, first_delay_seconds=0.001)


def python(program: str, **settings: Any) -> ChildSpec:
    return ChildSpec(name="child", argv=(sys.executable, "-c", program), **settings)


async def test_a_child_that_keeps_dying_is_given_up_with_a_sentence() -> None:
    supervisor = Supervisor.of_program(python("raise SystemExit(7)"), QUICK)
    await supervisor.start()
    sentence = await supervisor.wait_given_up()
    assert sentence == "child ended with exit code 7. It was started 3 times and is given up."
    await supervisor.stop()


async def test_a_killed_child_is_replaced() -> None:
    started: asyncio.Queue[int] = asyncio.Queue()

    async def start():
        child = spawn(python("import signal; signal.pause()"))
        started.put_nowait(child.pid)
        return child

    supervisor = Supervisor("child", start, QUICK)
    await supervisor.start()
    first = await started.get()
    os.kill(first, signal.SIGKILL)
    assert await started.get() != first
    await supervisor.stop()


async def test_a_failed_restart_counts_as_a_death() -> None:
    first = spawn(python("pass"))
    answers = iter([first])

    async def start():
        for child in answers:
            return child
        raise EmbeddedError("The disk is full.")

    supervisor = Supervisor("child", start, QUICK)
    await supervisor.start()
    assert await supervisor.wait_given_up() == "The disk is full. It was started 3 times and is given up."
    await supervisor.stop()


async def test_a_child_deaf_to_sigterm_is_killed() -> None:
    read_end, write_end = os.pipe()
    program = f"import os, signal; signal.signal(15, signal.SIG_IGN); os.write({write_end}, b'x'); signal.pause()"
    steps = (StopStep(signal.SIGTERM, 0.05),)
    child = spawn(python(program, inherited_fds=(write_end,), stop_steps=steps))
    os.close(write_end)
    assert os.read(read_end, 1) == b"x"
    os.close(read_end)
    assert await child.stop() == -signal.SIGKILL


async def test_what_a_child_started_ends_with_it() -> None:
    read_end, write_end = os.pipe()
    program = f"import os, signal; os.fork() or (os.write({write_end}, b'x'), signal.pause()); os.wait()"
    child = spawn(python(program, inherited_fds=(write_end,)))
    os.close(write_end)
    assert os.read(read_end, 1) == b"x"
    await child.stop()
    # The grandchild held the other end of the pipe, so its end is the pipe's end.
    assert os.read(read_end, 1) == b""
    os.close(read_end)


async def test_a_program_that_is_not_there_says_so_in_the_log(tmp_path: Path) -> None:
    child = spawn(ChildSpec(name="child", argv=("/nowhere/at/all",), log_path=tmp_path / "log"))
    assert await child.wait() == 127
    assert (tmp_path / "log").read_text() == "cannot run /nowhere/at/all: No such file or directory\n"


async def test_children_get_the_environment_and_directory_asked_for(tmp_path: Path) -> None:
    program = "import os; print(os.getcwd(), os.environ['WORD'])"
    log_path = tmp_path / "log"
    child = spawn(python(program, directory=tmp_path, environment={"WORD": "hello"}, log_path=log_path))
    assert await child.wait() == 0
    assert log_path.read_text() == f"{tmp_path} hello\n"


async def test_stopping_twice_is_quiet() -> None:
    supervisor = Supervisor.of_program(python("import signal; signal.pause()"))
    await supervisor.start()
    await supervisor.stop()
    await supervisor.stop()
    assert supervisor.child is None


@pytest.mark.parametrize("moment", ["start", "delay"])
async def test_stop_during_a_restart_leaves_no_child(moment: str) -> None:
    restarting = asyncio.Event()

    async def start():
        if not restarting.is_set() and supervisor.child is None:
            return spawn(python("pass"))
        restarting.set()
        await asyncio.Event().wait()

    delay_seconds = 0.001 if moment == "start" else 1000.0
    policy = RestartPolicy(first_delay_seconds=delay_seconds, longest_delay_seconds=delay_seconds)
    supervisor = Supervisor("child", start, policy)
    await supervisor.start()
    assert supervisor.child is not None
    await supervisor.child.wait()
    if moment == "start":
        await restarting.wait()
    await supervisor.stop()
    assert supervisor.child is None
