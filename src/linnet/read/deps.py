"""What the read path works with."""

import msgspec

from linnet.clock import Clock
from linnet.ids import UserId
from linnet.read.hydration.filters import FilterMemory
from linnet.read.hydration.preferences import PreferenceMemory
from linnet.read.hydration.profiles import AuthorLoader, ProfileLoader
from linnet.read.hydration.tweets import TweetLoader
from linnet.read.timelines.pulled import PulledAuthors
from linnet.read.timelines.pulledtags import PulledTags
from linnet.read.timelines.ranking import Ranking
from linnet.read.timelines.rebuild import Rebuilder
from linnet.read.timelines.topnews import TopNews
from linnet.read.timelines.trending import Trending
from linnet.stores.media import MediaStore
from linnet.stores.postgres.pool import Database
from linnet.stores.postgres.replicas import Replicas
from linnet.stores.valkey.badges import Badges
from linnet.stores.valkey.changes import Change
from linnet.stores.valkey.client import Valkey
from linnet.stores.valkey.keys import Keys
from linnet.stores.valkey.marks import MarkStore
from linnet.stores.valkey.older import OlderParts
from linnet.stores.valkey.windows import Windows


class ReadDeps(msgspec.Struct, frozen=True):
    """One per process."""

    db: Database
    valkey: Valkey
    keys: Keys
    windows: Windows
    older: OlderParts
    marks: MarkStore
    badges: Badges
    tweets: TweetLoader
    profiles: ProfileLoader
    authors: AuthorLoader
    pulled: PulledAuthors
    tags: PulledTags
    rebuilder: Rebuilder
    ranking: Ranking
    top_news: TopNews
    trending: Trending
    filters: FilterMemory
    preferences: PreferenceMemory
    clock: Clock
    media: MediaStore
    # None where there are none, and nobody would look at them.
    replicas: Replicas | None = None

    def forget(self, change: Change) -> None:
        """What this process holds in memory of something that changed."""
        self.tweets.forget(change.tweet_ids)
        self.profiles.forget(change.user_ids)
        self.authors.forget(change.author_ids)

    def forget_person(self, user_id: UserId) -> None:
        """Whose profile was just changed here: the answer shows it, before the change is heard of."""
        self.profiles.forget([user_id])
        self.authors.forget([user_id])

    def forget_all(self) -> None:
        """Of everything: who knows what was missed."""
        self.tweets.forget_all()
        self.profiles.forget_all()
        self.authors.forget_all()
