"""Whom a viewer is not to meet: asked of the truth for the people of a page, so that a block holds from its commit on.

The home timeline does not ask this: a reader's window knows it (``read/timelines/home.py``).
"""

from collections.abc import Collection, Sequence, Set

from linnet.domain.timeline import Entry
from linnet.domain.tweet import Tweet
from linnet.domain.visibility import Hidden, Surface, audience_of, drop_kept_away, is_for
from linnet.ids import UserId
from linnet.read.deps import ReadDeps
from linnet.stores.postgres import relations
from linnet.stores.postgres.follows import fetch_followed_among


async def fetch_hidden_among(deps: ReadDeps, viewer_id: UserId | None, user_ids: Collection[int]) -> Hidden:
    """Whom of these people a viewer keeps away; nobody for an anonymous viewer. One query."""
    others = [user_id for user_id in user_ids if user_id != viewer_id]
    if viewer_id is None or not others:
        return Hidden()
    return await relations.fetch_hidden_among(deps.db, viewer_id, others)


async def drop_unmet(
    deps: ReadDeps,
    viewer_id: UserId | None,
    entries: Sequence[Entry],
    *,
    surface: Surface,
    met: Set[UserId] = frozenset(),
) -> list[Entry]:
    """The entries that a viewer may meet on a surface; those of ``met`` in any case."""
    if viewer_id is None or not entries:
        return list(entries)
    people = {entry.author_id for entry in entries} | {
        entry.related_author_id for entry in entries if entry.related_author_id
    }
    hidden = (await fetch_hidden_among(deps, viewer_id, people)).on(surface) - met
    return drop_kept_away(list(entries), hidden, viewer_id) if hidden else list(entries)


async def meets(deps: ReadDeps, viewer_id: UserId | None, user_id: UserId, *, surface: Surface) -> bool:
    """Whether a viewer may meet somebody there."""
    return user_id not in (await fetch_hidden_among(deps, viewer_id, [user_id])).on(surface)


async def sees(deps: ReadDeps, viewer_id: UserId | None, tweet: Tweet, *, surface: Surface) -> bool:
    """Whether a tweet is for a viewer, as far as that does not hang on blocks. A public one costs no query."""
    audience = audience_of(tweet)
    follows: set[UserId] = set()
    if audience is not None and viewer_id is not None:
        follows = await fetch_followed_among(deps.db, viewer_id, [tweet.author_id])
    return is_for(audience, tweet.author_id, viewer_id, follows=follows, surface=surface)
