"""Keys that are put together many at once are those that are built one by one."""

import pytest

from linnet.ids import MAX_ID
from linnet.stores.valkey.keys import Keys

IDS = [1, 63, 64, 511, 512, 1 << 16, (1 << 16) + 1, 117656362756341824, 117656362736812096 + 4321, MAX_ID]


@pytest.mark.parametrize("keys", [Keys(), Keys(b"w1:"), Keys.of_installation(b"w1:", on_cluster=True)])
def test_keys_of_many_are_the_keys_of_each(keys: Keys) -> None:
    assert keys.tweets(IDS) == [keys.tweet(some_id) for some_id in IDS]
    assert keys.authors(IDS) == [keys.author(some_id) for some_id in IDS]
    assert keys.profiles(IDS) == [keys.profile(some_id) for some_id in IDS]
    for reader in IDS:
        assert keys.of_page(reader) == (keys.home(reader), keys.pull(reader), keys.hide(reader), keys.marks(reader))
