"""A process that holds the bundled servers, for tests to kill: ``python embedded_host.py DIR durable|fast``.

Prints one line of JSON when they answer, or with the sentence why they do not; ends on SIGTERM. Dies with its parent.
"""

import asyncio
import ctypes
import json
import os
import signal
import sys
from pathlib import Path

import structlog

from linnet.embedded import EmbeddedError, EmbeddedOptions, EmbeddedServers


async def main(directory: Path, options: EmbeddedOptions) -> int:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    try:
        async with EmbeddedServers(directory, options) as servers:
            say({"database_url": servers.database_url, "valkey_url": servers.valkey_url})
            await stop.wait()
    except EmbeddedError as error:
        say({"sentence": str(error)})
        return 1
    return 0


def say(words: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    if len(sys.argv) > 3:
        # Only once everything is imported, as the user may not be able to read it all.
        os.setgroups([])
        os.setgid(int(sys.argv[3]))
        os.setuid(int(sys.argv[3]))
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
    sys.exit(asyncio.run(main(Path(sys.argv[1]), EmbeddedOptions(durable=sys.argv[2] == "durable"))))
