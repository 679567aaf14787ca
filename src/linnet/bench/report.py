"""Results as a file: everything that a machine reads, and that is needed to measure again."""

import json
from pathlib import Path
from typing import Any

import msgspec


def write_json(path: Path | None, results: Any) -> None:
    """Nothing without a path. Numbers that are none, of which JSON knows nothing, become null."""
    if path is not None:
        path.write_text(json.dumps(json.loads(msgspec.json.encode(results)), indent=2, ensure_ascii=False) + "\n")
