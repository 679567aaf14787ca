"""What a background job is: a decorated function that is deferred in a transaction and run by whoever runs jobs.

It is run at least once after that transaction committed, so it must stand being run again from the start, also after a
kill between any two of its lines. ``docs/howto/add-a-job.md`` shows how to write one.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Concatenate, Generic, ParamSpec, get_type_hints

import msgspec

from linnet.errors import Unavailable
from linnet.stores.postgres import jobs
from linnet.stores.postgres.pool import Session
from linnet.write.deps import WriteDeps

P = ParamSpec("P")


class Retry(msgspec.Struct, frozen=True):
    """After a failure: how often to try again (None: until it works), and how long to wait, twice as long each time."""

    times: int | None = 10
    first_seconds: float = 5.0
    longest_seconds: float = 3600.0


_RETRY = Retry()


class NotYet(Exception):
    """What a job raises that must wait for something. It is no failure, and it is not counted as one."""

    def __init__(self, reason: str, *, seconds: float) -> None:
        super().__init__(reason)
        self.seconds = seconds


class Job(Generic[P]):
    """A kind of job. Its name is the function's, and is stored with what waits: renaming it loses that."""

    def __init__(
        self, function: Callable[Concatenate[WriteDeps, P], Awaitable[None]], retry: Retry, cron: str | None
    ) -> None:
        self.name = function.__name__
        self.retry = retry
        self.cron = cron
        # Called with what was stored, which is only now made into what the signature asks for.
        self._function: Callable[..., Awaitable[None]] = function
        self._signature = inspect.signature(function)
        if cron is not None and len(self._signature.parameters) > 1:
            raise TypeError(f"{self.name} is run by the clock, which has no arguments to give")

    async def defer(self, session: Session, /, *args: P.args, **kwargs: P.kwargs) -> None:
        """Queues one in the caller's transaction. Of two with the same arguments, the second waits for the first."""
        await self._insert(session, 0.0, self._signature.bind(None, *args, **kwargs))

    async def defer_later(self, session: Session, seconds: float, /, *args: P.args, **kwargs: P.kwargs) -> None:
        """As ``defer``, and it is not begun for so long."""
        await self._insert(session, seconds, self._signature.bind(None, *args, **kwargs))

    async def _insert(self, session: Session, delay_seconds: float, bound: inspect.BoundArguments) -> None:
        bound.apply_defaults()
        _, *names = bound.arguments
        arguments = msgspec.json.encode({name: bound.arguments[name] for name in names}, order="deterministic")
        digest = blake2b(arguments, digest_size=16).hexdigest()
        await jobs.insert(
            session,
            name=self.name,
            arguments=arguments.decode(),
            lock=f"{self.name} {digest}",
            delay_seconds=delay_seconds,
        )

    async def run(self, deps: WriteDeps, arguments: Mapping[str, Any]) -> None:
        """Runs it once, here and now. Raises ``msgspec.ValidationError`` when the arguments are not its own."""
        given = msgspec.convert(arguments, self._arguments_type)
        keywords = {name: getattr(given, name) for name in self._arguments_type.__struct_fields__}
        await self._function(deps, **keywords)

    def pause_seconds(self, error: BaseException, attempts: int) -> float | None:
        """How long to wait after this error, with so many attempts before; None to give up."""
        if isinstance(error, NotYet):
            return error.seconds
        pause = min(self.retry.first_seconds * 2.0 ** min(attempts, 60), self.retry.longest_seconds)
        if isinstance(error, Unavailable) or self.retry.times is None:
            # A store that is away is no fault of the job.
            return pause
        return pause if attempts < self.retry.times else None

    @cached_property
    def _arguments_type(self) -> type[msgspec.Struct]:
        hints = get_type_hints(self._function)
        fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
        for parameter in list(self._signature.parameters.values())[1:]:
            hint = hints[parameter.name]
            default = parameter.default
            fields.append((parameter.name, hint) if default is parameter.empty else (parameter.name, hint, default))
        return msgspec.defstruct(self.name, fields, kw_only=True, forbid_unknown_fields=True)


def job(
    *, retry: Retry = _RETRY, cron: str | None = None
) -> Callable[[Callable[Concatenate[WriteDeps, P], Awaitable[None]]], Job[P]]:
    """Makes a job of an async function that takes ``WriteDeps`` first.

    ``cron`` (in UTC) also has it run by the clock, once for all processes.
    """

    def decorate(function: Callable[Concatenate[WriteDeps, P], Awaitable[None]]) -> Job[P]:
        return Job(function, retry, cron)

    return decorate


def known_jobs(package: str = __package__) -> Sequence[Job[Any]]:
    """Every job that stands in a module of this package."""
    found: dict[str, Job[Any]] = {}
    for module in iter_modules(import_module(package).__path__, f"{package}."):
        for value in vars(import_module(module.name)).values():
            if isinstance(value, Job) and found.setdefault(value.name, value) is not value:
                raise TypeError(f"two jobs are called {value.name}")
    return list(found.values())
