"""Templates, filled in. Everything that is put into a page is escaped, unless ``richtext`` made it."""

import hashlib
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from linnet.clock import Clock
from linnet.web import richtext, times

_environment = Environment(
    loader=PackageLoader("linnet.web", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


@cache
def read_static(name: str) -> bytes:
    """A file of ``static/``. Raises ``FileNotFoundError``."""
    return resources.files("linnet.web").joinpath("static", name).read_bytes()


@cache
def static_path(name: str) -> str:
    """Where a file is served, under an address that changes with what is in it."""
    return f"/static/{name}?v={hashlib.sha256(read_static(name)).hexdigest()[:12]}"


def compact(number: int) -> str:
    """A count as it fits under a tweet."""
    if number < 10_000:
        return f"{number:,}"
    if number < 1_000_000:
        return f"{number // 1000}k"
    return f"{number / 1_000_000:.1f}M"


_environment.globals["static"] = static_path
_environment.filters.update(
    rich=richtext.render_text,
    exactly=times.exactly,
    month=times.month,
    compact=compact,
)


def render(template: str, clock: Clock, **values: Any) -> str:
    """A whole page."""
    now_ms = clock.now_ms()

    def ago(rfc3339: str) -> str:
        return times.ago(rfc3339, now_ms)

    return _environment.get_template(template).render(ago=ago, **values)
