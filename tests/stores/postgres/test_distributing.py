"""``linnet db distribute``: what it would say to Citus, and what it says where there is none.

Citus is not there to be asked, so what its functions do is not shown here. Everything up to calling them is.
"""

import re

import psycopg
import pytest
from click.testing import CliRunner, Result

from linnet.cli import main
from linnet.stores.postgres.distribution import (
    PLACEMENTS,
    Distributed,
    Local,
    OtherwiseDistributed,
    Placement,
    Reference,
    placements_of,
    plan,
)
from tests.flows._linnet_process import url_of
from tests.stores.postgres.test_schema import described

DECLARATION = re.compile(
    r"select create_distributed_table\('public\.(\w+)', '(\w+)', colocate_with => '(none|public\.\w+)'\);"
)
REFERENCE = re.compile(r"select create_reference_table\('public\.(\w+)'\);")


@pytest.fixture
def url(database_url: str) -> str:
    """As an operator writes it."""
    return url_of(database_url)


def distribute(database_url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["db", "distribute", *arguments], env={"LINNET_DATABASE_URL": database_url})


def test_without_the_extension_it_says_so_and_changes_nothing(url: str) -> None:
    before = described(url)
    result = distribute(url)
    assert result.exit_code == 1, result.output
    assert result.output == (
        "linnet: This PostgreSQL lacks the extension citus: install it on every node and run"
        " `create extension citus` there.\n"
    )
    assert described(url) == before


def test_a_dry_run_says_where_the_rows_of_each_table_lie(url: str) -> None:
    result = distribute(url, "--dry-run")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    declared: dict[str, Placement] = {}
    for line in lines:
        if (found := DECLARATION.fullmatch(line)) is not None:
            table, owner, beside = found.groups()
            # What others lie beside is distributed before them.
            assert beside == "none" or beside.removeprefix("public.") in declared
            declared[table] = Distributed(owner, table if beside == "none" else beside.removeprefix("public."))
        elif (found := REFERENCE.fullmatch(line)) is not None:
            declared[found[1]] = Reference()
        else:
            # The rows that stayed where the table was made are let go right after it was distributed.
            table = list(declared)[-1]
            assert line == f"select truncate_local_data_after_distributing_table('public.{table}');"
    assert len(lines) == 2 * len(declared)
    with psycopg.connect(url) as connection:
        rows = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        # Names that the functions are given are names of tables and columns.
        for table, placement in declared.items():
            column = placement.owner if isinstance(placement, Distributed) else "*"
            connection.execute(f"select {column} from public.{table}".encode())
    ours = {str(table) for (table,) in rows if not re.match("_?yoyo_|schema_migrations", table)}
    local = {table for table, placement in PLACEMENTS.items() if isinstance(placement, Local)}
    assert declared.keys() == ours - local
    assert declared == {table: placement for table, placement in PLACEMENTS.items() if table not in local}


def test_whoever_is_interrupted_goes_on_and_declares_nothing_twice() -> None:
    tables = [step.table for step in plan()]
    for done in range(len(tables) + 1):
        steps = plan({table: PLACEMENTS[table] for table in tables[:done]})
        assert [step.table for step in steps if step.is_new] == tables[done:]
        for step in steps:
            declarations = [each for each in step.statements if "create_" in each]
            assert len(declarations) == step.is_new
            # It may have been interrupted between the two.
            assert step.statements[-1].startswith("select truncate_local_data")


@pytest.mark.parametrize(
    ("placement", "said"),
    [
        (Distributed("id", beside="users"), "distributed by id beside users"),
        (Distributed("user_id", beside="likes"), "distributed by user_id beside likes"),
        (Reference(), "a reference table"),
        (Local(), "on one node"),
    ],
)
def test_a_table_that_lies_otherwise_is_not_touched(placement: Placement, said: str) -> None:
    with pytest.raises(OtherwiseDistributed) as refused:
        plan({"likes": placement})
    assert refused.value.sentence == (
        f"The table likes is {said}, and this linnet needs it distributed by user_id beside users."
    )


def test_what_citus_says_of_its_tables_is_understood() -> None:
    groups = {"users": 1, "usernames": 2, "emails": 3, "apps": 4}
    rows = [
        (table, "distributed", placement.owner, groups[placement.beside])
        for table, placement in PLACEMENTS.items()
        if isinstance(placement, Distributed)
    ]
    rows += [(table, "reference", "<none>", 5) for table, each in PLACEMENTS.items() if isinstance(each, Reference)]
    understood = placements_of(rows[::-1])
    assert [step.table for step in plan(understood) if step.is_new] == []
    # In a group of its own it does not lie beside its owners.
    apart = [row if row[0] != "likes" else ("likes", "distributed", "user_id", 9) for row in rows]
    with pytest.raises(OtherwiseDistributed, match="The table likes is distributed by user_id beside likes"):
        plan(placements_of(apart))
