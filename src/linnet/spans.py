"""Where the time of a request goes, told to whoever listens. Nobody does, unless traces are asked for.

Everybody may say what they do as a span: as long as ``listener`` is None that costs a comparison. The one listener
there is stands in ``bootstrap/traces.py``. Names and values are of our own making (templates, names of queries,
numbers): nothing that people typed, and nothing that says who they are.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Literal, Protocol

Value = str | int
Kind = Literal["server", "internal"]


class Span(Protocol):
    """A stretch of work. Its block's end is its end, and an exception that leaves the block is its failure."""

    @property
    def trace_id(self) -> str:
        """What all spans of one request share; empty when nobody listens, or when this one is not kept."""
        ...

    def rename(self, name: str) -> None:
        """For whoever learns only on the way what the work is."""
        ...

    def note(self, **values: Value) -> None:
        """What is known of it by now; ``__`` in a name stands for a dot."""
        ...

    def fail(self) -> None:
        """It failed, and raises nothing."""
        ...


class Listener(Protocol):
    """Who is told of spans."""

    def whole(self, name: str, kind: Kind, parent: str | None) -> AbstractContextManager[Span]:
        """A span that begins a trace, or goes on with the one of ``parent``, a W3C ``traceparent``."""
        ...

    def part(self, name: str) -> AbstractContextManager[Span]:
        """A span inside of the one that is open in this task; none where none is."""
        ...

    def mark(self, name: str) -> None:
        """A moment of the open span."""
        ...

    def begin(self, name: str, **values: Value) -> Callable[[], None]:
        """A part whose end is somebody else's to say, by calling what is returned. None is opened inside of it."""
        ...


class Silence:
    """The span that nobody is told of."""

    trace_id = ""

    def __enter__(self) -> "Silence":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def rename(self, name: str) -> None:
        return None

    def note(self, **values: Value) -> None:
        return None

    def fail(self) -> None:
        return None


SILENCE = Silence()
listener: Listener | None = None


def listen(by: Listener | None) -> None:
    """From now on ``by`` is told of spans; None: nobody."""
    global listener
    listener = by


def whole(name: str, *, kind: Kind = "internal", parent: str | None = None) -> AbstractContextManager[Span]:
    """A piece of work that begins here: a request, a batch, a job."""
    return SILENCE if listener is None else listener.whole(name, kind, parent)


def part(name: str) -> AbstractContextManager[Span]:
    """A part of what is under way. What nobody asked for, as a poll, is part of nothing, and is not told."""
    return SILENCE if listener is None else listener.part(name)
