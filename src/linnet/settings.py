"""The one place where ``LINNET_*`` variables become options.

Each option struct stands beside the code that it steers; ``read_settings`` fills all of them from an environment that
it is given. An unknown name is refused, because a misspelt setting that does nothing is worse than no start, and
everything that is wrong is said at once. Nothing is read while importing.
"""

import os
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Literal, get_args

import msgspec

from linnet.domain.addresses import parse_proxies
from linnet.domain.limits import RULES, parse_quota
from linnet.domain.text import TextRules
from linnet.domain.trending import TrendingRules
from linnet.read.hydration.loading import LoaderOptions
from linnet.read.hydration.viewers import ViewerOptions
from linnet.read.streams import RoundOptions, StreamOptions
from linnet.read.timelines.pulled import PulledOptions
from linnet.read.timelines.ranking import RankingOptions
from linnet.read.timelines.rebuild import RebuildOptions
from linnet.stores.media import MediaOptions, parse_media_url
from linnet.stores.postgres.jobs import RunnerOptions
from linnet.stores.postgres.leasing import LeaseOptions
from linnet.stores.postgres.pool import PostgresOptions
from linnet.stores.valkey.address import parse_address
from linnet.stores.valkey.cache import CacheOptions
from linnet.stores.valkey.client import ValkeyOptions
from linnet.stores.valkey.limits import LimitOptions
from linnet.stores.valkey.windows import WindowOptions
from linnet.write.actions.passwords import PasswordOptions
from linnet.write.deps import WriteOptions
from linnet.write.outbox.worker import WorkerOptions
from linnet.write.pictures import PictureRules

PREFIX = "LINNET_"

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["console", "json"]


