"""How large the place is: exact while it is small, and about so large when counting would take long."""

from collections.abc import Sequence
from typing import Final

import msgspec

from linnet.stores.postgres.pool import Database
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("instance")

# So many rows are counted in milliseconds.
_FEW = 20_000


class Size(msgspec.Struct, frozen=True):
    """How many people, tweets, and people who were here lately."""

    users: int
    tweets: int
    active: int


class Week(msgspec.Struct, frozen=True):
    """What was done in the week from a Monday's midnight (UTC) on, in Unix milliseconds."""

    begins_ms: int
    tweets: int
    logins: int
    sign_ups: int


class _InWeek(msgspec.Struct, frozen=True):
    week: int
    count: int


class _Estimate(msgspec.Struct, frozen=True):
    users: int
    tweets: int


_WEEK_MS: Final = 7 * 86_400_000
# The first Monday of all.
_FIRST_MONDAY_MS: Final = 4 * 86_400_000


async def fetch_weeks(db: Database, *, now_ms: int, weeks: int) -> list[Week]:
    """This week and those before it, the newest first. Of what is long a sample is counted."""
    this_week_ms = now_ms - (now_ms - _FIRST_MONDAY_MS) % _WEEK_MS
    since_ms = this_week_ms - (weeks - 1) * _WEEK_MS
    async with db.session() as session:
        about = await session.find(_Estimate, _sql["find_size"]) or _Estimate(0, 0)

        few, many = _percent(about.users), _percent(about.tweets)
        tweets = await session.fetch(_InWeek, _sql["count_tweets_by_week"], percent=many, since_ms=since_ms)
        logins = await session.fetch(_InWeek, _sql["count_logins_by_week"], percent=few, since_ms=since_ms)
        people = await session.fetch(_InWeek, _sql["count_people_by_week"], percent=few, since_ms=since_ms)
    counts = [_scaled(found, percent) for found, percent in ((tweets, many), (logins, few), (people, few))]
    return [
        Week(since_ms + week * _WEEK_MS, *(found.get(week, 0) for found in counts)) for week in reversed(range(weeks))
    ]


def _percent(rows: int) -> float:
    """How large a sample of so many rows is to be."""
    return min(100.0, 100.0 * _FEW / max(rows, 1))


def _scaled(found: Sequence[_InWeek], percent: float) -> dict[int, int]:
    return {each.week: round(each.count * 100 / percent) for each in found}


async def count(db: Database, *, active_since_ms: int) -> Size:
    """What PostgreSQL has never looked at is counted too, for as long as a statement may take."""
    async with db.session() as session:
        about = await session.find(_Estimate, _sql["find_size"]) or _Estimate(0, 0)
        users = about.users if about.users > _FEW else int(await session.value(_sql["count_people"]))
        tweets = about.tweets if about.tweets > _FEW else int(await session.value(_sql["count_tweets"]))
        percent = _percent(users)
        active = int(await session.value(_sql["count_active"], percent=percent, since_ms=active_since_ms))
    return Size(users, tweets, min(users, round(active * 100 / percent)))
