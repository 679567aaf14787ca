"""The reference of the home page: the same kind of server, which gives everybody the same bytes.

``python -m linnet.bench.constant_server PORT FILE`` answers ``GET /`` with FILE: Granian and
Litestar as linnet has them, and nothing behind.
"""

import os
import sys
from pathlib import Path

from granian.constants import Interfaces, Loops
from granian.log import LogLevels
from granian.server import Server
from litestar import Litestar, Response, get

from linnet.bootstrap.garbage import look_for_garbage_seldom


def create_app() -> Litestar:
    """Reads the file once."""
    look_for_garbage_seldom()
    body = Path(os.environ["BENCH_CONSTANT_ANSWER"]).read_bytes()

    @get("/")
    async def constant() -> Response[bytes]:
        return Response(body, media_type="application/json")

    return Litestar([constant], openapi_config=None, logging_config=None)


def serve(app: str, *, port: int) -> None:
    """Serves an app, named as ``module:factory``, as linnet's web process is served."""
    Server(
        app,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        factory=True,
        loop=Loops.uvloop,
        workers=1,
        websockets=False,
        log_level=LogLevels.warning,
    ).serve()


def main() -> None:
    os.environ["BENCH_CONSTANT_ANSWER"] = sys.argv[2]
    serve("linnet.bench.constant_server:create_app", port=int(sys.argv[1]))


if __name__ == "__main__":
    main()
