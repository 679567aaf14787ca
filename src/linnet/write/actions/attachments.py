"""Step 1 of the write path, for pictures in tweets: a person uploads one, says what is on it, and puts it into a tweet.

A picture's row comes before its files and goes after them, and its files are called what nothing else ever was. So a
process that dies between any two lines leaves a row, by which a job finds what is to be deleted; and files that nobody
has a row for are nobody's, whenever one looks. From the row on it belongs to its owner, and is in at most one tweet: to
attach it is part of the transaction that makes the tweet.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import msgspec

from linnet.domain.attachments import (
    ATTACHMENT_MEDIA_TYPE,
    ATTACHMENT_NAME_BYTES,
    LARGE,
    SMALL,
    Attachment,
    attachment_path,
    check_description,
    check_focus,
)
from linnet.domain.event import TweetRef
from linnet.errors import AttachmentNotFound, AttachmentUsed, Invalid, Unavailable
from linnet.ids import AttachmentId, UserId, random_bytes
from linnet.stores.postgres import attachments
from linnet.stores.postgres.attachments import Held
from linnet.stores.postgres.pool import Session
from linnet.write.deps import WriteDeps
from linnet.write.jobs.attachments import erase_attachments
from linnet.write.photos import Photo, make_photo


class Sent(msgspec.Struct, frozen=True):
    """A file, and what is said of it."""

    file: bytes
    description: str = ""
    focus: tuple[float, float] = (0.0, 0.0)


async def upload(deps: WriteDeps, owner_id: UserId, read: Callable[[], Awaitable[Sent]]) -> Attachment:
    """Makes a picture of what ``read`` gives, which is in no tweet yet.

    Raises ``Invalid``, ``PictureUnreadable`` or ``PictureTooLarge``; ``Unavailable`` when too many are uploaded at
    once, or when there is nowhere to keep it.
    """
    return await deps.pictures.admit(read, partial(keep, deps, owner_id))


async def keep(deps: WriteDeps, owner_id: UserId, sent: Sent) -> Attachment:
    """The same of what was read, by whoever was let in to do so."""
    description, focus = check_description(sent.description), check_focus(*sent.focus)
    photo = await deps.pictures.make(partial(make_photo, sent.file, deps.options.photos))
    return await store(deps, owner_id, photo, description, focus)


async def store(
    deps: WriteDeps, owner_id: UserId, photo: Photo, description: str, focus: tuple[float, float]
) -> Attachment:
    """A row, its files, and then that they are there."""
    if not deps.media.is_configured:
        raise Unavailable("LINNET_MEDIA_URL is not set: there is nowhere to keep pictures")
    held = Held(owner_id, AttachmentId(deps.ids.mint()), random_bytes(ATTACHMENT_NAME_BYTES).hex())
    attachment = Attachment(
        held.id,
        held.name,
        photo.width,
        photo.height,
        photo.small_width,
        photo.small_height,
        photo.blurhash,
        description,
        *focus,
    )
    await attachments.insert(deps.db, held, now_ms=deps.clock.now_ms())
    await _put_files(deps, held.name, photo)
    if not await attachments.make_ready(deps.db, owner_id, attachment, now_ms=deps.clock.now_ms()):
        raise Unavailable("the files of a picture were so long on their way that it was given up")
    return attachment


async def _put_files(deps: WriteDeps, name: str, photo: Photo) -> None:
    await asyncio.gather(
        *(
            deps.media.put(attachment_path(name, file), content, media_type=ATTACHMENT_MEDIA_TYPE)
            for file, content in ((LARGE, photo.large), (SMALL, photo.small))
        )
    )


async def describe(
    deps: WriteDeps,
    owner_id: UserId,
    attachment_id: AttachmentId,
    *,
    description: str | None,
    focus: tuple[float, float] | None,
) -> Attachment:
    """Says what is on one's own picture, before it stands in a tweet; None leaves what was said.

    Raises ``Invalid``, ``AttachmentNotFound`` or ``AttachmentUsed``.
    """
    checked = None if description is None else check_description(description)
    pointed = None if focus is None else check_focus(*focus)
    changed = await attachments.update(deps.db, owner_id, attachment_id, description=checked, focus=pointed)
    if changed is None:
        raise await _refusal(deps, owner_id, attachment_id)
    return changed


async def discard(deps: WriteDeps, owner_id: UserId, attachment_id: AttachmentId) -> None:
    """Deletes one's own picture that stands in no tweet. Raises ``AttachmentNotFound`` or ``AttachmentUsed``."""
    async with deps.db.transaction() as session:
        # As if it had waited for ever.
        if not await attachments.give_up(session, owner_id, attachment_id, before_ms=2**62):
            raise await _refusal(deps, owner_id, attachment_id)
        await erase_attachments.defer(session, owner_id=owner_id)


async def _refusal(
    deps: WriteDeps, owner_id: UserId, attachment_id: AttachmentId
) -> AttachmentNotFound | AttachmentUsed:
    is_used = await attachments.is_attached(deps.db, owner_id, attachment_id)
    return AttachmentUsed() if is_used else AttachmentNotFound()


def check_chosen(attachment_ids: Sequence[AttachmentId], *, most: int) -> None:
    """Raises ``Invalid`` for more than a tweet takes, and for one that is named twice."""
    if len(attachment_ids) > most:
        raise Invalid.field("attachments", f"These are {len(attachment_ids)} pictures; {most} are allowed.")
    if len(set(attachment_ids)) < len(attachment_ids):
        raise Invalid.field("attachments", "One of these is named twice.")


async def attach(
    session: Session, ref: TweetRef, attachment_ids: Sequence[AttachmentId], *, held_by: int | None = None
) -> list[Attachment]:
    """Puts pictures into a tweet that is being made, in their order. Raises ``Invalid``: then there is no tweet.

    ``held_by``: a scheduled tweet, which had them until now.
    """
    found = {each.id: each for each in await attachments.attach(session, ref, attachment_ids, held_by=held_by)}
    if len(found) < len(attachment_ids):
        raise Invalid.field("attachments", "One of these pictures is not there any more, or stands in a tweet already.")
    return [found[attachment_id] for attachment_id in attachment_ids]


async def detach(deps: WriteDeps, session: Session, ref: TweetRef, *, keeps: bool) -> None:
    """What stood in a tweet that is being deleted: waits for another one if it is to be kept, and else goes."""
    await attachments.release(session, ref, state="ready" if keeps else "gone", now_ms=deps.clock.now_ms())
    if not keeps:
        await erase_attachments.defer(session, owner_id=ref.author_id)
