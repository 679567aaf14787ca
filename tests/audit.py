"""``python -m tests.audit``: whether what is locked is what is installed, and whether something is known against it.

The first is seen offline. For the second pip-audit asks PyPI and OSV, from an environment of its own; where the network
does not let it, that is said, and is no answer. Exits with 0 when all is well, 1 when something is not, 3 when nobody
could be asked.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.locks import DEVELOPMENT, LockBroken, differing, read_lock, unacceptable

_SECONDS = 300
_PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")


def main() -> int:
    try:
        pins = read_lock(DEVELOPMENT.read_text())
    except LockBroken as error:
        print(f"{DEVELOPMENT.name}: {error}.")
        return 1
    wrong = [*differing(pins), *unacceptable(read_lock(DEVELOPMENT.with_name("requirements.lock").read_text()))]
    for sentence in wrong:
        print(f"{sentence}.")
    if not wrong:
        print(f"All {len(pins)} packages are installed as they are locked.")
    asked = _ask()
    return 1 if wrong else asked


def _ask() -> int:
    """What pip-audit says of the lock."""
    with tempfile.TemporaryDirectory() as directory:
        python = Path(directory) / "bin/python"
        try:
            subprocess.run([sys.executable, "-m", "venv", directory], check=True, capture_output=True, timeout=_SECONDS)
            subprocess.run([python, *_PIP, "install", "pip-audit"], check=True, capture_output=True, timeout=_SECONDS)
            arguments = ("--require-hashes", "--disable-pip", "--format", "json", "--progress-spinner", "off")
            done = subprocess.run(
                [python, "-m", "pip_audit", *arguments, "--requirement", str(DEVELOPMENT)],
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            return _unknown(str(error))
    return judge(done.stdout, done.stderr)


def judge(out: str, err: str) -> int:
    """What pip-audit printed, in words."""
    try:
        found = json.loads(out)["dependencies"]
    except (ValueError, KeyError):
        return _unknown(err.strip().splitlines()[-1] if err.strip() else "it said nothing")
    skipped = [each["name"] for each in found if "skip_reason" in each]
    known = [(each, flaw) for each in found for flaw in each.get("vulns", ())]
    for package, flaw in known:
        fixed = ", ".join(flaw["fix_versions"]) or "no version yet"
        print(f"{package['name']} {package['version']}: {flaw['id']}; fixed in {fixed}.")
    if len(skipped) == len(found):
        # A mirror that has packages, and nothing that is known of them.
        return 1 if known else _unknown("whom it asked knows none of them")
    if skipped:
        print(f"Nobody could be asked about {', '.join(skipped)}.")
    if known or skipped:
        return 1 if known else 3
    print(f"Nothing is known against any of {len(found)} packages.")
    return 0


def _unknown(why: str) -> int:
    print(f"Whether something is known against them is not known: pip-audit could not ask ({why}).")
    return 3


if __name__ == "__main__":
    sys.exit(main())
