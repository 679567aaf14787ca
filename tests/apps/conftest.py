"""One place for all that apps do; each test has people of its own."""

from collections.abc import Iterator

import pytest

from tests.support.servers import Servers
from tests.web._site import WebSite, open_web_site


@pytest.fixture(scope="session")
def site(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebSite]:
    with open_web_site(servers, tmp_path_factory.mktemp("apps")) as site:
        yield site
