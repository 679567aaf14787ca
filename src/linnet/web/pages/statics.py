"""Files: the stylesheet, the script, the bird."""

from typing import Any

from litestar import Response

from linnet.web.answers import file
from linnet.web.asking import Ask, PageNotFound, PageRoute
from linnet.web.templates import read_static, static_path

_TYPES = {
    "linnet.css": "text/css",
    "linnet.js": "text/javascript",
    "bird.svg": "image/svg+xml",
    "linnet.webmanifest": "application/manifest+json",
}


async def static_file(ask: Ask) -> Response[Any]:
    """A file of ours. Under the address that pages name it stays the same for ever."""
    name = ask.path("name")
    if name not in _TYPES:
        raise PageNotFound
    current = static_path(name).partition("v=")[2]
    return file(read_static(name), _TYPES[name], immutable=ask.query("v") == current)


async def robots(ask: Ask) -> Response[Any]:
    """What is public may be read by machines too."""
    return file(b"User-agent: *\nDisallow: /search\nDisallow: /settings\n", "text/plain", immutable=False)


PAGES = (
    PageRoute("GET", "/static/{name}", static_file, user=False, limit=""),
    PageRoute("GET", "/robots.txt", robots, user=False, limit=""),
)
