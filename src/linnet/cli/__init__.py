"""``linnet``, the command. One file per group of commands; each is imported when it is asked for.

A command that fails for a reason one can expect says it in one sentence on standard error and exits with a number other
than 0. A traceback is a bug.
"""

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version
from typing import Any

import click

from linnet.cli.failures import told_in_one_sentence

_COMMANDS: Mapping[str, str] = {
    "serve": "linnet.cli.serve:serve",
    "web": "linnet.cli.web:web",
    "worker": "linnet.cli.worker:worker",
    "jobs": "linnet.cli.jobs:jobs",
    "db": "linnet.cli.db:db",
    "settings": "linnet.cli.settings:settings",
    "doctor": "linnet.cli.doctor:doctor",
    "backup": "linnet.cli.backup:backup",
    "restore": "linnet.cli.restore:restore",
    "move": "linnet.cli.move:move",
    "events": "linnet.cli.events:events",
    "timelines": "linnet.cli.timelines:timelines",
    "tags": "linnet.cli.tags:tags",
    "reports": "linnet.cli.reports:reports",
    "demo": "linnet.cli.demo:demo",
    "import-graph": "linnet.cli.import_graph:import_graph",
    "bench": "linnet.bench.entry:bench",
    "capacity": "linnet.capacity.command:capacity",
}


class _Commands(click.Group):
    """Commands in the order a newcomer needs them, imported late so that each starts as fast as it can."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        with told_in_one_sentence():
            return super().invoke(ctx)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("linnet"), message="linnet %(version)s")
def main() -> None:
    """A microblogging server. Start here: linnet serve"""
