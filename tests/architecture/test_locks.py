"""What is installed is what was looked at: every package is pinned with its hashes, under a licence that is known.

Whether something is known against one of them has to be asked elsewhere: ``python -m tests.audit``.
"""

import pytest

from tests.audit import judge
from tests.support.locks import (
    DEVELOPMENT,
    RUNTIME,
    LockBroken,
    is_acceptable,
    project,
    read_lock,
    unacceptable,
    unlocked,
)

HASH = "--hash=sha256:" + "0" * 64


def test_every_package_is_one_version_with_hashes_and_the_tools_run_on_what_people_run_on() -> None:
    runtime, development = (read_lock(path.read_text()) for path in (RUNTIME, DEVELOPMENT))
    assert len(runtime) > 30
    assert {name: pin.version for name, pin in runtime.items()}.items() <= {
        name: pin.version for name, pin in development.items()
    }.items()


def test_whatever_the_project_asks_for_is_locked() -> None:
    asked = project()
    extras = asked["optional-dependencies"]
    assert unlocked(read_lock(RUNTIME.read_text()), asked["dependencies"]) == []
    development = read_lock(DEVELOPMENT.read_text())
    assert unlocked(development, [*asked["dependencies"], *extras["dev"], *extras["traces"]]) == []


def test_what_people_run_comes_under_licences_that_let_them() -> None:
    assert unacceptable(read_lock(RUNTIME.read_text())) == []


@pytest.mark.parametrize(
    "planted",
    [
        "left-pad==1.0",
        f"left-pad>=1.0 \\\n    {HASH}",
        f"left-pad @ https://evil.test/left-pad.whl \\\n    {HASH}",
        f"git+https://evil.test/left-pad@v1 \\\n    {HASH}",
        "left-pad==1.0 \\\n    --hash=md5:00",
        f"--index-url https://evil.test \\\n    {HASH}",
        f"left-pad==1.0 \\\n    {HASH}\nleft-pad==1.1 \\\n    {HASH}",
        "-e .",
    ],
)
def test_a_package_from_elsewhere_or_without_its_hash_is_caught(planted: str) -> None:
    with pytest.raises(LockBroken):
        read_lock(f"ok==1.0 \\\n    {HASH}\n    # via\n{planted}\n")


def test_what_is_missing_or_too_old_in_a_lock_is_caught() -> None:
    pins = read_lock(f"some-package==1.0 \\\n    {HASH} \\\n    {HASH}\n")
    assert unlocked(pins, ["Some.Package[extra]>=1", "some_package>=2", "other"]) == ["some_package>=2", "other"]


@pytest.mark.parametrize(
    ("licence", "is_fine"),
    [
        ("MIT", True),
        ("Apache-2.0 AND CNRI-Python", True),
        ("GPL-3.0-only OR MIT", True),
        ("LGPL-3.0-only", True),
        ("GPL-3.0-only", False),
        ("AGPL-3.0-or-later", False),
        ("SSPL-1.0", False),
        ("Proprietary", False),
        ("", False),
    ],
)
def test_licences_are_told_apart(licence: str, is_fine: bool) -> None:
    assert is_acceptable(licence) == is_fine


KNOWN = '{"name": "b", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}'
WELL = '{"name": "a", "version": "1", "vulns": []}'
SKIPPED = '{"name": "c", "skip_reason": "Dependency not found on PyPI"}'


@pytest.mark.parametrize(
    ("out", "code", "said"),
    [
        (f'{{"dependencies": [{WELL}]}}', 0, "Nothing is known against any of 1 packages."),
        (f'{{"dependencies": [{WELL}, {KNOWN}]}}', 1, "b 1: CVE-1; fixed in 2."),
        (f'{{"dependencies": [{WELL}, {SKIPPED}]}}', 3, "Nobody could be asked about c."),
        (f'{{"dependencies": [{SKIPPED}]}}', 3, "is not known"),
        ('{"dependencies": []}', 3, "is not known"),
        ("", 3, "could not ask (ConnectionError)"),
    ],
)
def test_what_could_not_be_asked_is_not_taken_for_well(
    out: str, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judge(out, "Traceback …\nConnectionError\n") == code
    assert said in capsys.readouterr().out
