"""For those who run the server: is it alive, can it serve, what did it do."""

import msgspec

from linnet.api import examples
from linnet.api.answers import Answer, text_answer, view_answer
from linnet.api.endpoints import Call, Endpoint, Success
from linnet.api.services import Readiness


class LivenessView(msgspec.Struct, frozen=True):
    """``status`` is always "live": whoever is not does not answer."""

    status: str


async def live(call: Call) -> Answer:
    """Ask whether the process is alive

    Asks nothing of any store.
    """
    return view_answer(LivenessView("live"))


async def ready(call: Call) -> Answer:
    """Ask whether the process can serve

    The body says what is in order and what is not.
    """
    readiness = await call.services.readiness()
    return view_answer(readiness, 200 if readiness.ready else 503)


async def metrics(call: Call) -> Answer:
    """Read the metrics

    In the text format of Prometheus.
    """
    return text_answer(*await call.services.render_metrics())


ENDPOINTS = (
    Endpoint(
        "GET",
        "/health/live",
        live,
        "operations",
        Success("It is.", LivenessView, LivenessView("live")),
        access="everyone",
        limit="",
    ),
    Endpoint(
        "GET",
        "/health/ready",
        ready,
        "operations",
        Success("It can.", Readiness, examples.READY),
        access="everyone",
        limit="",
        failure=Success("It cannot.", Readiness, examples.NOT_READY, status=503),
    ),
    Endpoint(
        "GET",
        "/metrics",
        metrics,
        "operations",
        Success("The metrics.", str, media_type="text/plain"),
        access="everyone",
        limit="",
    ),
)
