"""Whether a place lives in this database: it may have moved away from it, or be on its way into it.

Both are said by a table in a schema of its own, which no migration and no backup knows: that it is there is the answer.
"""

from typing import Any, Final

import psycopg

from linnet.errors import Conflict, Unavailable

NAMESPACE: Final = "linnet_move"
MOVED: Final = f"{NAMESPACE}.moved"
FILLING: Final = f"{NAMESPACE}.filling"
CHANGES: Final = f"{NAMESPACE}.changes"


class HasMoved(Conflict):
    """This place has moved to other servers, and people may have changed things there."""

    code = "has_moved"


class IsMovingIn(Conflict):
    """A place is on its way into this database, and is not all there yet."""

    code = "is_moving_in"


def check_residence(url: str, *, may_have_moved: bool = False) -> None:
    """Raises ``HasMoved`` or ``IsMovingIn`` when nobody may work here, ``Unavailable`` when PostgreSQL is away.

    ``may_have_moved``: for those who only look.
    """
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=5, application_name="linnet") as connection:
            if _is_there(connection, FILLING):
                raise IsMovingIn(
                    f"{IsMovingIn.public_sentence()} Run the same `linnet move` again to go on with it, or make the"
                    " database anew."
                )
            if not may_have_moved and _is_there(connection, MOVED):
                row = connection.execute(f"select destination, at::date::text from {MOVED}".encode()).fetchone()
                where, when = row or ("another database", "some day")
                raise HasMoved(
                    f"This place has moved to {where} on {when}, and people may have changed things there. Start linnet"
                    " with the addresses of these servers. To live here again, without what was changed there:"
                    " `linnet move reopen`."
                )
    except psycopg.OperationalError as error:
        raise Unavailable(f"PostgreSQL: {error}") from error


def _is_there(connection: psycopg.Connection[Any], table: str) -> bool:
    row = connection.execute("select to_regclass(%s) is not null", (table,)).fetchone()
    return row is not None and bool(row[0])
