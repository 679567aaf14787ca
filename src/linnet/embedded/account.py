"""Whose rights the bundled servers run with.

PostgreSQL refuses to run as root. Started by root, the servers therefore run as the owner of the data directory, or,
when that is root too, as the system user ``linnet``, which is made when it is missing. No permission of a directory
that is not ours is ever widened for it: see ``reach``.
"""

import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from linnet.embedded.errors import EmbeddedError

SYSTEM_USER = "linnet"


class Account(msgspec.Struct, frozen=True):
    """An unprivileged user that the servers become."""

    name: str
    uid: int
    gid: int


def service_account(owner_uid: int) -> Account | None:
    """The user to become, or None when we are an ordinary user already. ``owner_uid`` owns the data directory."""
    if os.geteuid() != 0:
        _demand_name(os.geteuid())
        return None
    if owner_uid != 0:
        _demand_name(owner_uid)
        return _as_account(pwd.getpwuid(owner_uid))
    return _find_system_user() or _make_system_user()


def _as_account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _demand_name(uid: int) -> None:
    # initdb asks for the name of its user and ends when there is none, as for `docker run --user 1234`.
    try:
        pwd.getpwuid(uid)
    except KeyError:
        raise EmbeddedError(
            f"PostgreSQL needs a user with a name, and user {uid} has none: add a line for it to /etc/passwd."
        ) from None


def _find_system_user() -> Account | None:
    try:
        return _as_account(pwd.getpwnam(SYSTEM_USER))
    except KeyError:
        return None


def _make_system_user() -> Account:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    command += ["--shell", "/usr/sbin/nologin", SYSTEM_USER]
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    try:
        done = subprocess.run(command, env={"PATH": path, "LC_ALL": "C"}, capture_output=True, text=True, check=False)
        reason = done.stderr.strip().splitlines()[-1:] or [f"useradd ended with {done.returncode}"]
    except OSError as error:
        reason = [f"useradd: {error.strerror}"]
    # Another start may have made the user meanwhile, so only its absence is a failure.
    account = _find_system_user()
    if account is None:
        raise EmbeddedError(
            f"PostgreSQL does not run as root, and the system user {SYSTEM_USER!r} could not be made ({reason[0]}): "
            "make it, or start linnet as an ordinary user."
        )
    return account


class Reached(msgspec.Struct, frozen=True):
    """Names by which a child finds directories, and the descriptors it must inherit for them to mean something."""

    names: tuple[str, ...]
    fds: tuple[int, ...]


@contextmanager
def reach(account: Account | None, *directories: Path) -> Iterator[Reached]:
    """Lets a child with fewer rights than ours into ``directories``, whatever lies above them.

    A checkout below ``/root`` (mode 0700) is closed to the account. An inherited descriptor of the directory is not:
    ``/proc/self/fd/N`` leads straight to it, without a look at the directories above. The descriptors must be open
    until the child is spawned; the child has its own from then on.
    """
    if account is None:
        yield Reached(tuple(map(str, directories)), ())
        return
    fds: list[int] = []
    try:
        for directory in directories:
            fds.append(os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW))
        yield Reached(tuple(f"/proc/self/fd/{fd}" for fd in fds), tuple(fds))
    finally:
        for fd in fds:
            os.close(fd)
