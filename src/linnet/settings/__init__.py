"""The one place where ``LINNET_*`` variables become options.

Each option struct stands beside the code that it steers; ``read_settings`` fills all of them from an environment that
it is given. An unknown name is refused, because a misspelt setting that does nothing is worse than no start, and
everything that is wrong is said at once. Nothing is read while importing.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import msgspec

from linnet.domain.limits import RULES
from linnet.domain.place import Place
from linnet.domain.push import PushOptions
from linnet.domain.text import TextRules
from linnet.domain.trending import TrendingRules
from linnet.read.hydration.loading import LoaderOptions
from linnet.read.hydration.viewers import ViewerOptions
from linnet.read.streams import RoundOptions, StreamOptions
from linnet.read.timelines.pulled import PulledOptions
from linnet.read.timelines.ranking import RankingOptions
from linnet.read.timelines.rebuild import RebuildOptions
from linnet.settings.table import SETTINGS, LogFormat, LogLevel, Setting, mask_url
from linnet.stores.media import MediaOptions
from linnet.stores.postgres.jobs import RunnerOptions
from linnet.stores.postgres.leasing import LeaseOptions
from linnet.stores.postgres.pool import PostgresOptions
from linnet.stores.postgres.replicas import ReplicaOptions
from linnet.stores.valkey.cache import CacheOptions
from linnet.stores.valkey.client import ValkeyOptions
from linnet.stores.valkey.limits import LimitOptions
from linnet.stores.valkey.windows import WindowOptions
from linnet.write.actions.passwords import PasswordOptions
from linnet.write.deps import WriteOptions
from linnet.write.failover.repair import RepairOptions
from linnet.write.outbox.worker import WorkerOptions
from linnet.write.photos import PhotoRules
from linnet.write.pictures import PictureRules

PREFIX = "LINNET_"


class SettingsError(Exception):
    """The environment cannot be used; ``problems`` has a sentence for each thing that is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class LogOptions(msgspec.Struct, frozen=True):
    """What is logged (to standard error), and for whom: ``console`` for people, ``json`` for machines.

    ``requests``: also a line for each request.
    """

    level: LogLevel = "info"
    format: LogFormat = "console"
    requests: bool = False


class TraceOptions(msgspec.Struct, frozen=True):
    """``endpoint`` of a collector that speaks OTLP over HTTP, to which ``/v1/traces`` is added; empty: no traces.

    Of a hundred traces that begin here, ``percent`` are kept. One that began elsewhere is kept if it was kept there.
    """

    endpoint: str = ""
    percent: int = 100


class WebOptions(msgspec.Struct, frozen=True):
    """``processes`` of one ``linnet web``; ``public_url`` is empty when people come in at the address served.

    Told to end, it says for ``stop_delay_seconds`` that it is not ready, and then has ``stop_seconds`` to finish.
    """

    processes: int
    public_url: str = ""
    stop_delay_seconds: int = 2
    stop_seconds: int = 10
    reads_at_once: int = 2048
    writes_at_once: int = 256


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
    replicas: ReplicaOptions = ReplicaOptions()
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
    traces: TraceOptions = TraceOptions()
    repair: RepairOptions = RepairOptions()


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
        replicas=ReplicaOptions(
            urls=values["LINNET_DATABASE_REPLICA_URLS"],
            lag_seconds=values["LINNET_DATABASE_REPLICA_LAG_SECONDS"],
        ),
        valkey=ValkeyOptions(url=values["LINNET_VALKEY_URL"]),
        valkey_prefix=values["LINNET_VALKEY_PREFIX"],
        media=MediaOptions(url=values["LINNET_MEDIA_URL"]),
        web=WebOptions(
            processes=values["LINNET_WEB_PROCESSES"],
            public_url=values["LINNET_PUBLIC_URL"],
            stop_delay_seconds=values["LINNET_WEB_STOP_DELAY_SECONDS"],
            stop_seconds=values["LINNET_WEB_STOP_SECONDS"],
            reads_at_once=values["LINNET_WEB_READS_AT_ONCE"],
            writes_at_once=values["LINNET_WEB_WRITES_AT_ONCE"],
        ),
        log=LogOptions(
            level=values["LINNET_LOG_LEVEL"],
            format=values["LINNET_LOG_FORMAT"],
            requests=values["LINNET_LOG_REQUESTS"],
        ),
        traces=TraceOptions(endpoint=values["LINNET_OTLP_ENDPOINT"], percent=values["LINNET_TRACES_PERCENT"]),
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
            photos=PhotoRules(
                max_bytes=1024 * values["LINNET_PICTURE_MAX_KB"],
                max_pixels=values["LINNET_PICTURE_MAX_PIXELS"],
                per_tweet=values["LINNET_TWEET_MAX_PICTURES"],
            ),
            place=Place(
                title=values["LINNET_TITLE"],
                description=values["LINNET_DESCRIPTION"],
                about=values["LINNET_ABOUT"],
                contact_email=values["LINNET_CONTACT_EMAIL"],
                contact_username=values["LINNET_CONTACT_USERNAME"],
                rules=values["LINNET_RULES"],
                takes_sign_ups=values["LINNET_SIGN_UPS"] == "open",
            ),
            push=PushOptions(
                enabled=values["LINNET_PUSH_ENABLED"],
                allows_private=values["LINNET_PUSH_PRIVATE"],
                public_url=values["LINNET_PUBLIC_URL"],
                contact=values["LINNET_CONTACT_EMAIL"],
            ),
        ),
        # A hand holds its connection, and one more is needed for what lies beside.
        worker=WorkerOptions(
            hands=min(WorkerOptions().hands, pool_size - 1), stop_seconds=values["LINNET_WORKER_STOP_SECONDS"]
        ),
        jobs=RunnerOptions(grace_seconds=values["LINNET_WORKER_STOP_SECONDS"]),
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
        repair=RepairOptions(overlap_seconds=values["LINNET_VALKEY_REPUSH_SECONDS"]),
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
