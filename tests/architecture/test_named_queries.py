"""Every named query says what it takes, what it gives and which index serves it, and somebody uses it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest

from linnet.stores.postgres.queries import Query, parse_queries
from tests.support.servers import Servers

POSTGRES = Path(__file__).parents[2] / "src/linnet/stores/postgres"
METHOD_OF_RESULT = {"many": "fetch", "one": "find", "value": "value", "none": "run"}
# Their tables are made by those who import or load, for their own connection.
TEMPORARY = ("bulk.", "places.")
# What ``fetch_range`` adds, to the query that it takes in this place.
PARAMS_OF_RANGE = {2: {"before_id", "page_size"}, 3: {"after_id", "page_size"}}
# Functions whose result is spread into parameters.
SPREAD = {"among": ("author_ids", "tweet_ids")}
# What a query may say instead of naming an index.
CONFESSIONS = re.compile(r"\b(scan|small table|on purpose)\b", re.IGNORECASE)


def queries_of(noun: str) -> dict[str, Query]:
    return parse_queries(noun, (POSTGRES / f"sql/{noun}.sql").read_text("utf-8"))


NOUNS = sorted(path.stem for path in (POSTGRES / "sql").glob("*.sql"))
QUERIES = [query for noun in NOUNS for query in queries_of(noun).values()]
by_name = pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)


def comment_of(query: Query) -> str:
    return " ".join(re.findall(r"^-- ?(.*)$", query.text, re.MULTILINE))


def indexes_named_by(query: Query) -> list[str]:
    served = re.search(r"Served by ([^.]*)", comment_of(query))
    return [] if served is None or served[1].startswith("nothing") else re.findall(r"\w+_\w+", served[1])


# What a query says


def problems_of(query: Query) -> list[str]:
    """What a reviewer would say of a query, without a database."""
    found = []
    if set(query.params) != query.placeholders:
        found.append(f"its header names {sorted(query.params)}, its text uses {sorted(query.placeholders)}")
    if len(query.params) != len(set(query.params)):
        found.append("its header names a parameter twice")
    first = query.text.partition("\n")[0]
    if not re.match(r"-- [A-Z0-9].+", first):
        found.append("no sentence stands right under its name")
    elif not comment_of(query).endswith("."):
        found.append("its comment does not end with a full stop")
    code = re.sub(r"'[^']*'|--.*", "", query.text)
    if code != code.lower():
        found.append("SQL is written in lower case")
    if re.search(r"(select|returning)\s+\*", code, re.IGNORECASE):
        found.append("columns are named")
    if re.search(r"\blimit\s+\d", code) and not re.search(r"\blimit 1\b", code):
        found.append("how many rows is a parameter")
    return found


@by_name
def test_a_query_says_what_it_takes_and_why_it_is_there(query: Query) -> None:
    assert problems_of(query) == []


def test_a_query_that_says_something_else_is_caught() -> None:
    planted = parse_queries(
        "planted",
        """-- :name fetch_all (user_id, page_size) -> many
