"""Sends notifications to devices that subscribed to them, until somebody says stop.

Several may run at once, on any number of machines. A subscription is served by one of them at a time and in the order
of its notifications, and how far it is served is written down after each message: **at least once**. Who is killed
between a message and that note sends it again, under the same topic and number, so that a service which still keeps
the first one replaces it and a device shows them as one. What is gone or read before its turn is not sent.

docs/decisions/0045-web-push.md says why.
"""

import asyncio
from typing import Final
from urllib.parse import urlsplit

import msgspec
import structlog
from prometheus_client import Counter

from linnet.domain.push import Message, PageMessage, PushOptions
from linnet.domain.session import unused_since_ms
from linnet.domain.webpush import (
    MAX_PLAIN_BYTES,
    SALT_BYTES,
    SEED_BYTES,
    encode64,
    encrypt,
    encrypt_as_drafted,
    key_from,
    public_bytes,
    reveal,
    sign,
)
from linnet.errors import LinnetError, Unavailable
from linnet.ids import random_bytes, token_hash
from linnet.read.deps import ReadDeps
from linnet.read.timelines.pushes import KEPT_HOURS, Due, Said, due_page, due_screen
from linnet.stores.postgres import pushes
from linnet.stores.postgres.pool import run_again
from linnet.stores.postgres.pushes import Claim
from linnet.stores.pushservice import PushService, Refused, Reply, Unreachable
from linnet.workers.stopping import run_until
from linnet.write.actions.pushes import token_row
from linnet.write.deps import WriteDeps

log = structlog.get_logger()

MESSAGES = Counter(
    "linnet_push_messages", "Messages to devices by what became of them: sent, gone, refused, failed.", ["outcome"]
)

_HOLD_SECONDS: Final = 120.0
# Well within the hold, and the longest that one message takes.
_ROUND_SECONDS: Final = 90.0
_PER_ROUND: Final = 10
_REST_SECONDS: Final = 10.0
_CALM_SECONDS: Final = 60.0
_FIRST_PAUSE_SECONDS: Final = 30.0
_LONGEST_PAUSE_SECONDS: Final = 3600.0
_LONGEST_ASKED_SECONDS: Final = 86_400.0
_GIVE_UP_SECONDS: Final = 3 * 86_400.0
_TOKEN_SECONDS: Final = 12 * 3600
# These say that it did not work now. All others from 400 to 499 say that it never will.
_LATER: Final = frozenset((408, 425, 429))


class SenderOptions(msgspec.Struct, frozen=True):
    """``at_once``: so many subscriptions are served at a time."""

    at_once: int = 16
    poll_seconds: float = 1.0
    stop_seconds: float = 10.0


async def send_pushes(
    write: WriteDeps, read: ReadDeps, options: SenderOptions, *, stop: asyncio.Event, service: PushService | None = None
) -> None:
    """Sends as there is something to be sent. Where it is switched off, nothing."""
    push = write.options.push
    if not push.enabled:
        return
    service = service or PushService(write.clock, allows_private=push.allows_private)
    try:
        sender = PushSender(write, read, service, options)
        await run_until(stop, sender, name="push sender", stop_seconds=options.stop_seconds)
    finally:
        await service.close()


