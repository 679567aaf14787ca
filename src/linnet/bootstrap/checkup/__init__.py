"""Looks over a whole installation, for ``linnet doctor``: check by check, without a change to anything.

A check may fail in any way; the others are made all the same. What cannot be looked at, because something that it needs
is away, is skipped and says so.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import structlog

from linnet.bootstrap.checkup.choices import check_settings
from linnet.bootstrap.checkup.finding import CheckupOptions, Finding, Patient, State, said_by
from linnet.bootstrap.checkup.stores import (
    check_clock,
    check_disk,
    check_migrations,
    check_pictures,
    check_postgresql,
    check_replicas,
    check_valkey,
)
from linnet.bootstrap.checkup.work import (
    check_backup,
    check_events,
    check_jobs,
    check_parked,
    check_processes,
    check_reports,
    check_timelines,
)
from linnet.bootstrap.services import build_services
from linnet.errors import LinnetError
from linnet.settings import Settings

log = structlog.get_logger()

__all__ = ["CheckupOptions", "Finding", "State", "examine"]

_CLOSE_SECONDS = 5.0


class _Check(msgspec.Struct, frozen=True):
    """``needs`` are the checks of what it cannot do without."""

    name: str
    make: Callable[[Patient], Awaitable[list[Finding]]]
    needs: tuple[str, ...] = ()


_CHECKS = (
    _Check("PostgreSQL", check_postgresql),
    _Check("schema", check_migrations, ("PostgreSQL",)),
    _Check("replicas", check_replicas),
    _Check("clock", check_clock, ("PostgreSQL",)),
    _Check("Valkey", check_valkey),
    _Check("disk", check_disk),
    _Check("pictures", check_pictures),
    _Check("processes", check_processes, ("schema",)),
    _Check("events", check_events, ("schema",)),
    _Check("parked", check_parked, ("schema",)),
    _Check("jobs", check_jobs, ("schema",)),
    _Check("reports", check_reports, ("schema",)),
    _Check("timelines", check_timelines, ("schema", "Valkey")),
    _Check("backup", check_backup, ("schema",)),
    _Check("settings", check_settings),
)


async def examine(
    settings: Settings, *, data_dir: Path | None, options: CheckupOptions | None = None
) -> AsyncIterator[Finding]:
    """What there is to say, as it is found. Raises nothing that a store or a check does wrong.

    ``data_dir`` is that of a running ``linnet serve``, None when the servers are not its own.
    """
    services = build_services(settings, only_looks=True)
    patient = Patient(services, options or CheckupOptions(), data_dir, {})
    try:
        for check in _CHECKS:
            if causes := [patient.blocked[need] for need in check.needs if need in patient.blocked]:
                patient.blocked[check.name] = causes[0]
                yield Finding(check.name, "skipped", f"Not looked at, because of {causes[0]}.", blocks=True)
                continue
            for finding in await _make(check, patient):
                if finding.blocks:
                    patient.blocked[check.name] = check.name
                yield finding
    finally:
        services.write.pictures.close()
        with suppress(Exception):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await services.valkey.close()
                await services.db.close()


async def _make(check: _Check, patient: Patient) -> list[Finding]:
    seconds = patient.options.check_seconds
    try:
        async with asyncio.timeout(seconds):
            return await check.make(patient)
    except TimeoutError:
        sentence = f"This could not be looked at within {seconds:g} s."
    except LinnetError as error:
        sentence = f"This could not be looked at: {said_by(error)}"
    except Exception as error:
        # Of the check itself, most likely: the operator still wants to hear the others.
        log.debug("a check failed", check=check.name, exc_info=error)
        sentence = f"This could not be looked at: {type(error).__name__}: {said_by(error)}"
    return [Finding(check.name, "wrong", sentence, blocks=True)]
