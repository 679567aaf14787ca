"""An app that lives in a page of its own origin, as those of masto.js do: its modules as npm installed them, unbundled.

``make setup`` puts them into the virtual environment (``package-lock.json`` pins each with its hash).
"""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

MODULES = Path(sys.prefix) / "apps/node_modules"
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>An app</title><link rel="icon" href="data:,">
<script type="importmap">{import_map}</script>
<script type="module">
import * as masto from "masto";
window.masto = masto;
</script></head><body></body></html>
"""


class WebApp:
    """``url`` is where it lies; every path of it is the same page, but for the modules."""

    def __init__(self, port: int) -> None:
        # Another host than the server's, not only another port: what is a cookie of the one is none of the other.
        self.url = f"http://localhost:{port}"


def import_map() -> str:
    """Which file a module's name means, as each package says it of itself."""
    if not (MODULES / "masto").is_dir():
        pytest.fail(f"masto.js is not in {MODULES}. Please run: make setup", pytrace=False)
    packages = sorted(path.parent for path in MODULES.glob("*/package.json"))
    return json.dumps({"imports": {path.name: f"/modules/{path.name}/{_entry_of(path)}" for path in packages}})


def _entry_of(package: Path) -> str:
    """The module that a browser is to load."""
    said: dict[str, Any] = json.loads((package / "package.json").read_text("utf-8"))
    found: Any = said.get("exports", {})
    found = found.get(".", found) if isinstance(found, dict) else found
    while isinstance(found, dict):
        found = next((found[name] for name in ("browser", "import", "module", "default") if name in found), None)
    said = {name: value for name, value in said.items() if isinstance(value, str)}
    return str(found or said.get("browser") or said.get("module") or said["main"]).removeprefix("./")


@contextmanager
def open_web_app() -> Iterator[WebApp]:
    """Served until the end of the block, from threads of this process."""
    page = PAGE.replace("{import_map}", import_map()).encode()

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(MODULES))

        def do_GET(self) -> None:
            if self.path.startswith("/modules/"):
                self.path = self.path.removeprefix("/modules")
                super().do_GET()
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield WebApp(server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
