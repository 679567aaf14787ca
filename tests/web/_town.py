"""People, and all that pages have to show of them: also what is as long, as wide and as strange as rules allow."""

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from tests.flows._linnet_process import Person
from tests.web._site import WebSite

LONG_WORD = "Donau" * 28
EMOJI = "🦆" * 140
RIGHT_TO_LEFT = "שלום עולם مرحبا بالعالم (1) http://example.com/שלום?a=b #ציפור @ada"
TALL = "Z" + "\u0351\u0363\u0369\u036b" * 34
LINKS = "https://example.com/" + "a" * 300 + " https://xn--bcher-kva.example/" + "very/" * 60
LONG_TAG = "#" + "Windgeschwindigkeitsmesser" * 4
HOSTILE_TEXTS = (LONG_WORD, EMOJI, RIGHT_TO_LEFT, TALL, LINKS, LONG_TAG, "\n".join("abcdefgh"), "\u00a0\u00a0x" * 40)


class Place(msgspec.Struct, frozen=True):
    """A page, and who looks at it; nobody: a stranger. ``status`` is what it answers."""

    name: str
    path: str
    by: Person | None = None
    status: int = 200


class Town:
    """Everybody, and where to look at what they did."""

    def __init__(self, site: WebSite) -> None:
        self.ada, self.bob, self.cleo = site.newcomer("ada"), site.newcomer("bob"), site.newcomer("cleo")
        self.wide = site.sign_up("W" * 30)
        self.alone = site.newcomer("alone")
        ask(self.ada, "PATCH", "/me", json={"bio": "Boats and reeds.", "location": "Reedwater"})
        ask(self.ada, "PUT", "/me/avatar", content=picture(320, 240), headers={"Content-Type": "image/png"})
        ask(self.wide, "PATCH", "/me", json={"name": "W" * 50, "bio": "𝓦" * 160, "location": "ש" * 100})
        for one, other in (
            (self.ada, self.bob), (self.ada, self.wide), (self.bob, self.ada), (self.wide, self.ada),
            (self.bob, self.cleo), (self.bob, self.wide), (self.cleo, self.bob),
        ):  # fmt: skip
            one.follow(other)
        self.strange = [self.wide.post(text) for text in HOSTILE_TEXTS]
        self.question = self.bob.post("Has anybody seen the heron today? #birds #herons")
        self.gone = self.cleo.post("By the old weir, I think.")
        self.answer = reply(
            self.ada, self.question, f"On the long jetty, @{self.bob.name}. #birds https://example.com/map"
        )
        self.deep = reply(self.wide, self.answer, LONG_WORD)
        reply(self.bob, self.deep, "That is a long word.")
        for number in range(25):
            self.bob.post(f"The water stands at {number} today. #water")
        self.own = self.ada.post(f"Fog until ten. #fog {LONG_WORD[:50]}")
        said = f"Fog until ten, then geese. #fog #birds @{self.wide.name}"
        ask(self.ada, "PATCH", f"/tweets/{self.own}", json={"text": said})
        for person in (self.bob, self.wide, self.cleo):
            ask(person, "PUT", f"/tweets/{self.own}/like")
        ask(self.wide, "PUT", f"/tweets/{self.own}/retweet")
        ask(self.bob, "PUT", f"/tweets/{self.strange[0]}/retweet")
        ask(self.ada, "PUT", f"/tweets/{self.own}/pin")
        ask(self.ada, "PUT", f"/tweets/{self.question}/like")
        ask(self.cleo, "PUT", f"/users/{self.wide.id}/block")
        later = {"status": f"Water at noon {LONG_TAG}", "scheduled_at": "2030-01-01T12:00:00Z", "spoiler_text": "wet"}
        ask(self.ada, "POST", "/v1/statuses", json=later)
        ask(self.cleo, "PUT", f"/users/{self.ada.id}/mute")
        ask(self.cleo, "DELETE", f"/tweets/{self.gone}")
        self.list = ask(self.ada, "POST", "/lists", json={"title": "Birds, and whoever looks at them " * 2})["id"]
        for person in (self.ada, self.bob):
            ask(self.ada, "PUT", f"/lists/{self.list}/members/{person.id}")
        words = [{"keyword": "zebra"}, {"keyword": "stripes of all kinds", "whole_word": False}]
        wish = {"title": "No zebras", "contexts": ["account"], "keywords": [*words, {"keyword": "geese"}]}
        ask(self.bob, "POST", "/filters", json=wish)
        ask(self.ada, "PUT", "/me/featured-tags/birds")
        options = ["By the old weir", "On the long jetty", LONG_WORD[:50], "W" * 50]
        poll: dict[str, Any] = {"options": options, "expires_in": 86400}
        asked = {"text": "Where was the heron?", "poll": poll}
        self.voted = ask(self.bob, "POST", "/tweets", json=asked)["id"]
        for person, choice in ((self.ada, 1), (self.alone, 3), (self.wide, 1)):
            ask(person, "PUT", f"/tweets/{self.voted}/vote", json={"choices": [choice]})
        asked = {"text": LONG_WORD, "poll": {**poll, "multiple": True, "hides_votes": True}}
        self.poll = ask(self.bob, "POST", "/tweets", json=asked)["id"]
        for tag in ("herons", "water", LONG_TAG[1:]):
            ask(self.ada, "PUT", f"/tags/{tag}/follow")
        direct = {"text": f"@{self.ada.name} shall we meet by the weir? {LONG_WORD[:50]}", "visibility": "direct"}
        self.said = ask(self.bob, "POST", "/tweets", json=direct)["id"]
        answer = {"text": "At ten, then.", "visibility": "direct", "reply_to": self.said}
        ask(self.ada, "POST", "/tweets", json=answer)
        for person in (self.wide, self.bob):
            direct["text"] = f"@{self.ada.name} @{self.wide.name} {LONG_WORD}"[:140]
            ask(person, "POST", "/tweets", json=direct)
        site.settle()

    def places(self) -> list[Place]:
        """Every kind of page, with something on it; and those with nothing."""
        ada, bob, wide = (f"/@{person.name}" for person in (self.ada, self.bob, self.wide))
        return [
            Place("landing", "/"),
            Place("everyone", "/everyone"),
            Place("sign up", "/signup"),
            Place("log in", f"/login?next={bob}"),
            Place("home", "/", self.ada),
            Place("home, older", f"/?before={self.own}", self.ada),
            Place("home of somebody alone", "/", self.alone),
            Place("compose", "/compose", self.ada),
            Place("thread", f"{bob}/{self.question}", self.ada),
            Place("thread, deep", f"{wide}/{self.deep}", self.bob),
            Place("thread of a stranger", f"{ada}/{self.own}"),
            Place("poll", f"{bob}/{self.poll}", self.ada),
            Place("poll, hidden", f"{bob}/{self.poll}", self.bob),
            Place("poll, voted", f"{bob}/{self.voted}", self.ada),
            Place("poll, to be voted in", f"{bob}/{self.voted}", self.cleo),
            Place("poll of a stranger", f"{bob}/{self.voted}"),
            Place("edit", f"/tweets/{self.own}/edit", self.ada),
            Place("history", f"/tweets/{self.own}/history", self.bob),
            Place("history, for a stranger", f"/tweets/{self.own}/history"),
            Place("delete", f"/tweets/{self.own}/delete", self.ada),
            Place("liked by", f"/tweets/{self.own}/likes", self.ada),
            Place("retweeted by", f"/tweets/{self.own}/retweets", self.ada),
            Place("own profile", ada, self.ada),
            Place("profile", wide, self.ada),
            Place("profile of a stranger", bob),
            Place("profile, blocked", wide, self.cleo),
            Place("replies", f"{bob}/replies", self.ada),
            Place("likes", f"{ada}/likes", self.bob),
            Place("followers", f"{ada}/followers", self.ada),
            Place("following", f"{bob}/following", self.ada),
            Place("explore", "/explore", self.ada),
            Place("top users", "/explore/top-users", self.ada),
            Place("top users, people", "/explore/top-users/people"),
            Place("tag", "/tags/birds", self.ada),
            Place("tag, followed", "/tags/water", self.ada),
            Place("tag of a stranger", "/tags/water"),
            Place("followed tags", "/followed-tags", self.ada),
            Place("followed tags, none", "/followed-tags", self.alone),
            Place("tag, long", f"/tags/{LONG_TAG[1:].lower()}", self.ada),
            Place("search", "/search", self.ada),
            Place("search, found", "/search?q=water", self.ada),
            Place("search, people", f"/search?q={self.wide.name}&type=people", self.ada),
            Place("search, nothing", "/search?q=zebras", self.ada),
            Place("notifications", "/notifications", self.ada),
            Place("notifications, none", "/notifications", self.alone),
            Place("messages", "/messages", self.ada),
            Place("messages, none", "/messages", self.alone),
            Place("a conversation", f"{bob}/{self.said}", self.ada),
            Place("a new message", "/compose?visibility=direct", self.ada),
            Place("settings", "/settings", self.ada),
            Place("settings, people away", "/settings", self.cleo),
            Place("filters", "/settings/filters", self.bob),
            Place("filters, none", "/settings/filters", self.alone),
            Place("filtered", ada, self.bob),
            Place("scheduled", "/scheduled", self.ada),
            Place("scheduled, nothing", "/scheduled", self.alone),
            Place("lists", "/lists", self.ada),
            Place("lists, none", "/lists", self.alone),
            Place("list", f"/lists/{self.list}", self.ada),
            Place("list, people", f"/lists/{self.list}/members", self.ada),
            Place("list, change", f"/lists/{self.list}/edit", self.ada),
            Place("lists of somebody", f"/users/{self.bob.id}/lists", self.ada),
            Place("blocked", "/settings/blocked", self.cleo),
            Place("muted", "/settings/muted", self.cleo),
            Place("offline", "/offline"),
            Place("not found", "/@nobody_of_this_name", self.ada, 404),
        ]


def by_person(places: Iterable[Place]) -> Iterator[tuple[Person | None, list[Place]]]:
    """The places of each person, so that one window sees them all."""
    found: dict[str, list[Place]] = {}
    for place in places:
        found.setdefault(place.by.name if place.by else "", []).append(place)
    for group in found.values():
        yield group[0].by, group


def ask(person: Person, method: str, path: str, **more: Any) -> Any:
    """A call of the API that has to succeed."""
    answer = person.call(method, path, **more)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


def reply(person: Person, tweet_id: str, text: str) -> str:
    """Answers a tweet; returns the answer's id."""
    tweet_id = ask(person, "POST", "/tweets", json={"text": text, "reply_to": tweet_id})["id"]
    return tweet_id


def picture(width: int, height: int, colour: bytes = b"\x2f\x6b\x8a") -> bytes:
    """A PNG of one colour."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = zlib.compress((b"\0" + colour * width) * height)
    header = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
