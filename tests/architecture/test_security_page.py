"""The page on security names tests, and those tests are there: what it promises is shown, or it is not promised."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text("utf-8")
_NAMED = re.compile(r"`((?:architecture|flows|fuzz|http|stores|unit|web)/[\w/]+\.py)(?:::(\w+))?`")
# Where each page of the same kind of attack is found in every route, this file has to be named.
EVERYWHERE = "http/test_hostile_requests.py"


def rows(page: str) -> Iterator[tuple[str, str, str]]:
    """Attack, defence and what shows it, of every table of attacks."""
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("|") and len(cells) == 3 and cells[0] not in ("attack", "") and "---" not in cells[0]:
            yield cells[0], cells[1], cells[2]


def missing(page: str) -> list[str]:
    """Tests that are named and are not there."""
    found: list[str] = []
    for path, function in _NAMED.findall(page):
        file = ROOT / "tests" / path
        if not file.is_file():
            found.append(path)
        elif function and function not in functions(file):
            found.append(f"{path}::{function}")
    return found


def functions(file: Path) -> set[str]:
    tree = ast.parse(file.read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_test_that_the_page_names_is_there() -> None:
    assert missing(PAGE) == []


def test_every_attack_is_shown_by_a_test() -> None:
    found = list(rows(PAGE))
    assert len(found) > 25
    for attack, _, shown in found:
        assert _NAMED.search(shown), attack


def test_whatever_is_looked_for_in_all_routes_stands_on_the_page() -> None:
    tests = {name for name in functions(ROOT / "tests" / EVERYWHERE) if name.startswith("test_")}
    assert tests <= {function for path, function in _NAMED.findall(PAGE) if path == EVERYWHERE}


def test_a_test_that_is_gone_is_caught() -> None:
    planted = "`http/test_pages.py::test_gone`, `http/test_gone.py`, `http/test_pages.py`, `unit/test_text.py::nothing`"
    assert missing(planted) == ["http/test_pages.py::test_gone", "http/test_gone.py", "unit/test_text.py::nothing"]
