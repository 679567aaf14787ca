"""A town: a world whose people have passwords, log in, and are recognised; its clock moves only when told to."""

import asyncio
import contextlib
import ctypes
import pathlib
import signal
import subprocess
from collections.abc import AsyncIterator

from linnet.clock import ManualClock
from linnet.embedded.programs import find_programs
from linnet.ids import SessionId, UserId
from linnet.read.hydration.viewers import ViewerOptions, Viewers
from linnet.stores.postgres import follows
from linnet.stores.postgres.queries import Query
from linnet.stores.valkey.changes import decode_change
from linnet.stores.valkey.client import ValkeyOptions
from linnet.stores.valkey.subscription import Subscription
from linnet.write.actions.accounts import SignUp, sign_up
from linnet.write.actions.passwords import PasswordOptions, Passwords
from linnet.write.actions.sessions import LoggedIn
from tests.support.world import World, open_world

BINARY = find_programs().valkey_server
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
NOW_MS = 1_780_000_000_000
CHEAP = PasswordOptions(memory_kib=8, passes=1)
PASSWORD = "correct horse"
PATIENCE_SECONDS = 60


class Town:
    """One process of linnet, without HTTP."""

    def __init__(self, world: World, clock: ManualClock, valkey_url: str) -> None:
        self.world, self.clock, self._valkey_url = world, clock, valkey_url
        self.write, self.read = world.write, world.read
        self.db, self.valkey, self.keys = world.write.db, world.write.valkey, world.write.keys
        self.passwords = Passwords(CHEAP)
        self.viewers = self.another_viewers()

    def another_viewers(self, options: ViewerOptions | None = None) -> Viewers:
        """What another process knows of tokens."""
        return Viewers(self.db, self.valkey, self.keys, self.clock, options or ViewerOptions())

    async def sign_up(self, username: str, *, device: str = "") -> LoggedIn:
        wish = SignUp(
            username=username,
            name=username.title(),
            email=f"{username}@example.com",
            password=PASSWORD,
            device=device,
        )
        logged_in = await sign_up(self.write, self.passwords, wish)
        self.world.ids[username] = logged_in.user_id
        return logged_in

    async def follow(self, follower_id: UserId, followed_id: UserId) -> int:
        """Only the rows. Returns the follow's id."""
        follow_id = self.write.ids.mint()
        async with self.db.transaction() as tx:
            await follows.insert(tx, follower_id=follower_id, followed_id=followed_id, follow_id=follow_id)
        return follow_id

    async def erase(self, user_id: UserId) -> None:
        """The user's row goes, follows and all else stay, as in the middle of an account's deletion."""
        await self.sql("delete from users where id = %(user_id)s", user_id=user_id)
        self.read.forget_person(user_id)
        await self.write.cache.put_gone(self.keys.of_profile(user_id))

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
            await asyncio.wait_for(subscription.ready.wait(), PATIENCE_SECONDS)
            yield told
        finally:
            await subscription.close()


@contextlib.asynccontextmanager
async def open_town(database_url: str, valkey_url: str) -> AsyncIterator[Town]:
    clock = ManualClock(NOW_MS)
    async with open_world(database_url, valkey_url, clock=clock) as world:
        town = Town(world, clock, valkey_url)
        try:
            yield town
        finally:
            town.passwords.close()


class ValkeyServer:
    """A real Valkey that keeps its data when it is killed and started again, and dies with this process."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.url = f"unix://{directory}/valkey.sock"
        self._command = [str(BINARY), "--port", "0", "--unixsocket", f"{directory}/valkey.sock"]
        self._command += ["--dir", str(directory), "--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        self._process: subprocess.Popen[str] | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        """Returns when it accepts connections."""
        self._process = subprocess.Popen(
            self._command,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
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
