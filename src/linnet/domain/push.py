"""Subscriptions to notifications: of what a device wants to be told when nothing of ours is open on it, and where."""

import ipaddress
from collections.abc import Collection, Mapping
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

import msgspec

from linnet.domain.notification import NotificationKind
from linnet.domain.webpush import AUTH_BYTES, decode64, is_public_key
from linnet.errors import Invalid
from linnet.ids import SessionId, UserId

ALERTS: Final = (
    *("mention", "status", "reblog", "follow", "follow_request", "favourite", "poll", "update", "quote"),
    *("admin.sign_up", "admin.report"),
)
"""What apps may ask for. Of some of it nothing is ever told here; that it was asked for is kept."""

ALERT_OF: Final[Mapping[NotificationKind, str]] = {
    "followed": "follow",
    "requested": "follow_request",
    "liked": "favourite",
    "retweeted": "reblog",
    "replied": "mention",
    "mentioned": "mention",
    "edited": "update",
    "poll_ended": "poll",
}

ALIKE: Final[frozenset[NotificationKind]] = frozenset(("followed", "liked", "retweeted", "edited"))
"""Those that may come by hundreds: what is about the same thing is told as one, and only now and then."""

Policy = Literal["all", "followed", "follower", "none"]
POLICIES: Final[tuple[Policy, ...]] = get_args(Policy)

MAX_ENDPOINT_CHARS: Final = 2000
# Where push services listen; what else listens on a host is none of ours to knock at.
_PORTS: Final = frozenset((443, 8443))
_TITLE_CHARS: Final = 120
_BODY_CHARS: Final = 140

# Addresses inside of which others are written: which network they lead to is the business of whoever translates them.
_WRAPPING: Final = tuple(
    map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96", "fec0::/10"))
)


class PushOptions(msgspec.Struct, frozen=True):
    """``allows_private``: also over http, to any port, and to addresses that are no part of the internet.

    ``public_url`` and ``contact``: who sends it, for push services that have something to say about it.
    """

    enabled: bool = True
    allows_private: bool = False
    public_url: str = ""
    contact: str = ""


class Wishes(msgspec.Struct, frozen=True):
    """``alerts``: of what; ``policy``: by whom."""

    alerts: frozenset[str]
    policy: Policy


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """One of a log-in or an app. ``id`` names it to its app alone.

    ``public_key`` and ``auth`` are the subscriber's; ``standard``: it reads RFC 8291 and not only the draft before it.
    """

    user_id: UserId
    session_id: SessionId
    id: int
    endpoint: str
    public_key: bytes
    auth: bytes
    standard: bool
    wishes: Wishes


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What a device is sent, in the form that apps of the Mastodon API read."""

    access_token: str
    preferred_locale: str
    notification_id: str
    notification_type: str
    icon: str
    title: str
    body: str


class PageMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser's log-in is sent: no more than what the worker of our pages shows (``web/static/worker.js``).

    ``icon`` and ``url`` are paths from the server's root; of two messages with one ``tag`` the later is shown alone.
    """

    title: str
    body: str
    icon: str
    url: str
    tag: str


def check_endpoint(text: str, options: PushOptions) -> str:
    """An address that messages may be sent to, as far as it can be known before it is looked up. Raises ``Invalid``."""
    if not text:
        raise Invalid.field("subscription[endpoint]", "Say where messages are to be sent.")
    if len(text) > MAX_ENDPOINT_CHARS or not text.isascii() or any(char <= " " or char == "\x7f" for char in text):
        raise Invalid.field("subscription[endpoint]", "This is no address of a push service.")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise Invalid.field("subscription[endpoint]", "This is no address of a push service.") from error
    schemes = ("https", "http") if options.allows_private else ("https",)
    if parts.scheme not in schemes:
        raise Invalid.field("subscription[endpoint]", "The address must begin with https://.")
    if not host or "@" in parts.netloc or port == 0 or "\\" in text:
        raise Invalid.field("subscription[endpoint]", "This is no address of a push service.")
    if options.allows_private:
        return text
    if port is not None and port not in _PORTS:
        raise Invalid.field("subscription[endpoint]", "Messages are sent to the ports 443 and 8443 alone.")
    if "." not in host and ":" not in host:
        raise Invalid.field("subscription[endpoint]", "The address must be one of the internet.")
    try:
        literal = str(ipaddress.ip_address(host))
    except ValueError:
        return text
    if not is_public(literal):
        raise Invalid.field("subscription[endpoint]", "The address must be one of the internet.")
    return text


def is_public(address: str) -> bool:
    """Whether an IP address is a single machine somewhere on the internet, and nothing nearer."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        if any(found in network for network in _WRAPPING):
            return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def check_keys(p256dh: str, auth: str) -> tuple[bytes, bytes]:
    """The subscriber's key and secret. Raises ``Invalid``."""
    try:
        key = decode64(p256dh[:200])
    except ValueError:
        key = b""
    if not is_public_key(key):
        raise Invalid.field("subscription[keys][p256dh]", "This must be a public key of P-256, in Base64.")
    try:
        secret = decode64(auth[:200])
    except ValueError:
        secret = b""
    if len(secret) != AUTH_BYTES:
        raise Invalid.field("subscription[keys][auth]", f"This must be {AUTH_BYTES} bytes, in Base64.")
    return key, secret


def check_policy(text: str) -> Policy:
    """Raises ``Invalid``."""
    for policy in POLICIES:
        if text == policy:
            return policy
    raise Invalid.field("data[policy]", f"This must be one of: {', '.join(POLICIES)}.")


def write_alerts(alerts: Collection[str]) -> str:
    """As they are kept: in one order."""
    return " ".join(alert for alert in ALERTS if alert in alerts)


def title_of(kind: NotificationKind, name: str, *, others: int) -> str:
    """What somebody did, in a line. ``others``: how many more did the same."""
    who = _short(name, _TITLE_CHARS // 2)
    if others:
        who = f"{who} and {others} {'other' if others == 1 else 'others'}"
    match kind:
        case "followed":
            return f"{who} followed you"
        case "requested":
            return f"{who} asks to follow you"
        case "liked":
            return f"{who} liked your tweet"
        case "retweeted":
            return f"{who} retweeted your tweet"
        case "replied":
            return f"{who} answered you"
        case "mentioned":
            return f"{who} mentioned you"
        case "edited":
            return f"{who} edited a tweet that you retweeted"
        case "poll_ended":
            return "A poll has ended"


def body_of(text: str) -> str:
    """The beginning of a text: apps show no more, and ask for the rest."""
    return _short(" ".join(text.split()), _BODY_CHARS)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
