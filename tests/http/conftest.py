"""A site for each test."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.http.app_world import Site, open_site
from tests.http.page_world import PageSite, pages_of
from tests.support.servers import Servers


@pytest.fixture
async def site(servers: Servers, database_url: str) -> AsyncIterator[Site]:
    """Nobody has signed up yet."""
    async with open_site(database_url, servers.valkey_url) as site:
        yield site


@pytest.fixture(scope="session")
def busy_database_url(servers: Servers) -> Iterator[str]:
    with servers.fresh_database() as url:
        yield url


@pytest.fixture
async def busy_site(servers: Servers, busy_database_url: str) -> AsyncIterator[Site]:
    """Others have been here before, so that no database has to be made: for tests that only look at an answer."""
    async with open_site(busy_database_url, servers.valkey_url) as site:
        yield site


@pytest.fixture
async def pages(site: Site) -> AsyncIterator[PageSite]:
    """The pages of a site that nobody has signed up to yet."""
    async with pages_of(site) as pages:
        yield pages


@pytest.fixture
async def busy_pages(busy_site: Site) -> AsyncIterator[PageSite]:
    """The pages of a site where others have been before."""
    async with pages_of(busy_site) as pages:
        yield pages
