"""The few steps between fork and exec of a child, as a program of its own: ``python -I -S launch.py ORDER PROGRAM …``.

Code between fork and exec is unsafe in a process with threads, so it runs here, in a fresh interpreter that
imports nothing but the standard library. The steps keep this order: a change of user clears the parent-death signal.
"""

import ctypes
import json
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PARENT_IS_GONE = 125
_CANNOT_RUN = 127


def main(order: dict[str, int | None], argv: list[str]) -> int:
    """Returns only when the program could not be started."""
    if (umask := order["umask"]) is not None:
        os.umask(umask)
    if (uid := order["uid"]) is not None and (gid := order["gid"]) is not None:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, order["parent_death_signal"], 0, 0, 0) != 0:
        return _fail("cannot ask for a signal at the parent's death")
    # A parent that died before the line above sends no signal any more.
    if os.getppid() != order["parent_pid"]:
        return _PARENT_IS_GONE
    # Python ignores these, and what is ignored stays so across exec.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    try:
        os.execv(argv[0], argv)
    except OSError as error:
        return _fail(f"cannot run {argv[0]}: {error.strerror}")


def _fail(sentence: str) -> int:
    sys.stderr.write(sentence + "\n")
    return _CANNOT_RUN


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1]), sys.argv[2:]))
