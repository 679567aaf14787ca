"""Files: stylesheets, scripts, pictures, the service worker; and the one page that is shown without a network."""

from typing import Any

from litestar import Response

from linnet.web.answers import Answer, html
from linnet.web.asking import Ask, PageNotFound, PageRoute
from linnet.web.files import WORKER, StaticFile, all_files, version, worker_file
from linnet.web.templates import render

_FOR_EVER = "public, max-age=31536000, immutable"
_A_WHILE = "public, max-age=3600"
# Asked for anew each time: while versions change, an old process is asked for new files and the other way round. Half
# of a page is better than none, and must not be kept.
_NOW = "no-cache"
_ROBOTS = b"User-agent: *\nDisallow: /compose\nDisallow: /login\nDisallow: /search\nDisallow: /settings\n"


async def static_file(ask: Ask) -> Response[Any]:
    """A file of ours. Under the version that pages name it stays the same for ever."""
    return _answer(ask, _find(ask), cache=_FOR_EVER if ask.path("version") == version() else _NOW)


async def named_file(ask: Ask) -> Response[Any]:
    """The same without a version, for addresses that are written down somewhere."""
    return _answer(ask, _find(ask), cache=_A_WHILE)


async def worker(ask: Ask) -> Response[Any]:
    """The service worker, for the whole site."""
    return _answer(ask, worker_file(), cache=_NOW)


async def icon(ask: Ask) -> Response[Any]:
    """Where browsers look for a picture of a site that names none."""
    return _answer(ask, all_files()["icon-192.png"], cache=_A_WHILE)


async def offline(ask: Ask) -> Response[Any]:
    """What the service worker keeps, to show it when nobody can be asked: the same for everybody."""
    page = render(
        "offline.html", ask.services.read.clock, place=ask.services.write.options.place, title="You are offline"
    )
    return html(page, headers={"Cache-Control": _A_WHILE})


async def robots(ask: Ask) -> Response[Any]:
    """What is public may be read by machines too."""
    return _answer(ask, StaticFile(_ROBOTS, "text/plain", b""), cache=_A_WHILE)


def _find(ask: Ask) -> StaticFile:
    file = all_files().get(ask.path("name"))
    if file is None or ask.path("name") == WORKER:
        raise PageNotFound
    return file


def _answer(ask: Ask, file: StaticFile, *, cache: str) -> Answer:
    headers = {"Cache-Control": cache}
    content = file.content
    if file.packed:
        headers["Vary"] = "Accept-Encoding"
        if ask.takes_gzip:
            headers["Content-Encoding"] = "gzip"
            content = file.packed
    return Answer(content, media_type=file.media_type, headers=headers, packs=False)


PAGES = (
    PageRoute("GET", "/static/{version}/{name}", static_file, user=False, limit=""),
    PageRoute("GET", "/static/{name}", named_file, user=False, limit=""),
    PageRoute("GET", "/worker.js", worker, user=False, limit=""),
    PageRoute("GET", "/favicon.ico", icon, user=False, limit=""),
    PageRoute("GET", "/apple-touch-icon.png", icon, user=False, limit=""),
    PageRoute("GET", "/offline", offline, user=False, limit=""),
    PageRoute("GET", "/robots.txt", robots, user=False, limit=""),
)