class PushSender:
    """One per process."""

    def __init__(self, write: WriteDeps, read: ReadDeps, service: PushService, options: SenderOptions) -> None:
        self._write = write
        self._read = read
        self._service = service
        self._options = options
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """``run`` finishes the messages in hand and returns."""
        self._stopping.set()

    async def run(self) -> None:
        """Raises nothing but cancellation: stores that are away are waited out."""
        while not self._stopping.is_set():
            try:
                served = await self.send_due()
            except Unavailable as error:
                log.debug("pushes wait", cause=error.cause)
                served = 0
            except Exception as error:
                log.error("pushes could not be sent", exc_info=error)
                served = 0
            if served < self._options.at_once:
                await self._pause(self._options.poll_seconds)

    async def send_due(self) -> int:
        """Serves some subscriptions for which something may wait, each a round; how many."""
        now_ms = self._write.clock.now_ms()
        held_ms = now_ms + round(1000 * _HOLD_SECONDS)
        claims = await run_again(
            lambda: pushes.claim(self._write.db, now_ms=now_ms, held_ms=held_ms, page_size=self._options.at_once)
        )
        # One that fails is logged and due again after its hold; the others go on.
        for found in await asyncio.gather(*map(self._serve, claims), return_exceptions=True):
            if isinstance(found, LinnetError):
                log.warning("a push waits", cause=str(found))
            elif isinstance(found, BaseException):
                log.error("a push failed", exc_info=found)
        return len(claims)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _serve(self, claim: Claim) -> None:
        """One round."""
        began, db = self._write.clock.steady_seconds(), self._write.db
        read_id = await self._find_read_id(claim)
        if read_id is None:
            # Its log-in is over. Or it is not ours any more, and then it is not dropped.
            await pushes.drop(db, claim)
            return
        subscription = claim.subscription
        page = await due_page(
            self._read, subscription.user_id, subscription.wishes, after_id=claim.sent_id, read_id=read_id
        )
        calm, done = False, 0
        for due in page.items:
            is_late = self._write.clock.steady_seconds() - began > _ROUND_SECONDS
            if self._stopping.is_set() or done == _PER_ROUND or is_late:
                await self._rest(claim, sent_id=claim.sent_id, calm=calm, more=True)
                return
            said = await due_screen(self._read, subscription.user_id, due)
            read_id = await self._find_read_id(claim)
            if read_id is None:
                return
            if said is not None and due.row.id > read_id:
                if not await self._send(claim, due, said):
                    return
                await pushes.advance(db, claim, sent_id=due.row.id)
                calm, done = calm or due.is_alike, done + 1
        await self._rest(claim, sent_id=page.last_id, calm=calm, more=page.more)

    async def _rest(self, claim: Claim, *, sent_id: int, calm: bool, more: bool) -> None:
        now_ms = self._write.clock.now_ms()
        rested_ms = now_ms + round(1000 * _REST_SECONDS)
        await pushes.settle(
            self._write.db,
            claim,
            sent_id=sent_id,
            due_ms=rested_ms if more else None,
            free_ms=rested_ms if more else 0,
            calm_ms=now_ms + round(1000 * _CALM_SECONDS) if calm else 0,
        )

    async def _find_read_id(self, claim: Claim) -> int | None:
        since_ms = unused_since_ms(self._write.clock.now_ms())
        return await pushes.find_read_id(self._write.db, claim, unused_since_ms=since_ms)

    async def _send(self, claim: Claim, due: Due, said: Said) -> bool:
        """Whether it is done. If not, the subscription waits, or is over."""
        body, headers = await self._write_message(claim, due, said)
        try:
            reply = await self._service.post(claim.subscription.endpoint, headers, body)
        except Refused:
            return await self._later(claim, "refused", "not an address of the internet", None)
        except Unreachable as error:
            return await self._later(claim, "failed", str(error), None)
        if 200 <= reply.status < 300:
            MESSAGES.labels("sent").inc()
            return True
        if 400 <= reply.status < 500 and reply.status not in _LATER:
            MESSAGES.labels("gone").inc()
            log.info("a subscription is over", status=reply.status, service=_origin(claim))
            await pushes.drop(self._write.db, claim)
            return False
        return await self._later(claim, "failed", f"status {reply.status}", reply)

    async def _later(self, claim: Claim, outcome: str, why: str, reply: Reply | None) -> bool:
        MESSAGES.labels(outcome).inc()
        now_ms = self._write.clock.now_ms()
        if claim.failing_ms is not None and now_ms - claim.failing_ms > 1000 * _GIVE_UP_SECONDS:
            log.info("a subscription is given up", cause=why, service=_origin(claim))
            await pushes.drop(self._write.db, claim)
            return False
        pause = min(_FIRST_PAUSE_SECONDS * 2.0 ** min(claim.failures, 20), _LONGEST_PAUSE_SECONDS)
        if reply is not None and reply.retry_after_seconds is not None:
            pause = min(max(reply.retry_after_seconds, 1.0), _LONGEST_ASKED_SECONDS)
        log.info("a push service did not take a message", cause=why, service=_origin(claim), tried_again=f"{pause:g} s")
        await pushes.postpone(self._write.db, claim, until_ms=now_ms + round(1000 * pause), now_ms=now_ms)
        return False

    async def _write_message(self, claim: Claim, due: Due, said: Said) -> tuple[bytes, dict[str, str]]:
        subscription = claim.subscription
        key = await self._write.push_key.private()
        message: Message | PageMessage = _page_message(claim, due, said)
        if claim.token is not None:
            bound_to = token_row(subscription.user_id, subscription.session_id)
            message = Message(
                access_token=reveal(key, claim.token, bound_to=bound_to) or "",
                preferred_locale="en",
                notification_id=str(due.row.id),
                notification_type=said.kind,
                icon=claim.base_url + said.icon,
                title=said.title,
                body=said.body,
            )
        plain = msgspec.json.encode(message)
        if len(plain) > MAX_PLAIN_BYTES:
            plain = msgspec.json.encode(msgspec.structs.replace(message, body="", icon=""))
        write = encrypt if subscription.standard else encrypt_as_drafted
        written = write(
            plain,
            to=subscription.public_key,
            auth=subscription.auth,
            key=key_from(random_bytes(SEED_BYTES)),
            salt=random_bytes(SALT_BYTES),
        )
        mine = encode64(public_bytes(key))
        signed = sign(
            key,
            audience=_origin(claim),
            subject=_subject(self._write.options.push, claim),
            expires_s=self._write.clock.now_ms() // 1000 + _TOKEN_SECONDS,
        )
        headers = {
            **written.headers,
            "Content-Type": "application/octet-stream",
            "TTL": str(KEPT_HOURS * 3600),
            "Urgency": "low" if due.is_alike else "normal",
            "Topic": _topic(claim, due),
        }
        if subscription.standard:
            headers["Authorization"] = f"vapid t={signed},k={mine}"
        else:
            headers["Authorization"] = f"WebPush {signed}"
            headers["Crypto-Key"] += f";p256ecdsa={mine}"
        return written.body, headers


def _page_message(claim: Claim, due: Due, said: Said) -> PageMessage:
    """For a browser's log-in, which has no token that it would have to be told."""
    return PageMessage(title=said.title, body=said.body, icon=said.icon, url=said.url, tag=_topic(claim, due))


def _origin(claim: Claim) -> str:
    """The push service, without what names the device."""
    parts = urlsplit(claim.subscription.endpoint)
    return f"{parts.scheme}://{parts.netloc}"


def _subject(push: PushOptions, claim: Claim) -> str:
    """Whom the service may turn to."""
    return f"mailto:{push.contact}" if push.contact else push.public_url or claim.base_url


def _topic(claim: Claim, due: Due) -> str:
    """Of two messages of one topic that a service still keeps, it gives the device the later one alone.

    The name says nothing to the service: it is a digest with what only the device knows in it.
    """
    about = due.row.group_id if due.is_alike else due.row.id
    digest = token_hash(f"{encode64(claim.subscription.auth)} {due.row.kind} {about}")
    return encode64(digest[:24])
