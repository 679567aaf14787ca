"""Whether PostgreSQL answers, asked all the time over a connection of its own.

A server that is killed says so to everybody who is connected. One that stands still, or cannot be reached any more,
says nothing, and whoever asks it waits. So each process has one watcher: as soon as a question of its own is not
answered, it tells the pool, which from then on turns everybody away at once and lets those go who wait. Only the
watcher goes on asking; when it is answered, all are let in again.
"""

import asyncio
import os
import select
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec
import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict

log = structlog.get_logger()

# The event loop may be held up itself: only time counts in which it was there to hear an answer.
_TICK_SECONDS = 0.1
# A question over a connection that leads nowhere any more is not answered when the server is back.
_RENEWED_AFTER_SECONDS = 3.0


class WatchOptions(msgspec.Struct, frozen=True):
    """Asked is every ``every_seconds``; without an answer for ``patience_seconds`` the server counts as away."""

    every_seconds: float = 0.25
    patience_seconds: float = 0.7


class Watch:
    """``on_away`` is called with the cause when answers cease, ``on_back`` when they come again."""

    def __init__(
        self,
        conninfo: str,
        parameters: dict[str, Any],
        options: WatchOptions,
        *,
        on_away: Callable[[str], None],
        on_back: Callable[[], Awaitable[None]],
    ) -> None:
        self._conninfo = conninfo
        self._at = address_of(conninfo)
        self._parameters = parameters
        self._options = options
        self._on_away = on_away
        self._on_back = on_back
        self._connection: AsyncConnection[Any] | None = None
        self._doubt = asyncio.Event()
        self._away = False

    def doubt(self) -> None:
        """Somebody lost a connection: asked now, and not at the next turn."""
        self._doubt.set()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                await self._ask()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._options.every_seconds):
                        await self._doubt.wait()
                        # Many lose their connections in the same moment.
                        await asyncio.sleep(_TICK_SECONDS if self._away else 0)
                self._doubt.clear()
        finally:
            self._drop()

    async def _ask(self) -> None:
        question = asyncio.create_task(self._question(), name="question")
        try:
            for tick in range(round(_RENEWED_AFTER_SECONDS / _TICK_SECONDS)):
                await asyncio.wait({question}, timeout=_TICK_SECONDS)
                if question.done():
                    break
                if (tick + 1) * _TICK_SECONDS >= self._options.patience_seconds - 1e-9:
                    self._say_away("it does not answer")
            else:
                return
            error = question.exception()
            if error is None:
                await self._say_back()
                return
            self._drop()
            if not isinstance(error, psycopg.Error | OSError):
                raise error
            self._say_away(" ".join(str(error).split()))
        finally:
            await self._give_up(question)

    async def _give_up(self, question: asyncio.Task[None]) -> None:
        if question.done():
            return
        if self._connection is None:
            question.cancel()
        else:
            # Not cancelled: psycopg would ask a server that does not answer to cancel too, and wait for that.
            cut(self._connection)
        with suppress(asyncio.CancelledError, psycopg.Error, OSError):
            await question
        self._drop()

    async def _question(self) -> None:
        # Twice: a server that was started again has ended a connection that was good.
        for is_last in (False, True):
            if self._connection is None:
                self._connection = await AsyncConnection.connect(
                    self._conninfo, **{**self._parameters, "application_name": "linnet watch"}
                )
                is_last = True
            try:
                await self._connection.execute("select 1", prepare=False)
                return
            except psycopg.Error:
                self._drop()
                if is_last or self._away:
                    raise

    def _say_away(self, cause: str) -> None:
        if not self._away:
            self._away = True
            log.warning("PostgreSQL is away", at=self._at, cause=cause)
            self._on_away(cause)

    async def _say_back(self) -> None:
        if self._away:
            self._away = False
            await self._on_back()
            log.warning("PostgreSQL is back", at=self._at)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # Closes the socket and waits for nobody.
            connection.pgconn.finish()


def address_of(conninfo: str) -> str:
    """Where it leads, for people to read."""
    words = conninfo_to_dict(conninfo)
    return f"{words.get('host') or 'localhost'}:{words.get('port') or 5432}"


def cut(connection: AsyncConnection[Any]) -> None:
    """Whoever waits for an answer over this connection is told at once that there will be none.

    Nothing is said to the server, which might not hear it. What it was asked before, it may still do.
    """
    with suppress(OSError, psycopg.Error):
        duplicate = socket.socket(fileno=os.dup(connection.pgconn.socket))
        try:
            duplicate.shutdown(socket.SHUT_RDWR)
        finally:
            duplicate.close()


def has_to_say(fd: int) -> bool:
    """Whether there is something to be read, asked without a round trip: on a connection at rest, that it ended."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))
