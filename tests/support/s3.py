"""An S3 server of our own: moto's, as a child process that dies with this one."""

import ctypes
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import msgspec

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_numbers = count(1)


class S3Server(msgspec.Struct, frozen=True):
    """``endpoint`` is where it listens."""

    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        """What tells a client of S3 to go there."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "linnet",
            "AWS_SECRET_ACCESS_KEY": "not a secret",
            "AWS_REGION": "us-east-1",
        }

    def make_bucket(self) -> str:
        """The name of a new, empty bucket."""
        name = f"linnet-{next(_numbers)}"
        request = urllib.request.Request(f"{self.endpoint}/{name}", method="PUT", headers=_SIGNED)
        with urllib.request.urlopen(request, timeout=60):
            return name


# moto reads who asks from here, and checks no signature.
_SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=linnet/20260101/us-east-1/s3/aws4_request"}


@contextmanager
def open_s3() -> Iterator[S3Server]:
    """Listens while in the block."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", "from moto.server import main; main(['-p', '0', '-H', '127.0.0.1'])"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        preexec_fn=lambda: _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if found := re.search(r"Running on (http://127\.0\.0\.1:\d+)", line):
                yield S3Server(found[1])
                return
        raise AssertionError("moto ended before it was ready")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
