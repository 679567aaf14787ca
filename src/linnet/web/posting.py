"""What the forms for writing send, from a page and from a script alike: a text, a warning, and pictures.

Pictures become rows of their owner before the tweet is posted. So when something is wrong with the rest of it they are
there already, and the form that is shown again names them instead of asking for the files a second time.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final, TypeVar, cast, get_args

import msgspec

from linnet.clock import rfc3339
from linnet.domain.polls import MAX_OPTIONS, PollDraft
from linnet.domain.scheduled import Scheduled, parse_due
from linnet.domain.tweet import Tweet, Visibility
from linnet.errors import AttachmentNotFound, Invalid
from linnet.ids import AttachmentId, TweetId
from linnet.read.timelines.attachments import attachment_screen
from linnet.read.views.attachments import AttachmentView
from linnet.web.asking import Ask, parse_id
from linnet.web.forms import Form
from linnet.write.actions.attachments import Sent, keep
from linnet.write.actions.edits import Described, Edited, Wish, edit_tweet
from linnet.write.actions.scheduled import schedule_tweet
from linnet.write.actions.tweets import post_tweet

T = TypeVar("T")

# Minutes; nobody is further from UTC.
_ZONE: Final = re.compile(r"-?[0-9]{1,3}", re.ASCII)


class Draft(msgspec.Struct, frozen=True):
    """``kept``: pictures that were uploaded with the form before. ``sent``: those that came with this one.

    ``described``: what is said of each that is kept, where a form asks for it.
    ``later``: when it is to be posted, as the form says it; ``zone``: how many minutes that is from UTC, to the west.
    """

    text: str = ""
    reply_to: TweetId | None = None
    warning: str = ""
    sensitive: bool = False
    visibility: Visibility = "public"
    poll: PollDraft | None = None
    kept: tuple[AttachmentId, ...] = ()
    sent: tuple[Sent, ...] = ()
    once: str = ""
    back: str = ""
    described: tuple[Described, ...] = ()
    later: str = ""
    zone: str = ""


class Shown(msgspec.Struct, frozen=True):
    """What of a draft a form shows again, beside its text. ``is_sent``: it is what somebody chose, and no beginning."""

    warning: str = ""
    sensitive: bool = False
    visibility: Visibility | None = None
    pictures: list[AttachmentView] = []
    poll: PollDraft | None = None
    is_sent: bool = False
    later: str = ""

    @property
    def has_some(self) -> bool:
        return bool(self.warning or self.sensitive or self.pictures or self.poll or self.later)


async def receive_draft(ask: Ask, then: Callable[[Draft], Awaitable[T]]) -> T:
    """Reads the form, and goes on with what is in it while its files are in memory. Raises ``StrangeForm`` …

    Of forms with files only so many are read at once; others are told to come again, before anything is read.
    """
    photos, options = ask.services.write.options.photos, ask.services.options
    most_bytes = photos.per_tweet * photos.max_bytes if ask.viewer is not None else 0

    async def read() -> Draft:
        return _draft_of(await ask.form_with_files(max_bytes=most_bytes), photos.per_tweet)

    length = ask.request.headers.get("content-length", "")
    is_small = length.isdigit() and int(length[:18]) <= options.max_body_bytes
    return await ask.services.write.pictures.admit(read, then, files=0 if is_small else photos.per_tweet)


def _draft_of(form: Form, most: int) -> Draft:
    fields = form.fields
    kept = [parse_id(fields.get(f"kept{number}", "")) for number in range(1, most + 1)]
    described = [
        Described(AttachmentId(some_id), fields[f"alt{number}"])
        for number, some_id in enumerate(kept, 1)
        if some_id is not None and f"alt{number}" in fields
    ]
    sent = [
        Sent(content, fields.get(f"alt{number}", ""))
        for number in range(1, most + 1)
        if (content := form.files.get(f"picture{number}", b""))
    ]
    reply_to = parse_id(fields.get("reply_to", ""))
    return Draft(
        fields.get("text", ""),
        None if reply_to is None else TweetId(reply_to),
        fields.get("warning", ""),
        fields.get("sensitive") == "yes",
        visibility_of(fields.get("visibility", "")),
        _poll_of(fields),
        tuple(AttachmentId(some_id) for some_id in kept if some_id is not None),
        tuple(sent),
        fields.get("once", ""),
        fields.get("back", ""),
        tuple(described),
        fields.get("later", "").strip(),
        fields.get("zone", "").strip(),
    )


def _poll_of(fields: Mapping[str, str]) -> PollDraft | None:
    """What a form asks. Nothing stands in any option: nothing."""
    options = tuple(fields.get(f"option{number}", "") for number in range(1, MAX_OPTIONS + 1))
    if not any(option.strip() for option in options):
        return None
    lasts = fields.get("lasts", "")
    return PollDraft(
        options,
        int(lasts) if lasts.isascii() and lasts.isdigit() and len(lasts) < 9 else 0,
        multiple=fields.get("multiple") == "yes",
        hides_votes=fields.get("hides_votes") == "yes",
    )


def chosen_in(fields: Mapping[str, str], tweet_id: TweetId) -> list[int]:
    """What of a tweet's poll a page's form chose: one field with a place in it, or one for each place."""
    names = [f"v{tweet_id}", *(f"v{tweet_id}-{at}" for at in range(MAX_OPTIONS))]
    given = [fields[name] for name in names if name in fields]
    # What is no place of anything is one that no poll has.
    return [int(text) if text.isascii() and text.isdigit() and len(text) < 3 else MAX_OPTIONS for text in given]


class _OnItsWay:
    """A draft on its way. ``kept`` grows as its pictures arrive, and stays when the rest is refused."""

    def __init__(self, ask: Ask, draft: Draft) -> None:
        self._ask = ask
        self._draft = draft
        self.kept = list(draft.kept)

    async def _keep(self) -> None:
        for sent in self._draft.sent:
            self.kept.append((await keep(self._ask.services.write, self._ask.actor.user_id, sent)).id)

    async def shown(self) -> Shown:
        """What to show again."""
        pictures = []
        said = {each.id: each.description for each in self._draft.described}
        for attachment_id in self.kept:
            try:
                view = await attachment_screen(self._ask.services.read, self._ask.actor.user_id, attachment_id)
            except AttachmentNotFound:
                continue
            description = said.get(attachment_id)
            pictures.append(view if description is None else msgspec.structs.replace(view, description=description))
        draft = self._draft
        return Shown(
            draft.warning, draft.sensitive, draft.visibility, pictures, draft.poll, is_sent=True, later=self._later()
        )

    def _later(self) -> str:
        """In UTC, as a page has it; nothing for what is no time."""
        with suppress(Invalid):
            return rfc3339(parse_later(self._draft.later, self._draft.zone))[:16]
        return ""


class Editing(_OnItsWay):
    """What a tweet is to say."""

    async def edit(self, tweet_id: TweetId) -> Edited:
        """One form is one edit, however often it is sent."""
        ask, draft = self._ask, self._draft
        await self._keep()
        asked = None if draft.poll is None else draft.poll.options
        wish = Wish(draft.text, draft.warning, draft.sensitive, tuple(self.kept), draft.described, asked)
        key = key_of(draft.once, "edit", tweet_id)
        return await edit_tweet(
            ask.services.write,
            ask.actor.user_id,
            tweet_id,
            wish,
            idempotency_key=key,
            request_digest=_digest_of(draft),
        )


class Posting(_OnItsWay):
    """What is to be a tweet."""

    async def post(self, *more_of_key: object) -> Tweet:
        """One form is one tweet, however often it is sent; with ``more_of_key``, as long as that is the same."""
        ask, draft = self._ask, self._draft
        await self._keep()
        return await post_tweet(
            ask.services.write,
            ask.actor.user_id,
            text=draft.text,
            reply_to=draft.reply_to,
            idempotency_key=key_of(draft.once, *more_of_key),
            attached=self.kept,
            warning=draft.warning,
            sensitive=draft.sensitive,
            visibility=draft.visibility,
            poll=draft.poll,
            # The pictures of a form that comes twice are other rows the second time.
            request_digest=_digest_of(draft),
        )

    async def schedule(self, *more_of_key: object) -> Scheduled:
        """The same for one that is posted later."""
        ask, draft = self._ask, self._draft
        due_ms = parse_later(draft.later, draft.zone)
        await self._keep()
        return await schedule_tweet(
            ask.services.write,
            ask.actor.user_id,
            due_ms=due_ms,
            text=draft.text,
            reply_to=draft.reply_to,
            attached=self.kept,
            warning=draft.warning,
            sensitive=draft.sensitive,
            visibility=draft.visibility,
            poll=draft.poll,
            idempotency_key=key_of(draft.once, *more_of_key),
            request_digest=_digest_of(draft),
            field="later",
        )


def parse_later(later: str, zone: str) -> int:
    """Unix milliseconds of what a form chose; ``zone`` is empty where no script said it: UTC. Raises ``Invalid``."""
    if zone and not _ZONE.fullmatch(zone):
        raise Invalid.field("later", "This says no time zone that there is.")
    return parse_due(later, field="later") + 60_000 * int(zone or 0)


def visibility_of(chosen: str) -> Visibility:
    """What a form chose. Whatever cannot be chosen is for whom it mentions alone: it may have meant as few."""
    if chosen == "":
        return "public"
    return cast(Visibility, chosen) if chosen in get_args(Visibility) else "direct"


def key_of(once: str, *more: object) -> str | None:
    """What a form's tweet is known by when it comes again."""
    return _hex("\n".join(map(str, (once, *more)))) if once else None


def _digest_of(draft: Draft) -> bytes:
    said: list[Any] = [draft.text, draft.reply_to, draft.warning, draft.sensitive, draft.visibility, draft.kept]
    said += [] if draft.poll is None else [draft.poll]
    said += [(each.id, each.description) for each in draft.described]
    said += [draft.later, draft.zone] if draft.later else []
    said += [(sent.description, hashlib.sha256(sent.file).hexdigest()) for sent in draft.sent]
    return bytes.fromhex(_hex(repr(said)))


def _hex(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
