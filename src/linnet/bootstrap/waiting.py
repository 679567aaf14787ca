"""Waits for the stores at the start of a process: a while, with a line every few seconds, and not for ever."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from linnet.errors import Unavailable
from linnet.stores.postgres.migrate import check_schema
from linnet.stores.postgres.moves.residence import IsMovingIn, check_residence
from linnet.stores.postgres.pool import PostgresOptions
from linnet.stores.valkey.client import ValkeyOptions, WrongKind
from linnet.stores.valkey.opening import make_valkey

log = structlog.get_logger()

_DATABASE_SECONDS = 60.0
_VALKEY_SECONDS = 5.0
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 3.0


async def wait_for_database(options: PostgresOptions, *, patient: bool) -> None:
    """Returns when PostgreSQL answers, has the schema of this version, and is where the place lives.

    Raises ``Unavailable`` with the last cause when patience is over, ``SchemaMismatch`` and ``HasMoved`` at once. For a
    place that is on its way into this database the patient wait as long as it takes; others are told so. A place that
    has moved away may be looked at by those who serve nobody.
    """
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + (_DATABASE_SECONDS if patient else 0.0)
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            await asyncio.to_thread(check_residence, options.url, may_have_moved=not patient)
            return await asyncio.to_thread(check_schema, options.url)
        except IsMovingIn:
            if not patient:
                raise
            if pause > 0.5:
                log.warning("waiting for the place to move into this database")
            give_up_at = loop.time() + _DATABASE_SECONDS
        except Unavailable as error:
            if loop.time() + pause > give_up_at:
                raise
            if pause > 0.5:
                log.warning("waiting for PostgreSQL", cause=" ".join(error.cause.split()))
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


async def wait_for_valkey(connect: Callable[[], Awaitable[None]], *, patient: bool) -> None:
    """Returns when Valkey answers and is believed. In the end the patient go on without it, others raise.

    That is ``Unavailable``, which ``connect`` raises. The impatient give it one more chance: another process may just
    have accepted a Valkey that is new. A ``WrongKind`` is raised at once.
    """
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + (_VALKEY_SECONDS if patient else _FIRST_PAUSE_SECONDS)
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return await connect()
        except WrongKind:
            raise
        except Unavailable as error:
            if loop.time() + pause > give_up_at:
                if not patient:
                    raise
                # Reads come from PostgreSQL then, and posting works: slower is better than not at all.
                log.warning("starting without Valkey", cause=str(error))
                return None
        await asyncio.sleep(pause)
        pause = min(pause * 2, 1.0)


async def refuse_wrong_kind(options: ValkeyOptions) -> None:
    """Raises ``WrongKind``, before processes are started that could only end again. One that is away may come."""
    valkey = make_valkey(options)
    try:
        await valkey.open()
    except WrongKind:
        raise
    except Unavailable:
        pass
    finally:
        await valkey.close()