SELECT * from tweets where author_id = %(author_id)s limit 10;
""",
    )["fetch_all"]
    assert problems_of(planted) == [
        "its header names ['page_size', 'user_id'], its text uses ['author_id']",
        "no sentence stands right under its name",
        "SQL is written in lower case",
        "columns are named",
        "how many rows is a parameter",
    ]


def test_every_line_that_looks_like_a_name_is_one() -> None:
    # A header that the parser does not take in would make its query a part of the one before.
    for noun in NOUNS:
        source = (POSTGRES / f"sql/{noun}.sql").read_text("utf-8")
        assert source.count(":name") == len(queries_of(noun)), noun


# Who uses it


class Use(msgspec.Struct):
    """A query in the hands of a typed function. ``method`` None: its text is given to the driver itself."""

    query: str
    method: str | None
    params: frozenset[str]
    where: str


def uses_in(module: Path) -> Iterator[Use]:
    tree = ast.parse(module.read_text("utf-8"))
    nouns = {
        node.targets[0].id: str(node.value.args[0].value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == "load_queries"
        and isinstance(node.value.args[0], ast.Constant)
    }
    for function in ast.walk(tree):
        if not isinstance(function, ast.AsyncFunctionDef | ast.FunctionDef):
            continue
        where = f"{module.name}:{function.name}"
        for call in ast.walk(function):
            if not isinstance(call, ast.Call):
                continue
            if isinstance(call.func, ast.Attribute):
                called = call.func.attr
            elif isinstance(call.func, ast.Name) and call.func.id == "fetch_range":
                called = call.func.id
            else:
                continue
            for place, argument in enumerate(call.args):
                subscript = argument
                while isinstance(subscript, ast.Call | ast.Attribute):
                    # The text of a query, for the driver itself.
                    subscript = subscript.func if isinstance(subscript, ast.Call) else subscript.value
                if (
                    isinstance(subscript, ast.Subscript)
                    and isinstance(subscript.value, ast.Name)
                    and subscript.value.id in nouns
                ):
                    params = frozenset(params_of(call, function))
                    method = called if subscript is argument else None
                    if called == "fetch_range":
                        method, params = "fetch", params | PARAMS_OF_RANGE[place]
                    for name in names_meant_by(subscript.slice, function):
                        yield Use(f"{nouns[subscript.value.id]}.{name}", method, params, where)


def params_of(call: ast.Call, function: ast.AST) -> Iterator[str]:
    """Keywords, those of ``**chunk`` and ``**among(refs)`` too, and the keys of a dict that is given as it is."""
    for keyword in call.keywords:
        if keyword.arg is not None:
            yield keyword.arg
        elif isinstance(keyword.value, ast.Name):
            for node in ast.walk(function):
                if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == keyword.value.id:
                    yield from keys_of(node.value)
        else:
            yield from keys_of(keyword.value)
    for argument in call.args:
        yield from keys_of(argument)


def keys_of(expression: ast.expr) -> Iterator[str]:
    if isinstance(expression, ast.Dict):
        for key, value in zip(expression.keys, expression.values, strict=True):
            if isinstance(key, ast.Constant):
                yield str(key.value)
            elif key is None:
                yield from keys_of(value)
    elif isinstance(expression, ast.Call) and isinstance(expression.func, ast.Name):
        yield from SPREAD.get(expression.func.id, ())


def names_meant_by(expression: ast.expr, function: ast.AST) -> list[str]:
    """The name itself, or, where it is chosen, every one that may be chosen."""
    if isinstance(expression, ast.Constant):
        return [str(expression.value)]
    if isinstance(expression, ast.IfExp):
        return [*names_meant_by(expression.body, function), *names_meant_by(expression.orelse, function)]
    if isinstance(expression, ast.Name):
        return [
            name
            for node in ast.walk(function)
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == expression.id
            for name in names_meant_by(node.value, function)
        ]
    return []


USES = [use for module in sorted(POSTGRES.glob("*.py")) for use in uses_in(module)]


@by_name
def test_a_query_is_used_as_it_says(query: Query) -> None:
    uses = [use for use in USES if use.query == query.name]
    assert uses, "nobody uses it: delete it"
    for use in uses:
        assert use.params == set(query.params), f"{use.where} gives it other parameters"
        assert use.method in (METHOD_OF_RESULT[query.result], None), f"{use.where} expects another result"


def test_every_query_that_is_used_exists() -> None:
    assert {use.query for use in USES} == {query.name for query in QUERIES}


# What serves it


@pytest.fixture(scope="module")
def connection(servers: Servers) -> Iterator[psycopg.Connection]:
    with servers.fresh_database() as url, psycopg.connect(url) as connection:
        # The tables are empty: without these, reading all of nothing would be the best plan of all.
        connection.execute("set enable_seqscan = off")
        connection.execute("set enable_bitmapscan = off")
        connection.commit()
        yield connection


def explained(connection: psycopg.Connection, query: Query) -> str:
    order: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in order:
            order.append(match[1])
        return f"${order.index(match[1]) + 1}"

    text = re.sub(r"%\((\w+)\)s", number, query.text)
    return "\n".join(row[0] for row in connection.execute(f"explain (generic_plan, costs off) {text}".encode()))


def indexes_of(connection: psycopg.Connection) -> dict[str, str]:
    rows = connection.execute("select indexname, tablename from pg_indexes where schemaname = 'public'")
    return {str(name): str(table) for name, table in rows}


def reads_a_table(plan: str) -> bool:
    return bool(re.search(r"(Seq|Index|Index Only|Tid) Scan", plan))


def serving_problem(connection: psycopg.Connection, query: Query) -> str | None:
    named = indexes_named_by(query)
    if missing := [name for name in named if name not in indexes_of(connection)]:
        return f"there is no index {missing[0]}"
    try:
        plan = explained(connection, query)
        if not named:
            if reads_a_table(plan) and not CONFESSIONS.search(comment_of(query)):
                return f"it reads a table and does not say which index serves it:\n{plan}"
            return None
        for name in named:
            if name not in plan and not _serves_without_others(connection, query, name, named):
                return f"{name} does not serve it:\n{plan}"
        return None
    finally:
        connection.rollback()


def _serves_without_others(connection: psycopg.Connection, query: Query, name: str, named: list[str]) -> bool:
    """Whether it would be chosen if other indexes of its table, which cost the same on nothing, were not there."""
    table = indexes_of(connection)[name]
    if re.search(rf"insert into {table}\b.*on conflict do nothing", query.text, re.DOTALL):
        # Whatever is unique decides, and the plan does not say what that is.
        return True
    for other, its_table in indexes_of(connection).items():
        if its_table == table and other not in named:
            is_constraint = connection.execute("select 1 from pg_constraint where conname = %s", (other,)).fetchone()
            drop = f"alter table {table} drop constraint {other}" if is_constraint else f"drop index {other}"
            connection.execute(drop.encode())
    return name in explained(connection, query)


@by_name
def test_a_query_is_served_by_the_index_that_it_names(connection: psycopg.Connection, query: Query) -> None:
    if query.name.startswith(TEMPORARY):
        permanent = [name for name in indexes_named_by(query) if not name.startswith("staged_")]
        assert set(permanent) <= set(indexes_of(connection))
        return
    assert serving_problem(connection, query) is None


_PLANTED = """
-- :name names_another (author_id) -> many
-- By author. Served by sessions_pkey.
select id from tweets where author_id = %(author_id)s;

-- :name names_none (text) -> many
-- By text.
select id from tweets where text = %(text)s;

-- :name names_what_is_not_there (text) -> many
-- By text. Served by tweets_text.
select id from tweets where text = %(text)s;

-- :name confesses (text) -> many
-- By text: a scan.
select id from tweets where text = %(text)s;
"""


def test_an_index_that_does_not_serve_is_caught(connection: psycopg.Connection) -> None:
    planted = parse_queries("planted", _PLANTED)
    problems = {name: serving_problem(connection, query) or "" for name, query in planted.items()}
    assert problems["names_another"].startswith("sessions_pkey does not serve it")
    assert problems["names_none"].startswith("it reads a table and does not say which index serves it")
    assert problems["names_what_is_not_there"] == "there is no index tweets_text"
    assert problems["confesses"] == ""
