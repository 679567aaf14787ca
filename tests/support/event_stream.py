"""A client that hears a stream: it applies every event to the first page it loaded, as the documentation says."""

from collections.abc import Iterable
from typing import Any

import msgspec


class Heard(msgspec.Struct, frozen=True):
    """One event."""

    name: str
    id: str
    data: Any


def parse_events(chunk: bytes) -> list[Heard]:
    """The events of whole frames; comments and times to wait are left out."""
    events: list[Heard] = []
    for block in chunk.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        if "event" in fields:
            events.append(Heard(fields["event"], fields["id"], msgspec.json.decode(fields["data"])))
    return events


class Pages:
    """The newest part of a home timeline. ``has_gap``: to be loaded again."""

    def __init__(self) -> None:
        self.items: dict[int, Any] = {}
        self.last_event_id: str | None = None
        self.unread: int | None = None
        self.has_gap = True

    def load(self, items: Iterable[Any]) -> None:
        self.items = {int(item["id"]): item for item in items}
        self.has_gap = False

    def apply(self, event: Heard) -> None:
        self.last_event_id = event.id
        match event.name:
            case "tweets":
                for item in event.data["items"]:
                    self.items.setdefault(int(item["id"]), item)
            case "edited":
                for item in event.data["items"]:
                    self._replace(item)
            case "gone":
                for tweet_id in event.data["ids"]:
                    self.items.pop(int(tweet_id), None)
            case "counts":
                for counted in event.data["items"]:
                    self._count(counted["id"], counted["counts"])
            case "notifications":
                self.unread = event.data["unread"]
            case "gap":
                self.has_gap = True

    def _count(self, tweet_id: str, counts: Any) -> None:
        for item in self.items.values():
            shown = item["retweet_of"] or item
            if shown["id"] == tweet_id:
                shown["counts"] = counts

    def _replace(self, now: Any) -> None:
        for tweet_id, item in self.items.items():
            if item["id"] == now["id"]:
                self.items[tweet_id] = now
            elif item["retweet_of"] is not None and item["retweet_of"]["id"] == now["id"]:
                self.items[tweet_id] = {**item, "retweet_of": now}

    def newest(self, limit: int) -> list[Any]:
        return [self.items[tweet_id] for tweet_id in sorted(self.items, reverse=True)[:limit]]
