"""What people may call themselves, where mail may reach them, and what guards their account.

Every ``check_*`` is pure: it returns the value as it is to be stored, or raises ``Invalid`` naming its field.
``Problems`` runs several and reports all that is wrong at once.
"""

import unicodedata
from collections.abc import Callable
from typing import Literal, ParamSpec, TypeVar

import regex

from linnet.domain.characters import WHITE_SPACE, find_forbidden, is_compatible
from linnet.domain.lines import check_line
from linnet.errors import FieldError, Invalid

MAX_USERNAME_CHARS = 30
MAX_NAME_CHARS = 50
MIN_PASSWORD_CHARS = 8
MAX_PASSWORD_CHARS = 1_000
# RFC 5321 counts octets.
MAX_EMAIL_BYTES = 254
MAX_EMAIL_LOCAL_BYTES = 64

# Names that would be taken for the site itself (people trust "support"), that mail servers keep (RFC 2142), that code
# takes for nothing ("null"), or that are the first part of one of our addresses, now or likely later.
_RESERVED_USERNAMES = """
    admin administrator administrators linnet mod moderation moderator moderators official owner root staff support
    sysadmin system team trust_and_safety verified
    abuse help hostmaster info mail mailer_daemon no_reply noreply nobody postmaster privacy security ssl_admin
    sysop usenet webmaster
    all anonymous deleted everyone everybody guest here me myself nil none null nan self true false undefined unknown
    user you
    about account accounts answer api app assets auth avatar avatars blocks blog bookmarks compose confirm contact
    cookies css delete dev developer developers docs edit email events explore export favicon feed files
    followers following follows health home hashtag hashtags images img import index invite js jobs join legal like
    likes links lists live local localhost login logout log_in log_out manifest media mentions messages metrics mutes
    new news notification notifications oauth offline openapi password people pin policy popular post posts profile
    public register replies reply reset retweet retweets robots rss rules search service_worker session sessions
    settings share signin signout signup sign_in sign_out sign_up sitemap static stats status stream suggestions tag
    tags terms thread timeline timelines top trending tweet tweets upload uploads users v1 v2 web welcome well_known
    www
"""
RESERVED_USERNAMES = frozenset(_RESERVED_USERNAMES.split())

_USERNAME = regex.compile(r"[A-Za-z0-9_]+")
# A dot-atom of RFC 5322, in any script (RFC 6531). Quoted local parts are lawful, and nobody has one.
_EMAIL_ATOM = r"[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~\-]++"
_EMAIL_LOCAL = regex.compile(rf"{_EMAIL_ATOM}(?:\.{_EMAIL_ATOM})*+", regex.V1)
_EMAIL_LABEL = regex.compile(r"(?!-)[\p{L}\p{M}\p{N}\-]{1,63}+(?<!-)", regex.V1)
_DIGITS = regex.compile(r"[0-9]+")

P = ParamSpec("P")
T = TypeVar("T")


