"""How many requests, and how long they took, by route."""

from prometheus_client import Counter, Histogram

# "unmatched" are addresses that do not exist; anything finer would let strangers make up label values.
UNMATCHED = "unmatched"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_requests = Counter("linnet_http_requests", "Requests answered.", ["method", "route", "status"])
_seconds = Histogram(
    "linnet_http_request_seconds",
    "Time from a request's arrival to the last byte of its answer.",
    ["method", "route"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)

# labels() costs more than counting does.
_counters: dict[tuple[str, str, int], Counter] = {}
_histograms: dict[tuple[str, str], Histogram] = {}


def known_method(method: str) -> str:
    """The method, or one name for all that strangers think up."""
    return method if method in _METHODS else "other"


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """``route`` is a template, never an address."""
    method = known_method(method)
    counter = _counters.get((method, route, status))
    if counter is None:
        counter = _counters[method, route, status] = _requests.labels(method, route, str(status))
    counter.inc()
    histogram = _histograms.get((method, route))
    if histogram is None:
        histogram = _histograms[method, route] = _seconds.labels(method, route)
    histogram.observe(seconds)
