"""Measured costs, each with where it comes from. The package has a file of them; ``--measured`` names another.

``linnet capacity --take`` makes such a file of what ``linnet bench`` writes with ``--json``: no cost stands in code.
"""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Final

import msgspec

from linnet.errors import LinnetError

NEEDED: Final[Mapping[str, str]] = {
    "page_web_us": "µs of CPU of a web process for a warm home page",
    "page_valkey_us": "µs of CPU of Valkey for it",
    "cold_web_us": "µs of CPU of a web process for a home page that builds a window",
    "cold_postgres_us": "µs of CPU of PostgreSQL for it",
    "post_web_us": "µs of CPU of a web process for a tweet that is posted",
    "post_worker_us": "µs of CPU of a worker for it, in large batches",
    "post_postgres_us": "µs of CPU of PostgreSQL for it, in large batches",
    "batch_worker_us": "µs of CPU of a worker for a batch, whatever is in it",
    "batch_postgres_us": "µs of CPU of PostgreSQL for a batch, whatever is in it",
    "delivery_worker_us": "µs of CPU of a worker for one tweet in one window",
    "delivery_valkey_us": "µs of CPU of Valkey for it",
    "delivery_postgres_us": "µs of CPU of PostgreSQL for it",
    "search_web_us": "µs of CPU of a web process for a search",
    "search_postgres_us": "µs of CPU of PostgreSQL for it",
    "web_process_bytes": "bytes of a web process that nobody streams from",
    "worker_process_bytes": "bytes of a worker process",
    "stream_bytes": "bytes of a web process for an idle stream",
    "stream_delivery_us": "µs of CPU of a web process for one tweet in one stream",
    "window_bytes": "bytes of Valkey for a window, of those lengths that people's windows have",
    "full_window_bytes": "bytes of Valkey for a window of 800 entries",
    "person_bytes": "bytes of PostgreSQL's disk for a person",
    "follow_bytes": "bytes of PostgreSQL's disk for a follow",
    "tweet_bytes": "bytes of PostgreSQL's disk for a tweet",
}
"""All names, with their units and what they mean."""


class BadFigures(LinnetError):
    """A file of measured costs cannot be used."""

    kind = "invalid"
    code = "bad_figures"


class Figure(msgspec.Struct, frozen=True):
    """One cost: ``how`` is the command that measured it, ``where`` the machine and the moment."""

    value: float
    how: str
    where: str


class MeasuredLoad(msgspec.Struct, frozen=True):
    """A load that was really put on one small system, and how late its tweets were: bounds of a histogram."""

    name: str
    posts_per_second: float
    posts: int
    deliveries_per_post: float
    lag_p50_below_ms: float
    lag_p99_below_ms: float


class Figures(msgspec.Struct, frozen=True):
    """All of them, and the loads that the simulation is held against."""

    figures: dict[str, Figure]
    loads: list[MeasuredLoad] = []

    def __getitem__(self, name: str) -> float:
        return self.figures[name].value


def decode_figures(text: bytes, *, name: str) -> Figures:
    """Raises ``BadFigures`` with what is wrong with the file of that name."""
    try:
        found = msgspec.json.decode(text, type=Figures)
    except msgspec.DecodeError as error:
        raise BadFigures(f"{name} is no file of measured costs: {error}.") from error
    if missing := [needed for needed in NEEDED if needed not in found.figures]:
        raise BadFigures(f"{name} does not say {missing[0]}: {NEEDED[missing[0]]}.")
    if unknown := [given for given in found.figures if given not in NEEDED]:
        raise BadFigures(f"{name} says {unknown[0]}, which is no cost that is known here.")
    if wrong := [given for given, figure in found.figures.items() if not 0 <= figure.value < 1e12]:
        raise BadFigures(f"{name} says that {wrong[0]} is {found[wrong[0]]:g}.")
    return found


def read_figures(path: Path | None) -> Figures:
    """Those of a file, or those that come with the package."""
    if path is not None:
        return decode_figures(path.read_bytes(), name=str(path))
    return decode_figures(resources.files(__package__).joinpath("measured.json").read_bytes(), name="measured.json")
