"""The places of a growth run: each is made once, kept in a directory, and can be opened and measured again."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import msgspec

from linnet.bench.place.command import fill
from linnet.bench.place.loading import PlaceReport
from linnet.bench.place.shape import PlaceShape
from linnet.bench.serving import Serving, Site, beside, free_port, started
from linnet.cli.stores import with_urls
from linnet.embedded import EmbeddedOptions, EmbeddedServers
from linnet.errors import Unavailable
from linnet.settings import read_settings

_BELIEVED_SECONDS = 60.0
_SETTINGS = {
    "LINNET_RATE_LIMITS_ENABLED": "false",
    "LINNET_WEB_PROCESSES": "1",
}


class KeptPlace(msgspec.Struct, frozen=True):
    """A place in a directory of its own. ``shape`` says which people it has."""

    directory: Path
    report: PlaceReport

    @property
    def shape(self) -> PlaceShape:
        return PlaceShape(self.report.people, self.report.until_ms, seed=self.report.seed)

    @property
    def data_dir(self) -> Path:
        return self.directory / "data"


async def keep_place(directory: Path, shape: PlaceShape) -> KeptPlace:
    """The place that is kept there, or else one that is made now. Broken off, it is made again the next time."""
    report_path = directory / "place.json"
    if report_path.exists():
        return KeptPlace(directory, msgspec.json.decode(report_path.read_bytes(), type=PlaceReport))
    directory.mkdir(parents=True, exist_ok=True)
    async with EmbeddedServers(directory / "data", EmbeddedOptions(durable=False)) as servers:
        settings = with_urls(read_settings({}), database_url=servers.database_url, valkey_url=servers.valkey_url)
        report = await fill(settings, shape)
    report_path.write_bytes(msgspec.json.encode(report))
    return KeptPlace(directory, report)


@contextmanager
def serving_place(place: KeptPlace, scratch: Path) -> Iterator[Serving]:
    """``linnet serve`` with one web process on it, until the block ends."""
    port = free_port()
    command = [sys.executable, "-m", "linnet", "serve", "--no-demo", "--data-dir", str(place.data_dir)]
    with started(
        [*command, "--port", str(port)], _SETTINGS, port=port, path="/health/ready", log=scratch / "serve.log"
    ) as pid:
        yield Serving(pid, port, place.data_dir, _SETTINGS)


@asynccontextmanager
async def open_place_site(place: KeptPlace, scratch: Path) -> AsyncIterator[Site]:
    """It and its services, once what Valkey holds is believed again, should the last run have been killed."""
    with serving_place(place, scratch) as server:
        deadline = time.monotonic() + _BELIEVED_SECONDS
        async with AsyncExitStack() as stack:
            while True:
                try:
                    services = await stack.enter_async_context(beside(server))
                    break
                except Unavailable:
                    if time.monotonic() > deadline:
                        raise
                    await asyncio.sleep(0.5)
            yield Site(server, services)
