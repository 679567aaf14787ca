"""Times as people say them."""

from datetime import UTC, datetime

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def ago(rfc3339: str, now_ms: int) -> str:
    """How long ago, in one short word; the day, when it is longer."""
    return since(datetime.fromisoformat(rfc3339), now_ms)


def since(then: datetime, now_ms: int) -> str:
    """The same, of a moment that is known as one."""
    return since_ms(round(then.timestamp() * 1000), now_ms)


def since_ms(then_ms: int, now_ms: int) -> str:
    """The same again."""
    seconds = max(0, now_ms - then_ms) // 1000
    if seconds < _MINUTE:
        return "now"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    if seconds < _DAY:
        return f"{seconds // _HOUR} h"
    then = datetime.fromtimestamp(then_ms / 1000, UTC)
    this_year = datetime.fromtimestamp(now_ms / 1000, UTC).year
    return f"{then.day} {then:%b}" if then.year == this_year else f"{then.day} {then:%b} {then.year}"


def seen(word: str) -> str:
    """What ``ago`` gave, as the end of a sentence about the past."""
    if word == "now":
        return "just now"
    return f"{word} ago" if word.endswith((" min", " h")) else f"on {word}"


def left_ms(then_ms: int, now_ms: int) -> str:
    """How long until then, at the end of a sentence, rounded up: in minutes, hours or days."""
    minutes = max(1, -(-(then_ms - now_ms) // 60_000))
    if minutes < 60:
        number, unit = minutes, "minute"
    else:
        hours = -(-minutes // 60)
        number, unit = (hours, "hour") if hours <= 48 else (-(-hours // 24), "day")
    return f"in {number} {unit}" if number == 1 else f"in {number} {unit}s"


def left(rfc3339: str, now_ms: int) -> str:
    """The same, of a moment as it is written."""
    return left_ms(round(datetime.fromisoformat(rfc3339).timestamp() * 1000), now_ms)


def exactly(rfc3339: str) -> str:
    """Day and minute, for who wants to know."""
    then = datetime.fromisoformat(rfc3339)
    return f"{then.day} {then:%B %Y, %H:%M} UTC"


def month(rfc3339: str) -> str:
    """Since when somebody is here."""
    return f"{datetime.fromisoformat(rfc3339):%B %Y}"


def wait(seconds: int) -> str:
    """How long to wait, rounded up: whoever comes back then is not too early."""
    if seconds < _MINUTE:
        return "in a few seconds" if seconds <= 10 else f"in {seconds} seconds"
    number, unit = (-(-seconds // _MINUTE), "minute") if seconds <= _HOUR else (-(-seconds // _HOUR), "hour")
    return f"in {number} {unit}" if number == 1 else f"in {number} {unit}s"
