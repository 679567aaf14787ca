"""That people were here: noted in memory by requests, stored now and then, off the path of any of them.

Two things are stored: when a session was last used, and when a user was last active. Each is written at most once in
five minutes. This process remembers what it knows to be stored, so that it rarely asks in vain; that the rule holds
across processes is seen to by the statements themselves.
"""

import msgspec

from linnet.clock import Clock
from linnet.domain.visits import ACTIVITY_STEP_MS
from linnet.ids import SessionId, UserId
from linnet.stores.postgres import profiles, sessions
from linnet.stores.postgres.pool import Database, Session

# Uses that wait to be stored; beyond it some are not noted, which makes somebody look less present than they are.
_MAX_USES = 500_000
_WRITES_PER_CONNECTION = 500


class UseOptions(msgspec.Struct, frozen=True):
    """``touch_seconds``: how rarely the last use of one session is stored."""

    touch_seconds: float = 300.0


class Uses:
    """One per process."""

    def __init__(self, db: Database, clock: Clock, options: UseOptions) -> None:
        self._db = db
        self._clock = clock
        self._touch_seconds = options.touch_seconds
        self._uses: dict[SessionId, tuple[UserId, int]] = {}
        self._touched: dict[SessionId, float] = {}
        self._active: dict[UserId, int] = {}
        self._stored_active: dict[UserId, int] = {}

    def note(self, user_id: UserId, session_id: SessionId) -> None:
        """Somebody is here, by this log-in."""
        now_ms = self._clock.now_ms()
        if session_id in self._uses or len(self._uses) < _MAX_USES:
            self._uses[session_id] = (user_id, now_ms)
        if user_id in self._active or len(self._active) < _MAX_USES:
            self._active[user_id] = now_ms

    def know_stored(self, session_id: SessionId, used_ms: int) -> None:
        """A session's last use was stored as this, by another process or the log-in itself."""
        unused_seconds = (self._clock.now_ms() - used_ms) / 1000
        if 0 <= unused_seconds < self._touch_seconds:
            self._touched.setdefault(session_id, self._clock.steady_seconds() - unused_seconds)

    async def flush(self) -> None:
        """Stores what is due; a use of a session that comes too soon waits for a later flush."""
        # One row per statement: rows of a batch would be locked in no order, and two processes wait crosswise.
        oldest_ms = self._clock.now_ms() - ACTIVITY_STEP_MS
        self._stored_active = {user_id: at for user_id, at in self._stored_active.items() if at > oldest_ms}
        present = list(self._active)
        for at in range(0, len(present), _WRITES_PER_CONNECTION):
            async with self._db.session() as db:
                for user_id in present[at : at + _WRITES_PER_CONNECTION]:
                    await self._note_activity(db, user_id)

        oldest = self._clock.steady_seconds() - self._touch_seconds
        self._touched = {session_id: at for session_id, at in self._touched.items() if at > oldest}
        due = [session_id for session_id in self._uses if session_id not in self._touched]
        for at in range(0, len(due), _WRITES_PER_CONNECTION):
            async with self._db.session() as db:
                for session_id in due[at : at + _WRITES_PER_CONNECTION]:
                    await self._touch(db, session_id)

    async def _note_activity(self, db: Session, user_id: UserId) -> None:
        active_ms = self._active.pop(user_id, None)
        stored_ms = self._stored_active.get(user_id)
        if active_ms is None or (stored_ms is not None and active_ms < stored_ms + ACTIVITY_STEP_MS):
            return
        try:
            stored_ms = await profiles.note_activity(db, user_id, active_ms)
        except BaseException:
            self._active.setdefault(user_id, active_ms)
            raise
        if stored_ms is not None:
            self._stored_active[user_id] = stored_ms

    async def _touch(self, db: Session, session_id: SessionId) -> None:
        use = self._uses.pop(session_id, None)
        if use is None:
            return
        user_id, used_ms = use
        self._touched[session_id] = self._clock.steady_seconds()
        not_after_ms = self._clock.now_ms() - round(self._touch_seconds * 1000)
        try:
            await sessions.touch(db, user_id, session_id, used_ms, not_after_ms=not_after_ms)
        except BaseException:
            self._uses.setdefault(session_id, use)
            self._touched.pop(session_id, None)
            raise