class Problems:
    """Gathers what several checks find wrong, so that one answer can name every bad field.

    ::

        problems = Problems()
        username = problems.check(check_username, form.username)
        email = problems.check(check_email, form.email)
        problems.raise_if_any()
    """

    def __init__(self) -> None:
        self._errors: list[FieldError] = []

    def check(self, rule: Callable[P, str], *args: P.args, **kwargs: P.kwargs) -> str:
        """What the rule returns; an empty string when it refuses, which nobody sees because of ``raise_if_any``."""
        try:
            return rule(*args, **kwargs)
        except Invalid as refusal:
            self._errors.extend(refusal.errors)
            return ""

    def take(self, rule: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """The same for what is no text; None when it refuses."""
        try:
            return rule(*args, **kwargs)
        except Invalid as refusal:
            self._errors.extend(refusal.errors)
            return None

    def add(self, field: str, message: str) -> None:
        self._errors.append(FieldError(field, message))

    def raise_if_any(self) -> None:
        """One ``Invalid`` with every problem, in the order in which they were found."""
        if self._errors:
            raise Invalid(tuple(self._errors))


def check_username(raw: str, *, field: str = "username") -> str:
    """Lower-cased. Blanks around it are refused, not trimmed: a name is what its owner will type to log in."""
    if not raw:
        raise Invalid.field(field, "Please choose a username.")
    # The characters first, in ASCII: str.lower() would make a plain k of the Kelvin sign.
    if not _USERNAME.fullmatch(raw):
        raise Invalid.field(field, "A username is made of the letters a to z, digits and underscores only.")
    if len(raw) > MAX_USERNAME_CHARS:
        raise Invalid.field(field, f"A username has at most {MAX_USERNAME_CHARS} characters; this one has {len(raw)}.")
    username = raw.lower()
    if username in RESERVED_USERNAMES:
        raise Invalid.field(field, "This username is reserved. Please choose another one.")
    return username


def check_display_name(raw: str, *, field: str = "name") -> str:
    """NFC, trimmed, on one line with single blanks: 1 to 50 code points of any script, emoji too."""
    name = check_line(raw, noun="name", max_chars=MAX_NAME_CHARS, field=field)
    if not name:
        raise Invalid.field(field, "Please tell us a name that people can see.")
    return name


def check_email(raw: str, *, field: str = "email") -> str:
    """Lower-cased, NFC, without the blank that phones put behind a completed word.

    Pragmatic: what most mail servers would take, with a real domain. ``localhost`` and bare addresses of machines are
    refused, since no mail for a person arrives there.
    """
    # Lower-casing can lengthen a text (İ), so the bound is checked on what is stored, and once before any work.
    email = _fold_email(raw) if len(raw) <= 4 * MAX_EMAIL_BYTES else raw
    if not email:
        raise Invalid.field(field, "Please tell us your e-mail address.")
    if find_forbidden(email):
        raise Invalid.field(field, "This e-mail address holds a character that no address can have.")
    if len(email.encode()) > MAX_EMAIL_BYTES:
        raise Invalid.field(field, f"This e-mail address is too long; {MAX_EMAIL_BYTES} bytes are allowed.")
    local, at, domain = email.rpartition("@")
    if not at or "@" in local:
        raise Invalid.field(field, "An e-mail address has exactly one @, as in name@example.com.")
    if len(local.encode()) > MAX_EMAIL_LOCAL_BYTES or not _EMAIL_LOCAL.fullmatch(local) or not is_compatible(local):
        raise Invalid.field(field, "The part of the e-mail address before the @ does not look right.")
    if not _is_mail_domain(domain):
        raise Invalid.field(field, "The part of the e-mail address after the @ does not look right.")
    return email


def check_password(raw: str, *, field: str = "password", username: str = "", email: str = "") -> str:
    """Exactly what was typed: never trimmed, never normalised, blanks and all. Lengths are in code points."""
    if len(raw) < MIN_PASSWORD_CHARS:
        raise Invalid.field(field, f"A password has at least {MIN_PASSWORD_CHARS} characters.")
    if len(raw) > MAX_PASSWORD_CHARS:
        raise Invalid.field(field, f"A password has at most {MAX_PASSWORD_CHARS} characters.")
    if not is_encodable(raw):
        raise Invalid.field(field, "This password holds half of a broken character. Please type it again.")
    if raw.casefold() in {username.casefold(), email.casefold()}:
        raise Invalid.field(field, "The password must not be your username or your e-mail address.")
    return raw


def login_kind(raw: str) -> Literal["email", "username"]:
    """What somebody who logs in has typed: a username never holds an @."""
    return "email" if "@" in raw else "username"


def fold_login(raw: str) -> str:
    """The stored form of a username or e-mail address typed to log in; never raises.

    Empty for what cannot be anybody's, so that it is looked up, not found, and answered like any unknown name.
    """
    if len(raw) > 4 * MAX_EMAIL_BYTES:
        return ""
    check = check_email if login_kind(raw) == "email" else _fold_username
    try:
        return check(raw)
    except Invalid:
        return ""


def is_encodable(text: str) -> bool:
    """Whether the text has a UTF-8 form. A Python string can hold lone surrogates, which have none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _fold_username(raw: str) -> str:
    # Reserved words pass: the account of whoever runs the site may have been made with one.
    trimmed = raw.strip(WHITE_SPACE)
    return trimmed.lower() if len(trimmed) <= MAX_USERNAME_CHARS and _USERNAME.fullmatch(trimmed) else ""


def _fold_email(raw: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", raw.strip(WHITE_SPACE)).lower())


def _is_mail_domain(domain: str) -> bool:
    labels = domain.split(".")
    return (
        len(labels) >= 2
        and is_compatible(domain)
        and all(_EMAIL_LABEL.fullmatch(label) for label in labels)
        and not _DIGITS.fullmatch(labels[-1])
    )
