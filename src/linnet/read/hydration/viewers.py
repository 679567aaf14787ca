"""Who is asking: from a token to a user, on the way of every request.

A process remembers a token for a few seconds, Valkey for ten minutes, PostgreSQL knows. Nothing of this is written by a
request: that somebody was here is noted in memory, and stored from there now and then (``uses``).
"""

import asyncio

import msgspec
import structlog

from linnet.clock import Clock
from linnet.domain import session
from linnet.errors import Unavailable
from linnet.ids import SessionId, UserId, token_hash, token_owner
from linnet.read.hydration.uses import UseOptions, Uses
from linnet.stores.postgres import sessions
from linnet.stores.postgres.pool import Database
from linnet.stores.valkey import sessions as cached_sessions
from linnet.stores.valkey.changes import Change
from linnet.stores.valkey.client import Valkey
from linnet.stores.valkey.connection import ValkeyReplyError
from linnet.stores.valkey.keys import Keys

log = structlog.get_logger()


class Grant(msgspec.Struct, frozen=True):
    """What a person lets an app do."""

    app_id: int
    scopes: frozenset[str]


class Viewer(msgspec.Struct, frozen=True):
    """Who looks, and by which log-in. ``grant``: an app looks in their name; None: they do."""

    user_id: UserId
    session_id: SessionId
    grant: Grant | None = None


class ViewerOptions(msgspec.Struct, frozen=True):
    """How long a process believes what it remembers, how much it remembers, and when it stores last uses.

    ``known_seconds`` is how long a session may outlive its end in a process that missed the signal.
    """

    known_seconds: float = 3.0
    known_size: int = 50_000
    unknown_seconds: float = 1.0
    unknown_size: int = 10_000
    touch_seconds: float = 300.0
    flush_seconds: float = 30.0


def unused_since_ms(clock: Clock) -> int:
    """Sessions last used at this moment or before are over."""
    return session.unused_since_ms(clock.now_ms())


class _Known(msgspec.Struct, frozen=True):
    """A token that this process remembers, until a moment of the steady clock."""

    until: float
    viewer: Viewer
    hashed_token: bytes


class _Abandoned(Exception):
    """Whoever was looking a token up was cancelled: somebody else must do it."""


