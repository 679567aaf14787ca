"""What an app may do in somebody's name: OAuth scopes as clients of the Mastodon API ask for them.

A scope is a verb, alone or with a noun: ``read`` has every ``read:…`` in it. ``follow`` is an old name for a few.
"""

from collections.abc import Collection, Mapping, Set
from typing import Final

READ_NOUNS: Final = (
    *("accounts", "blocks", "bookmarks", "collections", "favourites", "filters", "follows", "lists", "mutes"),
    *("notifications", "search", "statuses"),
)
WRITE_NOUNS: Final = (
    *("accounts", "blocks", "bookmarks", "collections", "conversations", "favourites", "filters", "follows"),
    *("lists", "media", "mutes", "notifications", "reports", "statuses"),
)
_FOLLOW: Final = frozenset(
    f"{verb}:{noun}" for verb in ("read", "write") for noun in ("blocks", "follows", "mutes")
) | {"follow"}

DEFAULT: Final = "read"
"""What is meant where none is named."""

SCOPES: Final[tuple[str, ...]] = (
    *("read", "write", "follow", "push", "profile"),
    *(f"read:{noun}" for noun in READ_NOUNS),
    *(f"write:{noun}" for noun in WRITE_NOUNS),
)
_KNOWN: Final = frozenset(SCOPES)

# For the person who is asked, by scope, in this order. A noun that is not here is said by its verb.
_MEANINGS: Final[Mapping[str, str]] = {
    "profile": "see your name, your username and your picture",
    "read": "read everything you can read here, also what only you can see",
    "read:accounts": "read your account and other people's",
    "read:blocks": "see whom you block",
    "read:bookmarks": "see what you have put by",
    "read:favourites": "see what you like",
    "read:filters": "see your filters",
    "read:follows": "see whom you follow and who follows you",
    "read:lists": "see your lists and who is on them",
    "read:mutes": "see whom you mute",
    "read:notifications": "read your notifications",
    "read:search": "search",
    "read:statuses": "read tweets, your home timeline and your messages",
    "write": "do everything in your name: post, delete, like, follow, block and change your profile",
    "write:accounts": "change your profile and your picture",
    "write:blocks": "block people and let them in again",
    "write:bookmarks": "put tweets by, and let go of them",
    "write:conversations": "mark your conversations as read, and put them away",
    "write:favourites": "like tweets and take it back",
    "write:filters": "make, change and delete your filters",
    "write:follows": "follow people and stop following them",
    "write:lists": "make, change and delete your lists",
    "write:media": "upload pictures for what you post",
    "write:mutes": "mute people and hear them again",
    "write:notifications": "mark your notifications as read",
    "write:reports": "report people in your name",
    "write:statuses": "post, retweet and pin in your name, and delete what you posted",
    "follow": "follow, mute and block people in your name, and see whom you do",
    "push": "tell you of notifications when it is not open",
}


def parse_scopes(text: str) -> frozenset[str] | None:
    """The scopes of a text that has blanks between them; the default for none. None: one of them is unknown."""
    named = frozenset(text.split())
    if not named <= _KNOWN:
        return None
    return named or frozenset({DEFAULT})


def write_scopes(scopes: Collection[str]) -> str:
    """As they are sent and kept: in one order."""
    return " ".join(scope for scope in SCOPES if scope in scopes)


def covers(granted: Collection[str], wanted: str) -> bool:
    """Whether somebody with these scopes may do what needs that one."""
    if wanted in granted or wanted.partition(":")[0] in granted:
        return True
    return "follow" in granted and wanted in _FOLLOW


def covers_all(granted: Collection[str], wanted: Collection[str]) -> bool:
    """Whether these scopes have all of those in them: nobody is granted more than was registered for."""
    return all(covers(granted, scope) for scope in wanted)


def meanings(scopes: Set[str]) -> list[str]:
    """What a person lets an app do who grants it these, each once, in words."""
    said = [meaning for scope, meaning in _MEANINGS.items() if scope in scopes]
    said += [f"use what linnet may have one day ({scope})" for scope in SCOPES if scope in scopes - _MEANINGS.keys()]
    return said
