"""Verbs: make, change and delete a filter, its keywords, and the tweets it names. Nobody else is ever told.

What a page shows of filters is of the version that the viewer's marks name (``stores/valkey/marks.py``). A change drops
the marks, so the next page, in whatever process, reads the filters anew.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import msgspec

from linnet.domain.event import FiltersChanged
from linnet.domain.filters import (
    MAX_EXPIRES_SECONDS,
    MAX_FILTERS,
    MAX_KEYWORDS,
    MAX_TWEETS,
    Action,
    Context,
    Filter,
    Filters,
    Keyword,
    KeywordWish,
    check_keyword,
    check_title,
)
from linnet.errors import FilterNotFound, TooManyFilters, Unauthenticated
from linnet.ids import TweetId, UserId
from linnet.stores.postgres import filters, outbox
from linnet.stores.postgres.pool import Session, run_again
from linnet.write.actions.originals import find_original
from linnet.write.after_commit import best_effort, wake
from linnet.write.deps import WriteDeps

T = TypeVar("T")
_Change = Callable[[Session, Filters], Awaitable[tuple[T, tuple[Filter, ...]]]]


class FilterWish(msgspec.Struct, frozen=True):
    """What a filter is to be; UNSET: as it is. ``expires_in_seconds`` None: it never ends."""

    title: str | msgspec.UnsetType = msgspec.UNSET
    contexts: tuple[Context, ...] | msgspec.UnsetType = msgspec.UNSET
    action: Action | msgspec.UnsetType = msgspec.UNSET
    expires_in_seconds: int | msgspec.UnsetType | None = msgspec.UNSET


async def create_filter(
    deps: WriteDeps,
    user_id: UserId,
    *,
    title: str,
    contexts: tuple[Context, ...],
    action: Action = "warn",
    expires_in_seconds: int | None = None,
    keywords: Sequence[KeywordWish] = (),
) -> Filter:
    """Raises ``Invalid`` and ``TooManyFilters``."""
    made = Filter(
        deps.ids.mint(),
        check_title(title),
        contexts,
        action,
        _expires_ms(deps, expires_in_seconds),
        tuple(_keyword(deps, wish) for wish in keywords),
    )

    async def change(session: Session, old: Filters) -> tuple[Filter, tuple[Filter, ...]]:
        return made, (*old.filters, made)

    return await _do(deps, user_id, change)


async def change_filter(
    deps: WriteDeps,
    user_id: UserId,
    filter_id: int,
    wish: FilterWish,
    *,
    keywords: Callable[[tuple[Keyword, ...]], Sequence[KeywordWish]] | None = None,
) -> Filter:
    """``keywords``: from those that there are, those that are to be. Raises ``Invalid`` and ``FilterNotFound``."""
    changes: dict[str, object] = {}
    if wish.title is not msgspec.UNSET:
        changes["title"] = check_title(wish.title)
    if wish.contexts is not msgspec.UNSET:
        changes["contexts"] = wish.contexts
    if wish.action is not msgspec.UNSET:
        changes["action"] = wish.action
    if wish.expires_in_seconds is not msgspec.UNSET:
        changes["expires_ms"] = _expires_ms(deps, wish.expires_in_seconds)

    async def change(session: Session, old: Filters) -> tuple[Filter, tuple[Filter, ...]]:
        was = _find(old, filter_id)
        now = msgspec.structs.replace(was, **changes)
        if keywords is not None:
            wanted = tuple(_keyword(deps, each) for each in keywords(was.keywords))
            now = msgspec.structs.replace(now, keywords=wanted)
        return now, tuple(now if each.id == filter_id else each for each in old.filters)

    return await _do(deps, user_id, change)


async def delete_filter(deps: WriteDeps, user_id: UserId, filter_id: int) -> None:
    """Raises ``FilterNotFound``."""

    async def change(session: Session, old: Filters) -> tuple[None, tuple[Filter, ...]]:
        _find(old, filter_id)
        await filters.delete_tweets_of_filter(session, user_id, filter_id)
        return None, tuple(each for each in old.filters if each.id != filter_id)

    await _do(deps, user_id, change)


async def delete_keyword(deps: WriteDeps, user_id: UserId, keyword_id: int) -> None:
    """With its filter, if that has no other keyword and names no tweet. Raises ``FilterNotFound``."""

    async def change(session: Session, old: Filters) -> tuple[None, tuple[Filter, ...]]:
        was = next((each for each in old.filters if any(word.id == keyword_id for word in each.keywords)), None)
        if was is None:
            raise FilterNotFound
        left = tuple(word for word in was.keywords if word.id != keyword_id)
        # Whoever names a tweet has to hold the same lock.
        named = await filters.fetch_tweets(session, user_id)
        now = msgspec.structs.replace(was, keywords=left)
        is_empty = not left and all(each.filter_id != was.id for each in named)
        kept = () if is_empty else (now,)
        return None, tuple(each for old_one in old.filters for each in (kept if old_one.id == was.id else (old_one,)))

    await _do(deps, user_id, change)


async def name_tweet(deps: WriteDeps, user_id: UserId, filter_id: int, tweet_id: TweetId) -> int:
    """From now on the filter matches it; of a retweet, the one inside. Quiet when it did. The id of its being named.

    Raises ``FilterNotFound``, ``TweetNotFound`` and ``TooManyFilters``.
    """
    ref = (await find_original(deps, user_id, tweet_id)).ref

    async def change(session: Session, old: Filters) -> tuple[int, tuple[Filter, ...]]:
        _find(old, filter_id)
        if await filters.count_tweets(session, user_id) >= MAX_TWEETS:
            raise TooManyFilters
        named_id = await filters.insert_tweet(session, user_id, filter_id, ref, deps.ids.mint())
        return named_id, old.filters

    return await _do(deps, user_id, change)


async def unname_tweet(deps: WriteDeps, user_id: UserId, named_id: int) -> None:
    """``named_id``: of its being named. Raises ``FilterNotFound``."""

    async def change(session: Session, old: Filters) -> tuple[None, tuple[Filter, ...]]:
        if not await filters.delete_tweet(session, user_id, named_id):
            raise FilterNotFound
        return None, old.filters

    await _do(deps, user_id, change)


def _find(old: Filters, filter_id: int) -> Filter:
    for each in old.filters:
        if each.id == filter_id:
            return each
    raise FilterNotFound


def _keyword(deps: WriteDeps, wish: KeywordWish) -> Keyword:
    return Keyword(wish.id or deps.ids.mint(), check_keyword(wish.text, field="keyword"), wish.whole_word)


def _expires_ms(deps: WriteDeps, seconds: int | None) -> int | None:
    return None if seconds is None else deps.clock.now_ms() + 1000 * max(0, min(seconds, MAX_EXPIRES_SECONDS))


async def _do(deps: WriteDeps, user_id: UserId, change: _Change[T]) -> T:
    """In a transaction; whoever acts sees it at once, on every page."""

    async def attempt() -> T:
        async with deps.db.transaction() as session:
            old = await filters.lock(session, user_id)
            if old is None:
                raise Unauthenticated
            done, now = await change(session, old)
            if len(now) > MAX_FILTERS or sum(len(each.keywords) for each in now) > MAX_KEYWORDS:
                raise TooManyFilters
            event_id = deps.ids.mint()
            await filters.update(session, user_id, Filters(max(event_id, old.version + 1), now))
            await outbox.append(session, outbox.NewEvent.of(FiltersChanged(user_id), event_id))
            return done

    done = await run_again(attempt)
    await best_effort([deps.marks.drop([user_id]), wake(deps, user_id)], what="filter")
    return done
