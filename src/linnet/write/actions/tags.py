"""An operator's verbs: pin, unpin, hide and show a tag. A tag is pinned or hidden, or neither; the last word holds."""

from linnet.domain.hashtags import Hashtag, fold_tag
from linnet.domain.tag import Tag, read_tag
from linnet.errors import Invalid
from linnet.stores.postgres import tags
from linnet.stores.postgres.pool import Session
from linnet.write.deps import WriteDeps


async def pin_tag(deps: WriteDeps, named: str) -> Tag | None:
    """Shows a tag before those that trend, below what was pinned before it, whether anybody uses it or not.

    This and the other verbs return the tag as it is now, None when there is nothing to say of it, and raise ``Invalid``
    for what no tweet can carry.
    """
    hashtag = _read(named)
    async with deps.db.transaction() as session:
        return await _rule(deps, session, hashtag, is_hidden=False, pinned_id=deps.ids.mint())


async def hide_tag(deps: WriteDeps, named: str) -> Tag | None:
    """Keeps a tag from trending, also before anybody uses it; its tweets are read and found as before."""
    hashtag = _read(named)
    async with deps.db.transaction() as session:
        return await _rule(deps, session, hashtag, is_hidden=True, pinned_id=None)


async def unpin_tag(deps: WriteDeps, named: str) -> Tag | None:
    """Lets a pinned tag trend, or not, by itself. A hidden one stays hidden."""
    hashtag = _read(named)
    async with deps.db.transaction() as session:
        for row in await tags.lock(session, [fold_tag(hashtag.text)]):
            return await _rule(deps, session, hashtag, is_hidden=row.is_hidden, pinned_id=None)
    return None


async def show_tag(deps: WriteDeps, named: str) -> Tag | None:
    """Lets a hidden tag trend again. A pinned one stays pinned."""
    hashtag = _read(named)
    async with deps.db.transaction() as session:
        for row in await tags.lock(session, [fold_tag(hashtag.text)]):
            return await _rule(deps, session, hashtag, is_hidden=False, pinned_id=row.pinned_id)
    return None


def _read(named: str) -> Hashtag:
    hashtag = read_tag(named)
    if hashtag is None:
        raise Invalid.field("tag", "No tweet can carry this tag.")
    return hashtag


async def _rule(
    deps: WriteDeps, session: Session, hashtag: Hashtag, *, is_hidden: bool, pinned_id: int | None
) -> Tag | None:
    tag = fold_tag(hashtag.text)
    await tags.rule(
        session,
        tag=tag,
        display=hashtag.text,
        is_hidden=is_hidden,
        pinned_id=pinned_id,
        min_people=deps.options.trending.min_people,
    )
    await tags.delete_unused(session, [tag])
    return await tags.find(session, tag)
