"""What documents name is there: a document about code that is gone is worse than none."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TOP = {path.name for path in ROOT.iterdir()}
_CODE = re.compile(r"`([^`\s]+)`")
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
# Made by a command, and not kept.
_MADE = ("data", ".venv")


def paths_in(text: str, directory: Path) -> dict[str, bool]:
    """Paths of the repository that a text names, and whether each is there."""
    found: dict[str, bool] = {}
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for name in _CODE.findall(prose):
        first = name.split("/")[0]
        if "/" not in name and "." not in name:
            continue
        if first not in TOP | {"src", "tests", "docs", "bench", "deploy"} or first in _MADE:
            continue
        if re.search(r"[<>{}$…]", name):
            continue
        found[name] = bool(list(ROOT.glob(name))) if "*" in name else (ROOT / name).exists()
    for name in _LINK.findall(prose):
        if "://" not in name and not name.startswith("mailto:"):
            found[name] = (directory / name).exists()
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_paths_that_a_document_names_are_there(document: Path) -> None:
    missing = [name for name, there in paths_in(document.read_text("utf-8"), document.parent).items() if not there]
    assert missing == []


def test_the_readme_names_a_file_for_each_step_of_the_path() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    steps = [line for line in readme.splitlines() if re.match(r"\|\s*\d+\s*\|", line)]
    assert len(steps) >= 6
    for step in steps:
        assert any(paths_in(step, ROOT).values()), f"no file stands in: {step}"


def test_every_decision_is_listed() -> None:
    listed = (ROOT / "docs/decisions/README.md").read_text("utf-8")
    for decision in (ROOT / "docs/decisions").glob("0*.md"):
        assert decision.name in listed


def test_a_path_that_is_gone_is_caught(tmp_path: Path) -> None:
    text = "See `src/linnet/gone.py`, `src/linnet/ids.py`, `make run`, `a/b`, [this](nowhere.md) and `src/linnet/*.py`."
    assert paths_in(text, tmp_path) == {
        "src/linnet/gone.py": False,
        "src/linnet/ids.py": True,
        "src/linnet/*.py": True,
        "nowhere.md": False,
    }
