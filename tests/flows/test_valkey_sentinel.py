"""A whole process beside a primary that Sentinel watches: it says that it is degraded, and finds its way by itself."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from linnet.api.services import Readiness
from linnet.bootstrap.metrics import metrics_renderer
from linnet.bootstrap.readiness import readiness_check
from linnet.bootstrap.services import Services, open_services
from linnet.cli.stores import with_urls
from linnet.domain.timeline import Range
from linnet.ids import UserId
from linnet.read.timelines.home import read_home
from linnet.settings import read_settings
from linnet.stores.postgres import users
from linnet.write.actions.tweets import post_tweet
from linnet.write.outbox.worker import EventWorker, WorkerOptions
from tests.support.sentinels import PATIENCE_SECONDS, Watched, until, watched_valkey


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Watched]:
    with watched_valkey(tmp_path) as watched:
        yield watched


async def sign_up(services: Services, name: str) -> UserId:
    user_id = UserId(services.leases.ids.mint())
    await users.insert(
        services.db, user_id=user_id, username=name, name=name, email=f"{name}@example.org", password_hash="-"
    )
    return user_id


async def readiness_of(services: Services) -> Readiness:
    return await readiness_check(services)()


@pytest.mark.parametrize("how", ["dies", "freezes"])
async def test_a_process_outlives_its_primary(valkey: Watched, database_url: str, how: str) -> None:
    settings = with_urls(read_settings({}), database_url=database_url, valkey_url=valkey.url)
    async with open_services(settings, role="worker") as services:
        worker = EventWorker(services.write, WorkerOptions())
        working = asyncio.create_task(worker.run())
        ada = await sign_up(services, "ada")

        async def ids() -> list[int]:
            return [entry.id for entry in (await read_home(services.read, ada, Range(100))).skeleton.entries]

        async def has_window() -> bool:
            return (await read_home(services.read, ada, Range(1))).has_window

        await until(has_window, "there is a window")
        posted = [await post_tweet(services.write, ada, text="before", reply_to=None, idempotency_key=None)]
        assert (await readiness_of(services)).degraded == []

        valkey.primary.kill() if how == "dies" else valkey.primary.pause()
        posted.append(await post_tweet(services.write, ada, text="meanwhile", reply_to=None, idempotency_key=None))
        assert await ids() == [tweet.id for tweet in reversed(posted)], "pages come from the truth"
        found = await readiness_of(services)
        if found.degraded:
            # Unless Sentinel was quicker than we.
            assert found.ready
            assert found.degraded == ["valkey"]
            assert [check.name for check in found.checks if not check.ok] == ["valkey"]

        await asyncio.to_thread(valkey.wait_for_failover)
        await until(has_window, "pages come from windows again")
        assert (await readiness_of(services)).degraded == []
        posted.append(await post_tweet(services.write, ada, text="after", reply_to=None, idempotency_key=None))
        assert await ids() == [tweet.id for tweet in reversed(posted)]
        worker.stop()
        await asyncio.wait_for(working, PATIENCE_SECONDS)


async def test_without_valkey_a_process_is_ready_and_says_what_it_lacks(valkey: Watched, database_url: str) -> None:
    settings = with_urls(read_settings({}), database_url=database_url, valkey_url=valkey.url)
    async with open_services(settings, role="worker") as services:
        # No Sentinel, no fail-over.
        valkey.sentinels[0].kill()
        valkey.primary.kill()

        async def is_degraded() -> bool:
            return bool((await readiness_of(services)).degraded)

        await until(is_degraded, "it is noticed")
        found = await readiness_of(services)
        assert found.ready
        assert found.degraded == ["valkey"]
        [check] = [check for check in found.checks if not check.ok]
        assert check.sentence == "Valkey does not answer: pages come from PostgreSQL, more slowly."
        text, _ = await metrics_renderer(services.db, services.valkey)()
        assert b'linnet_store_up{store="valkey"} 0.0' in text

        # Somebody is there again, and nobody has looked at what it holds.
        services.history.is_doubting = True
        [check] = [check for check in (await readiness_of(services)).checks if not check.ok]
        assert check.sentence.startswith("Valkey may lack something, which is being repaired:")
