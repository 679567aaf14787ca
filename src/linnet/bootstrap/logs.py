"""How log lines look, for our own loggers and for those of the libraries alike."""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from linnet import logcontext
from linnet.settings import LogOptions

_SECRETS = frozenset({"password", "old_password", "new_password", "token", "authorization", "cookie", "url"})
# What these say at their own levels is of use to nobody who does not work on them.
_QUIETED = {
    "psycopg.pool": logging.ERROR,
    "yoyo": logging.WARNING,
    "asyncio": logging.WARNING,
    "httpx": logging.WARNING,
    # Of a collector that is away: once for each batch that is lost, and not for each try.
    "opentelemetry": logging.ERROR,
    "procrastinate": logging.WARNING,
    # A job that failed is told of once, by workers/jobs.py.
    "procrastinate.worker": logging.CRITICAL,
    "procrastinate.worker.linnet": logging.WARNING,
}


def configure_logs(options: LogOptions) -> None:
    """To be called once, early. Lines go to standard error."""
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(_level(options)),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_shared(),
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(options)],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(_level(options))
    if options.level != "debug":
        for name, level in _QUIETED.items():
            logging.getLogger(name).setLevel(max(level, _level(options)))


def granian_log_config() -> Mapping[str, Any]:
    """Lets the web server's lines go where all others go, instead of to a format of its own."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {},
        "handlers": {},
        "loggers": {"_granian": {"handlers": [], "propagate": True}},
    }


def _level(options: LogOptions) -> int:
    return logging.getLevelNamesMapping()[options.level.upper()]


def _shared() -> list[Any]:
    return [
        logcontext.merge,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _drop_secrets,
    ]


def _renderers(options: LogOptions) -> list[Any]:
    if options.format == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
    ]


def _drop_secrets(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in _SECRETS & event.keys():
        event[key] = "***"
    return event
