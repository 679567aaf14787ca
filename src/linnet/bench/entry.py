"""``linnet bench``: scenarios, or one of the larger runs that have options of their own."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from linnet.bench.command import bench as scenarios

_RUNS: Mapping[str, str] = {
    "place": "linnet.bench.place.command:place",
    "growth": "linnet.bench.growth:growth",
    "online": "linnet.bench.online:online",
}


class _Bench(click.Group):
    """What is no run is a scenario, or an option of these."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        if args and args[0] in _RUNS:
            return super().make_context(info_name, args, parent, **extra)
        scenarios.epilog = f"Larger runs, each with options of its own: {', '.join(_RUNS)}."
        return scenarios.make_context(info_name, args, parent, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_RUNS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _RUNS:
            return None
        module, _, name = _RUNS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


bench = _Bench("bench", help=scenarios.help)
