"""Step 1 of the write path, for profiles: a person says who they are."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from linnet.domain.event import ProfileChanged
from linnet.domain.names import Problems, check_display_name
from linnet.domain.profiles import check_bio, check_fields, check_flag, check_location, check_phone
from linnet.errors import Invalid, Unauthenticated, Unavailable
from linnet.ids import UserId
from linnet.stores.postgres import followrequests, outbox, profiles
from linnet.stores.postgres.outbox import NewEvent
from linnet.stores.postgres.pool import Session, run_again
from linnet.stores.postgres.profiles import ProfileEdit
from linnet.stores.valkey.changes import profile_changed
from linnet.stores.valkey.connection import ValkeyReplyError
from linnet.write.actions.sessions import require_text
from linnet.write.after_commit import best_effort, forget, wake
from linnet.write.deps import WriteDeps
from linnet.write.jobs.followrequests import accept_waiting

# Enough to find one's mistake by.
_MAX_UNKNOWN: Final = 20
_FLAGS: Final = {
    "locked": "locked",
    "bot": "is_bot",
    "discoverable": "is_discoverable",
    "indexable": "is_indexable",
}
_RULES: Final[Mapping[str, Callable[..., str]]] = {
    "name": check_display_name,
    "bio": check_bio,
    "location": check_location,
    "phone": check_phone,
}
_KNOWN: Final = frozenset((*_RULES, *_FLAGS, "fields"))


async def edit_profile(deps: WriteDeps, user_id: UserId, wish: Mapping[str, object]) -> None:
    """Changes the fields that are in ``wish``, of whatever type, and no other; None clears one, but no name or flag.

    Who waits to follow a user who was ``locked``, and is not any more, is let in by a job.

    Raises ``Invalid`` naming every bad or unknown field.
    """
    edit = _checked(wish)
    if not wish:
        return

    async def attempt() -> None:
        async with deps.db.transaction() as session:
            # Whoever follows or asks just now is through before the door opens or shuts.
            was_locked = edit.locked is not None and await followrequests.lock_door(session, user_id)
            if was_locked and not edit.locked:
                await accept_waiting.defer(session, user_id=user_id)
            version = await profiles.update(session, user_id, edit)
            if version is None:
                raise Unauthenticated
            await announce_version(deps, session, user_id, version)

    await run_again(attempt)
    await show_change(deps, user_id)


async def announce_version(deps: WriteDeps, session: Session, user_id: UserId, version: int) -> None:
    """To be said in the transaction that makes a profile's version, before its commit: caches keep nothing older."""
    await outbox.append(session, NewEvent.of(ProfileChanged(user_id), deps.ids.mint()))
    # Nobody reads from a Valkey that is away. To one that comes back with old values the event says it again.
    with suppress(Unavailable, ValkeyReplyError):
        await deps.cache.put_stale([(key, version) for key in deps.keys.of_profile(user_id)])


async def show_change(deps: WriteDeps, user_id: UserId) -> None:
    """To be said after the commit: processes forget what they hold of the profile."""
    await best_effort([forget(deps, profile_changed(user_id)), wake(deps, user_id)], what="profile")


def _checked(wish: Mapping[str, object]) -> ProfileEdit:
    problems = Problems()
    changes: dict[str, Any] = {
        field: problems.check(_check, rule, wish[field], field=field) for field, rule in _RULES.items() if field in wish
    }
    if "fields" in wish:
        changes["fields"] = problems.take(
            check_fields, [] if wish["fields"] is None else wish["fields"], field="fields"
        )
    for field, column in _FLAGS.items():
        if field in wish:
            changes[column] = problems.take(check_flag, wish[field], field=field)
    for field in [field for field in wish if field not in _KNOWN][:_MAX_UNKNOWN]:
        problems.add(field[:64], "There is no such field here.")
    problems.raise_if_any()
    if "phone" in changes:
        changes |= {"sets_phone": True, "phone": changes["phone"] or None}
    return ProfileEdit(**changes)


def _check(rule: Callable[..., str], raw: object, *, field: str) -> str:
    """A rule on something that need not even be text."""
    if raw is None and field == "name":
        raise Invalid.field(field, "A name cannot be cleared. Please tell us one.")
    return rule(require_text(raw, field=field), field=field)
