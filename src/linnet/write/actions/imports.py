"""Importing a graph: people and follows by the hundred thousand, from an edge list.

Person 88 of the file becomes the user ``u88``. The import is made of steps that each leave everything as it should be
and does only what is not done yet: run again it changes nothing, and one that was killed goes on. Nobody it made can
log in before it is through, so that no home timeline exists that could miss a follow; people who could log in before
follow through ``follows.follow``, as if they did it themselves. What the file says across a block is left out.
"""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from linnet.domain.names import check_password
from linnet.domain.user import Profile
from linnet.errors import Blocked, Conflict, EmailTaken, UsernameTaken, UserNotFound
from linnet.ids import UserId
from linnet.stores.postgres import bulk, users
from linnet.stores.postgres.bulk import FollowCounts, GraphStage, PeopleCounts
from linnet.stores.postgres.pool import run_again
from linnet.stores.valkey.changes import Change
from linnet.write.actions.edgelists import read_edges
from linnet.write.actions.follows import follow_or_ask
from linnet.write.actions.passwords import Passwords
from linnet.write.after_commit import best_effort, forget, wake
from linnet.write.deps import WriteDeps
from linnet.write.fanout.popular import rescore_popular
from linnet.write.outbox.worker import match_threshold
from linnet.write.rules import refuse_other_rules

EMAIL_DOMAIN = "import.invalid"
# No hash, so nobody's password.
NO_PASSWORD = "!imported"
_ROWS_PER_CHUNK = 5_000
_FOLLOWS_AT_ONCE = 8
_STRANGERS_SHOWN = 3

Stage = Literal["reading", "people", "follows", "passwords"]


class Progress(Protocol):
    """Told how far a stage is, in bytes, people or follows."""

    def __call__(self, stage: Stage, done: int, total: int) -> None: ...


class NameOfAStranger(Conflict):
    """A name that the import needs belongs to somebody else."""

    code = "name_of_a_stranger"


class ImportReport(msgspec.Struct, frozen=True):
    """What an import found and did.

    ``repeated`` lines said a follow again that an earlier line had said. ``top_users`` are the usernames of people
    who came to have more followers than the threshold.
    """

    lines: int
    repeated: int
    people: int
    people_added: int
    follows: int
    follows_added: int
    passwords_set: int
    top_users: list[str]

    @property
    def changed(self) -> bool:
        return bool(self.people_added or self.follows_added or self.passwords_set or self.top_users)


async def import_graph(
    deps: WriteDeps, passwords: Passwords, path: Path, *, password: str | None, progress: Progress
) -> ImportReport:
    """Imports a file. With ``password`` everybody who cannot log in yet can log in with it afterwards.

    Raises ``NotAnEdgeList``, ``NameOfAStranger``, ``ImportRunning`` or ``OtherRules`` before anything is written.
    """
    # Who becomes a top user here must be one to the workers too.
    await refuse_other_rules(deps)
    password_hash = None
    if password is not None:
        password_hash = await passwords.hash(check_password(password))
    async with bulk.open_stage(deps.db.options, domain=EMAIL_DOMAIN) as stage:
        edges = await stage.copy_edges(_with_progress(path, progress))
        people = await stage.match_people()
        await _refuse_strangers(stage)
        await _add_people(deps, stage, people, progress)
        follows = await stage.match_follows(locked_hash=NO_PASSWORD)
        added = await _add_follows(deps, stage, follows, progress)
        top_users = await _mark_top_users(deps)
        await _forget_counts(deps, stage)
        # Follows of an import have no events, so nobody else notices that authors reach more people now. Also when
        # there was nothing to add: the import that added them may have been killed before this line.
        await rescore_popular(deps)
        woken = 0
        if password_hash is not None:
            progress("passwords", 0, people.people)
            woken = await stage.update_passwords(
                locked_hash=NO_PASSWORD, password_hash=password_hash, page_size=_ROWS_PER_CHUNK
            )
            progress("passwords", people.people, people.people)
    return ImportReport(
        lines=edges.lines,
        repeated=edges.lines - edges.follows,
        people=people.people,
        people_added=people.people - people.known,
        follows=edges.follows,
        follows_added=added,
        passwords_set=woken,
        top_users=[profile.username for profile in top_users],
    )


