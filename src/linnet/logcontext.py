"""What every line of the log says while a request is answered: its id, and who asks once that is known.

One variable for all of it, set and taken back once per request: structlog has one for each name.
"""

from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar, Token
from typing import Any

_NOTHING: Mapping[str, str] = {}

_said: ContextVar[dict[str, str]] = ContextVar("linnet_log_context")


def begin(said: dict[str, str]) -> Token[dict[str, str]]:
    """From now on lines of this task, and of those it starts, say this, until ``end`` is given what is returned."""
    return _said.set(said)


def end(token: Token[dict[str, str]]) -> None:
    """Says no more of what ``begin`` was given."""
    _said.reset(token)


def add(name: str, value: str) -> None:
    """Lines say this, too. Outside of a request nobody hears it."""
    said = _said.get(None)
    if said is not None:
        said[name] = value


def current() -> Mapping[str, str]:
    """What lines say now."""
    return _said.get(_NOTHING)


def merge(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor of structlog's: what the line itself says wins."""
    for name, value in current().items():
        event.setdefault(name, value)
    return event
