"""What every test may ask for: servers, a fresh database, a world."""

import logging
from collections.abc import AsyncIterator, Iterator

import hypothesis
import pytest
import structlog

from tests.support.order import longest_first
from tests.support.scratch import keep_files_in_memory
from tests.support.servers import Servers, open_servers
from tests.support.world import World, open_world

# Everybody who runs `make test` runs the same examples; `--hypothesis-profile=long` looks for new ones.
hypothesis.settings.register_profile(
    "same", derandomize=True, database=None, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
)
hypothesis.settings.register_profile(
    "long", max_examples=2000, database=None, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
)
hypothesis.settings.load_profile("same")

# Before anybody asks for a directory.
keep_files_in_memory()

# Kills and lost stores are what many tests are about: their warnings would bury what a failure prints.
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = longest_first(items)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """PostgreSQL and Valkey, for all tests of this process."""
    with open_servers(tmp_path_factory.mktemp("servers")) as servers:
        yield servers


@pytest.fixture
def database_url(servers: Servers) -> Iterator[str]:
    """A migrated, empty database."""
    with servers.fresh_database() as url:
        yield url


@pytest.fixture
async def world(servers: Servers, database_url: str) -> AsyncIterator[World]:
    """An installation without people, with the default options. ``open_world`` makes one with others."""
    async with open_world(database_url, servers.valkey_url) as world:
        yield world
