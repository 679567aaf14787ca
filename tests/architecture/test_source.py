"""Rules that a reviewer would repeat, each with a planted violation that it catches."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = sorted((ROOT / "src/linnet").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
MOST_LINES = 400
# Tests that wait for something outside of this process, which nothing here can be told by.
POLLING = {
    "tests/flows/_linnet_process.py": "asks a process of its own, over HTTP, whether it is ready",
    "tests/support/sentinels.py": "asks servers whether they have noticed",
}
# Nouns that keys are made of (the rest of a key's shape is in keys.py alone).
_KEY = re.compile(r"\{b\d*%|\{b['\"]|:(home|pull|hide|marks|session):|^(tweet|profile):$|\{b$")
_WORDS = {"utils", "util", "helpers", "helper", "manager", "managers", "base", "misc", "common", "v2"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def constants(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Strings and bytes, without docstrings."""
    documented = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node not in documented:
            if isinstance(node.value, bytes):
                yield node.lineno, node.value.decode("latin-1")
            elif isinstance(node.value, str):
                yield node.lineno, node.value


def builds_keys(source: str) -> list[str]:
    """Only keys.py builds a key."""
    return [f"line {line}: {text!r}" for line, text in constants(ast.parse(source)) if _KEY.search(text)]


def sleeps(source: str) -> list[str]:
    """No test waits by the clock. ``sleep(0)`` gives others their turn and is no sleep."""
    return [
        f"line {node.lineno}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and (getattr(node.func, "attr", None) or getattr(node.func, "id", None)) == "sleep"
        and not (node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0)
    ]


def undocumented(source: str) -> list[str]:
    """Every module says what it answers for."""
    return [] if ast.get_docstring(ast.parse(source)) or not source.strip() else ["no docstring"]


def boolean_positions(source: str) -> list[str]:
    """Nobody reads ``f(True, False)``: booleans are keyword-only."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found += [
                f"{node.name}({argument.arg})"
                for argument in [*node.args.posonlyargs, *node.args.args]
                if isinstance(argument.annotation, ast.Name) and argument.annotation.id == "bool"
            ]
    return found


RULES: dict[Callable[[str], list[str]], str] = {
    builds_keys: "key = b'%b{b%d}:home:%b' % (prefix, bucket, user)",
    sleeps: "import asyncio\nasync def f():\n    await asyncio.sleep(0.1)\n",
    undocumented: "x = 1\n",
    boolean_positions: "def show(entry: str, shown: bool) -> None: ...\n",
}


@pytest.mark.parametrize("path", SOURCE, ids=name_of)
def test_a_module_keeps_the_rules(path: Path) -> None:
    source = path.read_text("utf-8")
    if path.name != "keys.py":
        assert builds_keys(source) == []
    assert undocumented(source) == []
    assert boolean_positions(source) == []
    assert source.count("\n") <= MOST_LINES, "a file this long has two subjects"
    assert path.stem not in _WORDS, "name it after what it is about"


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_a_test_does_not_sleep(path: Path) -> None:
    if name_of(path) not in POLLING:
        assert sleeps(path.read_text("utf-8")) == []


def test_every_test_file_is_collected() -> None:
    for path in TESTS:
        source = path.read_text("utf-8")
        if re.search(r"^(async )?def test_", source, re.MULTILINE):
            assert path.name.startswith("test_"), f"pytest does not look into {name_of(path)}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_planted_violation_is_caught(rule: Callable[[str], list[str]]) -> None:
    assert rule(RULES[rule])


@pytest.mark.parametrize(
    "harmless",
    [
        "await asyncio.sleep(0)",
        "home = keys.home(user_id)",
        "path = f'/users/{body}'",
        "text = 'tweets: 5'",
        "def show(entry: str, *, shown: bool) -> None: ...",
    ],
)
def test_what_only_looks_alike_is_let_through(harmless: str) -> None:
    assert builds_keys(harmless) == sleeps(harmless) == boolean_positions(harmless) == []


def test_keys_are_built_in_one_place_and_lua_builds_what_it_must() -> None:
    assert builds_keys((ROOT / "src/linnet/stores/valkey/keys.py").read_text("utf-8")), "the rule sees real keys"
    building = {
        path.name for path in (ROOT / "src/linnet/stores/valkey/lua").glob("*.lua") if "{b" in path.read_text("utf-8")
    }
    assert building == {"push.lua", "drop.lua"}, "those that go to many readers at once, and no others"
