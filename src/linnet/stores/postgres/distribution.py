"""Where the rows of each table lie on Citus, and the statements that say so to it.

Everything that grows is distributed by the user who owns the row, and lies beside that user's other rows. What is small
and joined with them is copied to every node (a *reference* table); what is small, or belongs to the installation, stays
on the node that everybody connects to. On a PostgreSQL without the extension all of this means nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import psycopg

from linnet.errors import Conflict, Unavailable
from linnet.stores.postgres.locks import MIGRATIONS
from linnet.stores.postgres.pooler import refuse_pooler_at_once


class Distributed(msgspec.Struct, frozen=True):
    """By this column, each value's rows beside those of the same value in the table ``beside`` (itself: the first)."""

    owner: str
    beside: str


class Reference(msgspec.Struct, frozen=True):
    """A copy on every node: read in joins with anything, and seldom written."""


class Local(msgspec.Struct, frozen=True):
    """On one node, which is where everybody connects to."""


Placement = Distributed | Reference | Local


def _of_user(owner: str) -> Distributed:
    return Distributed(owner, beside="users")


# The tables that others lie beside come before these.
PLACEMENTS: Final[Mapping[str, Placement]] = {
    "users": Distributed("id", beside="users"),
    # What has to be unique everywhere is its own owner.
    "usernames": Distributed("username", beside="usernames"),
    "emails": Distributed("email", beside="emails"),
    # Its own owner as well: nobody else's.
    "apps": Distributed("id", beside="apps"),
    "sessions": _of_user("user_id"),
    "following": _of_user("user_id"),
    "followers": _of_user("user_id"),
    "follow_changes": _of_user("user_id"),
    "follow_requests": _of_user("user_id"),
    "follow_requesters": _of_user("user_id"),
    "blocks": _of_user("user_id"),
    "blocked_by": _of_user("user_id"),
    "mutes": _of_user("user_id"),
    "tweets": _of_user("author_id"),
    "tweet_versions": _of_user("author_id"),
    "replies": _of_user("author_id"),
    "retweets": _of_user("author_id"),
    "tweet_likes": _of_user("author_id"),
    "tweet_votes": _of_user("author_id"),
    "tweet_tags": _of_user("author_id"),
    "tweet_documents": _of_user("author_id"),
    "popular": _of_user("author_id"),
    "likes": _of_user("user_id"),
    "votes": _of_user("user_id"),
    "mentions": _of_user("user_id"),
    "tag_people": _of_user("user_id"),
    "notifications": _of_user("user_id"),
    "notification_groups": _of_user("user_id"),
    "notification_states": _of_user("user_id"),
    "idempotency_keys": _of_user("user_id"),
    "view_changes": _of_user("user_id"),
    "oauth_codes": _of_user("user_id"),
    "markers": _of_user("user_id"),
    "preferences": _of_user("user_id"),
    "push_subscriptions": _of_user("user_id"),
    "bookmarks": _of_user("user_id"),
    "remarks": _of_user("user_id"),
    "attachments": _of_user("owner_id"),
    "reports": _of_user("user_id"),
    "lists": _of_user("user_id"),
    "followed_tags": _of_user("user_id"),
    "list_members": _of_user("user_id"),
    "filters": _of_user("user_id"),
    "filter_tweets": _of_user("user_id"),
    "featured_tags": _of_user("user_id"),
    "dismissed_suggestions": _of_user("user_id"),
    "endorsements": _of_user("user_id"),
    "scheduled_tweets": _of_user("user_id"),
    "directs": _of_user("user_id"),
    "conversations": _of_user("user_id"),
    "conversation_mutes": _of_user("user_id"),
    "outbox": _of_user("actor_id"),
    "parked_events": _of_user("actor_id"),
    # Some hundreds of rows that are joined with whom somebody follows.
    "top_users": Reference(),
    # Rows of no user. Every batch locks some in one order, which only one node can do in one statement.
    "tags": Local(),
    "installation": Local(),
    "valkey_history": Local(),
    "worker_leases": Local(),
    "event_workers": Local(),
}


class NoCitus(Conflict):
    """This PostgreSQL lacks the extension citus: install it on every node and run `create extension citus` there."""

    code = "no_citus"


class InUse(Conflict):
    """A process of linnet works on this database. Stop all of them, then distribute its tables."""

    code = "in_use"


class OtherwiseDistributed(Conflict):
    """A table is distributed in another way than this linnet needs."""

    code = "otherwise_distributed"


class Step(msgspec.Struct, frozen=True):
    """What one table takes: statements of which each commits by itself, and may be said again."""

    table: str
    statements: tuple[str, ...]
    is_new: bool


