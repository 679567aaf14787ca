"""The network between the workers and Valkey: relays that can be cut, or fall silent.

A worker asks the sentinels where the primary is, and would go around the relays. So, as a router that translates
addresses does, a relay puts the ports of relays into what sentinels say in place of the ports behind them. All ports
have five digits, so no length changes.
"""

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Literal

Weather = Literal["fair", "cut", "silent"]


class Network:
    """Relays of the loopback. Belongs to one event loop."""

    def __init__(self) -> None:
        self._weather: Weather = "fair"
        self._is_fair = asyncio.Event()
        self._is_fair.set()
        self._translated: dict[bytes, bytes] = {}
        self._servers: list[asyncio.Server] = []
        self._open: set[asyncio.StreamWriter] = set()

    async def open(self, ports: Mapping[int, int]) -> None:
        """Listens at the keys and passes on to the values."""
        self._translated |= {str(behind).encode(): str(port).encode() for port, behind in ports.items()}
        for port, behind in ports.items():

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, behind: int = behind) -> None:
                await self._relay(reader, writer, behind)

            self._servers.append(await asyncio.start_server(serve, "127.0.0.1", port))

    async def close(self) -> None:
        for server in self._servers:
            server.close()
        self._drop_all()

    def set_weather(self, weather: Weather) -> None:
        """ "cut": connections end, and new ones too; "silent": they are there, and nothing comes through any more."""
        self._weather = weather
        if weather == "silent":
            self._is_fair.clear()
            return
        if weather == "cut":
            self._drop_all()
        self._is_fair.set()

    def _drop_all(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, behind: int) -> None:
        there = None
        self._open.add(writer)
        try:
            await self._is_fair.wait()
            if self._weather == "cut":
                return
            there = await asyncio.open_connection("127.0.0.1", behind)
            self._open.add(there[1])
            await asyncio.gather(self._pass_on(reader, there[1]), self._pass_on(there[0], writer, translated=True))
        except OSError:
            pass
        finally:
            for each in (writer, there[1] if there else None):
                if each is not None:
                    self._open.discard(each)
                    with suppress(OSError):
                        each.transport.abort()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, translated: bool = False
    ) -> None:
        """Until either side ends; then ends the other."""
        try:
            while data := await reader.read(1 << 16):
                await self._is_fair.wait()
                if translated and self._translated:
                    data = self._translate(data)
                writer.write(data)
                await writer.drain()
        finally:
            writer.transport.abort()

    def _translate(self, data: bytes) -> bytes:
        # What windows and caches hold is binary and large; what sentinels say about addresses is neither.
        if not any(port in data for port in self._translated):
            return data
        pattern = rb"(?<!\d)(" + b"|".join(self._translated) + rb")(?!\d)"
        return re.sub(pattern, lambda found: self._translated[found[1]], data)
