"""Traces for OpenTelemetry: who listens to spans when ``LINNET_OTLP_ENDPOINT`` says where to send them.

What is needed for it is an extra (``linnet[traces]``), and is imported only when it is asked for. Spans are sent in
batches by a thread of their own; when the collector is away they are thrown away, and nobody waits for it. Where
OpenTelemetry has variables of its own (``OTEL_EXPORTER_OTLP_HEADERS``, ``OTEL_RESOURCE_ATTRIBUTES``), they hold too.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import version
from threading import Thread
from typing import TYPE_CHECKING, Any

from linnet import spans
from linnet.errors import LinnetError
from linnet.settings import TraceOptions
from linnet.spans import SILENCE, Kind, Span, Value

if TYPE_CHECKING:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

_LAST_SECONDS = 2.0


def start_traces(options: TraceOptions, *, role: str) -> Callable[[], None]:
    """Begins to tell of spans, in this process; what is returned sends the last ones and ends it, in its time."""
    if not options.endpoint:
        return lambda: None
    provider = _provider(options, role)
    spans.listen(_Telling(provider))

    def stop() -> None:
        spans.listen(None)
        # A collector that is away would hold a stop up for longer than a process is given to stop.
        sending = Thread(target=provider.shutdown, name="last spans", daemon=True)
        sending.start()
        sending.join(_LAST_SECONDS)

    return stop


def _provider(options: TraceOptions, role: str) -> "TracerProvider":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    provider = TracerProvider(
        resource=Resource.create({"service.name": "linnet", "service.version": version("linnet"), "linnet.role": role}),
        sampler=ParentBased(TraceIdRatioBased(options.percent / 100)),
        # linnet ends it itself, in its turn.
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(endpoint=f"{options.endpoint}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


class _Told:
    """One of our spans, as OpenTelemetry has it."""

    def __init__(self, span: "trace.Span") -> None:
        self._span = span

    @property
    def trace_id(self) -> str:
        return f"{self._span.get_span_context().trace_id:032x}" if self._span.is_recording() else ""

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def note(self, **values: Value) -> None:
        self._span.set_attributes(_attributes(values))

    def fail(self, kind: str = "") -> None:
        from opentelemetry.trace import Status, StatusCode

        self._span.set_status(Status(StatusCode.ERROR, kind or None))


class _Telling:
    """The listener."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._trace = trace
        self._tracer = provider.get_tracer("linnet", version("linnet"))
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def whole(self, name: str, kind: Kind, parent: str | None) -> Iterator[Span]:
        # Never what is open just now: a batch is nobody's part, whoever woke it.
        from opentelemetry.context import Context

        context = Context() if parent is None else self._propagator.extract({"traceparent": parent}, Context())
        kinds = {"server": self._trace.SpanKind.SERVER, "internal": self._trace.SpanKind.INTERNAL}
        with self._open(name, context=context, kind=kinds[kind]) as span:
            yield span

    def part(self, name: str) -> AbstractContextManager[Span]:
        return self._open(name, kind=self._trace.SpanKind.CLIENT) if self._is_open() else SILENCE

    def mark(self, name: str) -> None:
        self._trace.get_current_span().add_event(name)

    def begin(self, name: str, **values: Value) -> Callable[[], None]:
        if not self._is_open():
            return lambda: None
        kind = self._trace.SpanKind.CLIENT
        return self._tracer.start_span(name, kind=kind, attributes=_attributes(values)).end

    def _is_open(self) -> bool:
        return self._trace.get_current_span().is_recording()

    @contextmanager
    def _open(self, name: str, **how: Any) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name, record_exception=False, set_status_on_exception=False, **how
        ) as opened:
            span = _Told(opened)
            try:
                yield span
            except BaseException as error:
                # Only what kind of error it was: its text may be about a person.
                if _is_failure(error):
                    span.fail(type(error).__name__)
                raise


def _is_failure(error: BaseException) -> bool:
    """Not what somebody is told that they did wrong."""
    if isinstance(error, LinnetError):
        return error.kind in ("unavailable", "internal")
    status = getattr(error, "status", None) or getattr(error, "status_code", 500)
    return not (isinstance(status, int) and status < 500)


def _attributes(values: dict[str, Value]) -> dict[str, Value]:
    return {name.replace("__", "."): value for name, value in values.items()}
