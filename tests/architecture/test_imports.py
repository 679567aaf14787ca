"""The import contracts hold, and each of them catches the violation it is there for."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Contract: a module to be written, and what it would import.
PLANTED = {
    "Imports go down only, and every module has its floor": {
        "domain/planted.py": "from linnet.stores.postgres import pool",
        "read/planted.py": "from linnet.write import deps",
        "utils.py": "",
    },
    "The stores do not know each other": {"stores/valkey/planted.py": "from linnet.stores.postgres import pool"},
    "Only linnet.stores.postgres speaks to PostgreSQL": {
        "write/planted.py": "import psycopg",
        "write/jobs/planted.py": "import procrastinate",
    },
    "Only linnet.stores.valkey speaks to Valkey": {"read/planted_too.py": "from redis.asyncio import Redis"},
    "Only linnet.stores.media speaks to the object store": {"write/planted_store.py": "import obstore"},
    "Only linnet.stores.pushservice asks other servers": {
        "workers/planted_client.py": "import httpcore",
        "write/planted_client.py": "import httpx",
    },
    "Only linnet.domain.webpush puts cryptography together": {
        "write/planted_cipher.py": "from cryptography.hazmat.primitives.ciphers.aead import AESGCM"
    },
    "Only linnet.write.pictures opens pictures": {"api/planted_picture.py": "from PIL import Image"},
    "Only linnet.bootstrap.traces speaks OpenTelemetry, and nobody pays for it who does not want it": {
        "write/planted_trace.py": "from opentelemetry import trace",
        "bootstrap/planted_trace.py": "import opentelemetry.sdk.trace",
    },
    "Only the edges know the web framework": {"read/planted_again.py": "import litestar"},
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package and its contracts, to plant something in."""
    directory = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "src/linnet", directory / "linnet", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", directory)
    return directory


def lint(directory: Path) -> str:
    """What import-linter prints. It is given the package in this directory and no other."""
    process = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(directory), "NO_COLOR": "1", "COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=False,
    )
    return process.stdout + process.stderr


def verdicts(printed: str) -> dict[str, str]:
    return dict(re.findall(r"^(.+?) (KEPT|BROKEN)", printed, re.MULTILINE))


def test_the_contracts_hold_and_each_catches_its_violation(copy: Path) -> None:
    printed = lint(copy)
    assert set(verdicts(printed).values()) == {"KEPT"}, printed
    for violations in PLANTED.values():
        for name, line in violations.items():
            (copy / "linnet" / name).write_text(f"{line}\n")
    printed = lint(copy)
    found = verdicts(printed)
    assert set(found) == set(PLANTED), "a contract without a planted violation is not known to work"
    assert {contract for contract, verdict in found.items() if verdict == "BROKEN"} == set(PLANTED), printed
    for text in (
        "linnet.domain.planted -> linnet.stores.postgres.pool",
        "linnet.read.planted -> linnet.write.deps",
        "linnet.write.jobs.planted -> procrastinate",
        "utils",
    ):
        assert text in printed, f"the floors do not catch {text}"
