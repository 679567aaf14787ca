"""What one person of a chaos run can do, over HTTP, and what the answer must be.

A person knows what they did themselves and were told, so a page that says something else is a wrong answer: it must
have one's own newest tweet, none that one deleted, and nobody whom one does not follow.
"""

import time
from collections.abc import Callable, Mapping
from itertools import pairwise

import msgspec

from bench.chaos.http import Answer, HttpClient
from bench.chaos.ledger import Fate, Request, Verb

_PAGE_SIZE = 15
_MOST_TWEETS_KNOWN = 300
_REFUSALS = (429, 503)
# A change is seen at once while Valkey lives. Where it is lost in that moment, it is a worker that applies it, and
# until then a process that found the new one sooner may show what was before (docs/decisions/0022).
_STALE_SECONDS = 5.0


class Person(msgspec.Struct):
    """What somebody knows of oneself. ``unsure`` are those of whom one does not know whether one follows them.

    ``left`` says of those whom one unfollowed when one was told so.
    """

    id: int
    token: str
    follows: set[int] = msgspec.field(default_factory=set)
    unsure: set[int] = msgspec.field(default_factory=set)
    left: dict[int, float] = msgspec.field(default_factory=dict)
    likes: set[int] = msgspec.field(default_factory=set)
    tweets: list[int] = msgspec.field(default_factory=list)
    deleted: set[int] = msgspec.field(default_factory=set)


class _Author(msgspec.Struct):
    id: str


class _Item(msgspec.Struct):
    id: str
    author: _Author


class _Page(msgspec.Struct):
    items: list[_Item]


class _Posted(msgspec.Struct):
    id: str
    text: str


class _Viewer(msgspec.Struct):
    following: bool = False
    liked: bool = False


class _Viewed(msgspec.Struct):
    viewer: _Viewer


