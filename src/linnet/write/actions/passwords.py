"""Passwords: argon2id in a few threads of their own, so that the event loop never waits for one.

A hash is expensive on purpose. The threads and the line before them are bounded: more log-ins at once than the machine
can check are turned away at once, and cost the other requests nothing.
"""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec
from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from linnet.errors import Unavailable
from linnet.ids import random_bytes

T = TypeVar("T")

_HASH_BYTES = 32
_SALT_BYTES = 16


class PasswordOptions(msgspec.Struct, frozen=True):
    """What a hash costs (OWASP's first recommendation for argon2id), and how many may be under way.

    ``max_waiting`` counts those that wait for one of the ``threads``, beyond those that are being computed.
    """

    memory_kib: int = 19 * 1024
    passes: int = 2
    lanes: int = 1
    threads: int = 2
    max_waiting: int = 64


class Passwords:
    """One per process. ``verifications`` and ``hashes`` count the work that was done, for tests and metrics."""

    def __init__(self, options: PasswordOptions) -> None:
        self.verifications = 0
        self.hashes = 0
        self._options = options
        self._hasher = PasswordHasher(
            time_cost=options.passes,
            memory_cost=options.memory_kib,
            parallelism=options.lanes,
            hash_len=_HASH_BYTES,
            salt_len=_SALT_BYTES,
            type=Type.ID,
        )
        # The hash of nobody's password: no work to make, the usual work to check, and never right.
        self._nobodys = (
            f"$argon2id$v=19$m={options.memory_kib},t={options.passes},p={options.lanes}"
            f"${_base64(random_bytes(_SALT_BYTES))}${_base64(random_bytes(_HASH_BYTES))}"
        )
        self._threads = ThreadPoolExecutor(options.threads, thread_name_prefix="password")
        self._under_way = 0

    async def hash(self, password: str) -> str:
        """The encoded hash, with a salt and the parameters in it. Raises ``Unavailable`` when too many wait."""

        def compute() -> str:
            return self._hasher.hash(password)

        encoded = await self._in_thread(compute)
        self.hashes += 1
        return encoded

    async def verify(self, encoded: str, password: str) -> bool:
        """Whether it is the password. Raises ``Unavailable`` when too many wait.

        What is no hash (an imported account without a password) is nobody's password, and costs the same.
        """

        def compute() -> bool:
            try:
                return self._hasher.verify(encoded, password)
            except InvalidHashError:
                return self._matches_nobodys(password)
            except VerificationError:
                return False

        is_right = await self._in_thread(compute)
        self.verifications += 1
        return is_right

    async def verify_nobody(self, password: str) -> bool:
        """False, after the work of ``verify``: the time does not tell an unknown name from a wrong password."""
        return await self.verify(self._nobodys, password)

    def is_outdated(self, encoded: str) -> bool:
        """Whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(encoded)

    def close(self) -> None:
        """Lets what is being computed finish, and drops what waits."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches_nobodys(self, password: str) -> bool:
        try:
            return self._hasher.verify(self._nobodys, password)
        except VerificationError:
            return False

    async def _in_thread(self, compute: Callable[[], T]) -> T:
        if self._under_way >= self._options.threads + self._options.max_waiting:
            raise Unavailable(f"{self._under_way} passwords are being checked already")
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._threads, compute)
        self._under_way += 1
        # Whoever gives up waiting does not free the thread, but a computation that has begun is short.
        try:
            return await work
        finally:
            self._under_way -= 1


def _base64(raw: bytes) -> str:
    """As argon2 writes it: without padding."""
    return b64encode(raw).rstrip(b"=").decode()
