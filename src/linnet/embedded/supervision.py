"""Keeps one child running: a child that dies is started again, a little later each time, and given up in the end."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec
import structlog

from linnet.embedded.children import Child, ChildSpec, spawn
from linnet.embedded.errors import EmbeddedError
from linnet.embedded.logs import trim_log

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class RestartPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How often, and how soon, a child is started again."""

    attempts: int = 6
    """Deaths in a row, each before ``settled_after_seconds``, until the child is given up."""
    first_delay_seconds: float = 0.1
    longest_delay_seconds: float = 5.0
    settled_after_seconds: float = 30.0


class Supervisor:
    """One child and its successors. ``start`` starts one and returns when it is ready for work."""

    def __init__(self, name: str, start: Callable[[], Awaitable[Child]], policy: RestartPolicy | None = None) -> None:
        self.name = name
        self._start = start
        self._policy = policy or RestartPolicy()
        self._child: Child | None = None
        self._watch: asyncio.Task[None] | None = None
        self._given_up: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @classmethod
    def of_program(cls, spec: ChildSpec, policy: RestartPolicy | None = None) -> "Supervisor":
        """For a program that counts as ready as soon as it runs."""

        async def start() -> Child:
            return spawn(spec)

        return cls(spec.name, start, policy)

    @property
    def child(self) -> Child | None:
        """The child of this moment, if one is started."""
        return self._child

    async def start(self) -> None:
        """The first start. Its failure is the caller's to handle: nothing is tried again."""
        self._child = await self._start()
        self._watch = asyncio.create_task(self._keep_running(self._child), name=f"watch {self.name}")

    async def wait_given_up(self) -> str:
        """Returns only when the child is not started again any more: a sentence that says why."""
        return await asyncio.shield(self._given_up)

    async def stop(self) -> int | None:
        """No more restarts; the child is stopped and waited for. Returns how it ended, None when there was none.

        Safe to call twice.
        """
        if self._watch is not None:
            self._watch.cancel()
            # A restart under way ends its half-started child before it lets go.
            with suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        if self._child is None:
            return None
        exit_code = await self._child.stop()
        self._child = None
        return exit_code

    async def _keep_running(self, child: Child) -> None:
        try:
            deaths = 0
            while True:
                deaths = await self._wait_death(child, deaths) + 1
                reason = _how_it_ended(self.name, await child.wait())
                next_child, deaths, reason = await self._start_again(deaths, reason)
                if next_child is None:
                    self._given_up.set_result(f"{reason} It was started {deaths} times and is given up.")
                    return
                self._child = child = next_child
        except Exception as error:
            log.exception("supervision_failed", child=self.name)
            self._given_up.set_result(f"{self.name} is no longer watched: {error}")

    async def _wait_death(self, child: Child, deaths: int) -> int:
        """Returns the deaths that still count: none once it has settled."""
        while not await child.ends_within(self._policy.settled_after_seconds):
            deaths = 0
            if child.spec.log_path is not None:
                trim_log(child.spec.log_path)
        return deaths

    async def _start_again(self, deaths: int, reason: str) -> tuple[Child | None, int, str]:
        """A failed start counts as a death, so that this ends."""
        while deaths < self._policy.attempts:
            delay_seconds = self._policy.first_delay_seconds * 2 ** (deaths - 1)
            log.warning("child_died", child=self.name, reason=reason, deaths=deaths)
            await asyncio.sleep(min(delay_seconds, self._policy.longest_delay_seconds))
            try:
                child = await self._start()
            except (EmbeddedError, OSError) as error:
                deaths, reason = deaths + 1, str(error)
            else:
                log.info("child_restarted", child=self.name, pid=child.pid)
                return child, deaths, reason
        return None, deaths, reason


def _how_it_ended(name: str, returncode: int) -> str:
    if returncode < 0:
        return f"{name} was ended by signal {-returncode}."
    return f"{name} ended with exit code {returncode}."