class Crowd:
    """All people. ``tweets`` are those of all that may be liked, ``deleting`` those that may be gone."""

    def __init__(self, client: HttpClient, tokens: Mapping[int, str], note: Callable[[Request], None]) -> None:
        self._client = client
        self._note = note
        self.people = {user_id: Person(user_id, token) for user_id, token in tokens.items()}
        self.tweets: list[int] = []
        self.deleting: set[int] = set()

    def add_tweet(self, author_id: int, tweet_id: int) -> None:
        self.people[author_id].tweets.append(tweet_id)
        self.tweets.append(tweet_id)
        del self.tweets[:-_MOST_TWEETS_KNOWN]

    async def post(self, person: Person, key: str, text: str, *, due: float) -> Request:
        posted = 0

        def check(answer: Answer) -> str:
            nonlocal posted
            if answer.status != 201:
                return "not posted"
            tweet = msgspec.json.decode(answer.body, type=_Posted)
            posted = int(tweet.id)
            return "" if tweet.text == text else "another text"

        body = msgspec.json.encode({"text": text})
        headers = (("Idempotency-Key", key),)
        request = await self._ask(
            person, "post", key, "POST", "/tweets", check, due=due, body=body, headers=headers, text=text
        )
        request = msgspec.structs.replace(request, tweet_id=posted)
        self._note(request)
        if request.is_acknowledged:
            self.add_tweet(person.id, posted)
        return request

    async def delete(self, person: Person, tweet_id: int, *, due: float) -> None:
        person.tweets.remove(tweet_id)
        if tweet_id in self.tweets:
            self.tweets.remove(tweet_id)
        self.deleting.add(tweet_id)
        request = await self._ask(
            person, "delete", str(tweet_id), "DELETE", f"/tweets/{tweet_id}", _no_content, due=due
        )
        self._note(request)
        if request.is_acknowledged:
            person.deleted.add(tweet_id)

    async def follow(self, person: Person, other_id: int, *, due: float, wanted: bool) -> None:
        def check(answer: Answer) -> str:
            if answer.status != 200:
                return "not followed" if wanted else "not unfollowed"
            is_so = msgspec.json.decode(answer.body, type=_Viewed).viewer.following
            return "" if is_so is wanted else "the answer says that it is not so"

        verb: Verb = "follow" if wanted else "unfollow"
        method = "PUT" if wanted else "DELETE"
        person.unsure.add(other_id)
        request = await self._ask(person, verb, str(other_id), method, f"/users/{other_id}/follow", check, due=due)
        self._note(request)
        if not request.is_acknowledged:
            return
        person.unsure.discard(other_id)
        if wanted:
            person.follows.add(other_id)
        else:
            person.follows.discard(other_id)
            person.left[other_id] = time.monotonic()

    async def like(self, person: Person, tweet_id: int, *, due: float, wanted: bool) -> None:
        def check(answer: Answer) -> str:
            if answer.status == 404:
                return "" if tweet_id in self.deleting else "a tweet that is there is not found"
            if answer.status != 200:
                return "not liked" if wanted else "not unliked"
            is_so = msgspec.json.decode(answer.body, type=_Viewed).viewer.liked
            return "" if is_so is wanted else "the answer says that it is not so"

        verb: Verb = "like" if wanted else "unlike"
        method = "PUT" if wanted else "DELETE"
        request = await self._ask(person, verb, str(tweet_id), method, f"/tweets/{tweet_id}/like", check, due=due)
        self._note(request)
        if wanted and request.is_acknowledged:
            person.likes.add(tweet_id)
        elif request.fate == "answered":
            person.likes.discard(tweet_id)

    async def read(self, person: Person, *, due: float, before: int | None = None) -> list[int] | None:
        """The newest page of the home timeline, or what is below an id; None when there is none to be had."""
        shown: list[int] = []
        # While it is on its way one goes on, and it may be of any moment in between.
        sent = time.monotonic()
        tweets, deleted, known = list(person.tweets), set(person.deleted), person.follows | person.unsure

        def check(answer: Answer) -> str:
            if answer.status != 200:
                return "no page"
            items = msgspec.json.decode(answer.body, type=_Page).items
            shown.extend(int(item.id) for item in items)
            now = Person(
                person.id,
                person.token,
                follows=known
                | person.follows
                | person.unsure
                | {other_id for other_id, at in person.left.items() if at > sent - _STALE_SECONDS},
                tweets=[tweet_id for tweet_id in tweets if tweet_id in person.tweets],
                deleted=deleted,
            )
            return _wrong_on_page(now, items, before)

        path = f"/timelines/home?limit={_PAGE_SIZE}" + ("" if before is None else f"&before={before}")
        request = await self._ask(person, "read", "", "GET", path, check, due=due)
        self._note(request)
        return shown if request.is_acknowledged else None

    async def _ask(
        self,
        person: Person,
        verb: Verb,
        subject: str,
        method: str,
        path: str,
        check: Callable[[Answer], str],
        *,
        due: float,
        body: bytes = b"",
        headers: tuple[tuple[str, str], ...] = (),
        text: str = "",
    ) -> Request:
        sent, status = time.monotonic(), 0
        try:
            answer = await self._client.ask(method, f"/api{path}", person.token, body, headers=headers)
            status = answer.status
            fate, detail = _fate_of(answer, check)
        except TimeoutError:
            fate, detail = "failed", "no answer in time"
        except (OSError, EOFError) as error:
            fate, detail = "failed", f"connection: {type(error).__name__}"
        except (ValueError, msgspec.MsgspecError) as error:
            fate, detail = "failed", f"cannot be read: {error}"
        return Request(verb, person.id, subject, due, sent, time.monotonic(), fate, status, detail, text)


def _fate_of(answer: Answer, check: Callable[[Answer], str]) -> tuple[Fate, str]:
    if answer.status in _REFUSALS and "retry-after" in answer.headers:
        return "refused", ""
    if answer.status in _REFUSALS or answer.status >= 500:
        return "failed", f"{answer.status}: {answer.body[:200].decode('utf-8', 'replace')}"
    wrong = check(answer)
    return ("failed", f"{answer.status}, {wrong}") if wrong else ("answered", "")


def _no_content(answer: Answer) -> str:
    return "" if answer.status == 204 else "not deleted"


def _wrong_on_page(person: Person, items: list[_Item], before: int | None) -> str:
    ids = [int(item.id) for item in items]
    if any(later >= earlier for earlier, later in pairwise(ids)):
        return "the page is out of order"
    own = [tweet_id for tweet_id in person.tweets if before is None or tweet_id < before]
    if own and own[-1] not in ids and (len(ids) < _PAGE_SIZE or ids[-1] < own[-1]):
        return f"the page lacks one's own tweet {own[-1]}"
    if gone := person.deleted.intersection(ids):
        return f"the page shows the deleted tweet {min(gone)}"
    if strangers := {int(item.author.id) for item in items} - person.follows - {person.id}:
        return f"the page shows {min(strangers)}, who is not followed"
    return ""
