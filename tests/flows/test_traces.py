"""Promise: with ``LINNET_OTLP_ENDPOINT`` an OpenTelemetry collector is told what a request did, and nothing of whom."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.sdk.trace import TracerProvider

from linnet import spans
from linnet.bootstrap import traces
from linnet.settings import TraceOptions
from tests.flows._linnet_process import Person, eventually, family

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SECRETS = ("ada", "a nest", "correct horse", "example.org")


class Collector:
    """What it was sent, by the role of who sent it."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.spans: dict[str, list[Span]] = {"web": [], "worker": []}
        self.raw = b""

    def take(self, path: str, body: bytes) -> None:
        assert path == "/v1/traces"
        self.raw += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            attributes = {each.key: each.value.string_value for each in resource.resource.attributes}
            assert attributes["service.name"] == "linnet"
            for scope in resource.scope_spans:
                self.spans[attributes["linnet.role"]] += scope.spans

    def one(self, role: str, name: str) -> Span:
        [span] = [span for span in self.spans[role] if span.name == name]
        return span

    def inside(self, role: str, outer: Span) -> list[Span]:
        return [span for span in self.spans[role] if span.parent_span_id == outer.span_id]


@contextmanager
def collecting() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                raise AssertionError("nobody asked for that")
            collector.take(self.path, body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(server.server_port)
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()


def attributes(span: Span) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value") or "") for each in span.attributes}


def tweets_of(person: Person) -> int:
    answer = person.call("GET", f"/users/{person.id}")
    count: int = answer.json()["counts"]["tweets"]
    return count


def queries(span: Span) -> list[str]:
    return [event.name for event in span.events]


def test_a_collector_is_told_of_a_tweet_from_its_request_to_the_end_of_its_batch(tmp_path: Path) -> None:
    with collecting() as collector, family(tmp_path) as home:
        linnet = home.serve(LINNET_OTLP_ENDPOINT=f"{collector.url}/", LINNET_TRUSTED_PROXIES="127.0.0.1")
        ada = Person(linnet.url, "ada").sign_up()
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-Id": "the-one"}
        answer = ada.call("POST", "/tweets", json={"text": "a nest"}, headers=headers)
        assert answer.status_code == 201
        eventually(lambda: tweets_of(ada) == 1, what="a worker has counted it")
        assert httpx.get(f"{linnet.url}/@ada", timeout=20).status_code == 200
        # Whoever ends sends what they have not sent yet.
        assert linnet.stop().code == 0

    request = collector.one("web", "POST /api/tweets")
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, PARENT)
    assert request.kind == Span.SPAN_KIND_SERVER
    assert attributes(request) == {
        "http.request.method": "POST",
        "http.route": "/api/tweets",
        "http.response.status_code": 201,
        "linnet.request_id": "the-one",
    }
    [action] = [span for span in collector.inside("web", request) if span.name == "post_tweet"]
    parts = collector.inside("web", action)
    [transaction] = [span for span in parts if span.name == "postgresql" and "tweets.insert" in queries(span)]
    assert transaction.start_time_unix_nano >= action.start_time_unix_nano
    assert any(span.name == "valkey" and attributes(span)["linnet.commands"] >= 1 for span in parts)

    page = collector.one("web", "GET /{handle}")
    assert {span.name for span in collector.inside("web", page)} >= {"profile"}
    assert page.trace_id != request.trace_id

    batches = [span for span in collector.spans["worker"] if span.name == "apply events"]
    [batch] = [span for span in batches if attributes(span)["linnet.outcome"] == "applied"]
    assert attributes(batch) == {"linnet.lanes": 1, "linnet.events": 1, "linnet.outcome": "applied"}
    assert not batch.parent_span_id
    assert {"outbox.fetch_batch", "users.add_counts", "outbox.delete"} <= set(queries_inside(collector, batch))
    assert collector.inside("worker", batch), "what it asked of the stores"

    everything = [*collector.spans["web"], *collector.spans["worker"]]
    assert not [span.name for span in everything if span.status.code == Status.STATUS_CODE_ERROR]
    # What nobody asked for is not told of.
    roots = {span.name for span in everything if not span.parent_span_id}
    assert not roots & {"postgresql", "valkey"}
    for secret in (*SECRETS, ada.token, ada.id):
        assert secret.encode() not in collector.raw, secret


def queries_inside(collector: Collector, batch: Span) -> list[str]:
    return [name for span in collector.inside("worker", batch) for name in queries(span)]


def test_whoever_does_not_ask_for_traces_loads_nothing_of_them() -> None:
    asked = "import sys, linnet.bootstrap.web, linnet.bootstrap.worker, linnet.cli.serve; "
    asked += "from linnet.bootstrap.traces import start_traces; from linnet.settings import read_settings; "
    asked += "start_traces(read_settings({}).traces, role='web')(); "
    asked += "from linnet import spans; assert spans.listener is None; "
    # Others look whether its API is there, for reasons of their own.
    asked += (
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk.trace', 'opentelemetry.exp'))])"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_nobody_waits_long_for_a_collector_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    answers, asked = Event(), Event()

    class Waiting(TracerProvider):
        def shutdown(self) -> None:
            asked.set()
            answers.wait(120)

    monkeypatch.setattr(traces, "_provider", lambda options, role: Waiting(shutdown_on_exit=False))
    monkeypatch.setattr(traces, "_LAST_SECONDS", 0.01)
    stop = traces.start_traces(TraceOptions("http://collector.example"), role="web")
    try:
        stop()
        assert asked.wait(60)
        assert not answers.is_set(), "it has stopped before anybody answered"
        assert spans.listener is None
    finally:
        spans.listen(None)
        answers.set()


def test_traces_that_could_not_be_sent_are_refused_with_what_is_missing() -> None:
    hidden = "import sys; sys.modules['opentelemetry'] = None; from linnet.cli import main; main(['web'])"
    environment = {**os.environ, "LINNET_OTLP_ENDPOINT": "http://collector.example:4318"}
    done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, env=environment)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "pip install 'linnet[traces]'" in done.stderr
