"""The home timeline as one would write it first: one query with joins for each page.

``python -m linnet.bench.naive_server PORT`` answers ``GET /USER_ID`` with the newest fifteen tweets of
those whom somebody follows, from linnet's own tables: the same kind of server, the same driver with as many
connections, statements prepared. It does less than linnet does: it asks nobody who they are, knows no blocks, replies
or retweets, and says nothing of what the viewer liked.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import psycopg_pool
from litestar import Litestar, Response, get
from litestar.datastructures import State

from linnet.bench.constant_server import serve
from linnet.bootstrap.garbage import look_for_garbage_seldom
from linnet.clock import rfc3339
from linnet.ids import unix_ms_of

# Not an argument, which everybody on the machine could read.
DATABASE_VARIABLE = "BENCH_NAIVE_DATABASE"
_PAGE_SIZE = 15
_CONNECTIONS = 8
_QUERY = """
select t.id, t.text, t.likes_count, t.retweets_count, t.replies_count, u.id, u.username, u.name
from following f
join tweets t on t.author_id = f.followed_id
join users u on u.id = t.author_id
where f.user_id = %s
order by t.id desc
limit %s
"""


def create_app() -> Litestar:
    """Connects when it starts."""
    look_for_garbage_seldom()

    @asynccontextmanager
    async def connected(app: Litestar) -> AsyncIterator[None]:
        url = os.environ[DATABASE_VARIABLE]
        async with psycopg_pool.AsyncConnectionPool(
            url, min_size=_CONNECTIONS, max_size=_CONNECTIONS, kwargs={"autocommit": True}
        ) as pool:
            app.state.pool = pool
            yield

    @get("/")
    async def ready() -> str:
        return "ready"

    @get("/{user_id:int}")
    async def home(user_id: int, state: State) -> Response[bytes]:
        async with state.pool.connection() as connection:
            cursor = await connection.execute(_QUERY, (user_id, _PAGE_SIZE), prepare=True)
            rows = await cursor.fetchall()
        items = [
            {
                "id": str(tweet_id),
                "text": text,
                "created_at": rfc3339(unix_ms_of(tweet_id)),
                "author": {"id": str(author_id), "username": username, "name": name},
                "counts": {"replies": replies, "retweets": retweets, "likes": likes},
            }
            for tweet_id, text, likes, retweets, replies, author_id, username, name in rows
        ]
        return Response(msgspec.json.encode({"items": items}), media_type="application/json")

    return Litestar([ready, home], lifespan=[connected], openapi_config=None, logging_config=None)


def main() -> None:
    serve("linnet.bench.naive_server:create_app", port=int(sys.argv[1]))


if __name__ == "__main__":
    main()
