"""What the read path works with."""

import msgspec

from linnet.clock import Clock
from linnet.read.hydration.profiles import ProfileLoader
from linnet.read.hydration.tweets import TweetLoader
from linnet.read.timelines.pulled import PulledAuthors
from linnet.read.timelines.ranking import Ranking
from linnet.read.timelines.rebuild import Rebuilder
from linnet.read.timelines.topnews import TopNews
from linnet.read.timelines.trending import Trending
from linnet.stores.media import MediaStore
from linnet.stores.postgres.pool import Database
from linnet.stores.valkey.badges import Badges
from linnet.stores.valkey.client import Valkey
from linnet.stores.valkey.keys import Keys
from linnet.stores.valkey.marks import MarkStore
from linnet.stores.valkey.windows import Windows


class ReadDeps(msgspec.Struct, frozen=True):
    """One per process."""

    db: Database
    valkey: Valkey
    keys: Keys
    windows: Windows
    marks: MarkStore
    badges: Badges
    tweets: TweetLoader
    profiles: ProfileLoader
    pulled: PulledAuthors
    rebuilder: Rebuilder
    ranking: Ranking
    top_news: TopNews
    trending: Trending
    clock: Clock
    media: MediaStore
