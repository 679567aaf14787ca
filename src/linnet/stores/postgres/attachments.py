"""Pictures that people put into tweets: whose each is, in which tweet it stands, and which files are its own."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from linnet.domain.attachments import Attachment
from linnet.domain.event import TweetRef
from linnet.ids import AttachmentId, UserId
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("attachments")


class Held(msgspec.Struct, frozen=True):
    """A row by its key, with the name of its files."""

    owner_id: UserId
    id: AttachmentId
    name: str


async def insert(db: Reader, held: Held, *, now_ms: int) -> None:
    """Its files may come now."""
    await db.run(_sql["insert"], owner_id=held.owner_id, attachment_id=held.id, name=held.name, now_ms=now_ms)


async def make_ready(db: Reader, owner_id: UserId, attachment: Attachment, *, now_ms: int) -> bool:
    """Its files are there. False when it was given up meanwhile."""
    changed = await db.run(
        _sql["make_ready"],
        owner_id=owner_id,
        attachment_id=attachment.id,
        width=attachment.width,
        height=attachment.height,
        small_width=attachment.small_width,
        small_height=attachment.small_height,
        blurhash=attachment.blurhash,
        description=attachment.description,
        focus_x=attachment.focus_x,
        focus_y=attachment.focus_y,
        now_ms=now_ms,
    )
    return bool(changed)


async def find(db: Reader, owner_id: UserId, attachment_id: AttachmentId) -> Attachment | None:
    """One whose files are there, in a tweet or not."""
    return await db.find(Attachment, _sql["find"], owner_id=owner_id, attachment_id=attachment_id)


async def is_attached(db: Reader, owner_id: UserId, attachment_id: AttachmentId) -> bool:
    return bool(await db.value(_sql["is_attached"], owner_id=owner_id, attachment_id=attachment_id))


async def update(
    db: Reader,
    owner_id: UserId,
    attachment_id: AttachmentId,
    *,
    description: str | None,
    focus: tuple[float, float] | None,
) -> Attachment | None:
    """What is None stays. None for one that is not there, or stands in a tweet."""
    return await db.find(
        Attachment,
        _sql["update"],
        owner_id=owner_id,
        attachment_id=attachment_id,
        description=description,
        focus_x=None if focus is None else focus[0],
        focus_y=None if focus is None else focus[1],
    )


async def attach(
    db: Session, ref: TweetRef, attachment_ids: Sequence[AttachmentId], *, held_by: int | None
) -> list[Attachment]:
    """Those that could be had, in no order: held by nothing, or by this scheduled tweet."""
    return await db.fetch(
        Attachment,
        _sql["attach"],
        owner_id=ref.author_id,
        tweet_id=ref.tweet_id,
        attachment_ids=list(attachment_ids),
        held_by=held_by,
    )


async def hold(db: Session, owner_id: UserId, scheduled_id: int, attachment_ids: Sequence[AttachmentId]) -> int:
    """For a tweet that is posted later, as many as could be had."""
    return await db.run(_sql["hold"], owner_id=owner_id, scheduled_id=scheduled_id, attachment_ids=list(attachment_ids))


async def let_go(db: Session, owner_id: UserId, scheduled_id: int, *, now_ms: int) -> None:
    """They wait for another tweet."""
    await db.run(_sql["let_go"], owner_id=owner_id, scheduled_id=scheduled_id, now_ms=now_ms)


async def fetch(db: Reader, owner_id: UserId, attachment_ids: Sequence[AttachmentId]) -> dict[AttachmentId, Attachment]:
    """Somebody's own by their ids, in a tweet or not."""
    found = await db.fetch(Attachment, _sql["fetch"], owner_id=owner_id, attachment_ids=list(attachment_ids))
    return {each.id: each for each in found}


async def describe_attached(db: Session, ref: TweetRef, attachment: Attachment) -> None:
    """Says of a picture in a tweet what the tweet, whose row is locked, says of it from now on."""
    await db.run(
        _sql["describe_attached"],
        owner_id=ref.author_id,
        tweet_id=ref.tweet_id,
        attachment_id=attachment.id,
        description=attachment.description,
        focus_x=attachment.focus_x,
        focus_y=attachment.focus_y,
    )


async def release(db: Session, ref: TweetRef, *, state: Literal["ready", "gone"], now_ms: int) -> None:
    """A tweet is gone; its pictures are, too, or wait for another one."""
    await db.run(_sql["release"], owner_id=ref.author_id, tweet_id=ref.tweet_id, state=state, now_ms=now_ms)


async def give_up(db: Reader, owner_id: UserId, attachment_id: AttachmentId, *, before_ms: int) -> bool:
    """From now on nobody can have it. False when it stands in a tweet, or has not waited since then."""
    changed = await db.run(_sql["give_up"], owner_id=owner_id, attachment_id=attachment_id, before_ms=before_ms)
    return bool(changed)


async def fetch_of_owner(db: Reader, owner_id: UserId, *, page_size: int) -> list[Held]:
    return await db.fetch(Held, _sql["fetch_of_owner"], owner_id=owner_id, page_size=page_size)


async def fetch_gone(db: Reader, owner_id: UserId, *, page_size: int) -> list[Held]:
    """Somebody's that are to be deleted."""
    return await db.fetch(Held, _sql["fetch_gone"], owner_id=owner_id, page_size=page_size)


async def fetch_waiting(db: Reader, *, before_ms: int, page_size: int) -> list[Held]:
    """Anybody's that are to be deleted, or have waited since before a moment."""
    return await db.fetch(Held, _sql["fetch_waiting"], before_ms=before_ms, page_size=page_size)


async def delete(db: Session, held: Held) -> None:
    """Its files are gone."""
    await db.run(_sql["delete"], owner_id=held.owner_id, attachment_id=held.id)


async def fetch_named(db: Reader, names: Sequence[str]) -> set[str]:
    """Those names that are anybody's."""
    return set(await db.fetch(str, _sql["fetch_named"], names=list(names)))