def _with_progress(path: Path, progress: Progress) -> Iterator[bytes]:
    total = path.stat().st_size if path.is_file() else 0
    for block in read_edges(path):
        progress("reading", block.bytes_read, total)
        yield block.rows


async def _refuse_strangers(stage: GraphStage) -> None:
    strangers = await stage.fetch_strangers(page_size=_STRANGERS_SHOWN + 1)
    if strangers:
        shown = ", ".join(strangers[:_STRANGERS_SHOWN]) + (" and more" if len(strangers) > _STRANGERS_SHOWN else "")
        raise NameOfAStranger(
            f"The import needs usernames that belong to people who did not come from an import: {shown}."
        )


async def _mint(deps: WriteDeps, count: int) -> list[int]:
    """New ids, in the long run no faster than the clock, so that nothing of the import lies in the future."""
    ahead_ms = deps.ids.minted_ms - deps.clock.now_ms()
    if ahead_ms > 0:
        await asyncio.sleep(ahead_ms / 1000)
    return [deps.ids.mint() for _ in range(count)]


async def _add_people(deps: WriteDeps, stage: GraphStage, people: PeopleCounts, progress: Progress) -> None:
    number, added, total = -1, 0, people.people - people.known
    while numbers := await stage.fetch_new_numbers(after_number=number, page_size=_ROWS_PER_CHUNK):
        try:
            await stage.insert_people(numbers, await _mint(deps, len(numbers)), locked_hash=NO_PASSWORD)
        except (UsernameTaken, EmailTaken) as error:
            raise NameOfAStranger(
                "Somebody signed up under a name or address that the import needs, while it ran."
                " Run it again to see whose."
            ) from error
        number, added = numbers[-1], added + len(numbers)
        progress("people", added, total)


async def _add_follows(deps: WriteDeps, stage: GraphStage, follows: FollowCounts, progress: Progress) -> int:
    total = follows.asleep + follows.awake
    added = 0
    for first in range(1, follows.asleep + 1, _ROWS_PER_CHUNK):
        follow_ids = await _mint(deps, min(_ROWS_PER_CHUNK, follows.asleep + 1 - first))
        added += await run_again(partial(stage.insert_follows, first, follow_ids))
        progress("follows", first - 1 + len(follow_ids), total)
    return added + await _add_awake_follows(deps, stage, follows, progress)


async def _add_awake_follows(deps: WriteDeps, stage: GraphStage, follows: FollowCounts, progress: Progress) -> int:
    added, done = 0, 0

    async def make(follower_id: UserId, followed_id: UserId) -> bool:
        try:
            return await follow_or_ask(deps, follower_id, followed_id)
        except (Blocked, UserNotFound):
            # Since the file was compared one of the two blocks the other, or is gone.
            return False

    while page := await stage.fetch_awake_follows(after_ordinal=done, page_size=_FOLLOWS_AT_ONCE * 32):
        for at in range(0, len(page), _FOLLOWS_AT_ONCE):
            made = await asyncio.gather(
                *[make(edge.follower_id, edge.followed_id) for edge in page[at : at + _FOLLOWS_AT_ONCE]]
            )
            added += sum(made)
        done = page[-1].ordinal
        progress("follows", follows.asleep + done, follows.asleep + follows.awake)
    return added


async def _mark_top_users(deps: WriteDeps) -> list[Profile]:
    """Who is on the wrong side of the threshold crosses it, by the event that every crossing has."""
    crossed = await match_threshold(deps)
    await best_effort([wake(deps, user_id) for user_id in crossed], what="waking after an import")
    profiles = await users.fetch_profiles(deps.db, crossed)
    up = [profile for profile in profiles if profile.followers_count > deps.options.top_user_followers]
    return sorted(up, key=lambda profile: -profile.followers_count)


async def _forget_counts(deps: WriteDeps, stage: GraphStage) -> None:
    """Counters changed, and caches show them. Of all who were there before: an earlier run may have been killed."""
    user_id = 0
    while page := await stage.fetch_known_ids(after_user_id=user_id, page_size=_ROWS_PER_CHUNK):
        user_id = page[-1]
        await best_effort(
            [
                *[deps.valkey.call(b"UNLINK", deps.keys.profile(known_id)) for known_id in page],
                forget(deps, Change(user_ids=tuple(page))),
            ],
            what="forgetting counts after an import",
        )
