"""A whole process on a cluster: it says how it is, and finds its way by itself when a primary dies."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from linnet.bootstrap.checkup import examine
from linnet.bootstrap.metrics import metrics_renderer
from linnet.bootstrap.readiness import readiness_check
from linnet.bootstrap.services import Services, open_services
from linnet.bootstrap.waiting import refuse_wrong_kind
from linnet.cli.stores import with_urls
from linnet.domain.timeline import Range
from linnet.ids import TweetId, UserId
from linnet.read.timelines.home import read_home
from linnet.settings import Settings, read_settings
from linnet.stores.postgres import users
from linnet.stores.valkey.client import WrongKind
from linnet.stores.valkey.layout import slot_of
from linnet.workers.events import apply_events
from linnet.write.actions.tweets import post_tweet
from tests.support.sentinels import until
from tests.support.servers import Servers
from tests.support.valkey_cluster import ValkeyCluster, valkey_cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyCluster]:
    """One that fails over by itself, when a primary was away for three seconds."""
    with valkey_cluster(tmp_path_factory.mktemp("cluster"), node_timeout_ms=3000) as cluster:
        yield cluster


@pytest.fixture
def cluster_settings(cluster: ValkeyCluster, database_url: str) -> Settings:
    return with_urls(read_settings({}), database_url=database_url, valkey_url=cluster.url)


@pytest.fixture
async def services(cluster_settings: Settings) -> AsyncIterator[Services]:
    """A process that answers requests, and applies events."""
    stop = asyncio.Event()
    async with open_services(cluster_settings, role="web") as services:
        working = asyncio.create_task(
            apply_events(services.write, cluster_settings.valkey, cluster_settings.worker, stop=stop)
        )
        yield services
        stop.set()
        await working


async def sign_up(services: Services, name: str) -> UserId:
    user_id = UserId(services.leases.ids.mint())
    await users.insert(
        services.db, user_id=user_id, username=name, name=name, email=f"{name}@example.org", password_hash="-"
    )
    return user_id


async def test_a_process_outlives_a_primary_of_its_cluster(
    services: Services, cluster_settings: Settings, cluster: ValkeyCluster
) -> None:
    ada = await sign_up(services, "ada")
    posted: list[TweetId] = []

    async def post() -> TweetId:
        return (await post_tweet(services.write, ada, text="hello", reply_to=None, idempotency_key=None)).id

    async def ids() -> list[int]:
        return [entry.id for entry in (await read_home(services.read, ada, Range(100))).skeleton.entries]

    async def is_whole() -> bool:
        return await ids() == posted[::-1]

    async def has_window() -> bool:
        return (await read_home(services.read, ada, Range(1))).has_window

    async def is_well() -> bool:
        return not (await readiness_check(services)()).degraded

    async def says_that_it_is_well() -> bool:
        findings = [finding async for finding in examine(cluster_settings, data_dir=None)]
        [found] = [finding for finding in findings if finding.check == "Valkey"]
        return found.state == "well" and found.sentence.startswith("A cluster of 3 primaries answers; ")

    await until(has_window, "there is a window")
    await until(is_well, "it is ready, with Valkey")
    await until(says_that_it_is_well, "linnet doctor finds nothing")
    text, _ = await metrics_renderer(services.db, services.valkey)()
    assert b'linnet_store_up{store="valkey"} 1.0' in text
    posted.append(await post())
    await until(is_whole, "the first one is there")

    shard = await asyncio.to_thread(cluster.shard_of, slot_of(services.keys.home(ada)))
    await asyncio.to_thread(shard.wait_until_replicated)
    shard.primary.kill()
    posted.append(await post())
    await until(is_whole, "pages come from the truth")
    assert (await readiness_check(services)()).ready
    await until(has_window, "pages come from windows again")
    await until(is_well, "nothing is missing")
    posted.append(await post())
    await until(is_whole, "and go on")


async def test_a_process_says_when_the_url_is_of_the_wrong_kind(
    servers: Servers, cluster: ValkeyCluster, database_url: str, tmp_path: Path
) -> None:
    """At once, instead of being slow for ever."""
    node = next(node for node in cluster.nodes if node.is_running)
    settings = with_urls(read_settings({}), database_url=database_url, valkey_url=node.url)
    with pytest.raises(WrongKind, match=r"write valkey\+cluster://"):
        async with open_services(settings, role="web"):
            pass
    [found] = [one async for one in examine(settings, data_dir=None) if one.check == "Valkey"]
    assert "is one of a cluster" in found.sentence
    with pytest.raises(WrongKind, match="one of a cluster"):
        await refuse_wrong_kind(settings.valkey)
    # Who is away may come, and be right.
    away = with_urls(settings, database_url=database_url, valkey_url="valkey+cluster://127.0.0.1:1")
    await refuse_wrong_kind(away.valkey)
