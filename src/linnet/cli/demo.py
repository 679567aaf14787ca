"""The demo: fills a new installation with a small town, by the same actions that people's requests use.

The town is planted once. A planting that was killed goes on where it was: what is there already is found in the truth,
and a fact about the installation says when all of it is.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Mapping, Sequence, Set
from contextlib import asynccontextmanager

import click
import msgspec

from linnet.bootstrap import open_services
from linnet.bootstrap.logs import configure_logs
from linnet.cli.demo_people import PEOPLE, follow_pairs
from linnet.cli.demo_town import DAYS, LINES, LOVED, Line
from linnet.cli.stores import with_stores
from linnet.clock import ManualClock
from linnet.domain.event import TweetRef, lane_of
from linnet.domain.timeline import Range
from linnet.errors import Conflict
from linnet.ids import IdSource, TweetId, UserId, first_id_at, random_bytes
from linnet.settings import Settings
from linnet.stores.postgres import leases, notifications, outbox, tweets, users
from linnet.stores.postgres.pool import ConcurrentUpdate
from linnet.write.actions.accounts import SignUp, sign_up
from linnet.write.actions.follows import follow
from linnet.write.actions.likes import like
from linnet.write.actions.notifications import mark_read
from linnet.write.actions.passwords import Passwords
from linnet.write.actions.pins import pin
from linnet.write.actions.profiles import edit_profile
from linnet.write.actions.tweets import post_tweet, retweet
from linnet.write.deps import WriteDeps
from linnet.write.outbox.lanes import LaneOptions, apply_lane_batch

EMAIL_DOMAIN = "reedwater.invalid"
_PASSWORD_FACT = "demo.password"
_STARTED_FACT = "demo.started_ms"
_PLANTED_FACT = "demo.planted"
_DAY_MS = 86_400_000
_LEASE_SECONDS = 120
_MAX_LINES_EACH = 1000
_HELD_SECONDS = 0.02
# The first person was here yesterday, so that some of what they were told is new, and some is not.
_READ_DAYS_AGO = 1


class DemoLogin(msgspec.Struct, frozen=True):
    """Who can log in to the town. ``is_new``: the town was planted just now."""

    username: str
    password: str
    is_new: bool


class NotAnEmptyTown(Conflict):
    """The demo needs usernames that are taken here, so nothing was planted: give it an installation of its own."""

    code = "demo_names_taken"


@click.command()
@with_stores
def demo(settings: Settings) -> None:
    """Fill a new installation with a small town. Doing it again changes nothing."""
    configure_logs(settings.log)
    login = asyncio.run(_plant(settings))
    if login is None:
        click.echo(f"The town is there; {PEOPLE[0].username} has another password by now.")
        return
    click.echo(f"The town is {'planted' if login.is_new else 'there already'}: {len(PEOPLE)} people.")
    click.echo(f"Log in as {login.username} with the password {login.password}")


async def _plant(settings: Settings) -> DemoLogin | None:
    async with open_services(settings, role="command") as services:
        return await plant_demo(services.write, services.passwords)


class _Town(msgspec.Struct):
    """What is planted so far. A line is known by its author, its text, and what it answers."""

    user_ids: dict[str, UserId]
    tweet_ids: dict[tuple[UserId, str, int], TweetId]


async def plant_demo(deps: WriteDeps, passwords: Passwords) -> DemoLogin | None:
    """Plants the town if it is not there. None when its first person changed the password, or is gone.

    Raises ``NotAnEmptyTown`` when somebody else has one of the usernames. Not for two processes at once.
    """
    first = PEOPLE[0].username
    if await leases.find_fact(deps.db, _PLANTED_FACT) is not None:
        password = await leases.find_fact(deps.db, _PASSWORD_FACT) or ""
        user_id = await users.find_id_by_username(deps.db, first)
        account = None if user_id is None else await users.find_account(deps.db, user_id)
        if account is None or not await passwords.verify(account.password_hash, password):
            return None
        return DemoLogin(first, password, is_new=False)
    password, started_ms = await _start(deps)
    async with _earlier_ids(deps, started_ms) as (at, earlier):
        await _live_through(earlier, passwords, password, started_ms=started_ms, now_ms=deps.clock.now_ms(), at=at)
    if at is not _stand_still:
        await _tell_in_time(deps)
    await leases.upsert_fact(deps.db, _PLANTED_FACT, "yes")
    return DemoLogin(first, password, is_new=True)


async def _start(deps: WriteDeps) -> tuple[str, int]:
    """The password of the first person and the beginning of the town's time, the same after a killed planting."""
    started = await leases.find_fact(deps.db, _STARTED_FACT)
    password = await leases.find_fact(deps.db, _PASSWORD_FACT)
    if started is not None and password is not None:
        return password, int(started)
    if await users.fetch_ids_by_username(deps.db, [person.username for person in PEOPLE]):
        raise NotAnEmptyTown
    password = _readable(random_bytes(10))
    started_ms = deps.clock.now_ms() - DAYS * _DAY_MS
    await leases.upsert_fact(deps.db, _PASSWORD_FACT, password)
    await leases.upsert_fact(deps.db, _STARTED_FACT, str(started_ms))
    return password, started_ms


