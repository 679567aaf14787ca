"""The end of a web process, asked for by two threads at once."""

import multiprocessing
import os
import threading

import pytest

from linnet.cli.webserver import WatchedProcess


def test_a_process_that_has_ended_is_never_said_to_live(monkeypatch: pytest.MonkeyPatch) -> None:
    reaped, kept = threading.Event(), threading.Event()
    waitpid = os.waitpid
    watcher_ident: list[int] = []

    def slow_waitpid(pid: int, options: int) -> tuple[int, int]:
        answer = waitpid(pid, options)
        if answer[0] and threading.get_ident() in watcher_ident:
            # The system has told this thread, which has not kept it yet.
            reaped.set()
            assert kept.wait(60)
        return answer

    def watch() -> None:
        watcher_ident.append(threading.get_ident())
        process.join()

    def end() -> None:
        process.join(60)
        lives.append(process.is_alive())

    monkeypatch.setattr(os, "waitpid", slow_waitpid)
    process = WatchedProcess(multiprocessing.get_context("fork").Process(target=os.getpid))
    lives: list[bool] = []
    process.start()
    watcher, ender = threading.Thread(target=watch), threading.Thread(target=end)
    watcher.start()
    assert reaped.wait(60)
    ender.start()
    ender.join(0.2)  # the time in which a wrong answer would come
    kept.set()
    watcher.join(60)
    ender.join(60)
    assert lives == [False]


def test_waiting_ends_in_time_and_a_process_can_be_ended() -> None:
    process = WatchedProcess(multiprocessing.get_context("fork").Process(target=threading.Event().wait))
    process.start()
    process.join(0.01)
    assert process.is_alive()
    process.terminate()
    process.join()
    assert not process.is_alive()
    process.kill()
