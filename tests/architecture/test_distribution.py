"""Every table has its place on Citus, and every statement names whose rows it asks for, or was looked at.

Citus itself is not there to be asked. What it would do with a statement is judged by its text
(tests/support/ownership.py), and by the limits that the manual of Citus names.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest

from linnet.stores.postgres.distribution import PLACEMENTS, Distributed
from linnet.stores.postgres.queries import parse_queries
from tests.support.ownership import ON_CITUS, Finding, Ownership, in_plain_order, parse
from tests.support.servers import Servers

POSTGRES = Path(__file__).parents[2] / "src/linnet/stores/postgres"
# Fills an empty installation for measurements, which is done before its tables are distributed if ever.
ALONE = "places"
QUERIES = {
    query.name: query
    for path in sorted((POSTGRES / "sql").glob("*.sql"))
    if path.stem != ALONE
    for query in parse_queries(path.stem, path.read_text("utf-8")).values()
}

# Statements that ask every node, and why that is bounded and rare. Each node answers from the index named there.
SCATTERED: Mapping[str, tuple[str, ...]] = {
    "each node gives one page of its newest, and a page of these is what is shown": (
        "tweets.find_newest_id",
        "tweets.fetch_newest",
        "tweets.fetch_newest_above",
        "tweets.fetch_newest_with_attachments",
        "tweets.fetch_newest_with_attachments_above",
        "tags.fetch_tweets",
        "tags.fetch_tweets_above",
        "popular.fetch_best",
        "popular.find_score_at",
        "search.find_floor",
        "search.find_ceiling",
        "search.fetch_newest",
        "search.fetch_oldest",
        "search.fetch_matching",
        "search.fetch_matching_upwards",
        "search.fetch_people_by_prefix",
        "search.fetch_people_by_keys",
        "suggestions.fetch_most_followed",
        "scheduled.fetch_due",
        "pushes.claim",
        "pushes.count_late",
        "suggestions.fetch_top_ids",
    ),
    "tweets of authors who are not named, by id: one look into an index of each node": (
        "tweets.fetch_refs",
        "edits.fetch_moments",
        "tweets.find_by_id_in_steps",
        "erasure.fetch_late_replies",
    ),
    "events of a lane are those of many people; the table is nearly empty when all is well": (
        "outbox.fetch_batch",
        "outbox.fetch_busy_lanes",
        "outbox.fetch_due_lanes",
        "outbox.fetch_of_kinds",
        "outbox.fetch_depths",
        "outbox.count",
        "histories.find_oldest_event",
        "vitals.find_oldest_event_seconds",
    ),
    "parked events are few, and asked for when something is wrong or somebody leaves": (
        "outbox.fetch_parked",
        "vitals.count_parked",
        "erasure.fetch_parked",
        "erasure.fetch_parked_tweets",
        "erasure.blank_parked",
    ),
    "pictures that wait for a tweet are those of a day at most, and files are compared with rows once a day": (
        "attachments.fetch_waiting",
        "attachments.fetch_named",
    ),
    "once for an account that leaves, a page at a time": (
        "erasure.names_in_outbox",
        "erasure.delete_muted",
        "erasure.delete_bookmarked",
        "erasure.delete_remarked",
        "erasure.delete_reported",
        "erasure.delete_listed",
        "erasure.delete_endorsed",
        "erasure.delete_dismissed",
        "erasure.delete_filtered",
        "erasure.fetch_notified",
        "erasure.forget_view_changes",
    ),
    "once for a tweet that is deleted with mentions in it": ("notifications.delete_mentions",),
    "once for a batch in which direct tweets go, by whose tweets they are": (
        "conversations.fetch_of_tweets",
        "conversations.delete_of_tweets",
    ),
    "once for a batch with edited tweets": ("notifications.delete_other_mentions",),
    "once for a batch of tweets that are gone": ("bookmarks.delete_of_tweets", "filters.delete_of_tweets"),
    "what has aged, in the background, a page at a time": (
        "histories.delete_changes",
        "pushes.delete_orphans",
        "relations.fetch_ended_mutes",
        "votes.fetch_ended",
        "popular.delete_below",
        "apps.delete_unused",
        "codes.delete_expired",
        "sessions.delete_expired",
        "tags.delete_people_below",
        "tweets.delete_old_keys",
    ),
    "what an operator reads of all that people report, seldom": (
        "reports.count_open",
        "reports.fetch_all",
        "reports.fetch_open",
        "reports.find",
    ),
    "tags that an event or an operator speaks of, counted over all who used them lately": (
        "tags.count_people_below",
        "tags.sum_people",
        "recounts.count_tags",
    ),
    "once after a Valkey was lost, for some hours' rows, a page at a time": (
        "histories.fetch_changed",
        "histories.fetch_tweets",
        "histories.count_tweets",
    ),
    "an operator's walk through everything, a page at a time": (
        "users.fetch_misfits",
        "popular.fetch_ranked",
        "backups.fetch_avatars",
        "backups.fetch_attachments",
        "backups.find_inhabitants",
        "recounts.fetch_user_ids",
        "recounts.fetch_tweets",
        "recounts.fetch_replies",
        "recounts.fetch_retweets",
        "recounts.fetch_likes",
        "recounts.fetch_like_notes",
        "recounts.fetch_polls",
        "recounts.fetch_votes",
        "recounts.fetch_vote_notes",
        "recounts.fetch_held_back",
    ),
    "how large the place is, once in some minutes; of what is large a sample, or what PostgreSQL last counted": (
        "instance.count_people",
        "instance.count_tweets",
        "instance.count_active",
        "instance.count_tweets_by_week",
        "instance.count_people_by_week",
        "instance.count_logins_by_week",
    ),
    "once for a picture that nobody may have any more": ("profiles.fetch_avatars_among",),
}

# Statements that the manual of Citus says it does not take. Nothing is to be added here.
REFUSED: Mapping[str, tuple[str, ...]] = {
    "quick on one server; on Citus another one is said": tuple(ON_CITUS),
    "not for a live installation: what defines timelines and conversations, and makes demonstrations and imports": (
        "home.fetch_oracle",
        "lists.fetch_oracle",
        "conversations.fetch_oracle",
        "notifications.date_back",
        "bulk.create_people",
        "bulk.fetch_strangers",
        "bulk.match_added",
        "bulk.create_follows",
        "bulk.lock_users",
        "bulk.insert_follows",
    ),
}
LISTED = {name for lists in (SCATTERED, REFUSED) for names in lists.values() for name in names}


# Tables


@pytest.fixture(scope="module")
def connection(servers: Servers) -> Iterator[psycopg.Connection]:
    with servers.fresh_database() as url, psycopg.connect(url) as connection:
        yield connection


@pytest.fixture
def rolled_back(connection: psycopg.Connection) -> Iterator[psycopg.Connection]:
    yield connection
    connection.rollback()


def columns_of(connection: psycopg.Connection) -> dict[str, frozenset[str]]:
    rows = connection.execute(
        "select c.relname, array_agg(a.attname::text)"
        " from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped"
        " where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')"
        " and c.relname !~ '^(_?yoyo_|schema_migrations)' group by c.relname"
    )
    return {str(table): frozenset(columns) for table, columns in rows}


def problems_of_tables(connection: psycopg.Connection) -> list[str]:
    columns = columns_of(connection)
    found = [f"{table} has no place in PLACEMENTS" for table in columns.keys() - PLACEMENTS.keys()]
    found += [f"there is no table {table}" for table in PLACEMENTS.keys() - columns.keys()]
    for table, placement in PLACEMENTS.items():
        if isinstance(placement, Distributed) and placement.owner not in columns.get(table, ()):
            found.append(f"{table} has no column {placement.owner}")
    types = {
        (str(table), str(column)): str(of)
        for table, column, of in connection.execute(
            "select table_name, column_name, data_type from information_schema.columns where table_schema = 'public'"
        )
    }
    for table, placement in PLACEMENTS.items():
        if isinstance(placement, Distributed):
            first = PLACEMENTS.get(placement.beside)
            if not isinstance(first, Distributed) or list(PLACEMENTS).index(placement.beside) > list(PLACEMENTS).index(
                table
            ):
                found.append(f"{table} lies beside {placement.beside}, which is not distributed before it")
            elif types.get((table, placement.owner)) != types.get((placement.beside, first.owner)):
                found.append(f"{table}.{placement.owner} is of another type than {placement.beside}.{first.owner}")
    unique = connection.execute(
        "select t.relname, x.relname, (select array_agg(a.attname::text) from pg_attribute a"
        " where a.attrelid = t.oid and a.attnum = any(i.indkey[:i.indnkeyatts - 1]))"
        " from pg_index i join pg_class t on t.oid = i.indrelid join pg_class x on x.oid = i.indexrelid"
        " where i.indisunique and t.relnamespace = 'public'::regnamespace"
    )
    for table, index, keys in unique:
        placed = PLACEMENTS.get(str(table))
        if isinstance(placed, Distributed) and placed.owner not in keys:
            found.append(f"{index} is unique among several owners")
    foreign = connection.execute(
        "select conname from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace"
    )
    found += [f"{name} refers to rows that may be another owner's" for (name,) in foreign]
    return sorted(found)


def test_every_table_has_its_place_and_what_is_unique_is_so_within_one_owner(connection: psycopg.Connection) -> None:
    assert problems_of_tables(connection) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("create table more (id bigint primary key)", "more has no place in PLACEMENTS"),
        ("drop table mutes", "there is no table mutes"),
        ("alter table likes rename column user_id to liker_id", "likes has no column user_id"),
        ("create unique index tokens on sessions (token_hash)", "tokens is unique among several owners"),
        (
            "create unique index tokens on sessions (token_hash) include (user_id)",
            "tokens is unique among several owners",
        ),
        ("alter table mutes alter column user_id type text", "mutes.user_id is of another type than users.id"),
        (
            "alter table sessions add constraint owner foreign key (user_id) references users",
            "owner refers to rows that may be another owner's",
        ),
    ],
)
def test_a_table_without_a_place_is_caught(rolled_back: psycopg.Connection, change: str, problem: str) -> None:
    rolled_back.execute(change.encode())
    assert problem in problems_of_tables(rolled_back)


# Statements


@pytest.fixture(scope="module")
def ownership(connection: psycopg.Connection) -> Ownership:
    return Ownership(PLACEMENTS, columns_of(connection))


def test_a_statement_names_whose_rows_it_asks_for_or_was_looked_at(ownership: Ownership) -> None:
    found = {name: ownership.judge(query.text) for name, query in QUERIES.items()}
    unlisted = {name: findings for name, findings in found.items() if findings and name not in LISTED}
    assert unlisted == {}
    outgrown = [name for name in LISTED if not found.get(name)]
    assert outgrown == [], "these need no exception any more"
    scattered = [name for names in SCATTERED.values() for name in names]
    worse = {name: found[name] for name in scattered if any(each.rule != "scatter" for each in found[name])}
    assert worse == {}, "these do more than to ask every node"
    assert len(LISTED) == sum(len(names) for lists in (SCATTERED, REFUSED) for names in lists.values())


def test_what_is_said_on_citus_in_the_place_of_another_is_what_citus_takes(ownership: Ownership) -> None:
    for on_one_server, on_citus in ON_CITUS.items():
        assert {each.rule for each in ownership.judge(QUERIES[on_one_server].text)} - {"scatter"}, on_one_server
        assert {each.rule for each in ownership.judge(QUERIES[on_citus].text)} <= {"scatter"}, on_citus


def test_statements_outside_the_files_ask_for_nobodys_rows(ownership: Ownership) -> None:
    # Settings, locks and the records of migrations; COPY is given whole tables, by backups alone.
    found = {}
    for module in sorted(POSTGRES.glob("*.py")):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value.replace("%s", "'x'").replace("public.", "")
                if re.match(r"(select|with|insert into|update|delete from|truncate|merge)\s+\S+.*\s", text):
                    found[f"{module.name}: {text}"] = ownership.judge(text)
    assert len(found) >= 3, "the search finds what there is"
    assert {text: findings for text, findings in found.items() if findings} == {}


PLANTED = [
    ("select text from tweets where id = %(id)s", [("scatter", "tweets")]),
    ("select text from tweets where author_id > %(id)s", [("scatter", "tweets")]),
    ("select text from tweets where author_id = %(id)s or pinned", [("scatter", "tweets")]),
    ("select text from tweets where author_id <> all(%(ids)s::bigint[])", [("scatter", "tweets")]),
    ("select text from tweets where not (author_id = %(id)s)", [("scatter", "tweets")]),
    ("select text from tweets where author_id = reply_to_author_id", [("scatter", "tweets")]),
    ("delete from tweets where id = any(%(ids)s::bigint[])", [("scatter", "tweets")]),
    ("update users set name = '' where username = %(name)s", [("scatter", "users")]),
    ("select 1 where exists (select from tweets where id = %(id)s)", [("scatter", "tweets")]),
    ("with a as (select id from tweets where id > %(id)s) select id from a", [("scatter", "tweets")]),
    ("select id from tweets where author_id = %(id)s union all select id from tweets", [("scatter", "tweets")]),
    ("insert into likes (tweet_id, id) values (%(a)s, %(b)s)", [("no owner", "likes")]),
    (
        "insert into likes (user_id, tweet_id, author_id, id) select 1, id, author_id, 2 from tweets",
        [("scatter", "tweets")],
    ),
    ("insert into likes values (1, 2, 3, 4)", [("no owner", "likes")]),
    ("update likes set user_id = %(b)s where user_id = %(a)s", [("moves", "likes")]),
    (
        "insert into mutes (user_id, muted_id, id) values (1, 2, 3)"
        " on conflict (user_id, muted_id) do update set id = extract(epoch from now())",
        [("changing function", "mutes")],
    ),
    # Both are named, and are not the same.
    (
        "select t.id from tweets t join users u on u.id = t.reply_to_author_id"
        " where t.author_id = %(a)s and u.id = %(b)s",
        [("apart", "users")],
    ),
    (
        "select t.id from tweets t where t.author_id = any(%(ids)s::bigint[])"
        " and exists (select from blocks b where b.user_id = %(id)s and b.blocked_id = t.author_id)",
        [("apart", "blocks")],
    ),
    (
        "select t.id from tweets t, users u where t.author_id = any(%(a)s::bigint[]) and u.id = any(%(a)s::bigint[])",
        [("apart", "users")],
    ),
    (
        "select a.id, (select count(*) from tweets t where t.author_id = a.id) from unnest(%(ids)s::bigint[]) a (id)",
        [("apart", "tweets")],
    ),
    ("select id from users where id = any(%(ids)s::bigint[]) order by id for update", [("locks", "users")]),
    (
        "select id from outbox where lane = %(lane)s for update skip locked",
        [("locks", "outbox"), ("scatter", "outbox")],
    ),
    (
        "with a as (select user_id, id from likes where user_id = any(%(ids)s::bigint[]) for share)"
        " delete from likes l using a where l.user_id = a.user_id",
        [("locks", "likes")],
    ),
    (
        "select t.id from unnest(%(ids)s::bigint[]) a (id), lateral (select id from tweets where author_id = a.id"
        " order by id desc limit %(n)s) t",
        [("apart", "tweets"), ("lateral", "")],
    ),
    (
        "select t.id from unnest(%(ids)s::bigint[]) a (id) cross join lateral (select id from tweets"
        " where author_id = a.id order by id desc limit %(n)s) t",
        [("apart", "tweets"), ("lateral", "")],
    ),
    (
        "select a.id, u.name from unnest(%(ids)s::bigint[]) a (id) left join users u on u.id = a.id",
        [("outer join", "users")],
    ),
    (
        "with recursive up as (select id, reply_to_id from tweets where author_id = any(%(ids)s::bigint[])"
        " union all select id, reply_to_id from up) select id from up",
        [("recursive", "")],
    ),
    ("select x from strangers where x = %(x)s", [("unknown", "strangers")]),
]


@pytest.mark.parametrize(("text", "expected"), PLANTED)
def test_a_statement_that_names_nobody_is_caught(
    ownership: Ownership, text: str, expected: list[tuple[str, str]]
) -> None:
    assert ownership.judge(text) == [Finding(rule, table) for rule, table in expected]


@pytest.mark.parametrize(
    "text",
    [
        "select text from tweets where (author_id = %(id)s) and (pinned or id > 5)",
        "select id from tweets where author_id in (%(a)s, %(b)s)",
        "select id from users where (id, version) in (select unnest(%(a)s::bigint[]), unnest(%(b)s::bigint[]))",
        "select f.followed_id from following f left join top_users t on t.user_id = f.followed_id"
        " where f.user_id = %(a)s",
        "select t.id from tweets t join users u on u.id = t.author_id where u.id = any(%(ids)s::bigint[])",
        "update tweets t set pinned = true from (values (1, 2)) c (author_id, id)"
        " where t.author_id = c.author_id and t.id = c.id",
        # All of one owner, so all of it is that node's business.
        "select id from tweets where author_id = %(a)s and pinned for update",
        "select n.id from (select actor_id as id from notifications where user_id = %(a)s limit 5) n"
        " where not exists (select from mutes m where m.user_id = %(a)s and m.muted_id = n.id)",
        "select tag from tags where tag = any(%(tags)s::text[]) order by tag for update",
    ],
)
def test_a_statement_that_names_owners_is_not_caught(ownership: Ownership, text: str) -> None:
    assert ownership.judge(text) == []


# The parser


def planned(connection: psycopg.Connection, text: str) -> str:
    numbers: dict[str, str] = {}
    text = re.sub(r"%\((\w+)\)s", lambda each: numbers.setdefault(each[1], f"${len(numbers) + 1}"), text)
    rows = connection.execute(f"explain (generic_plan, costs off, verbose) {text}".encode()).fetchall()
    # Two names of one moment.
    return "\n".join(row[0] for row in rows).replace("CURRENT_TIMESTAMP", "now()")


def test_the_parser_reads_a_statement_as_postgresql_does(rolled_back: psycopg.Connection) -> None:
    """What is written anew from the parsed statement has the plan of the statement itself."""
    compared = {name: query.text for name, query in QUERIES.items() if not name.startswith("bulk.")}
    differ = {
        name: planned(rolled_back, parse(text).sql(dialect="postgres"))
        for name, text in compared.items()
        if planned(rolled_back, parse(text).sql(dialect="postgres")) != planned(rolled_back, in_plain_order(text))
    }
    assert differ == {}
    assert len(compared) > 200
