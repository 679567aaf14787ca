"""HAProxy on the configuration that is shipped."""

import os
import shutil
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from bench.chaos.stores import RESTART
from linnet.embedded import ChildSpec, StopStep, Supervisor

_CONFIGURATION = Path(__file__).parents[2] / "deploy" / "haproxy" / "haproxy.cfg"


async def start_haproxy(stack: AsyncExitStack, *, port: int, web_ports: Sequence[int], logs: Path) -> None:
    """Listens on the loopback, in front of two web processes there. Runs until the stack is closed."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    program = shutil.which("haproxy", path=path)
    if program is None:
        raise SystemExit("HAProxy is not installed: apt-get install haproxy")
    environment = {"LINNET_BIND": f"127.0.0.1:{port}", "PATH": path}
    environment |= {f"LINNET_WEB_{number}": f"127.0.0.1:{each}" for number, each in enumerate(web_ports, 1)}
    spec = ChildSpec(
        name="HAProxy",
        argv=(program, "-db", "-f", str(_CONFIGURATION)),
        environment=environment,
        log_path=logs / "haproxy.log",
        stop_steps=(StopStep(signal.SIGTERM, 5.0),),
    )
    supervisor = Supervisor.of_program(spec, RESTART)
    stack.push_async_callback(supervisor.stop)
    await supervisor.start()
