"""Templates, filled in. Everything that is put into a page is escaped, unless ``richtext`` made it."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from linnet.clock import Clock
from linnet.domain.blurhash import average_of
from linnet.domain.place import Place
from linnet.read.views.attachments import FocusView
from linnet.web import devices, richtext, times
from linnet.web.files import module_paths, static_path
from linnet.write.photos import PhotoRules

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


def aim(focus: FocusView) -> Markup:
    """Which part of a picture stays in sight when it is cut, in quarters; nothing for the middle."""
    across, down = round(2 + 2 * focus.x), round(2 - 2 * focus.y)
    classes = [f"{name}{quarter}" for name, quarter in (("x", across), ("y", down)) if quarter != 2]
    return Markup(f' class="{" ".join(classes)}"') if classes else Markup()


@cache
def _head() -> Markup:
    """What the head of every page has; the same as long as this process lives."""
    return Markup(_environment.get_template("head.html").render())


@cache
def _plain_extras(photos: PhotoRules) -> Markup:
    """The fields beside a text that is begun: the same on every page."""
    return call_macro("extras", photos, None)


_environment.globals.update(static=static_path, module_paths=module_paths, head=_head, plain_extras=_plain_extras)
_environment.filters.update(
    rich=richtext.render_text,
    exactly=times.exactly,
    month=times.month,
    seen=times.seen,
    device=devices.device_name,
    compact=compact,
    average=average_of,
    aim=aim,
)


def render(template: str, clock: Clock, *, place: Place, **values: Any) -> str:
    """A whole page of this place."""
    now_ms = clock.now_ms()

    def ago(rfc3339: str) -> str:
        return times.ago(rfc3339, now_ms)

    def left(rfc3339: str) -> str:
        return times.left(rfc3339, now_ms)

    return _environment.get_template(template).render(ago=ago, left=left, place=place, **values)


def call_macro(name: str, *values: Any, **named: Any) -> Markup:
    """A piece of a page that ``macros.html`` makes."""
    made: Markup = getattr(_environment.get_template("macros.html").module, name)(*values, **named)
    return made
