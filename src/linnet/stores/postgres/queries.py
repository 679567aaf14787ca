"""Named SQL: the queries of one noun stand in ``sql/<noun>.sql`` and are read from there once.

A query begins with ``-- :name fetch_by_author (author_id, before_id, page_size) -> many``; what follows up to the next
name is its text. The line says the parameters again so that a reader sees them, and a test holds the two together.
"""

import re
from functools import cache
from importlib import resources

import msgspec

_HEADER = re.compile(r"^-- :name (?P<name>\w+) \((?P<params>[^)]*)\) -> (?P<result>many|one|value|none)$", re.MULTILINE)
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


class Query(msgspec.Struct, frozen=True):
    """One named query. ``params`` in the order of the header, ``result`` says what comes back."""

    name: str
    params: tuple[str, ...]
    result: str
    text: str

    @property
    def placeholders(self) -> set[str]:
        """The parameters its text really uses."""
        return set(_PLACEHOLDER.findall(self.text))


def parse_queries(noun: str, source: str) -> dict[str, Query]:
    """The queries of one file by name."""
    headers = list(_HEADER.finditer(source))
    queries: dict[str, Query] = {}
    for header, following in zip(headers, [*headers[1:], None], strict=True):
        body = source[header.end() : following.start() if following else len(source)]
        params = tuple(name.strip() for name in header["params"].split(",") if name.strip())
        queries[header["name"]] = Query(f"{noun}.{header['name']}", params, header["result"], body.strip().rstrip(";"))
    return queries


@cache
def load_queries(noun: str) -> dict[str, Query]:
    """The queries of ``sql/<noun>.sql``."""
    return parse_queries(noun, resources.files(__package__).joinpath(f"sql/{noun}.sql").read_text("utf-8"))
