"""What people do, and what that is in a second of the busiest minute."""

from typing import Final

import msgspec

HOUR: Final = 3600.0


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """What people do who are ``online`` at the same time; each field's option says what it means."""

    online: int = 1_000_000
    reads_per_hour: float = 20.0
    posts_per_hour: float = 0.2
    searches_per_hour: float = 0.5
    cold_share: float = 0.01
    mean_followers: float = 50.0
    windows_per_online: float = 3.0
    streams_share: float = 0.25
    celebrity_share: float = 0.01
    celebrity_followers: int = 20_000
    peak: float = 2.0

    @property
    def pages_per_second(self) -> float:
        return self.online * self.reads_per_hour / HOUR * self.peak

    @property
    def cold_per_second(self) -> float:
        return self.pages_per_second * self.cold_share

    @property
    def posts_per_second(self) -> float:
        return self.online * self.posts_per_hour / HOUR * self.peak

    @property
    def searches_per_second(self) -> float:
        return self.online * self.searches_per_hour / HOUR * self.peak

    @property
    def windows(self) -> float:
        return self.online * self.windows_per_online

    @property
    def streams(self) -> float:
        return self.online * self.streams_share

    @property
    def pushed_per_second(self) -> float:
        """Tweets of everybody but celebrities, which are pulled."""
        return self.posts_per_second * (1 - self.celebrity_share)

    @property
    def deliveries_per_second(self) -> float:
        """One for each follower, as if all of them had a window."""
        return self.pushed_per_second * self.mean_followers

    @property
    def online_share(self) -> float:
        """Of those who have a window."""
        return 1 / max(1.0, self.windows_per_online)

    @property
    def heard_per_second(self) -> float:
        """Tweets in streams: of those followers who are online and have one open, of celebrities' tweets too."""
        followers = (
            self.pushed_per_second * self.mean_followers
            + self.posts_per_second * self.celebrity_share * self.celebrity_followers
        )
        return followers * self.online_share * self.streams_share


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine of any role has, how much of its CPU and memory may be used, and how many may be lost."""

    cores: int = 8
    memory_gib: float = 32.0
    busy: float = 0.6
    filled: float = 0.7
    spare: int = 1

    @property
    def usable_cores(self) -> float:
        return self.cores * self.busy

    @property
    def usable_bytes(self) -> float:
        return self.memory_gib * 2**30 * self.filled
