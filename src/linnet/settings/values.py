"""What the value of a setting may be. Each of these reads one, or raises ``ValueError`` with what it must be."""

import os
import re
from collections.abc import Callable
from importlib.util import find_spec

from linnet.domain.characters import find_forbidden
from linnet.domain.names import check_email, check_username
from linnet.domain.place import MAX_RULE_CHARS, MAX_RULES
from linnet.errors import Invalid
from linnet.stores.media import parse_media_url
from linnet.stores.valkey.address import parse_address


def integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        # int() also takes "1_000", signs and digits of other scripts; a setting need not.
        if not (text.isascii() and text.isdigit()) or len(text) > 18 or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return parse


def boolean(text: str) -> bool:
    if text.lower() in ("true", "yes", "on", "1"):
        return True
    if text.lower() in ("false", "no", "off", "0"):
        return False
    raise ValueError("true or false")


def one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(", ".join(choices[:-1]) + f" or {choices[-1]}")
        return text.lower()

    return parse


def postgres_url(text: str) -> str:
    if text and text.partition("://")[0] not in ("postgresql", "postgres"):
        raise ValueError("a URL like postgresql://user:password@host:5432/linnet")
    return text


def postgres_urls(text: str) -> tuple[str, ...]:
    try:
        return tuple(postgres_url(each) for each in text.split())
    except ValueError:
        raise ValueError("URLs like postgresql://user:password@host:5432/linnet, with blanks between them") from None


def _read_by(read: Callable[[str], object], example: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        try:
            if text:
                read(text)
        except ValueError as error:
            raise ValueError(f"a URL like {example} ({error})") from None
        return text

    return parse


valkey_url = _read_by(
    parse_address,
    "redis://user:password@host:6379/0, valkey+sentinel://host:26379,host:26379/mymaster"
    " or valkey+cluster://host:6379,host:6379",
)
media_url = _read_by(parse_media_url, "file:///srv/linnet/media or s3://bucket/prefix")


def web_url(text: str) -> str:
    if text and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", text):
        raise ValueError("a URL like https://linnet.example")
    return text.rstrip("/")


def otlp_url(text: str) -> str:
    """Refused at once where it could not be used: a process that runs and traces nothing helps nobody."""
    url = web_url(text)
    if url and not _is_installed("opentelemetry.exporter.otlp.proto.http"):
        raise ValueError("left out, or linnet be installed with what it needs: pip install 'linnet[traces]'")
    return url


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def key_prefix(text: str) -> bytes:
    if not text.isascii() or len(text) > 64 or any(char.isspace() or char in "{}" for char in text):
        raise ValueError("at most 64 ASCII characters without blanks and braces")
    return text.encode()


def words(max_chars: int, *, lines: bool = False) -> Callable[[str], str]:
    """What people read; ``lines``: of several lines."""

    def parse(text: str) -> str:
        text = text.replace("\r\n", "\n")
        if len(text) > max_chars or find_forbidden(text) or ("\n" in text and not lines):
            raise ValueError(f"text of at most {max_chars} characters" + ("" if lines else " on one line"))
        return text

    return parse


def house_rules(text: str) -> tuple[str, ...]:
    """Each on a line of its own or, where a variable has one line alone, with a bar between them."""
    try:
        rules = [words(MAX_RULE_CHARS)(rule.strip()) for line in text.splitlines() for rule in line.split("|")]
        found = tuple(rule for rule in rules if rule)
        if len(found) <= MAX_RULES:
            return found
    except ValueError:
        pass
    raise ValueError(
        f"at most {MAX_RULES} rules, each on its own line or with | between them, of {MAX_RULE_CHARS} characters each"
    )


def email(text: str) -> str:
    try:
        return check_email(text) if text else ""
    except Invalid:
        raise ValueError("an e-mail address like people@linnet.example") from None


def username(text: str) -> str:
    """Whether anybody has it is not asked."""
    name = text.removeprefix("@")
    try:
        return check_username(name) if name else ""
    except Invalid:
        raise ValueError("a username like ada") from None


def cores() -> int:
    # The cores this process may use, which in a container are fewer than the machine has.
    return max(1, len(os.sched_getaffinity(0)))


def processes(text: str) -> int:
    return integer(1, 256)(text) if text else cores()
