"""What the clients of a run asked for and were told, and whether what is there afterwards agrees.

Pure: knows nothing of processes. A client does one thing at a time, so what it did to one subject has an order. What
was not acknowledged may have happened or not; what was acknowledged must have happened, once.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

Verb = Literal["post", "delete", "follow", "unfollow", "like", "unlike", "read"]
Fate = Literal["answered", "refused", "failed"]

_FOLLOWS = {"follow": True, "unfollow": False}
_LIKES = {"like": True, "unlike": False}


class Request(msgspec.Struct, frozen=True, array_like=True):
    """One request, and what became of it. Times are seconds of the machine's monotonic clock.

    ``subject``: the key of a post, the id of the person or tweet of anything else, nothing for a read. ``due`` is when
    it should have been sent. "refused" is 503 or 429 with ``Retry-After``; "failed" is everything that a client may not
    be given, with the reason in ``detail``. An answer may also say that there is nothing to do (404 for a tweet that
    somebody else deletes just now).
    """

    verb: Verb
    actor_id: int
    subject: str
    due: float
    sent: float
    ended: float
    fate: Fate
    status: int = 0
    detail: str = ""
    text: str = ""
    tweet_id: int = 0

    @property
    def is_acknowledged(self) -> bool:
        return self.fate == "answered" and 200 <= self.status < 300


class Tweet(msgspec.Struct, frozen=True):
    """A row."""

    id: int
    author_id: int
    text: str


class Truth(msgspec.Struct, frozen=True):
    """What PostgreSQL holds. Follows are pairs of who follows and who is followed, likes of who likes and what.

    ``followers`` and ``likers`` are the same pairs as the other side has them, ``miscounted`` the counters that say
    something else than their rows.
    """

    tweets: Sequence[Tweet]
    following: frozenset[tuple[int, int]]
    followers: frozenset[tuple[int, int]]
    likes: frozenset[tuple[int, int]]
    likers: frozenset[tuple[int, int]]
    miscounted: Sequence[str] = ()
    events_waiting: int = 0
    events_parked: int = 0


class Mistake(msgspec.Struct, frozen=True):
    """What must not be. ``kind`` is one or two words, ``subject`` names what it happened to."""

    kind: str
    subject: str


def judge(before: Truth, requests: Iterable[Request], after: Truth) -> list[Mistake]:
    """All mistakes there are in ``after``, when these requests, in this order, came upon ``before``."""
    requests = list(requests)
    return [
        *_judge_tweets(before, requests, after),
        *_judge_pairs("follow", _FOLLOWS, before.following, requests, after.following),
        *_judge_sides(after),
        *_judge_likes(before, requests, after),
        *(Mistake("miscounted", counter) for counter in after.miscounted),
        *_judge_lanes(after),
    ]


def _judge_tweets(before: Truth, requests: Sequence[Request], after: Truth) -> list[Mistake]:
    by_text: dict[str, list[Tweet]] = defaultdict(list)
    for tweet in after.tweets:
        by_text[tweet.text].append(tweet)
    deletes = _wishes(requests, {"delete": False})
    posts: dict[str, list[Request]] = defaultdict(list)
    for request in requests:
        if request.verb == "post":
            posts[request.subject].append(request)

    mistakes = []
    for key, attempts in posts.items():
        rows = by_text.pop(attempts[0].text, [])
        told = {attempt.tweet_id for attempt in attempts if attempt.is_acknowledged}
        if len(rows) > 1:
            mistakes.append(Mistake("doubled", f"post {key}: tweets {', '.join(str(row.id) for row in rows)}"))
        if len(told) > 1:
            mistakes.append(Mistake("answered twice", f"post {key}: tweets {', '.join(map(str, sorted(told)))}"))
        for tweet_id in told:
            found = [row for row in rows if row.id == tweet_id and row.author_id == attempts[0].actor_id]
            mistakes += _judge_presence(
                f"post {key}: tweet {tweet_id}", deletes.get(tweet_id, []), is_there=bool(found)
            )
        if told and any(row.id not in told for row in rows):
            mistakes.append(Mistake("another row", f"post {key}: not the tweet that was answered"))
    for tweet in before.tweets:
        rows = by_text.pop(tweet.text, [])
        if len(rows) > 1:
            mistakes.append(Mistake("doubled", f"tweet {tweet.id}"))
        mistakes += _judge_presence(f"tweet {tweet.id}", deletes.get(tweet.id, []), is_there=tweet in rows)
    mistakes += [Mistake("nobody's", f"tweet {row.id}: {row.text}") for rows in by_text.values() for row in rows]
    return mistakes


def _judge_presence(name: str, deletes: Sequence[Request], *, is_there: bool) -> list[Mistake]:
    # Nobody can post a tweet anew, so one deletion that was acknowledged is the end of it.
    if is_there and any(request.is_acknowledged for request in deletes):
        return [Mistake("resurrected", name)]
    if not is_there and not deletes:
        return [Mistake("lost", name)]
    return []


def _wishes(requests: Sequence[Request], verbs: dict[str, bool]) -> dict[int, list[Request]]:
    """Requests of some verbs by the id that they are about."""
    wishes: dict[int, list[Request]] = defaultdict(list)
    for request in requests:
        if request.verb in verbs:
            wishes[int(request.subject)].append(request)
    return wishes


def _judge_pairs(
    name: str,
    verbs: dict[str, bool],
    before: frozenset[tuple[int, int]],
    requests: Sequence[Request],
    after: frozenset[tuple[int, int]],
) -> list[Mistake]:
    """Of each pair: is it there as whoever changed it last was told?"""
    allowed: dict[tuple[int, int], set[bool]] = {}
    for request in requests:
        if request.verb not in verbs:
            continue
        pair, wanted = (request.actor_id, int(request.subject)), verbs[request.verb]
        if request.is_acknowledged:
            allowed[pair] = {wanted}
        elif request.fate != "answered":
            allowed.setdefault(pair, {pair in before}).add(wanted)
    mistakes = [
        Mistake(f"{name} lost" if states == {True} else f"{name} undone", f"{pair[0]} → {pair[1]}")
        for pair, states in allowed.items()
        if (pair in after) not in states
    ]
    untouched = (before ^ after) - allowed.keys()
    return mistakes + [Mistake(f"{name} by nobody", f"{pair[0]} → {pair[1]}") for pair in sorted(untouched)]


def _judge_sides(after: Truth) -> list[Mistake]:
    return [
        Mistake("follow half", f"{follower} → {followed}")
        for follower, followed in sorted(after.following ^ after.followers)
    ]


def _judge_likes(before: Truth, requests: Sequence[Request], after: Truth) -> list[Mistake]:
    # What becomes of the likes of a tweet that is gone is nobody's promise.
    there = {tweet.id for tweet in after.tweets}

    def of_tweets_there(pairs: frozenset[tuple[int, int]]) -> frozenset[tuple[int, int]]:
        return frozenset(pair for pair in pairs if pair[1] in there)

    about = [request for request in requests if request.verb in _LIKES and int(request.subject) in there]
    likes = of_tweets_there(after.likes)
    halves = sorted(likes ^ of_tweets_there(after.likers))
    return [
        *_judge_pairs("like", _LIKES, of_tweets_there(before.likes), about, likes),
        *(Mistake("like half", f"{user_id} → {tweet_id}") for user_id, tweet_id in halves),
    ]


def _judge_lanes(after: Truth) -> list[Mistake]:
    mistakes = [Mistake("waiting", f"{after.events_waiting} events")] if after.events_waiting else []
    return mistakes + ([Mistake("parked", f"{after.events_parked} events")] if after.events_parked else [])


def summarize(mistakes: Iterable[Mistake]) -> str:
    """How many there are of each kind."""
    return ", ".join(f"{count} {kind}" for kind, count in sorted(Counter(each.kind for each in mistakes).items()))
