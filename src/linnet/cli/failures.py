"""How a command says that it failed: one sentence, no traceback, for everything that is not a bug of ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from linnet.errors import LinnetError, Unavailable
from linnet.settings import SettingsError
from linnet.stores.postgres.migrate import SchemaMismatch


class Failure(click.ClickException):
    """A command cannot go on. ``exit_code`` 1: something outside is not as it must be."""

    def show(self, file: IO[Any] | None = None) -> None:
        for line in self.message.splitlines():
            click.echo(f"linnet: {line}", file=file, err=file is None)


class BadEnvironment(Failure):
    """The ``LINNET_*`` variables cannot be used; exits as bad options do."""

    exit_code = 2


@contextmanager
def told_in_one_sentence() -> Iterator[None]:
    """Turns errors that one can expect into failures."""
    try:
        yield
    except SettingsError as error:
        raise BadEnvironment(str(error)) from error
    except SchemaMismatch as error:
        raise Failure(str(error)) from error
    except Unavailable as error:
        raise Failure(one_line(error.cause)) from error
    except LinnetError as error:
        raise Failure(one_line(error.sentence)) from error
    except OSError as error:
        # Disks that are full, files that are not ours, addresses that are taken: never a bug of ours to trace.
        where = f" ({error.filename})" if error.filename else ""
        raise Failure(one_line(f"{error.strerror or error}{where}")) from error


def one_line(text: str) -> str:
    """What a driver said over several lines, as one sentence."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    sentence = " ".join(lines)
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."