@asynccontextmanager
async def _earlier_ids(deps: WriteDeps, started_ms: int) -> AsyncIterator[tuple[Callable[[int], None], WriteDeps]]:
    """Deps that mint ids of the past, and a function that says of which moment.

    An id says when; so a town with a past needs ids of the past. A lease is the right to mint under a number from a
    moment on, and is never granted from before the end of an earlier lease of that number: one that is granted from
    ``started_ms`` on proves that nobody minted under its number since then. Without one the town is of today.
    """
    holder = random_bytes(16)
    now_ms = deps.clock.now_ms()
    lease = await leases.acquire(
        deps.db, holder=holder, now_ms=started_ms, until_ms=now_ms + 1000, lease_seconds=_LEASE_SECONDS
    )
    if lease is None:
        yield _stand_still, deps
        return
    try:
        if lease.from_ms != started_ms:
            yield _stand_still, deps
            return
        clock = ManualClock(started_ms)

        def at(moment_ms: int) -> None:
            clock.current_ms = min(moment_ms, now_ms)

        yield at, msgspec.structs.replace(deps, ids=IdSource(clock, lease))
    finally:
        await leases.release(deps.db, worker=lease.worker, holder=holder)


def _stand_still(_: int) -> None:
    """For a town of today."""


async def _live_through(
    deps: WriteDeps, passwords: Passwords, password: str, *, started_ms: int, now_ms: int, at: Callable[[int], None]
) -> None:
    """Everything in the order of the town's time."""
    town = await _find_planted(deps)
    arrivals = _moments(started_ms, started_ms + _DAY_MS // 8, [1] * len(PEOPLE))
    for person, moment in zip(PEOPLE, arrivals, strict=True):
        at(moment)
        if person.username not in town.user_ids:
            # Only the first person can log in: nobody is told what the others' passwords are.
            own = password if person is PEOPLE[0] else _readable(random_bytes(20))
            wish = SignUp(
                username=person.username,
                name=person.name,
                email=f"{person.username}@{EMAIL_DOMAIN}",
                password=own,
                device="demo",
            )
            town.user_ids[person.username] = (await sign_up(deps, passwords, wish)).user_id
    for person in PEOPLE:
        await edit_profile(deps, town.user_ids[person.username], {"bio": person.bio, "location": person.location})
    pairs = follow_pairs()
    meetings = _moments(arrivals[-1], started_ms + _DAY_MS // 4, [1] * len(pairs))
    for (follower, followed), moment in zip(pairs, meetings, strict=True):
        at(moment)
        await follow(deps, town.user_ids[follower], town.user_ids[followed])
    written: dict[int, TweetId] = {}
    for moment, index, liker in _deeds(_moments(started_ms + _DAY_MS // 4, now_ms, _pauses()), now_ms):
        at(moment)
        if liker:
            await like(deps, town.user_ids[liker], written[index])
        else:
            written[index] = await _do(deps, town, written, LINES[index])
    for person in PEOPLE:
        if person.pinned:
            await pin(deps, town.user_ids[person.username], written[_INDEXES[person.pinned]])


async def _tell_in_time(deps: WriteDeps) -> None:
    """What people were told of each other was told just now, all at once: it becomes as old as what it tells of."""
    user_ids = await users.fetch_ids_by_username(deps.db, [person.username for person in PEOPLE])
    await _wait_until_told(deps, {lane_of(user_id) for user_id in user_ids.values()})
    async with deps.db.transaction() as session:
        await notifications.date_back(session, user_ids.values())
    yesterday_ms = deps.clock.now_ms() - _READ_DAYS_AGO * _DAY_MS
    await mark_read(deps, user_ids[PEOPLE[0].username], up_to=first_id_at(yesterday_ms))


async def _wait_until_told(deps: WriteDeps, lanes: Set[int]) -> None:
    """Applies what waits in these lanes, beside the workers that there may be."""
    while busy := lanes & set(await outbox.fetch_busy_lanes(deps.db)):
        try:
            outcomes = {await apply_lane_batch(deps, lane, LaneOptions()) for lane in sorted(busy)}
        except ConcurrentUpdate:
            continue
        if outcomes == {"held"}:
            await asyncio.sleep(_HELD_SECONDS)


_INDEXES = {line.key: index for index, line in enumerate(LINES) if line.key}


def _deeds(moments: Sequence[int], now_ms: int) -> list[tuple[int, int, str]]:
    """Lines by their index, and who likes them ("": the line itself), in the order in which it happens."""
    deeds = [(moment, index, "") for index, moment in enumerate(moments)]
    for index, line in enumerate(LINES):
        for number, liker in enumerate(_likers(index, line), 1):
            # Some are quick; the last ones come upon it hours later.
            deeds.append((min(moments[index] + 90_000 * number * number, now_ms), index, liker))
    return sorted(deeds)


def _likers(index: int, line: Line) -> list[str]:
    """Who likes a line: first of those who follow its author, each time others. The goose likes nothing."""
    if line.retweet_of:
        return []
    everybody = [person.username for person in PEOPLE if person.username not in (line.who, "the_goose")]
    turned = everybody[index % len(everybody) :] + everybody[: index % len(everybody)]
    followers = {follower for follower, followed in follow_pairs() if followed == line.who}
    turned.sort(key=lambda username: username not in followers)
    return turned[: LOVED.get(line.key, index * 5 % 4)]


async def _do(deps: WriteDeps, town: _Town, written: Mapping[int, TweetId], line: Line) -> TweetId:
    """One line, unless it is there."""
    user_id = town.user_ids[line.who]
    if line.retweet_of:
        return await retweet(deps, user_id, written[_INDEXES[line.retweet_of]])
    reply_to = written[_INDEXES[line.reply_to]] if line.reply_to else None
    known = town.tweet_ids.get((user_id, line.text, reply_to or 0))
    if known is not None:
        return known
    return (await post_tweet(deps, user_id, text=line.text, reply_to=reply_to, idempotency_key=None)).id


async def _find_planted(deps: WriteDeps) -> _Town:
    user_ids = await users.fetch_ids_by_username(deps.db, [person.username for person in PEOPLE])
    town = _Town(user_ids, {})
    for user_id in user_ids.values():
        entries = await tweets.fetch_by_author(deps.db, user_id, Range(_MAX_LINES_EACH))
        for tweet in await tweets.fetch(deps.db, [TweetRef(entry.author_id, entry.id) for entry in entries]):
            town.tweet_ids[user_id, tweet.text, tweet.reply_to_id or 0] = tweet.id
    return town


def _readable(secret: bytes) -> str:
    """Groups of four letters and digits that are easily told apart."""
    letters = base64.b32encode(secret).decode().lower()
    return "-".join(letters[at : at + 4] for at in range(0, len(letters), 4))


def _pauses() -> list[int]:
    """How long it was quiet before each line: answers come quickly, something new after a while."""
    return [
        (2 if line.reply_to else 5 if line.retweet_of else 40) * (3 + index * 7 % 11)
        for index, line in enumerate(LINES)
    ]


def _moments(from_ms: int, until_ms: int, pauses: Sequence[int]) -> list[int]:
    """Moments within a stretch of time, in proportion to the pauses before them."""
    total = sum(pauses) + 1
    moments, passed = [], 0
    for pause in pauses:
        passed += pause
        moments.append(from_ms + (until_ms - from_ms) * passed // total)
    return moments