class SettingsError(Exception):
    """The environment cannot be used; ``problems`` has a sentence for each thing that is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class LogOptions(msgspec.Struct, frozen=True):
    """What is logged (to standard error), and for whom: ``console`` for people, ``json`` for machines."""

    level: LogLevel = "info"
    format: LogFormat = "console"


class WebOptions(msgspec.Struct, frozen=True):
    """``processes`` of one ``linnet web``; ``public_url`` is empty when people come in at the address served."""

    processes: int
    public_url: str = ""


class Settings(msgspec.Struct, frozen=True):
    """Everything a process is told from outside. A store whose URL is not set has an empty ``url``."""

    postgres: PostgresOptions
    valkey: ValkeyOptions
    valkey_prefix: bytes
    web: WebOptions
    log: LogOptions
    windows: WindowOptions
    write: WriteOptions
    limits: LimitOptions
    trusted_proxies: tuple[str, ...] = ()
    leases: LeaseOptions = LeaseOptions()
    cache: CacheOptions = CacheOptions()
    loaders: LoaderOptions = LoaderOptions()
    pulled: PulledOptions = PulledOptions()
    rebuilds: RebuildOptions = RebuildOptions()
    ranking: RankingOptions = RankingOptions()
    viewers: ViewerOptions = ViewerOptions()
    streams: StreamOptions = StreamOptions()
    passwords: PasswordOptions = PasswordOptions()
    media: MediaOptions = MediaOptions()
    pictures: PictureRules = PictureRules()
    worker: WorkerOptions = WorkerOptions()
    jobs: RunnerOptions = RunnerOptions()


class Setting(msgspec.Struct, frozen=True):
    """One variable. ``parse`` raises ``ValueError`` with what a value must be; ``default`` is written as a value is."""

    name: str
    default: str
    unit: str
    meaning: str
    parse: Callable[[str], Any]
    default_note: str = ""
    is_url: bool = False

    @property
    def shown_default(self) -> str:
        return self.default_note or self.default


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        # int() also takes "1_000", signs and digits of other scripts; a setting need not.
        if not (text.isascii() and text.isdigit()) or len(text) > 18 or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return parse


def _boolean(text: str) -> bool:
    if text.lower() in ("true", "yes", "on", "1"):
        return True
    if text.lower() in ("false", "no", "off", "0"):
        return False
    raise ValueError("true or false")


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(", ".join(choices[:-1]) + f" or {choices[-1]}")
        return text.lower()

    return parse


def _postgres_url(text: str) -> str:
    if text and text.partition("://")[0] not in ("postgresql", "postgres"):
        raise ValueError("a URL like postgresql://user:password@host:5432/linnet")
    return text


def _valkey_url(text: str) -> str:
    try:
        if text:
            parse_address(text)
    except ValueError as error:
        raise ValueError(f"a URL like redis://user:password@host:6379/0 ({error})") from None
    return text


def _media_url(text: str) -> str:
    try:
        if text:
            parse_media_url(text)
    except ValueError as error:
        raise ValueError(f"a URL like file:///srv/linnet/media or s3://bucket/prefix ({error})") from None
    return text


def _web_url(text: str) -> str:
    if text and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", text):
        raise ValueError("a URL like https://linnet.example")
    return text.rstrip("/")


def _key_prefix(text: str) -> bytes:
    if not text.isascii() or len(text) > 64 or any(char.isspace() or char in "{}" for char in text):
        raise ValueError("at most 64 ASCII characters without blanks and braces")
    return text.encode()


def _cores() -> int:
    # The cores this process may use, which in a container are fewer than the machine has.
    return max(1, len(os.sched_getaffinity(0)))


def _processes(text: str) -> int:
    return _integer(1, 256)(text) if text else _cores()


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "LINNET_DATABASE_URL",
        "",
        "URL",
        "Where PostgreSQL is. Not needed by `linnet serve`, which brings its own.",
        _postgres_url,
        "not set",
        is_url=True,
    ),
    Setting(
        "LINNET_DATABASE_POOL_SIZE",
        "8",
        "connections",
        "The most connections to PostgreSQL that one process opens.",
        _integer(2, 200),
    ),
    Setting(
        "LINNET_VALKEY_URL",
        "",
        "URL",
        "Where Valkey is. Not needed by `linnet serve`, which brings its own.",
        _valkey_url,
        "not set",
        is_url=True,
    ),
    Setting(
        "LINNET_VALKEY_PREFIX",
        "",
        "text",
        "Stands before every key in Valkey, so that two installations can share one.",
        _key_prefix,
        "nothing",
    ),
    Setting(
        "LINNET_MEDIA_URL",
        "",
        "URL",
        "Where pictures are kept: file:///directory, or s3://bucket/prefix with the usual AWS_… variables."
        " Not needed by `linnet serve`, which keeps them in its data directory.",
        _media_url,
        "not set",
        is_url=True,
    ),
    Setting(
        "LINNET_PUBLIC_URL",
        "",
        "URL",
        "The address that people use, when it is not the one that linnet listens at.",
        _web_url,
        "not set",
        is_url=True,
    ),
    Setting(
        "LINNET_WEB_PROCESSES",
        "",
        "processes",
        "How many processes of one `linnet web` (or `linnet serve`) answer requests.",
        _processes,
        "one per core",
    ),
    Setting(
        "LINNET_TWEET_MAX_CHARS",
        "140",
        "characters",
        "The longest tweet, in code points; a link counts 23 whatever its length.",
        _integer(1, 10_000),
    ),
    Setting(
        "LINNET_TOP_USER_FOLLOWERS",
        "5000",
        "followers",
        "An author with more followers than this is a top user: readers pull such tweets, nobody pushes them.",
        _integer(1, 1_000_000_000),
    ),
    Setting(
        "LINNET_WINDOW_ENTRIES",
        "800",
        "entries",
        "How many entries of a reader's home timeline Valkey keeps; older ones are read from PostgreSQL.",
        _integer(1, 10_000),
    ),
    Setting(
        "LINNET_POPULAR_HALF_LIFE_HOURS",
        "24",
        "hours",
        "A tweet is as popular as one that was posted this much earlier and was liked twice as often.",
        _integer(1, 8760),
    ),
    Setting(
        "LINNET_TRENDING_WINDOW_HOURS",
        "48",
        "hours",
        "How long somebody's use of a tag counts for what trends.",
        _integer(1, 8760),
    ),
    Setting(
        "LINNET_TRENDING_HALF_LIFE_HOURS",
        "6",
        "hours",
        "A use of a tag counts half as much as one that came this much later.",
        _integer(1, 8760),
    ),
    Setting(
        "LINNET_TRENDING_MIN_PEOPLE",
        "2",
        "people",
        "How many people must use a tag within the window for it to trend.",
        _integer(1, 1_000_000),
    ),
    Setting(
        "LINNET_RATE_LIMITS_ENABLED",
        "true",
        "true or false",
        "Whether people are held to rate limits.",
        _boolean,
    ),
    *(Setting(rule.setting, rule.default, "number/period, or off", rule.meaning, parse_quota) for rule in RULES),
    Setting(
        "LINNET_STREAMS_PER_USER",
        "10",
        "streams",
        "The most streams of one user that are open at once in one web process.",
        _integer(1, 10_000),
    ),
    Setting(
        "LINNET_STREAMS_PER_PROCESS",
        "10000",
        "streams",
        "The most streams that are open at once in one web process.",
        _integer(1, 1_000_000),
    ),
    Setting(
        "LINNET_STREAM_HEARTBEAT_SECONDS",
        "20",
        "seconds",
        "How long a stream is silent at most; then it says something that means nothing.",
        _integer(1, 3600),
    ),
    Setting(
        "LINNET_STREAM_SEND_SECONDS",
        "20",
        "seconds",
        "How long a stream's client may take to read what it is sent before it is dropped.",
        _integer(1, 3600),
    ),
    Setting(
        "LINNET_TRUSTED_PROXIES",
        "",
        "addresses",
        "Proxies whose X-Forwarded-For is believed: addresses and networks, parted by commas; unix is a Unix socket.",
        parse_proxies,
        "none",
    ),
    Setting(
        "LINNET_LOG_LEVEL",
        "info",
        "level",
        "The least important lines that are logged: debug, info, warning or error.",
        _one_of(*get_args(LogLevel)),
    ),
    Setting(
        "LINNET_LOG_FORMAT",
        "console",
        "format",
        "How log lines look: console for people, json for machines.",
        _one_of(*get_args(LogFormat)),
    ),
)


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings of an environment; a variable set to nothing counts as not set.

    Raises ``SettingsError`` with every problem in it.
    """
    values, problems = _parse(environ)
    if problems:
        raise SettingsError(problems)
    max_entries: int = values["LINNET_WINDOW_ENTRIES"]
    pool_size: int = values["LINNET_DATABASE_POOL_SIZE"]
    return Settings(
        postgres=PostgresOptions(
            url=values["LINNET_DATABASE_URL"],
            pool_size=pool_size,
        ),
        valkey=ValkeyOptions(url=values["LINNET_VALKEY_URL"]),
        valkey_prefix=values["LINNET_VALKEY_PREFIX"],
        media=MediaOptions(url=values["LINNET_MEDIA_URL"]),
        web=WebOptions(processes=values["LINNET_WEB_PROCESSES"], public_url=values["LINNET_PUBLIC_URL"]),
        log=LogOptions(level=values["LINNET_LOG_LEVEL"], format=values["LINNET_LOG_FORMAT"]),
        # A small window must not be cut to nothing each time it overflows.
        windows=WindowOptions(max_entries=max_entries, slack=min(WindowOptions().slack, max_entries // 4)),
        write=WriteOptions(
            text=TextRules(max_chars=values["LINNET_TWEET_MAX_CHARS"]),
            top_user_followers=values["LINNET_TOP_USER_FOLLOWERS"],
            trending=TrendingRules(
                half_life_hours=values["LINNET_TRENDING_HALF_LIFE_HOURS"],
                window_hours=values["LINNET_TRENDING_WINDOW_HOURS"],
                min_people=values["LINNET_TRENDING_MIN_PEOPLE"],
            ),
            popular_half_life_hours=values["LINNET_POPULAR_HALF_LIFE_HOURS"],
        ),
        # A hand holds its connection, and one more is needed for what lies beside.
        worker=WorkerOptions(hands=min(WorkerOptions().hands, pool_size - 1)),
        limits=LimitOptions(
            enabled=values["LINNET_RATE_LIMITS_ENABLED"],
            quotas={rule.name: values[rule.setting] for rule in RULES},
        ),
        streams=StreamOptions(
            most_per_user=values["LINNET_STREAMS_PER_USER"],
            most_per_process=values["LINNET_STREAMS_PER_PROCESS"],
            send_seconds=values["LINNET_STREAM_SEND_SECONDS"],
            rounds=RoundOptions(heartbeat_seconds=values["LINNET_STREAM_HEARTBEAT_SECONDS"]),
        ),
        trusted_proxies=values["LINNET_TRUSTED_PROXIES"],
    )


def _parse(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    known = {setting.name: setting for setting in SETTINGS}
    problems = [_unknown(name, known) for name in sorted(environ) if name.startswith(PREFIX) and name not in known]
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        text = environ.get(setting.name, "").strip()
        try:
            values[setting.name] = setting.parse(text or setting.default)
        except ValueError as error:
            shown = mask_url(text) if setting.is_url else text
            problems.append(f"{setting.name} must be {error}; it is {shown!r}.")
    return values, problems


def _unknown(name: str, known: Mapping[str, Setting]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f" Did you mean {near[0]}?" if near else " `linnet settings` lists the settings there are."
    return f"{name} is not a setting.{hint}"


def mask_url(url: str) -> str:
    """The URL as it may be printed: without its password, also when it is no proper URL."""
    if "://" not in url:
        return "***" if url else ""
    # Up to the last "@" of all: somebody may have forgotten to escape one, or a slash, in the password.
    masked = re.sub(r"^([^:]*://[^:@/?]*):.*@", r"\1:***@", url)
    return re.sub(r"([?&][^=&]*password=)[^&#]*", r"\1***", masked, flags=re.IGNORECASE)


def shown_value(setting: Setting, environ: Mapping[str, str]) -> str:
    """What is in force, as it may be printed."""
    text = environ.get(setting.name, "").strip()
    if not text:
        return setting.shown_default
    return mask_url(text) if setting.is_url else text
