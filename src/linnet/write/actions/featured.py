"""Verbs: show a tag on one's page, and show it no more."""

from contextlib import suppress

from linnet.domain.featured import MAX_FEATURED, FeaturedTag, check_tag
from linnet.domain.hashtags import fold_tag
from linnet.errors import FeaturedTagNotFound, TooManyFeaturedTags, Unauthenticated
from linnet.ids import UserId
from linnet.stores.postgres import featured
from linnet.stores.postgres.pool import run_again
from linnet.write.deps import WriteDeps


async def feature_tag(deps: WriteDeps, user_id: UserId, named: str) -> FeaturedTag:
    """Quiet when it is shown. Raises ``Invalid`` and ``TooManyFeaturedTags``."""
    hashtag = check_tag(named)
    new = FeaturedTag(deps.ids.mint(), fold_tag(hashtag.text), hashtag.text)

    async def attempt() -> FeaturedTag:
        async with deps.db.transaction() as session:
            if not await featured.lock(session, user_id):
                raise Unauthenticated
            there = await featured.fetch(session, user_id)
            if new.tag not in {each.tag for each in there}:
                if len(there) >= MAX_FEATURED:
                    raise TooManyFeaturedTags
                await featured.insert(session, user_id, new)
                there = await featured.fetch(session, user_id)
            return next(each for each in there if each.tag == new.tag)

    return await run_again(attempt)


async def unfeature_tag(deps: WriteDeps, user_id: UserId, featured_id: int) -> None:
    """Raises ``FeaturedTagNotFound``."""

    async def attempt() -> bool:
        async with deps.db.transaction() as session:
            return await featured.delete(session, user_id, featured_id)

    if not await run_again(attempt):
        raise FeaturedTagNotFound


async def unfeature_by_name(deps: WriteDeps, user_id: UserId, named: str) -> None:
    """Quiet when it is not shown. Raises ``Invalid``."""
    tag = fold_tag(check_tag(named).text)
    for each in await featured.fetch(deps.db, user_id):
        if each.tag == tag:
            with suppress(FeaturedTagNotFound):
                await unfeature_tag(deps, user_id, each.id)
