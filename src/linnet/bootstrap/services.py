"""Everything that one process works with, built without I/O and then opened.

``build_services`` wires the parts, ``opened`` connects them, listens to what other processes say, and keeps the right
to mint ids; ``open_services`` is both.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Literal

import msgspec
import structlog

from linnet.bootstrap.waiting import wait_for_database, wait_for_valkey
from linnet.clock import Clock, SystemClock
from linnet.domain.timeline import unpack_entry
from linnet.errors import LinnetError
from linnet.read.deps import ReadDeps
from linnet.read.hydration.filters import FilterMemory
from linnet.read.hydration.preferences import PreferenceMemory
from linnet.read.hydration.profiles import AuthorLoader, ProfileLoader
from linnet.read.hydration.tweets import TweetLoader
from linnet.read.hydration.viewers import Viewers
from linnet.read.streams import Streams
from linnet.read.timelines.pulled import PulledAuthors
from linnet.read.timelines.pulledtags import PulledTags, PulledTagsOptions
from linnet.read.timelines.ranking import Ranking
from linnet.read.timelines.rebuild import Rebuilder
from linnet.read.timelines.topnews import TopNews
from linnet.read.timelines.trending import Trending
from linnet.settings import Settings
from linnet.stores.media import MediaStore
from linnet.stores.postgres.leasing import LeaseKeeper
from linnet.stores.postgres.pool import Database
from linnet.stores.postgres.pooler import ThroughPooler
from linnet.stores.postgres.pushkey import PushKey
from linnet.stores.postgres.replicas import Replicas
from linnet.stores.valkey.badges import Badges
from linnet.stores.valkey.cache import Cache
from linnet.stores.valkey.changes import decode_change
from linnet.stores.valkey.client import Valkey
from linnet.stores.valkey.keys import Keys
from linnet.stores.valkey.limits import Limits
from linnet.stores.valkey.live import LiveReaders
from linnet.stores.valkey.marks import MarkStore
from linnet.stores.valkey.older import OlderParts
from linnet.stores.valkey.opening import is_cluster_url, make_valkey
from linnet.stores.valkey.subscription import Subscription
from linnet.stores.valkey.windows import Windows
from linnet.tasks import end_tasks
from linnet.write.actions.passwords import Passwords
from linnet.write.deps import WriteDeps
from linnet.write.failover.keeper import HistoryKeeper
from linnet.write.pictures import Pictures

log = structlog.get_logger()

Role = Literal["web", "worker", "command"]

_LAST_FLUSH_SECONDS = 3.0


class Services(msgspec.Struct, frozen=True):
    """One per process."""

    settings: Settings
    clock: Clock
    db: Database
    valkey: Valkey
    keys: Keys
    leases: LeaseKeeper
    read: ReadDeps
    write: WriteDeps
    viewers: Viewers
    streams: Streams
    passwords: Passwords
    limits: Limits
    history: HistoryKeeper


def build_services(settings: Settings, *, only_looks: bool = False) -> Services:
    """The parts, wired and not connected; needs no event loop. Raises ``ValueError`` when the Valkey URL is none.

    Who ``only_looks`` is let in to any Valkey, believed or not: to say how it is, not to show what it holds.
    """
    clock = SystemClock()
    db = Database(settings.postgres)
    history = HistoryKeeper(db, settings.repair)
    valkey = make_valkey(settings.valkey, None if only_looks else history.admit)
    keys = Keys.of_installation(settings.valkey_prefix, on_cluster=is_cluster_url(settings.valkey.url))
    windows = Windows(valkey, keys, settings.windows)
    cache = Cache(valkey, settings.cache)
    badges = Badges(cache, keys)
    marks = MarkStore(valkey, keys)
    media = MediaStore(settings.media)
    leases = LeaseKeeper(db, clock, settings.leases)
    authors = AuthorLoader(db, cache, keys, clock, settings.loaders)
    live = LiveReaders(valkey, keys)
    read = ReadDeps(
        db=db,
        valkey=valkey,
        keys=keys,
        windows=windows,
        older=OlderParts(valkey, keys),
        marks=marks,
        badges=badges,
        tweets=TweetLoader(db, cache, keys, clock, authors, settings.loaders),
        profiles=ProfileLoader(db, cache, keys, clock, settings.loaders),
        authors=authors,
        pulled=PulledAuthors(db, clock, settings.pulled),
        tags=PulledTags(db, clock, PulledTagsOptions()),
        rebuilder=Rebuilder(db, windows, clock, settings.rebuilds),
        ranking=Ranking(db, clock, settings.ranking),
        top_news=TopNews(db, clock),
        trending=Trending(db, clock, settings.write.trending),
        filters=FilterMemory(db, clock),
        preferences=PreferenceMemory(db),
        clock=clock,
        media=media,
        replicas=Replicas(db, settings.replicas, clock),
    )
    return Services(
        settings=settings,
        clock=clock,
        db=db,
        valkey=valkey,
        keys=keys,
        leases=leases,
        read=read,
        write=WriteDeps(
            db=db,
            valkey=valkey,
            keys=keys,
            windows=windows,
            cache=cache,
            badges=badges,
            marks=marks,
            live=live,
            ids=leases.ids,
            clock=clock,
            media=media,
            pictures=Pictures(settings.pictures),
            push_key=PushKey(db),
            options=settings.write,
        ),
        viewers=Viewers(db, valkey, keys, clock, settings.viewers),
        streams=Streams(read, live, settings.streams),
        passwords=Passwords(settings.passwords),
        limits=Limits(valkey, keys, clock, settings.limits),
        history=history,
    )


@asynccontextmanager
async def open_services(settings: Settings, *, role: Role) -> AsyncIterator[Services]:
    """Services that work inside the block. See ``opened``."""
    services = build_services(settings)
    async with opened(services, role=role):
        yield services


@asynccontextmanager
async def opened(services: Services, *, role: Role) -> AsyncIterator[None]:
    """Connects to the stores; inside the block the services work.

    A web or worker process waits a while for stores that are away, a command does not. Raises ``Unavailable`` when
    PostgreSQL (for a command also Valkey) is not to be reached, ``SchemaMismatch`` when the schema is not the one this
    version knows.
    """
    settings = services.settings
    patient = role != "command"
    async with AsyncExitStack() as stack:
        await wait_for_database(settings.postgres, patient=patient)
        stack.push_async_callback(services.db.close)
        await services.db.open()
        if role == "worker" and services.db.is_pooled:
            # The job queue keeps what a session has; and who holds lanes for long would keep a connection from others.
            raise ThroughPooler
        if patient:
            # A command asks once and may wait; who serves others must not.
            await stack.enter_async_context(services.db.watched())
        stack.push_async_callback(services.valkey.close)
        await wait_for_valkey(lambda: services.history.look(services.write, settings.valkey), patient=patient)
        watching = services.history.run(services.write, settings.valkey)
        await stack.enter_async_context(_background(watching, name="history of Valkey"))
        stack.push_async_callback(services.leases.close)
        await services.leases.open()
        services.leases.start()
        if role == "web":
            if services.read.replicas is not None:
                await stack.enter_async_context(services.read.replicas.running())
            stack.push_async_callback(_store_last_uses, services.viewers)
            await stack.enter_async_context(_background(services.viewers.run(), name="last uses"))
        if role != "command":
            subscription = Subscription(
                settings.valkey,
                services.keys.changes(),
                on_message=lambda message: _forget(services, message),
                on_reset=lambda: _forget_all(services),
            )
            subscription.start()
            stack.push_async_callback(subscription.close)
        if role == "web":
            await stack.enter_async_context(services.streams.running())
            told = Subscription(
                settings.valkey,
                services.streams.channels,
                on_message=services.streams.on_told,
                on_reset=services.streams.on_reset,
            )
            told.start()
            stack.push_async_callback(told.close)
        yield


def _forget(services: Services, message: bytes) -> None:
    """Another process (or this one) changed what may be held in memory here."""
    try:
        change = decode_change(message)
        services.viewers.on_change(change)
        services.read.forget(change)
        for packed in change.posted:
            services.read.pulled.note(unpack_entry(packed))
        # Last, so that what streams read is not what was just forgotten.
        services.streams.on_change(change)
    except Exception as error:
        # Said by another version of linnet, perhaps. Whatever it meant, nothing old is believed any more.
        log.warning("a change could not be read", cause=repr(error))
        _forget_all(services)


def _forget_all(services: Services) -> None:
    services.viewers.forget_all()
    services.read.forget_all()
    services.read.pulled.forget_all()
    services.read.tags.forget_all()
    services.streams.doubt_all()


async def _store_last_uses(viewers: Viewers) -> None:
    with suppress(LinnetError, TimeoutError):
        async with asyncio.timeout(_LAST_FLUSH_SECONDS):
            await viewers.flush_last_used()


@asynccontextmanager
async def _background(work: Coroutine[Any, Any, None], *, name: str) -> AsyncIterator[None]:
    """Runs beside the block. What it raises is logged, not raised: one that ends must not take the process along."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_log_failure)
    try:
        yield
    finally:
        with suppress(Exception):
            await end_tasks([task])


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("background work ended", what=task.get_name(), exc_info=error)
