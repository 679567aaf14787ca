"""Where a command finds PostgreSQL and Valkey: in the environment, or beside a running ``linnet serve``."""

import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import click
import msgspec

from linnet.cli.failures import Failure
from linnet.embedded import find_running
from linnet.settings import Settings, read_settings

P = ParamSpec("P")
T = TypeVar("T")

DEFAULT_DATA_DIR = Path("data")


def find_settings(environ: Mapping[str, str], data_dir: Path | None, *, needs_valkey: bool) -> Settings:
    """Settings with the URLs of both stores (of PostgreSQL alone unless ``needs_valkey``), or a ``Failure``."""
    settings = read_settings(environ)
    if data_dir is None and (settings.postgres.url or (settings.valkey.url and needs_valkey)):
        if not settings.postgres.url:
            raise Failure("LINNET_VALKEY_URL is set, but LINNET_DATABASE_URL is not: set both, or neither.")
        if needs_valkey and not settings.valkey.url:
            raise Failure("LINNET_DATABASE_URL is set, but LINNET_VALKEY_URL is not: set both, or neither.")
        return settings
    servers = find_running(data_dir or DEFAULT_DATA_DIR)
    if servers is None:
        raise Failure(
            f"no linnet runs on {data_dir}: start it with `linnet serve --data-dir {data_dir}`."
            if data_dir is not None
            else "no linnet runs here: start `linnet serve` (or name its --data-dir),"
            " or set LINNET_DATABASE_URL and LINNET_VALKEY_URL."
        )
    settings = with_media_in(settings, data_dir or DEFAULT_DATA_DIR)
    return with_urls(settings, database_url=servers.database_url, valkey_url=servers.valkey_url)


def with_urls(settings: Settings, *, database_url: str, valkey_url: str) -> Settings:
    """The same settings, for these servers."""
    return msgspec.structs.replace(
        settings,
        postgres=msgspec.structs.replace(settings.postgres, url=database_url),
        valkey=msgspec.structs.replace(settings.valkey, url=valkey_url),
    )


def with_media_in(settings: Settings, data_dir: Path) -> Settings:
    """The same settings; pictures are kept in a data directory, unless the settings say where."""
    if settings.media.url:
        return settings
    url = (data_dir.resolve() / "media").as_uri()
    return msgspec.structs.replace(settings, media=msgspec.structs.replace(settings.media, url=url))


def with_stores(command: Callable[Concatenate[Settings, P], T]) -> Callable[P, T]:
    """The command takes ``--data-dir`` and is given settings with the URLs of both stores."""
    return _with_data_dir(command, needs_valkey=True)


def with_database(command: Callable[Concatenate[Settings, P], T]) -> Callable[P, T]:
    """The command takes ``--data-dir`` and is given settings with the URL of PostgreSQL."""
    return _with_data_dir(command, needs_valkey=False)


data_dir_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The data directory of a running `linnet serve`. Without it the servers are those of LINNET_DATABASE_URL"
    " and LINNET_VALKEY_URL or, if these are not set, those of ./data.",
)


def _with_data_dir(command: Callable[..., Any], *, needs_valkey: bool) -> Callable[..., Any]:
    @data_dir_option
    @functools.wraps(command)
    def with_settings(*args: Any, data_dir: Path | None, **kwargs: Any) -> Any:
        return command(find_settings(os.environ, data_dir, needs_valkey=needs_valkey), *args, **kwargs)

    return with_settings
