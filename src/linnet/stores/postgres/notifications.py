"""Notifications: causes, their groups, and how far each user has read."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

import msgspec

from linnet.domain.event import TweetRef
from linnet.domain.notification import KINDS, TWEET_KINDS, Cause, NotificationKind
from linnet.domain.timeline import Range
from linnet.ids import TweetId, UserId
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("notifications")


class GroupKey(msgspec.Struct, frozen=True):
    """Which group of whose."""

    user_id: UserId
    kind: NotificationKind
    group_id: int


class Group(msgspec.Struct, frozen=True):
    """A user's group: ``newest_id`` of its newest cause orders it, ``people_count`` counts its causes."""

    kind: NotificationKind
    group_id: int
    newest_id: int
    people_count: int


class State(msgspec.Struct, frozen=True):
    """The last id of a user's notifications, and the one up to which they have read."""

    last_id: int
    read_id: int


class Unread(msgspec.Struct, frozen=True):
    """Groups with something new, counted when ``last_id`` was the last id of a user's notifications."""

    last_id: int
    count: int


class Follow(msgspec.Struct, frozen=True):
    """``follower_id`` follows ``followed_id``; ``id`` says since when."""

    follower_id: UserId
    followed_id: UserId
    id: int


async def lock_states(db: Session, wanted: Mapping[UserId, int], *, floor: int) -> dict[UserId, int]:
    """The last of so many new ids for each user, all above ``floor`` and any id they had, also if it is none.

    Others who tell one of them something wait until the transaction ends.
    """
    user_ids = sorted(wanted)
    rows: list[tuple[UserId, int]] = await db.fetch(
        lambda user_id, last_id: (user_id, last_id),
        _sql["lock_states"],
        user_ids=user_ids,
        wanted=[wanted[user_id] for user_id in user_ids],
        floor=floor,
    )
    return dict(rows)


async def fetch_follows(db: Reader, pairs: Collection[tuple[UserId, UserId]]) -> list[Follow]:
    """Those of these (follower, followed) pairs that are follows at this moment."""
    found = await db.fetch(
        Follow,
        _sql["fetch_follows"],
        follower_ids=list({follower_id for follower_id, _ in pairs}),
        followed_ids=list({followed_id for _, followed_id in pairs}),
    )
    return [follow for follow in found if (follow.follower_id, follow.followed_id) in pairs]


async def fetch_present(db: Reader, user_ids: Collection[UserId]) -> set[UserId]:
    """Those of these people who are there."""
    return set(await db.fetch(UserId, _sql["fetch_present"], user_ids=list(user_ids)))


async def fetch_blocks(db: Reader, user_ids: Collection[UserId]) -> set[tuple[UserId, UserId]]:
    """Who of these people blocks whom of them."""
    return set(
        await db.fetch(lambda user_id, blocked_id: (user_id, blocked_id), _sql["fetch_blocks"], user_ids=list(user_ids))
    )


async def insert_mentions(db: Session, mentions: Sequence[tuple[UserId, TweetRef]]) -> list[tuple[UserId, TweetId]]:
    """Who is mentioned where; twice is as good as once. Returns what was not there."""
    return await db.fetch(
        lambda user_id, tweet_id: (UserId(user_id), TweetId(tweet_id)),
        _sql["insert_mentions"],
        user_ids=[user_id for user_id, _ in mentions],
        tweet_ids=[ref.tweet_id for _, ref in mentions],
        author_ids=[ref.author_id for _, ref in mentions],
    )


async def delete_mentions(db: Session, tweets: Sequence[TweetRef]) -> list[tuple[UserId, TweetId]]:
    """Who was mentioned in which of these tweets."""
    return await db.fetch(
        lambda user_id, tweet_id: (UserId(user_id), TweetId(tweet_id)),
        _sql["delete_mentions"],
        author_ids=list({ref.author_id for ref in tweets}),
        tweet_ids=[ref.tweet_id for ref in tweets],
    )


async def delete_other_mentions(
    db: Session, tweets: Sequence[TweetRef], mentions: Sequence[tuple[UserId, TweetRef]]
) -> list[tuple[UserId, TweetId]]:
    """Who was mentioned in these tweets, but for ``mentions``."""
    return await db.fetch(
        lambda user_id, tweet_id: (UserId(user_id), TweetId(tweet_id)),
        _sql["delete_other_mentions"],
        author_ids=list({ref.author_id for ref in tweets}),
        tweet_ids=[ref.tweet_id for ref in tweets],
        kept_user_ids=[user_id for user_id, _ in mentions],
        kept_tweet_ids=[ref.tweet_id for _, ref in mentions],
    )


async def insert(db: Session, causes: Sequence[Cause], last_ids: Mapping[UserId, int]) -> None:
    """Adds causes that are not there yet, and their groups. The users' states must be locked.

    ``last_ids``: the last of at least as many new ids as each user has causes.
    """
    free = dict(last_ids)
    ids: list[int] = []
    for cause in reversed(causes):
        ids.append(free[cause.user_id])
        free[cause.user_id] -= 1
    ids.reverse()
    inserted: list[tuple[GroupKey, int]] = await db.fetch(
        lambda user_id, kind, group_id, new_id: (GroupKey(user_id, kind, group_id), new_id),
        _sql["insert"],
        user_ids=[cause.user_id for cause in causes],
        kinds=[cause.kind for cause in causes],
        group_ids=[cause.group_id for cause in causes],
        actor_ids=[cause.actor_id for cause in causes],
        ids=ids,
    )
    if not inserted:
        return
    by_group: dict[GroupKey, list[int]] = defaultdict(list)
    for key, new_id in inserted:
        by_group[key].append(new_id)
    await db.run(
        _sql["grow_groups"],
        user_ids=[key.user_id for key in by_group],
        kinds=[key.kind for key in by_group],
        group_ids=[key.group_id for key in by_group],
        newest_ids=[max(new_ids) for new_ids in by_group.values()],
        added=[len(new_ids) for new_ids in by_group.values()],
    )


