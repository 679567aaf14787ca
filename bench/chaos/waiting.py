"""Waits for what other processes do, which tell nobody here when it is done."""

import asyncio
from collections.abc import Awaitable, Callable

_POLL_SECONDS = 0.02
_PATIENCE_SECONDS = 120.0


async def until(question: Callable[[], Awaitable[bool]], *, what: str, seconds: float = _PATIENCE_SECONDS) -> None:
    """Asks until the answer is yes. Raises ``SystemExit`` when it never is."""
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + seconds
    while not await question():
        if loop.time() > give_up_at:
            raise SystemExit(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(_POLL_SECONDS)
