"""The tables of the job queue: procrastinate's own schema, kept in a namespace beside ours.

procrastinate brings the SQL that makes its tables and a numbered file for each later change. ``migrate`` runs them with
everything else; which of them this installation has is one of its facts. Nobody else's search path has to name the
namespace, because each function is told to look there: so a job is deferred in any transaction of ours.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# Another schema of that name than ours is not to be expected, and one of the name "procrastinate" is.
NAMESPACE = "linnet_jobs"
FACT = "jobs.schema"

_SETTLE = f"""
    do $$
    declare made regprocedure;
    begin
        for made in select oid::regprocedure from pg_proc where pronamespace = '{NAMESPACE}'::regnamespace loop
            execute format('alter function %s set search_path = {NAMESPACE}, pg_temp', made);
        end loop;
    end $$
"""


@cache
def known_versions() -> list[str]:
    """The changes that the installed procrastinate brings, in order; its whole schema has them all.

    Found without importing it: every process checks the schema, and only those that run jobs need the rest.
    """
    found = find_spec("procrastinate")
    assert found is not None, "a dependency of this package"
    assert found.origin is not None, "it consists of files"
    return sorted(path.stem for path in (Path(found.origin).parent / "sql/migrations").glob("*.sql"))


def find_version(connection: Any) -> str | None:
    """The last change that the database has; None when it has no job queue."""
    row = connection.execute("select value from installation where key = %s", (FACT,)).fetchone()
    return None if row is None else str(row[0])


def bring_up(connection: Any) -> list[str]:
    """Makes the queue, or applies the changes that it lacks; returns what was applied. Each is one transaction.

    For one process at a time, on a connection that commits by itself.
    """
    applied = find_version(connection)
    if applied is None:
        with connection.transaction():
            # Left over in a database that lost our tables: nobody is there any more whom these jobs were about.
            connection.execute(f"drop schema if exists {NAMESPACE} cascade")
            connection.execute(f"create schema {NAMESPACE}")
            _apply(connection, _whole_schema(), known_versions()[-1])
        return [f"job queue {known_versions()[-1]}"]
    pending = [version for version in known_versions() if version > applied]
    for version in pending:
        with connection.transaction():
            _apply(connection, _change(version), version)
    return [f"job queue {version}" for version in pending]


def _apply(connection: Any, sql: str, version: str) -> None:
    connection.execute(f"set local search_path = {NAMESPACE}")
    connection.execute(sql)
    connection.execute(_SETTLE)
    connection.execute(
        "insert into public.installation (key, value) values (%s, %s)"
        " on conflict (key) do update set value = excluded.value",
        (FACT, version),
    )


def _whole_schema() -> str:
    from procrastinate.schema import SchemaManager

    return SchemaManager.get_schema()


def _change(version: str) -> str:
    from procrastinate.schema import SchemaManager

    return (Path(SchemaManager.get_migrations_path()) / f"{version}.sql").read_text("utf-8")
