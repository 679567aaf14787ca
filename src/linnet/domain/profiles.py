"""What people may say about themselves on their profile, and where they can be called.

As in ``names``, every ``check_*`` is pure: it returns the value as it is to be stored, or raises ``Invalid`` naming its
field. Nothing but white space says nothing, and comes out as an empty string.
"""

import regex

from linnet.domain.characters import WHITE_SPACE, find_forbidden, is_blank
from linnet.domain.lines import check_line, too_long
from linnet.domain.text import normalise
from linnet.errors import Invalid

MAX_BIO_CHARS = 160
MAX_LOCATION_CHARS = 100
MAX_PHONE_DIGITS = 15
MIN_PHONE_DIGITS = 7
MAX_FIELDS = 4
MAX_LABEL_CHARS = 50
MAX_ENTRY_CHARS = 255

_EMPTY_LINES = regex.compile(r"\n{3,}")
# What people set digits apart with when they write a number down.
_PHONE_PUNCTUATION = regex.compile(r"[\p{Zs}\t().\-/\u2010\u2011\u2013]+", regex.V1)
_PHONE = regex.compile(rf"\+[1-9][0-9]{{{MIN_PHONE_DIGITS - 1},{MAX_PHONE_DIGITS - 1}}}")


def check_bio(raw: str, *, field: str = "bio") -> str:
    """NFC, trimmed, at most 160 code points of any script; line ends are kept, of empty lines one in a row."""
    trimmed = raw.strip(WHITE_SPACE)
    # NFC makes a text at most three times shorter; anything beyond is refused before it costs work.
    if len(trimmed) > 10 * MAX_BIO_CHARS:
        raise Invalid.field(field, too_long("bio", len(trimmed), MAX_BIO_CHARS))
    bio = _EMPTY_LINES.sub("\n\n", normalise(trimmed))
    if forbidden := find_forbidden(bio):
        raise Invalid.field(field, f"Your bio holds {forbidden}. Please remove it.")
    if is_blank(bio):
        return ""
    if len(bio) > MAX_BIO_CHARS:
        raise Invalid.field(field, too_long("bio", len(bio), MAX_BIO_CHARS))
    return bio


def check_location(raw: str, *, field: str = "location") -> str:
    """NFC, trimmed, on one line with single blanks: at most 100 code points of any script. It need not exist."""
    return check_line(raw, noun="location", max_chars=MAX_LOCATION_CHARS, field=field)


def check_phone(raw: str, *, field: str = "phone") -> str:
    """As E.164 writes it: a plus, the country, the number, and nothing between the digits.

    Whether somebody answers is not asked. A number without its country is refused: which one is meant is a guess.
    """
    if len(raw) > 10 * MAX_PHONE_DIGITS:
        raise Invalid.field(field, "This is too long for a phone number.")
    digits = _PHONE_PUNCTUATION.sub("", raw)
    if not digits:
        return ""
    # Half of the world dials the plus like this.
    phone = f"+{digits[2:]}" if digits.startswith("00") else digits
    if not phone.startswith("+"):
        raise Invalid.field(field, "A phone number begins with a plus and the country, as in +49 30 123456.")
    if not _PHONE.fullmatch(phone):
        raise Invalid.field(
            field, f"After the plus come {MIN_PHONE_DIGITS} to {MAX_PHONE_DIGITS} digits, the country's first."
        )
    return phone


def check_fields(raw: object, *, field: str = "fields") -> list[str]:
    """Labels and entries in turn, as they are stored: up to four of ``{"name": …, "value": …}``, each on one line.

    Where both are empty there is none. Raises ``Invalid``.
    """
    if not isinstance(raw, list) or len(raw) > 5 * MAX_FIELDS:
        raise Invalid.field(field, f"These must be at most {MAX_FIELDS} fields.")
    found: list[str] = []
    for each in raw:
        if not isinstance(each, dict) or not set(each) <= {"name", "value"}:
            raise Invalid.field(field, "Each field has a name and a value.")
        texts = [each.get(part, "") for part in ("name", "value")]
        if not all(isinstance(text, str) for text in texts):
            raise Invalid.field(field, "A field's name and value must be text.")
        label = check_line(texts[0], noun="label", max_chars=MAX_LABEL_CHARS, field=field)
        entry = check_line(texts[1], noun="entry", max_chars=MAX_ENTRY_CHARS, field=field)
        if entry and not label:
            raise Invalid.field(field, f"What is {entry!r}? Please put a label beside it.")
        if label or entry:
            found += (label, entry)
    if len(found) > 2 * MAX_FIELDS:
        raise Invalid.field(field, f"You have {len(found) // 2} fields; {MAX_FIELDS} are allowed.")
    return found


def check_flag(raw: object, *, field: str) -> bool:
    """Raises ``Invalid`` for what is neither."""
    if not isinstance(raw, bool):
        raise Invalid.field(field, "This must be true or false.")
    return raw
