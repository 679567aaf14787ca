"""Tweets by reference."""

from collections.abc import Iterable, Sequence

from linnet.clock import Clock
from linnet.domain.event import TweetRef
from linnet.domain.tweet import Tweet
from linnet.ids import UserId
from linnet.read.hydration.loading import Loaded, Loader, LoaderOptions
from linnet.read.hydration.profiles import AuthorLoader
from linnet.read.views.tweets import TweetFacts, tweet_facts
from linnet.stores.postgres import tweets
from linnet.stores.postgres.pool import Database
from linnet.stores.valkey.cache import Cache
from linnet.stores.valkey.keys import Keys


class TweetLoader(Loader[TweetRef, TweetFacts]):
    """``fetch(refs)`` gives facts by tweet id; tweets that are not there are left out."""

    def __init__(
        self,
        db: Database,
        cache: Cache,
        keys: Keys,
        clock: Clock,
        authors: AuthorLoader,
        options: LoaderOptions,
    ) -> None:
        super().__init__(cache, clock, options, TweetFacts)
        self._db = db
        self._keys = keys
        self._authors = authors

    def id_of(self, ref: TweetRef) -> int:
        return ref.tweet_id

    def keys_of(self, ids: Iterable[int]) -> list[bytes]:
        return self._keys.tweets(ids)

    async def load(self, refs: Sequence[TweetRef]) -> list[Loaded[TweetFacts]]:
        return await self.render(await tweets.fetch(self._db, refs))

    async def render(self, rows: Sequence[Tweet]) -> list[Loaded[TweetFacts]]:
        """The cacheable form of rows."""
        answered: set[UserId] = {row.reply_to.author_id for row in rows if row.reply_to is not None}
        authors = await self._authors.fetch(answered) if answered else {}
        rendered: list[Loaded[TweetFacts]] = []
        for row in rows:
            username = ""
            if row.reply_to is not None and row.reply_to.author_id in authors:
                username = authors[row.reply_to.author_id].username
            rendered.append(Loaded(row.id, row.version, tweet_facts(row, replied_username=username)))
        return rendered
