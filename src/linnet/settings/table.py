"""Every setting there is: its name, what it is when nobody sets it, and what it means."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

import msgspec

from linnet.domain.addresses import parse_proxies
from linnet.domain.limits import RULES, parse_quota
from linnet.domain.place import MAX_ABOUT_CHARS, MAX_DESCRIPTION_CHARS, MAX_TITLE_CHARS, Place
from linnet.settings.values import (
    boolean,
    email,
    house_rules,
    integer,
    key_prefix,
    media_url,
    one_of,
    otlp_url,
    postgres_url,
    postgres_urls,
    processes,
    username,
    valkey_url,
    web_url,
    words,
)

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["console", "json"]


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


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "LINNET_DATABASE_URL",
        "",
        "URL",
        "Where PostgreSQL is. Not needed by `linnet serve`, which brings its own.",
        postgres_url,
        "not set",
        is_url=True,
    ),
    Setting(
        "LINNET_DATABASE_POOL_SIZE",
        "8",
        "connections",
        "The most connections to PostgreSQL that one process opens.",
        integer(2, 200),
    ),
    Setting(
        "LINNET_DATABASE_REPLICA_URLS",
        "",
        "URLs",
        "Replicas of PostgreSQL, with blanks between them: `linnet web` reads there what may lag (search, and the older"
        " part of tag pages, of everyone's tweets and of other people's lists).",
        postgres_urls,
        "none",
        is_url=True,
    ),
    Setting(
        "LINNET_DATABASE_REPLICA_LAG_SECONDS",
        "5",
        "seconds",
        "A replica that may be further behind is not asked.",
        integer(1, 60),
    ),
    Setting(
        "LINNET_VALKEY_URL",
        "",
        "URL",
        "Where Valkey is: redis://user:password@host:6379/0, rediss:// for TLS, unix:///path, a primary that Sentinel"
        " names, valkey+sentinel://user:password@sentinel:26379,sentinel:26379/mymaster?db=0, or some servers of a"
        " cluster, valkey+cluster://user:password@host:6379,host:6379 (valkeys+cluster:// for TLS)."
        " Not needed by `linnet serve`, which brings its own.",
        valkey_url,
        "not set",
        is_url=True,
    ),
    Setting(
        "LINNET_VALKEY_PREFIX",
        "",
        "text",
        "Stands before every key in Valkey, so that two installations can share one.",
        key_prefix,
        "nothing",
    ),
    Setting(
        "LINNET_VALKEY_REPUSH_SECONDS",
        "60",
        "seconds",
        "After a fail-over of Valkey: what was done so long before the moment that the new primary certainly has is"
        " done again. Longer than any transaction takes, and than clocks differ.",
        integer(1, 3600),
    ),
    Setting(
        "LINNET_MEDIA_URL",
        "",
        "URL",
        "Where pictures are kept: file:///directory, or s3://bucket/prefix with the usual AWS_… variables."
        " Not needed by `linnet serve`, which keeps them in its data directory.",
        media_url,
        "not set",
        is_url=True,
    ),
    Setting(
        "LINNET_PUBLIC_URL",
        "",
        "URL",
        "The address that people use, when it is not the one that linnet listens at.",
        web_url,
        "not set",
        is_url=True,
    ),
    Setting("LINNET_TITLE", Place().title, "text", "What this place is called.", words(MAX_TITLE_CHARS)),
    Setting(
        "LINNET_DESCRIPTION",
        Place().description,
        "text",
        "What this place is, in a sentence or two: where people sign up, and in lists of places.",
        words(MAX_DESCRIPTION_CHARS),
    ),
    Setting(
        "LINNET_ABOUT",
        "",
        "text",
        "More of that, for the page about this place; empty lines part its paragraphs.",
        words(MAX_ABOUT_CHARS, lines=True),
        "nothing",
    ),
    Setting(
        "LINNET_RULES",
        "",
        "rules",
        "What people agree to, each rule on its own line or with | between them.",
        house_rules,
        "none",
    ),
    Setting("LINNET_CONTACT_EMAIL", "", "e-mail address", "Where people reach whoever runs this place.", email, "none"),
    Setting("LINNET_CONTACT_USERNAME", "", "username", "Who they are here.", username, "nobody"),
    Setting(
        "LINNET_SIGN_UPS",
        "open",
        "open or closed",
        "Whether new people may sign up, on the page, over the API and from apps.",
        one_of("open", "closed"),
    ),
    Setting(
        "LINNET_WEB_PROCESSES",
        "",
        "processes",
        "How many processes of one `linnet web` (or `linnet serve`) answer requests.",
        processes,
        "one per core",
    ),
    Setting(
        "LINNET_WEB_READS_AT_ONCE",
        "2048",
        "requests",
        "The most requests that read, without streams, that one web process works on; others are told to come back.",
        integer(1, 1_000_000),
    ),
    Setting(
        "LINNET_WEB_WRITES_AT_ONCE",
        "256",
        "requests",
        "The same for requests that write. They also get no more than five eighths of the connections to PostgreSQL.",
        integer(1, 1_000_000),
    ),
    Setting(
        "LINNET_WEB_STOP_DELAY_SECONDS",
        "2",
        "seconds",
        "How long `linnet web` that was told to end (SIGTERM) still serves and says that it is not ready, so that"
        " balancers notice. A second signal ends the waiting; `linnet serve` does not wait.",
        integer(0, 600),
    ),
    Setting(
        "LINNET_WEB_STOP_SECONDS",
        "10",
        "seconds",
        "How long requests under way may take to finish after that.",
        integer(1, 600),
    ),
    Setting(
        "LINNET_WORKER_STOP_SECONDS",
        "10",
        "seconds",
        "How long `linnet worker` or `linnet jobs` that was told to end may take to finish what it has in hand; then it"
        " gives it back, and whoever comes next begins it anew.",
        integer(1, 600),
    ),
    Setting(
        "LINNET_TWEET_MAX_CHARS",
        "140",
        "characters",
        "The longest tweet, in code points; a link counts 23 whatever its length.",
        integer(1, 10_000),
    ),
    Setting(
        "LINNET_TWEET_MAX_PICTURES",
        "4",
        "pictures",
        "How many pictures a tweet takes.",
        integer(1, 4),
    ),
    Setting(
        "LINNET_PICTURE_MAX_KB",
        "10240",
        "KB",
        "The largest file of a picture for a tweet, in units of 1024 bytes.",
        integer(1, 65_536),
    ),
    Setting(
        "LINNET_PICTURE_MAX_PIXELS",
        "25000000",
        "pixels",
        "The most pixels such a picture may have; a million of them take 16 MB while it is decoded.",
        integer(1, 100_000_000),
    ),
    Setting(
        "LINNET_TOP_USER_FOLLOWERS",
        "5000",
        "followers",
        "An author with more followers than this is a top user: readers pull such tweets, nobody pushes them.",
        integer(1, 1_000_000_000),
    ),
    Setting(
        "LINNET_WINDOW_ENTRIES",
        "800",
        "entries",
        "How many entries of a reader's home timeline Valkey keeps; older ones are read from PostgreSQL.",
        integer(1, 10_000),
    ),
    Setting(
        "LINNET_POPULAR_HALF_LIFE_HOURS",
        "24",
        "hours",
        "A tweet is as popular as one that was posted this much earlier and was liked twice as often.",
        integer(1, 8760),
    ),
    Setting(
        "LINNET_TRENDING_WINDOW_HOURS",
        "48",
        "hours",
        "How long somebody's use of a tag counts for what trends.",
        integer(1, 8760),
    ),
    Setting(
        "LINNET_TRENDING_HALF_LIFE_HOURS",
        "6",
        "hours",
        "A use of a tag counts half as much as one that came this much later.",
        integer(1, 8760),
    ),
    Setting(
        "LINNET_TRENDING_MIN_PEOPLE",
        "2",
        "people",
        "How many people must use a tag within the window for it to trend.",
        integer(1, 1_000_000),
    ),
    Setting(
        "LINNET_RATE_LIMITS_ENABLED",
        "true",
        "true or false",
        "Whether people are held to rate limits.",
        boolean,
    ),
    *(Setting(rule.setting, rule.default, "number/period, or off", rule.meaning, parse_quota) for rule in RULES),
    Setting(
        "LINNET_STREAMS_PER_USER",
        "10",
        "streams",
        "The most streams of one user that are open at once in one web process.",
        integer(1, 10_000),
    ),
    Setting(
        "LINNET_STREAMS_PER_PROCESS",
        "10000",
        "streams",
        "The most streams that are open at once in one web process.",
        integer(1, 1_000_000),
    ),
    Setting(
        "LINNET_STREAM_HEARTBEAT_SECONDS",
        "20",
        "seconds",
        "How long a stream is silent at most; then it says something that means nothing.",
        integer(1, 3600),
    ),
    Setting(
        "LINNET_STREAM_SEND_SECONDS",
        "20",
        "seconds",
        "How long a stream's client may take to read what it is sent before it is dropped.",
        integer(1, 3600),
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
        "LINNET_PUSH_ENABLED",
        "true",
        "true or false",
        "Whether devices and apps may subscribe to notifications (web push)."
        " Workers then send to servers that these name.",
        boolean,
    ),
    Setting(
        "LINNET_PUSH_PRIVATE",
        "false",
        "true or false",
        "Whether these servers may also be at addresses of this machine or network, and speak http at any port."
        " For tests, and for places that are no part of the internet.",
        boolean,
    ),
    Setting(
        "LINNET_LOG_LEVEL",
        "info",
        "level",
        "The least important lines that are logged: debug, info, warning or error.",
        one_of(*get_args(LogLevel)),
    ),
    Setting(
        "LINNET_LOG_FORMAT",
        "console",
        "format",
        "How log lines look: console for people, json for machines.",
        one_of(*get_args(LogFormat)),
    ),
    Setting(
        "LINNET_LOG_REQUESTS",
        "false",
        "true or false",
        "Whether each request is a line of the log, at level info: its route and status, and no address.",
        boolean,
    ),
    Setting(
        "LINNET_OTLP_ENDPOINT",
        "",
        "URL",
        "Where OpenTelemetry traces go: a collector that speaks OTLP over HTTP, without its /v1/traces."
        " Needs `pip install 'linnet[traces]'`.",
        otlp_url,
        "not set",
        is_url=True,
    ),
    Setting(
        "LINNET_TRACES_PERCENT",
        "100",
        "percent",
        "How many of a hundred traces that begin here are kept.",
        integer(0, 100),
    ),
)


def mask_url(url: str) -> str:
    """The URL, or each of several, as it may be printed: without its password, also when it is no proper URL."""
    if len(several := url.split()) > 1 and all("://" in each for each in several):
        return " ".join(map(mask_url, several))
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
