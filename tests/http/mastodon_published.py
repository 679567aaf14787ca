"""The Mastodon API as it is published, beside what linnet answers: endpoints, entities, their fields and types.

``mastodon_published.txt`` says names and types in a notation of its own (docs/decisions/0035). Whatever a site of these
tests answers at ``/api/v1`` and ``/api/v2`` is looked at.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec

_TABLE: Final = Path(__file__).with_name("mastodon_published.txt")
_PARAMETER: Final = re.compile(r"\{\w+\}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
# Fields that apps look for, though they are published no more, or not yet.
MORE: Final = {
    "Status": {"noindex"},
    "Suggestion": {"source"},
    "WebPushSubscription": {"policy"},
    "Instance.configuration": {"vapid"},
    "V1Instance.configuration.accounts": {"max_pinned_statuses", "max_profile_fields"},
    "V1Instance.configuration.media_attachments": {"description_limit"},
}


# Of what linnet does not have, one that is asked for by its id is an object with nothing in it.
NOTHING: Final = {"GET /api/v1/collections/{id}", "GET /api/v1/notifications/requests/{id}"}


class Endpoint(msgspec.Struct, frozen=True):
    method: str
    path: str
    answer: str
    scopes: frozenset[str]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


class Published(msgspec.Struct, frozen=True):
    """``endpoints`` by method and path, with nothing in the braces; ``entities``: types of fields, some with ``?``."""

    endpoints: dict[tuple[str, str], Endpoint]
    entities: dict[str, dict[str, str]]


def without_names(path: str) -> str:
    """A path's parameters are called differently by everybody."""
    return _PARAMETER.sub("{}", path)


@cache
def published() -> Published:
    endpoints: dict[tuple[str, str], Endpoint] = {}
    entities: dict[str, dict[str, str]] = {}
    fields: dict[str, str] = {}
    for line in _TABLE.read_text("utf-8").splitlines():
        if line.startswith("#") or not line:
            continue
        if line.startswith("    "):
            name, _, kind = line.strip().partition(" ")
            fields[name[:-1]] = kind + ("?" if name.endswith("?") else "")
        elif line.partition(" ")[0].isupper():
            method, path, kind, *scopes = line.split()
            endpoints[method, without_names(path)] = Endpoint(method, path, kind, frozenset(scopes))
        else:
            name, _, above = line.partition(": ")
            fields = entities[name] = dict(entities[above]) if above else {}
    return Published(endpoints, entities)


def faults(kind: str, value: Any, where: str = "") -> Iterator[str]:
    """What of a value is not as published."""
    where = where or kind
    alternatives = _split(kind)
    if len(alternatives) > 1:
        found = [list(faults(each, value, where)) for each in alternatives]
        if all(found):
            yield from min(found, key=len)
    elif kind.startswith("["):
        if not isinstance(value, list):
            yield f"{where} is no list: {value!r:.60}"
            return
        for number, each in enumerate(value):
            yield from faults(kind[1:-1], each, f"{where}[{number}]")
    elif kind.startswith("{"):
        if not isinstance(value, dict):
            yield f"{where} is no object: {value!r:.60}"
            return
        for name, each in value.items():
            yield from faults(kind[1:-1], each, f"{where}.{name}")
    elif (entity := published().entities.get(kind)) is not None:
        yield from _entity_faults(kind, entity, value, where)
    elif not _is_plain(kind, value):
        yield f"{where} is no {kind}: {value!r:.60}"


def _entity_faults(kind: str, entity: dict[str, str], value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} is no {kind}: {value!r:.60}"
        return
    for name in value.keys() - entity.keys() - MORE.get(kind, set()):
        yield f"{where}.{name} is not published"
    for name, needed in entity.items():
        if value.get(name) is None and needed.endswith("?"):
            continue
        if name not in value:
            yield f"{where}.{name} is missing"
        else:
            yield from faults(needed.removesuffix("?"), value[name], f"{where}.{name}")


def _split(kind: str) -> list[str]:
    """The alternatives of a type; those inside of brackets belong to what is in them."""
    return [kind] if kind.startswith(("[", "{")) else kind.split("|")


def _is_plain(kind: str, value: Any) -> bool:
    if kind.startswith("one("):
        return value in kind[4:-1].split(",")
    match kind:
        case "any" | "-":
            return True
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
    if not isinstance(value, str):
        return False
    match kind:
        case "string":
            return True
        case "time":
            return _TIME.fullmatch(value) is not None
        case "date":
            return _DATE.fullmatch(value) is not None
        case "url":
            return _ADDRESS.fullmatch(value) is not None
    return False


def _endpoint(method: str, path: str) -> Endpoint | None:
    """Of a request's path; one without parameters wins."""
    path = path.rstrip("/")
    known = published().endpoints
    if (exact := known.get((method, path))) is not None:
        return exact
    for (its_method, pattern), endpoint in known.items():
        parts = "[^/]+".join(map(re.escape, pattern.split("{}")))
        if its_method == method and "{}" in pattern and re.fullmatch(parts, path):
            return endpoint
    return None


def answer_faults(method: str, path: str, status: int, content: bytes) -> list[str]:
    """Of one answer: a refusal says what is wrong, and everything else is what was published of it."""
    if not path.startswith(("/api/v1/", "/api/v2/")) or method == "HEAD" or status in (204, 304):
        return []
    if status >= 400:
        said = json.loads(content)
        return [] if isinstance(said.get("error"), str) and said["error"] else [f"{status} says nothing: {said}"]
    endpoint = _endpoint(method, path)
    if endpoint is None or endpoint.answer in ("-", "events"):
        return []
    if endpoint.name in NOTHING and content == b"{}":
        return []
    return list(faults(endpoint.answer, json.loads(content)))


async def look_at(answer: httpx.Response) -> None:
    """For the hooks of a client: raises when an answer is not as published."""
    request = answer.request
    await answer.aread()
    found = answer_faults(request.method, request.url.path, answer.status_code, answer.content)
    assert not found, f"{request.method} {request.url.path}: {found[:5]}"
