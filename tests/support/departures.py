"""Histories in which people leave: accounts are erased by jobs that are begun, die and are begun again."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from linnet.clock import ManualClock
from linnet.domain.user import NOBODY
from linnet.errors import Unauthenticated, UserNotFound, WrongPassword
from linnet.ids import UserId
from linnet.stores.postgres.pool import Database
from linnet.stores.postgres.queries import Query
from linnet.stores.valkey.keys import pack_id
from linnet.write.actions.erasure import delete_account
from linnet.write.actions.passwords import Passwords
from linnet.write.jobs.erasure import erase_account, erase_last_traces
from linnet.write.jobs.job import Job, NotYet
from tests.support.dumps import dump_postgres, dump_valkey
from tests.support.world import World

MAY_HAPPEN = (UserNotFound, Unauthenticated, WrongPassword, NotYet)
"""What may be answered where somebody just left, to others and to themselves."""

MOST = 2
"""So many people leave in one history."""

_QUARTER_OF_AN_HOUR = 900.0
_MOST_RUNS = 50


class AnyPassword(Passwords):
    """Takes every password, at once: what a hash costs is no matter here, and threads are nobody's strands."""

    def __init__(self) -> None:
        pass

    async def hash(self, password: str) -> str:
        return "-"

    async def verify(self, password_hash: str, password: str) -> bool:
        return True


class Departures:
    """Who left a history. ``people`` are those who are there, by name; whoever left is taken out of them."""

    def __init__(self, db: Database, people: dict[str, UserId]) -> None:
        self.begun = 0
        self.gone: dict[str, UserId] = {}
        self._db = db
        self._people = people

    async def leave(self, process: World, user_id: UserId) -> None:
        """The account goes, with this process's next steps."""
        await delete_account(process.write, AnyPassword(), user_id, password="-")

    async def notice(self) -> None:
        """Looks whose account went: from now on they do nothing any more."""
        if len(self.gone) < self.begun:
            for user_id in await self._db.fetch(UserId, _LEFT):
                for name in [name for name, known_id in self._people.items() if known_id == user_id]:
                    self.gone[name] = self._people.pop(name)

    async def erase(self, process: World, which: int) -> None:
        """A job that waits in the queue is run once more, as far as it comes."""
        queued = await self._queued(erase_account)
        if queued:
            await erase_account.run(process.write, queued[which % len(queued)])

    async def finish(self, process: World, clock: ManualClock, deliver_all: Callable[[], Awaitable[None]]) -> None:
        """Both jobs come to their end, the second one long after the first. Nobody else is at work."""
        queued = await self._queued(erase_account)
        assert {arguments["user_id"] for arguments in queued} == set(self.gone.values()), "whoever left is erased"
        for kind in (erase_account, erase_last_traces):
            for arguments in await self._queued(kind):
                await self._run(process, kind, arguments, deliver_all)
            await deliver_all()
            clock.advance(_QUARTER_OF_AN_HOUR)
        # As whoever runs jobs does with those that are done.
        await self._db.run(_CLEAR)
        await self._assert_no_traces(process)

    async def assert_unmet(self, process: World, name: str, expected: list[int]) -> None:
        """With a job in the middle of its work, nobody meets whoever left, and nobody misses anything.

        Replies to them may be there for a little longer than their words.
        """
        page = await process.home(name, limit=100)
        shown = {item.author.username for item in page.items}
        shown |= {item.retweet_of.author.username for item in page.items if item.retweet_of}
        assert not shown & set(self.gone), f"{name} still meets somebody who left"
        ids = [int(item.id) for item in page.items]
        assert set(expected) <= set(ids), f"{name} misses something since somebody left"
        more = sorted(set(ids) - set(expected))
        assert not await self._db.fetch(int, _NOT_TO_NOBODY, tweet_ids=more, nobody=NOBODY), f"{name} sees {more}"

    async def _run(
        self,
        process: World,
        kind: Job[...],
        arguments: Mapping[str, Any],
        deliver_all: Callable[[], Awaitable[None]],
    ) -> None:
        for _ in range(_MOST_RUNS):
            try:
                await kind.run(process.write, arguments)
            except NotYet:
                await deliver_all()
            else:
                return
        raise AssertionError(f"{kind.name} waits for ever")

    async def _queued(self, kind: Job[...]) -> list[dict[str, Any]]:
        found = await self._db.fetch(str, _QUEUED, name=kind.name)
        return [msgspec.json.decode(arguments) for arguments in found]

    async def _assert_no_traces(self, process: World) -> None:
        dumped = list(dump_postgres(self._db.options.url))
        dumped += [item async for item in dump_valkey(process.write.valkey, process.write.keys.prefix)]
        for name, user_id in self.gone.items():
            needles = (str(user_id).encode(), pack_id(user_id), pack_id(user_id).hex().encode(), f"{name}@".encode())
            found = [(where, raw) for where, raw in dumped if any(needle in raw for needle in needles)]
            assert not found, f"left of {name}: {found}"


_LEFT = Query("departures.left", (), "many", "select id from users where deleted_ms is not null")
_QUEUED = Query(
    "departures.queued",
    (),
    "many",
    "select args::text from linnet_jobs.procrastinate_jobs where task_name = %(name)s group by 1 order by min(id)",
)
_NOT_TO_NOBODY = Query(
    "departures.not_to_nobody",
    (),
    "many",
    "select id from tweets where id = any(%(tweet_ids)s) and reply_to_author_id is distinct from %(nobody)s",
)
_CLEAR = Query("departures.clear", (), "none", "delete from linnet_jobs.procrastinate_jobs")
