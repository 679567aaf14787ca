"""The files that pages name: stylesheets, scripts, pictures. Read once, and addressed by one version over all of them.

Scripts import each other by relative addresses, so a version in the path reaches all of them, however deep; a version
of each file by itself would have to stand in the sources, and an import map would be a script inside the page.
"""

import gzip
import hashlib
import re
from functools import cache
from importlib import resources
from typing import Final

import msgspec

from linnet.domain.tlds import COUNTRIES, COUNTRIES_USED_AS_GENERIC, GENERIC, OWN_LETTERS

_TYPES: Final = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "png": "image/png",
    "webmanifest": "application/manifest+json",
}
_PACKED: Final = ("css", "js", "svg", "webmanifest")
# The script that a page names; those that it imports are fetched beside it, not after it. The others it may need later.
ENTRY: Final = "linnet.js"
_LATER: Final = (
    "characters.js",
    "composer.js",
    "links.js",
    "live.js",
    "picture.js",
    "pictures.js",
    "pushes.js",
    "tlds.js",
    "when.js",
)
# Lines that are nothing but a comment, and what stands before the others. No text in a script goes over a line's end.
_FOR_READERS: Final = re.compile(rb"^[ \t]*(?://.*\n)?", re.MULTILINE)
# Served from the root, since a worker answers for the part of the site that its own address lies in.
WORKER: Final = "worker.js"


class StaticFile(msgspec.Struct, frozen=True):
    """``packed`` is the content under gzip, for text; empty otherwise."""

    content: bytes
    media_type: str
    packed: bytes


@cache
def all_files() -> dict[str, StaticFile]:
    """Every file by its name."""
    found: dict[str, bytes] = {"tlds.js": _tlds_script()}
    for entry in resources.files("linnet.web").joinpath("static").iterdir():
        if entry.is_file() and entry.name.rpartition(".")[2] in _TYPES:
            found[entry.name] = entry.read_bytes()
    return {name: _file(name, found[name]) for name in sorted(found)}


@cache
def version() -> str:
    """Changes whenever any file does."""
    digest = hashlib.sha256()
    for name, file in all_files().items():
        digest.update(b"%b\n%d\n%b" % (name.encode(), len(file.content), file.content))
    return digest.hexdigest()[:12]


def static_path(name: str) -> str:
    """Where a file is served, for ever the same. Raises ``KeyError``."""
    if name not in all_files():
        raise KeyError(name)
    return f"/static/{version()}/{name}"


@cache
def module_paths() -> list[str]:
    """The scripts that the entry imports, and these in turn, so that a page can ask for all of them at once."""
    names = [name for name in all_files() if name.endswith(".js") and name not in (ENTRY, WORKER, *_LATER)]
    return [static_path(name) for name in names]


@cache
def worker_file() -> StaticFile:
    """The service worker. It begins with what it keeps, so that a new version of any file or page is a new worker."""
    kept = [static_path(name) for name in all_files() if name != WORKER and not name.endswith(".png")]
    head = msgspec.json.encode({"version": version(), "files": kept, "templates": _templates_digest()})
    return _file(WORKER, b"self.linnet = %b;\n%b" % (head, all_files()[WORKER].content))


def _templates_digest() -> str:
    """What the page looks like that the worker keeps."""
    found = resources.files("linnet.web").joinpath("templates").iterdir()
    templates = {entry.name: entry.read_bytes() for entry in found if entry.name.endswith(".html")}
    return hashlib.sha256(b"".join(templates[name] for name in sorted(templates))).hexdigest()[:12]


def _file(name: str, content: bytes) -> StaticFile:
    ending = name.rpartition(".")[2]
    if ending == "js":
        content = _FOR_READERS.sub(b"", content)
    packed = gzip.compress(content, 9, mtime=0) if ending in _PACKED else b""
    return StaticFile(content, _TYPES[ending], packed)


def _tlds_script() -> bytes:
    """The ends of host names, as a script: so that the counter beside a text knows what the rule for links knows."""
    lists = {
        "GENERIC": " ".join(sorted(GENERIC)),
        "COUNTRIES": " ".join(sorted(COUNTRIES)),
        "COUNTRIES_USED_AS_GENERIC": " ".join(sorted(COUNTRIES_USED_AS_GENERIC)),
        "OWN_LETTERS": " ".join(OWN_LETTERS),
    }
    lines = [f'export const {name} = "{words}".split(" ");\n' for name, words in lists.items()]
    return "".join(lines).encode()
