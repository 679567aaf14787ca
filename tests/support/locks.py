"""The lock files: what they hold, whether it is what is installed, and under which licences it comes. All offline."""

import re
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import msgspec
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
RUNTIME, DEVELOPMENT = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"

_PIN = re.compile(r"(?P<name>[a-z0-9]+(?:-[a-z0-9]+)*)==(?P<version>[0-9][A-Za-z0-9.+!]*)")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
# Words that licences are named by, in metadata old and new. Whoever runs linnet may do with it what its own licence
# says: the LGPL of psycopg asks only that it can be exchanged, as every package of Python can.
_ACCEPTED = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla Public License 2\.0|LGPL-3\.0|CNRI-Python|HPND|0BSD"
)
_REFUSED = re.compile(r"(?<!L)GPL|AGPL|SSPL|BUSL|Commons Clause|Proprietary")


class LockBroken(Exception):
    """A lock file is not what it has to be."""


class Pin(msgspec.Struct, frozen=True):
    """A package in the one version that is installed, and how many files that may be."""

    name: str
    version: str
    hashes: int


def read_lock(text: str) -> dict[str, Pin]:
    """What a lock holds. Raises ``LockBroken`` for what is not pinned with its hashes, or comes from elsewhere."""
    pins: dict[str, Pin] = {}
    for block in _blocks(text):
        first, *rest = block
        found = _PIN.fullmatch(first)
        if found is None:
            raise LockBroken(f"{first!r} is not one version of one package")
        hashes = [line for line in rest if _HASH.fullmatch(line)]
        if not hashes or len(hashes) != len(rest):
            raise LockBroken(f"{found['name']} has no hashes, or something beside them")
        if found["name"] in pins:
            raise LockBroken(f"{found['name']} stands there twice")
        pins[found["name"]] = Pin(found["name"], found["version"], len(hashes))
    return pins


def _blocks(text: str) -> Iterator[list[str]]:
    lines = [line.rstrip() for line in text.splitlines()]
    joined = "\n".join(line for line in lines if line and not line.lstrip().startswith("#"))
    for block in joined.replace("\\\n", "\0").splitlines():
        yield [part.strip() for part in block.split("\0")]


def unlocked(pins: Mapping[str, Pin], requirements: list[str]) -> list[str]:
    """Which of these requirements no pin is right for."""
    missing: list[str] = []
    for text in requirements:
        wanted = Requirement(text)
        pin = pins.get(canonicalize_name(wanted.name))
        if pin is None or not wanted.specifier.contains(pin.version):
            missing.append(text)
    return missing


def project() -> Mapping[str, Any]:
    """``[project]`` of pyproject.toml."""
    found: Mapping[str, Any] = msgspec.toml.decode((ROOT / "pyproject.toml").read_bytes())["project"]
    return found


def differing(pins: Mapping[str, Pin]) -> list[str]:
    """What is installed in another version than the lock says, or not at all."""
    found: list[str] = []
    for pin in pins.values():
        installed = _installed(pin.name)
        if installed is None:
            found.append(f"{pin.name} {pin.version} is not installed")
        elif installed.version != pin.version:
            found.append(f"{pin.name} is installed in {installed.version}, locked is {pin.version}")
    return found


def licence_of(installed: Distribution) -> str:
    """How a package says that it may be used: by its expression, else its classifiers, else its own words."""
    words = _said(installed, "License-Expression")
    if not words:
        named = installed.metadata.get_all("Classifier") or []
        words = ", ".join(name.rpartition(" :: ")[2] for name in named if name.startswith("License :: OSI"))
    return words or _said(installed, "License").partition("\n")[0]


def _said(installed: Distribution, name: str) -> str:
    # What is missing is None, an error or a warning, as the Python is.
    return "".join(installed.metadata.get_all(name) or [])


def is_acceptable(licence: str) -> bool:
    """Of a choice one is enough; of what holds together each has to be."""
    choices = re.split(r" OR ", licence)
    return any(_ACCEPTED.search(choice) and not _REFUSED.search(choice) for choice in choices)


def unacceptable(pins: Mapping[str, Pin]) -> list[str]:
    """What is installed under a licence that nobody has looked at."""
    found: list[str] = []
    for pin in pins.values():
        installed = _installed(pin.name)
        if installed is not None and not is_acceptable(licence_of(installed)):
            found.append(f"{pin.name}: {licence_of(installed) or 'it does not say'}")
    return found


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None
