"""Asks a web process that is starting whether it can serve, as a load balancer would."""

import asyncio

from linnet.cli.failures import Failure

_TIMEOUT_SECONDS = 90.0
_POLL_SECONDS = 0.05
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


async def wait_until_ready(address: str, port: int) -> None:
    """Returns when it can; raises ``Failure`` when that takes too long."""
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            while True:
                if await _answers_ready(_EVERY_ADDRESS.get(address, address), port):
                    return
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        raise Failure(f"the web processes were not ready after {_TIMEOUT_SECONDS:.0f} s.") from None


async def _answers_ready(address: str, port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection(address, port)
    except OSError:
        return False
    try:
        writer.write(b"GET /health/ready HTTP/1.1\r\nHost: linnet\r\nConnection: close\r\n\r\n")
        return b" 200 " in await reader.readline()
    except OSError:
        return False
    finally:
        writer.close()
