"""An installation as release 0.1 left it: the tables of migration 0001, and in them people and what they wrote."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
import psycopg
from psycopg.conninfo import make_conninfo

from linnet.clock import SystemClock
from linnet.domain.event import Event, TweetPosted, TweetRef, actor_of, encode_event, lane_of
from linnet.domain.text import TextRules, check_text
from linnet.ids import IdSource, Lease, TweetId, UserId, first_id_at, random_bytes
from linnet.stores.postgres import migrate
from tests.support.servers import Servers

_DAY_MS = 86_400_000


@contextmanager
def open_old_release(servers: Servers) -> Iterator["OldRelease"]:
    """On a database of its own, gone after the block."""
    name = f"test_upgrade_{random_bytes(5).hex()}"
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute(f"create database {name} template template0".encode())
        try:
            url = make_conninfo(servers.database_url, dbname=name)
            with migrate._connected(url) as backend:
                backend.init_database()
                backend.ensure_internal_schema_updated()
                backend.apply_migrations(migrate._migrations().filter(lambda migration: migration.id < "0002"))
            with psycopg.connect(url, autocommit=True) as own:
                yield OldRelease(url, own)
        finally:
            connection.execute(f"drop database {name} with (force)".encode())


class OldRelease:
    """Writes the rows that its actions and its workers wrote. ``finish`` adds the counters up."""

    def __init__(self, url: str, connection: psycopg.Connection) -> None:
        self.url = url
        self.people: dict[str, UserId] = {}
        self._connection = connection
        clock = SystemClock()
        self._now_ms = clock.now_ms()
        self._ids = IdSource(clock, Lease(7, 0, self._now_ms + _DAY_MS))
        self._waiting: set[int] = set()

    def sign_up(self, *names: str) -> None:
        for name in names:
            user_id = self.people[name] = UserId(self._ids.mint())
            email = f"{name}@example.org"
            self._run(
                "insert into users (id, username, name, email, password_hash) values (%s, %s, %s, %s, '-')",
                user_id,
                name,
                name.title(),
                email,
            )
            self._run("insert into usernames (username, user_id) values (%s, %s)", name, user_id)
            self._run("insert into emails (email, user_id) values (%s, %s)", email, user_id)

    def follow(self, name: str, *others: str) -> None:
        """Both sides and no event, as an import writes them."""
        for other in others:
            follow_id = self._ids.mint()
            for table, mine, yours in (("following", name, other), ("followers", other, name)):
                self._run(f"insert into {table} values (%s, %s, %s)", self.people[mine], self.people[yours], follow_id)

    def post(
        self, name: str, text: str, *, reply_to: TweetRef | None = None, days_ago: int = 0, waiting: bool = False
    ) -> TweetRef:
        """``waiting``: nobody applied its event before the upgrade."""
        author_id, tweet_id = self.people[name], self._id_of(days_ago)
        entities = check_text(text, TextRules()).entities
        mentions = [
            {
                "username": mention.username,
                "user_id": str(self.people[mention.username]),
                "start": mention.start,
                "end": mention.end,
            }
            for mention in entities.mentions
            if mention.username in self.people
        ]
        shown = {"hashtags": entities.hashtags, "mentions": mentions, "links": entities.links}
        self._run(
            "insert into tweets (author_id, id, text, reply_to_id, reply_to_author_id, entities)"
            " values (%s, %s, %s, %s, %s, %s::json)",
            author_id,
            tweet_id,
            text,
            reply_to and reply_to.tweet_id,
            reply_to and reply_to.author_id,
            msgspec.json.encode(shown).decode() if any(shown.values()) else None,
        )
        if waiting:
            self._waiting.add(tweet_id)
            self.append(TweetPosted(author_id, tweet_id, reply_to=reply_to))
        elif reply_to is not None:
            note = (reply_to.author_id, reply_to.tweet_id, tweet_id, author_id)
            self._run("insert into replies values (%s, %s, %s, %s)", *note)
        return TweetRef(author_id, tweet_id)

    def retweet(self, name: str, original: TweetRef) -> TweetRef:
        author_id, tweet_id = self.people[name], self._id_of(0)
        self._run(
            "insert into tweets (author_id, id, text, retweet_of_id, retweet_of_author_id) values (%s, %s, '', %s, %s)",
            author_id,
            tweet_id,
            original.tweet_id,
            original.author_id,
        )
        self._run(
            "insert into retweets values (%s, %s, %s, %s)", original.author_id, original.tweet_id, author_id, tweet_id
        )
        return TweetRef(author_id, tweet_id)

    def append(self, event: Event) -> None:
        """An event that waits."""
        actor_id = actor_of(event)
        self._run(
            "insert into outbox (actor_id, id, lane, kind, payload) values (%s, %s, %s, %s, %s::jsonb)",
            actor_id,
            self._ids.mint(),
            lane_of(actor_id),
            event.kind,
            encode_event(event),
        )

    def finish(self, *, top_user_followers: int = 5000) -> None:
        waiting = list(self._waiting)
        self._run(
            "update users u set tweets_count = (select count(*) from tweets t where t.author_id = u.id"
            "    and t.id <> all(%s::bigint[])),"
            " followers_count = (select count(*) from followers f where f.user_id = u.id),"
            " following_count = (select count(*) from following f where f.user_id = u.id)",
            waiting,
        )
        self._run(
            "update tweets t set replies_count = (select count(*) from replies r where r.tweet_id = t.id),"
            " retweets_count = (select count(*) from retweets r where r.tweet_id = t.id)"
        )
        self._run("update users set is_top = true where followers_count > %s", top_user_followers)
        self._run("insert into top_users (user_id, since_id) select id, %s from users where is_top", self._id_of(0))
        self._run("insert into installation values ('top_user_followers', %s)", str(top_user_followers))

    def rows(self, query: str) -> Sequence[tuple[object, ...]]:
        return self._connection.execute(query.encode()).fetchall()

    def _id_of(self, days_ago: int) -> TweetId:
        minted = self._ids.mint()
        if not days_ago:
            return TweetId(minted)
        return TweetId(first_id_at(self._now_ms - days_ago * _DAY_MS) + minted % 100_000_000)

    def _run(self, query: str, *params: object) -> None:
        self._connection.execute(query.encode(), params)
