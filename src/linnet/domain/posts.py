"""What somebody may post, as a whole: a text, a warning to be read before it, and pictures, which may do without."""

import msgspec
import regex

from linnet.domain.characters import find_forbidden, is_blank
from linnet.domain.text import Entities, TextRules, TweetText, check_text, normalise
from linnet.errors import Invalid

_SPACES = regex.compile(r"\s+", regex.V1)


class Post(msgspec.Struct, frozen=True):
    """What may be posted. ``text`` is empty only beside pictures; ``warning`` is None for none."""

    text: TweetText
    warning: str | None = None


def check_post(text: str, rules: TextRules, *, warning: str = "", has_attachments: bool = False) -> Post:
    """Raises ``Invalid``. A warning counts like a part of the text."""
    given = _check_warning(warning, rules) if warning else None
    if has_attachments and not text.strip():
        return Post(TweetText("", Entities(), 0), given)
    checked = check_text(text, rules)
    if given is not None and checked.chars + len(given) > rules.max_chars:
        raise Invalid.field(
            "text",
            f"Your text and its warning have {checked.chars + len(given)} characters together; {rules.max_chars} are"
            " allowed.",
        )
    return Post(checked, given)


def _check_warning(raw: str, rules: TextRules) -> str | None:
    """One line."""
    if len(raw) > rules.max_stored_chars:
        raise _too_long(len(raw), rules)
    warning = _SPACES.sub(" ", normalise(raw))
    if forbidden := find_forbidden(warning):
        raise Invalid.field("warning", f"Your warning holds {forbidden}. Please remove it.")
    if is_blank(warning):
        return None
    if len(warning) > rules.max_chars:
        raise _too_long(len(warning), rules)
    return warning


def _too_long(chars: int, rules: TextRules) -> Invalid:
    return Invalid.field("warning", f"Your warning has {chars} characters; {rules.max_chars} are allowed.")
