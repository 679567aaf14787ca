"""``linnet events``: events that failed too often, why, and how to try them again."""

import asyncio
from collections.abc import AsyncIterator

import click
import msgspec

from linnet.bootstrap import open_services
from linnet.bootstrap.logs import configure_logs
from linnet.cli.failures import Failure
from linnet.cli.stores import with_stores
from linnet.clock import rfc3339
from linnet.domain.event import lane_of
from linnet.ids import UserId
from linnet.settings import Settings
from linnet.stores.postgres import outbox
from linnet.stores.postgres.outbox import ParkedEvent
from linnet.stores.postgres.pool import Database
from linnet.write.after_commit import best_effort, wake
from linnet.write.deps import WriteDeps

_PAGE_SIZE = 500


@click.group()
def events() -> None:
    """List and replay events that failed too often.

    Such an event is parked, where it holds up nobody. Replayed, it goes back to its place in its actor's lane.
    """


@events.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line, for machines.")
@with_stores
def list_command(settings: Settings, *, as_json: bool) -> None:
    """List parked events with their reasons.

    By actor, oldest first.
    """
    configure_logs(settings.log)
    asyncio.run(_list(settings, as_json=as_json))


@events.command("replay")
@click.argument("actor_id", type=click.IntRange(min=1), required=False)
@click.argument("event_id", type=click.IntRange(min=1), required=False)
@click.option("--all", "everything", is_flag=True, help="Replay everything that is parked now.")
@with_stores
def replay_command(settings: Settings, *, actor_id: int | None, event_id: int | None, everything: bool) -> None:
    """Put parked events back into their lanes.

    The one of ACTOR_ID with EVENT_ID, or --all.
    """
    if everything == (actor_id is not None) or (actor_id is None) != (event_id is None):
        raise click.UsageError("Name one event by ACTOR_ID and EVENT_ID, or say --all.")
    configure_logs(settings.log)
    asyncio.run(_replay(settings, actor_id, event_id))


async def _list(settings: Settings, *, as_json: bool) -> None:
    async with open_services(settings, role="command") as services:
        count = 0
        async for event in _parked(services.db):
            count += 1
            click.echo(_as_json(event) if as_json else _as_text(event))
    if not as_json:
        click.echo(f"{count} parked" if count else "Nothing is parked.")


async def _replay(settings: Settings, actor_id: int | None, event_id: int | None) -> None:
    async with open_services(settings, role="command") as services:
        if actor_id is not None and event_id is not None:
            if not await _replay_one(services.write, actor_id, event_id):
                raise Failure(f"no event {event_id} of actor {actor_id} is parked.")
            count = 1
        else:
            # Read to the end first: one that fails again at once would be found again and again.
            found = [(event.actor_id, event.id) async for event in _parked(services.db)]
            count = sum([await _replay_one(services.write, *ids) for ids in found])
    click.echo(f"{count} replayed")


async def _replay_one(deps: WriteDeps, actor_id: int, event_id: int) -> bool:
    async with deps.db.transaction() as session:
        replayed = await outbox.replay(session, actor_id=actor_id, event_id=event_id)
    if replayed:
        await best_effort([wake(deps, UserId(actor_id))], what="wake after a replay")
    return replayed


async def _parked(db: Database) -> AsyncIterator[ParkedEvent]:
    after = (0, 0)
    while page := await outbox.fetch_parked(db, after=after, page_size=_PAGE_SIZE):
        for event in page:
            yield event
        after = (page[-1].actor_id, page[-1].id)


def _as_json(event: ParkedEvent) -> str:
    view = {
        "actor_id": str(event.actor_id),
        "event_id": str(event.id),
        "lane": lane_of(event.actor_id),
        "kind": event.kind,
        "attempts": event.attempts,
        "parked_at": rfc3339(event.parked_ms),
        "reason": event.reason,
        "payload": msgspec.Raw(event.payload.encode()),
    }
    return msgspec.json.encode(view).decode()


def _as_text(event: ParkedEvent) -> str:
    parked = f"{event.kind}, parked {rfc3339(event.parked_ms)} after {event.attempts} attempts"
    return f"{event.actor_id} {event.id}  {parked}\n    {event.reason}\n    {event.payload}"