class Viewers:
    """One per process."""

    def __init__(self, db: Database, valkey: Valkey, keys: Keys, clock: Clock, options: ViewerOptions) -> None:
        self._db = db
        self._valkey = valkey
        self._keys = keys
        self._clock = clock
        self._now = clock.steady_seconds
        self._options = options
        # Both are in the order in which their entries end, so that the first is always the one to drop.
        self._known: dict[str, _Known] = {}
        self._unknown: dict[bytes, float] = {}
        # Signals name hashes, requests bring tokens.
        self._tokens: dict[bytes, str] = {}
        self._flights: dict[bytes, asyncio.Future[Viewer | None]] = {}
        self._uses = Uses(db, clock, UseOptions(options.touch_seconds))

    def peek(self, token: str) -> Viewer | None:
        """The viewer if this process remembers the token, without waiting for anything. None: ask ``find``."""
        known = self._known.get(token)
        if known is not None and known.until > self._now() and known.viewer.grant is None:
            return known.viewer
        return None

    def peek_granted(self, token: str) -> Viewer | None:
        """As ``peek``, also for the token of an app that somebody let in: for edges that look at its scopes."""
        known = self._known.get(token)
        if known is not None and known.until > self._now():
            return known.viewer
        return None

    async def find(self, token: str) -> Viewer | None:
        """None for anything that is not the token of a living log-in; an app's token is none.

        Raises ``Unavailable`` only when nobody can be asked.
        """
        viewer = await self.find_granted(token)
        return viewer if viewer is not None and viewer.grant is None else None

    async def find_granted(self, token: str) -> Viewer | None:
        """As ``find``, also for the token of an app that somebody let in: for edges that look at its scopes."""
        viewer = self.peek_granted(token)
        if viewer is not None:
            return viewer
        user_id = token_owner(token)
        if user_id is None:
            return None
        hashed_token = token_hash(token)
        while True:
            if self._unknown.get(hashed_token, 0.0) > self._now():
                return None
            flight = self._flights.get(hashed_token)
            if flight is None:
                return await self._fly(token, hashed_token, user_id)
            try:
                # Shielded: a request that is given up does not take the others' answer with it.
                return await asyncio.shield(flight)
            except _Abandoned:
                continue

    def on_change(self, change: Change) -> None:
        """Forgets sessions that ended. What is being looked up right now is answered, and not remembered."""
        for hashed_token in change.token_hashes:
            self._flights.pop(hashed_token, None)
            token = self._tokens.pop(hashed_token, None)
            if token is not None:
                del self._known[token]

    def forget_user(self, user_id: UserId) -> None:
        """For the process that ended a session itself: it need not wait for its own signal.

        Walks through all that is remembered, milliseconds at worst, and is rare.
        """
        self._flights.clear()
        for known in [known for known in self._known.values() if known.viewer.user_id == user_id]:
            del self._known[self._tokens.pop(known.hashed_token)]

    def forget_all(self) -> None:
        """Signals may have been missed."""
        self._flights.clear()
        self._known.clear()
        self._tokens.clear()

    async def run(self) -> None:
        """Stores last uses until cancelled."""
        while True:
            await asyncio.sleep(self._options.flush_seconds)
            try:
                await self.flush_last_used()
            except Unavailable as error:
                log.debug("last uses will be stored later", cause=str(error))

    async def flush_last_used(self) -> None:
        """Stores who was here, and by which log-in, as far as it is due."""
        await self._uses.flush()

    async def _fly(self, token: str, hashed_token: bytes, user_id: UserId) -> Viewer | None:
        """Looks a token up for all who ask for it meanwhile."""
        flight: asyncio.Future[Viewer | None] = asyncio.get_running_loop().create_future()
        self._flights[hashed_token] = flight
        try:
            viewer = await self._look_up(user_id, hashed_token)
        except BaseException as error:
            flight.set_exception(error if isinstance(error, Exception) else _Abandoned())
            # Perhaps nobody else waits, and asyncio would log the failure as "never retrieved".
            flight.exception()
            raise
        else:
            flight.set_result(viewer)
            if self._flights.get(hashed_token) is flight:
                self._remember(token, hashed_token, viewer)
            return viewer
        finally:
            if self._flights.get(hashed_token) is flight:
                del self._flights[hashed_token]

    async def _look_up(self, user_id: UserId, hashed_token: bytes) -> Viewer | None:
        try:
            cached = await cached_sessions.find(self._valkey, self._keys, user_id, hashed_token)
        except (Unavailable, ValkeyReplyError) as error:
            log.debug("asking PostgreSQL for a session", cause=str(error))
            cached = None
        if cached is not None:
            return None if cached.ended else _viewer(user_id, cached.id, cached.app_id, cached.scopes)
        history = self._valkey.history
        session = await sessions.find_by_token(
            self._db, user_id=user_id, token_hash=hashed_token, unused_since_ms=unused_since_ms(self._clock)
        )
        if session is None:
            # Not told to Valkey: whoever makes tokens up would fill it.
            return None
        self._uses.know_stored(session.id, session.last_used_ms)
        viewer = _viewer(user_id, session.id, session.app_id, session.scopes)
        if self._valkey.history != history:
            # Its end may have been noted, after we read it, in a Valkey that is gone since.
            return viewer
        try:
            await cached_sessions.put(self._valkey, self._keys, hashed_token, session)
        except (Unavailable, ValkeyReplyError) as error:
            log.debug("session not cached", cause=str(error))
        return viewer

    def _remember(self, token: str, hashed_token: bytes, viewer: Viewer | None) -> None:
        now = self._now()
        if viewer is None:
            while self._unknown and len(self._unknown) >= self._options.unknown_size:
                del self._unknown[next(iter(self._unknown))]
            self._unknown.pop(hashed_token, None)
            self._unknown[hashed_token] = now + self._options.unknown_seconds
            return
        self._drop_known(token)
        while self._known and (len(self._known) >= self._options.known_size or self._first_known().until <= now):
            self._drop_known(next(iter(self._known)))
        self._known[token] = _Known(now + self._options.known_seconds, viewer, hashed_token)
        self._tokens[hashed_token] = token
        self._uses.note(viewer.user_id, viewer.session_id)

    def _first_known(self) -> _Known:
        return next(iter(self._known.values()))

    def _drop_known(self, token: str) -> None:
        known = self._known.pop(token, None)
        if known is not None:
            self._tokens.pop(known.hashed_token, None)


def _viewer(user_id: UserId, session_id: SessionId, app_id: int | None, scopes: str | None) -> Viewer:
    grant = None if scopes is None else Grant(app_id or 0, frozenset(scopes.split()))
    return Viewer(user_id, session_id, grant)
