"""The schema: forward-only migrations, and the check that a server's schema is the one it knows.

yoyo applies ``migrations/NNNN.name.sql`` and keeps the record of what was applied; an advisory lock lets one process at
a time do it. Each migration is one transaction with bounded waits, so that a lock that is not to be had fails the
migration instead of stopping the site. The job queue's tables come along (``jobschema.py``).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import psycopg
from yoyo import read_migrations
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI

from linnet.errors import Unavailable
from linnet.stores.postgres import jobschema
from linnet.stores.postgres.locks import MIGRATIONS
from linnet.stores.postgres.pooler import refuse_pooler_at_once

_LOCK_TIMEOUT_SECONDS = 5
_STATEMENT_TIMEOUT_SECONDS = 600


class SchemaMismatch(Exception):
    """The database's schema is not the one this version works with. The text says what to do."""


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]  # yoyo comes without types, so its class is Any
    """yoyo's backend on a connection of ours: any libpq address, and with time-outs."""

    def __init__(self, url: str) -> None:
        self._url = url
        super().__init__(DatabaseURI("postgresql+psycopg", None, None, None, None, "", {}), "schema_migrations")

    def copy(self) -> "_Backend":
        return _Backend(self._url)

    def connect(self, dburi: Any) -> Any:
        return psycopg.connect(
            self._url,
            autocommit=True,
            connect_timeout=5,
            application_name="linnet migrate",
            options=f"-c lock_timeout={_LOCK_TIMEOUT_SECONDS}s -c statement_timeout={_STATEMENT_TIMEOUT_SECONDS}s",
        )


def _migrations() -> Any:
    directory = Path(str(resources.files(__package__))) / "migrations"
    return read_migrations(str(directory))


def known_versions() -> list[str]:
    """The migrations that this version of linnet brings, in order."""
    return [migration.id for migration in _migrations()]


@contextmanager
def _connected(url: str) -> Iterator[Any]:
    try:
        backend = _Backend(url)
    except psycopg.OperationalError as error:
        raise Unavailable(f"PostgreSQL: {error}") from error
    try:
        yield backend
    finally:
        backend.connection.close()


def migrate(url: str, versions: Sequence[str] | None = None) -> list[str]:
    """Brings the schema up to this version; returns what it applied. Safe for several processes at once.

    ``versions``: no further than these, which is as far as an older release was.

    Raises ``SchemaMismatch`` when the schema is newer than this version knows.
    """
    with _connected(url) as backend:
        refuse_pooler_at_once(backend.connection)
        backend.connection.execute("set lock_timeout = 0")
        backend.connection.execute("select pg_advisory_lock(%s)", (MIGRATIONS,))
        backend.connection.execute(f"set lock_timeout = '{_LOCK_TIMEOUT_SECONDS}s'")
        backend.init_database()
        backend.ensure_internal_schema_updated()
        # yoyo's own lock is a row, which stays when a process is killed; ours is the advisory lock above.
        backend.break_lock()
        migrations = _migrations() if versions is None else _migrations().filter(lambda each: each.id in versions)
        _refuse_newer(_applied(backend))
        pending = backend.to_apply(migrations)
        backend.apply_migrations(pending)
        _refuse_newer_jobs(jobschema.find_version(backend.connection))
        return [migration.id for migration in pending] + jobschema.bring_up(backend.connection)


def check_schema(url: str) -> None:
    """Raises ``SchemaMismatch`` unless the schema is exactly the one this version knows."""
    with _connected(url) as backend:
        applied = _applied(backend) if "schema_migrations" in backend.list_tables() else []
        jobs = jobschema.find_version(backend.connection) if applied else None
    _refuse_newer(applied)
    if missing := [version for version in known_versions() if version not in applied]:
        raise SchemaMismatch(
            f"The database's schema is older than this linnet: {len(missing)} migration(s) are missing."
            " Run `linnet db migrate`."
        )
    _refuse_newer_jobs(jobs)
    if jobs != jobschema.known_versions()[-1]:
        raise SchemaMismatch("The database's job queue is older than this linnet. Run `linnet db migrate`.")


def _applied(backend: Any) -> list[str]:
    cursor = backend.connection.execute("select migration_id from schema_migrations order by migration_id")
    return [row[0] for row in cursor.fetchall()]


def _refuse_newer(applied: list[str]) -> None:
    if unknown := sorted(set(applied) - set(known_versions())):
        raise SchemaMismatch(
            f"The database was made by a newer linnet (migration {unknown[-1]}). Install that version or a later one."
        )


def _refuse_newer_jobs(applied: str | None) -> None:
    if applied is not None and applied > jobschema.known_versions()[-1]:
        raise SchemaMismatch(
            f"The database's job queue was made by a newer procrastinate ({applied})."
            " Install that version or a later one."
        )
