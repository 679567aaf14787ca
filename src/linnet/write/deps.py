"""What the write path works with."""

import msgspec

from linnet.clock import Clock
from linnet.domain.place import Place
from linnet.domain.push import PushOptions
from linnet.domain.text import TextRules
from linnet.domain.trending import TrendingRules
from linnet.ids import IdSource
from linnet.stores.media import MediaStore
from linnet.stores.postgres.pool import Database
from linnet.stores.postgres.pushkey import PushKey
from linnet.stores.valkey.badges import Badges
from linnet.stores.valkey.cache import Cache
from linnet.stores.valkey.client import Valkey
from linnet.stores.valkey.keys import Keys
from linnet.stores.valkey.live import LiveReaders
from linnet.stores.valkey.marks import MarkStore
from linnet.stores.valkey.windows import Windows
from linnet.write.photos import PhotoRules
from linnet.write.pictures import Pictures


class WriteOptions(msgspec.Struct, frozen=True):
    """``top_user_followers``: with more followers an author is pulled, with fewer pushed; at the number, as before.

    ``popular_half_life_hours``: how much later a tweet must be posted to be as popular with half the likes.
    """

    text: TextRules = TextRules()
    top_user_followers: int = 5000
    trending: TrendingRules = TrendingRules()
    popular_half_life_hours: int = 24
    photos: PhotoRules = PhotoRules()
    place: Place = Place()
    push: PushOptions = PushOptions()

    @property
    def popular_half_life_ms(self) -> int:
        return self.popular_half_life_hours * 3_600_000


class WriteDeps(msgspec.Struct, frozen=True):
    """One per process."""

    db: Database
    valkey: Valkey
    keys: Keys
    windows: Windows
    cache: Cache
    badges: Badges
    marks: MarkStore
    live: LiveReaders
    ids: IdSource
    clock: Clock
    media: MediaStore
    pictures: Pictures
    push_key: PushKey
    options: WriteOptions
