"""One web process: the application that Granian is told to run, once in each of its processes."""

import ctypes
import multiprocessing
import os
import signal
from importlib.metadata import version

from litestar import Litestar

from linnet.api.app import create_app
from linnet.api.services import ApiOptions, ApiServices
from linnet.bootstrap.logs import configure_logs
from linnet.bootstrap.metrics import metrics_renderer
from linnet.bootstrap.readiness import readiness_check
from linnet.bootstrap.services import Services, build_services, opened
from linnet.domain.addresses import Proxies
from linnet.settings import read_settings

_PR_SET_PDEATHSIG = 1


def create_web_app() -> Litestar:
    """The application of a process that was given its settings by environment; its stores open when it starts."""
    _die_with_parent()
    settings = read_settings(os.environ)
    configure_logs(settings.log)
    services = build_services(settings)
    app = create_app(api_services(services))
    whole_life = opened(services, role="web")

    async def end() -> None:
        await whole_life.__aexit__(None, None, None)

    app.on_startup.append(whole_life.__aenter__)
    app.on_shutdown.append(end)
    return app


def api_services(services: Services) -> ApiServices:
    """What the interface is given."""
    return ApiServices(
        read=services.read,
        write=services.write,
        viewers=services.viewers,
        passwords=services.passwords,
        readiness=readiness_check(services),
        render_metrics=metrics_renderer(services.db),
        options=ApiOptions(public_url=services.settings.web.public_url, version=version("linnet")),
        limits=services.limits if services.settings.limits.enabled else None,
        proxies=Proxies(services.settings.trusted_proxies),
    )


def _die_with_parent() -> None:
    """A web process whose main process was killed would keep the port, and nobody would ever stop it."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # A parent that died before the line above sends no signal any more.
    if os.getppid() != parent.pid:
        os._exit(1)
