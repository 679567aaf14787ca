"""What a process has just now is nobody's when it was killed; what it counted stays counted."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from linnet.bootstrap import metrics

_PROCESS = """
from prometheus_client import Counter, Gauge
Counter("planted_requests", "-").inc(3)
Gauge("planted_streams", "-", multiprocess_mode="livesum").set(7)
print("said", flush=True)
input()
"""


def test_who_was_killed_has_no_streams_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    process = subprocess.Popen(
        (sys.executable, "-c", _PROCESS), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ)
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"said\n"
        alive = generate_latest(metrics._registry()).decode()
        process.send_signal(signal.SIGKILL)
    dead = generate_latest(metrics._registry()).decode()
    assert "planted_streams 7.0" in alive
    assert "planted_streams" not in dead
    for said in (alive, dead):
        assert "planted_requests_total 3.0" in said
