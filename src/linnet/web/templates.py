"""Templates, filled in. Everything that is put into a page is escaped, unless ``richtext`` made it."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from linnet.clock import Clock
from linnet.web import devices, richtext, times
from linnet.web.files import module_paths, static_path

_environment = Environment(
    loader=PackageLoader("linnet.web", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


def compact(number: int) -> str:
    """A count as it fits under a tweet."""
    if number < 10_000:
        return f"{number:,}"
    if number < 1_000_000:
        return f"{number // 1000}k"
    return f"{number / 1_000_000:.1f}M"


@cache
def _head() -> Markup:
    """What the head of every page has; the same as long as this process lives."""
    return Markup(_environment.get_template("head.html").render())


_environment.globals.update(static=static_path, module_paths=module_paths, head=_head)
_environment.filters.update(
    rich=richtext.render_text,
    exactly=times.exactly,
    month=times.month,
    seen=times.seen,
    device=devices.device_name,
    compact=compact,
)


def render(template: str, clock: Clock, **values: Any) -> str:
    """A whole page."""
    now_ms = clock.now_ms()

    def ago(rfc3339: str) -> str:
        return times.ago(rfc3339, now_ms)

    return _environment.get_template(template).render(ago=ago, **values)


def call_macro(name: str, *values: Any, **named: Any) -> Markup:
    """A piece of a page that ``macros.html`` makes."""
    made: Markup = getattr(_environment.get_template("macros.html").module, name)(*values, **named)
    return made