def plan(there: Mapping[str, Placement] | None = None) -> list[Step]:
    """All tables but the local ones, in the order that they need; ``there`` says how tables lie already.

    Raises ``OtherwiseDistributed`` when one of them lies in a way that this linnet does not work with.
    """
    there = there or {}
    found = []
    for table, placement in PLACEMENTS.items():
        if table in there and there[table] != placement:
            raise OtherwiseDistributed(
                f"The table {table} is {_said(there[table])}, and this linnet needs it {_said(placement)}."
            )
        if isinstance(placement, Local):
            continue
        # A table's rows stay behind where it was made, out of sight. Whoever was interrupted has not let them go yet.
        statements: tuple[str, ...] = (f"select truncate_local_data_after_distributing_table('public.{table}')",)
        if table not in there:
            statements = (_declaration(table, placement), *statements)
        found.append(Step(table, statements, is_new=table not in there))
    return found


def preview(url: str) -> list[Step]:
    """What ``distribute`` has to do there; all of it where there is no Citus."""
    with _connected(url) as connection:
        return plan(_find_placements(connection) if _has_citus(connection) else None)


def distribute(url: str) -> Iterator[str]:
    """Distributes what is not distributed yet; yields each table when it is done. Nobody may work on the database.

    A table is done as a whole or not at all, so whoever is interrupted begins again, and goes on.

    Raises ``NoCitus``, ``InUse`` and ``OtherwiseDistributed`` before anything is changed.
    """
    with _connected(url) as connection:
        refuse_pooler_at_once(connection)
        # Nobody migrates meanwhile, and nobody else distributes.
        connection.execute("select pg_advisory_lock(%s)", (MIGRATIONS,))
        if not _has_citus(connection):
            raise NoCitus
        if _holds(connection, "select exists (select from worker_leases where expires_at > now())"):
            raise InUse
        for step in plan(_find_placements(connection)):
            for statement in step.statements:
                connection.execute(statement.encode())
            if step.is_new:
                yield step.table


def _declaration(table: str, placement: Placement) -> str:
    if isinstance(placement, Distributed):
        beside = "none" if placement.beside == table else f"public.{placement.beside}"
        return f"select create_distributed_table('public.{table}', '{placement.owner}', colocate_with => '{beside}')"
    return f"select create_reference_table('public.{table}')"


def _said(placement: Placement) -> str:
    match placement:
        case Distributed(owner=owner, beside=beside):
            return f"distributed by {owner} beside {beside}"
        case Reference():
            return "a reference table"
        case _:
            return "on one node"


def _find_placements(connection: psycopg.Connection) -> dict[str, Placement]:
    """How Citus says that tables lie; those that it does not know are left out."""
    rows = connection.execute(
        "select c.relname, t.citus_table_type, t.distribution_column, t.colocation_id"
        " from citus_tables t join pg_class c on c.oid = t.table_name"
        " where c.relnamespace = 'public'::regnamespace"
    ).fetchall()
    return placements_of([(str(table), str(kind), str(column), int(group)) for table, kind, column, group in rows])


def placements_of(rows: Sequence[tuple[str, str, str, int]]) -> dict[str, Placement]:
    """From what ``citus_tables`` holds: table, kind, column and the number of the group that it lies in."""
    first = {group: table for table, kind, _, group in reversed(_in_our_order(rows)) if kind == "distributed"}
    found: dict[str, Placement] = {}
    for table, kind, column, group in rows:
        if kind == "distributed":
            found[table] = Distributed(column, beside=first[group])
        elif kind == "reference":
            found[table] = Reference()
        else:
            found[table] = Local()
    return found


def _in_our_order(rows: Sequence[tuple[str, str, str, int]]) -> list[tuple[str, str, str, int]]:
    order = list(PLACEMENTS)
    return sorted(rows, key=lambda row: order.index(row[0]) if row[0] in PLACEMENTS else len(order))


def _has_citus(connection: psycopg.Connection) -> bool:
    return _holds(connection, "select exists (select from pg_extension where extname = 'citus')")


def _holds(connection: psycopg.Connection, question: str) -> bool:
    row = connection.execute(question.encode()).fetchone()
    return row is not None and bool(row[0])


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection]:
    # Without a bound for statements: a table's rows are copied to the other nodes.
    settings: dict[str, Any] = {"autocommit": True, "connect_timeout": 5, "application_name": "linnet distribute"}
    try:
        with psycopg.connect(url, options="-c statement_timeout=0", **settings) as connection:
            yield connection
    except psycopg.Error as error:
        raise Unavailable(f"PostgreSQL: {error}") from error