async def delete(db: Session, causes: Sequence[Cause]) -> list[GroupKey]:
    """The groups of those causes that were there, once for each. ``shrink`` must follow."""
    return await db.fetch(
        GroupKey,
        _sql["delete"],
        user_ids=[cause.user_id for cause in causes],
        kinds=[cause.kind for cause in causes],
        group_ids=[cause.group_id for cause in causes],
        actor_ids=[cause.actor_id for cause in causes],
    )


async def delete_follows(db: Session, pairs: Sequence[tuple[UserId, UserId]]) -> list[GroupKey]:
    """What follows of these (follower, followed) pairs had caused. ``shrink`` must follow."""
    return await db.fetch(
        GroupKey,
        _sql["delete_follows"],
        user_ids=[followed_id for _, followed_id in pairs],
        actor_ids=[follower_id for follower_id, _ in pairs],
    )


async def delete_between(db: Session, pairs: Sequence[tuple[UserId, UserId]]) -> list[GroupKey]:
    """All that for these (user, actor) pairs the actor had caused. ``shrink`` must follow."""
    return await db.fetch(
        GroupKey,
        _sql["delete_between"],
        user_ids=[user_id for user_id, _ in pairs],
        actor_ids=[actor_id for _, actor_id in pairs],
    )


async def delete_about(
    db: Session, user_ids: Collection[UserId], tweet_ids: Collection[TweetId], *, page_size: int
) -> list[GroupKey]:
    """Some of what tweets that are gone had caused for these users. ``shrink`` must follow."""
    return await db.fetch(
        GroupKey,
        _sql["delete_about"],
        user_ids=list(user_ids),
        kinds=list(TWEET_KINDS),
        tweet_ids=list(tweet_ids),
        page_size=page_size,
    )


async def shrink(db: Session, groups: Sequence[GroupKey]) -> None:
    """Takes from groups what was deleted: ``groups`` has each as often as it lost a cause. States must be locked."""
    if not groups:
        return
    removed = Counter(groups)
    await db.run(
        _sql["shrink_groups"],
        user_ids=[key.user_id for key in removed],
        kinds=[key.kind for key in removed],
        group_ids=[key.group_id for key in removed],
        removed=list(removed.values()),
    )
    await db.run(_sql["delete_empty_groups"], user_ids=list({key.user_id for key in removed}))


async def date_back(db: Session, user_ids: Collection[UserId]) -> None:
    """What these people were told of each other becomes as old as what they did. For a past that is made up."""
    await lock_states(db, dict.fromkeys(user_ids, 0), floor=0)
    await db.run(_sql["date_back"], user_ids=list(user_ids))
    await db.run(_sql["date_groups_back"], user_ids=list(user_ids))


async def find_newest(db: Reader, user_id: UserId) -> int:
    """The id of the newest cause by somebody whom the user may meet; 0 when there is none."""
    newest_id = await db.value(_sql["find_newest"], user_id=user_id)
    return 0 if newest_id is None else int(newest_id)


async def fetch_groups(
    db: Reader, user_id: UserId, wanted: Range, *, kinds: Collection[NotificationKind] = KINDS
) -> list[Group]:
    """A user's groups of some kinds, the one with the newest cause first."""
    if wanted.ascending:
        rows = await db.fetch(
            Group,
            _sql["fetch_groups_above"],
            user_id=user_id,
            kinds=list(kinds),
            after_id=wanted.after,
            page_size=wanted.limit,
        )
        return rows[::-1]
    return await db.fetch(
        Group,
        _sql["fetch_groups"],
        user_id=user_id,
        kinds=list(kinds),
        before_id=wanted.before,
        page_size=wanted.limit,
    )


async def find_group(db: Reader, user_id: UserId, kind: NotificationKind, group_id: int) -> Group | None:
    """One of a user's groups."""
    return await db.find(Group, _sql["find_group"], user_id=user_id, kind=kind, group_id=group_id)


async def fetch_people(db: Reader, user_id: UserId, group: Group, *, page_size: int) -> list[UserId]:
    """The newest people of a group whom the user may meet."""
    return await db.fetch(
        UserId,
        _sql["fetch_people"],
        user_id=user_id,
        kind=group.kind,
        group_id=group.group_id,
        page_size=page_size,
    )


async def count_unmet(db: Reader, user_id: UserId, group: Group) -> int:
    """How many people of a group the user keeps away, or is kept away by."""
    return int(await db.value(_sql["count_unmet"], user_id=user_id, kind=group.kind, group_id=group.group_id))


async def find_state(db: Reader, user_id: UserId) -> State:
    """Whoever was never told anything has read everything."""
    return await db.find(State, _sql["find_state"], user_id=user_id) or State(0, 0)


async def mark_read(db: Session, user_id: UserId, up_to_id: int) -> bool:
    """Reads up to an id; False when the user has read so far already."""
    return await db.value(_sql["mark_read"], user_id=user_id, up_to_id=up_to_id) is not None


async def count_unread(db: Reader, user_id: UserId, *, read_id: int, page_size: int) -> int:
    """Groups with something new among the newest ``page_size`` causes."""
    return int(await db.value(_sql["count_unread"], user_id=user_id, read_id=read_id, page_size=page_size))


async def count_new(db: Reader, user_id: UserId, *, page_size: int) -> Unread:
    """The same, in one round trip, up to wherever the user has read."""
    return await db.find(Unread, _sql["count_new"], user_id=user_id, page_size=page_size) or Unread(0, 0)
