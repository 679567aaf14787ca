"""``linnet settings``: what can be set, and what is in force."""

import json
import os

import click

from linnet.settings import read_settings
from linnet.settings.table import SETTINGS, shown_value


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option("--markdown", "as_markdown", is_flag=True, help="As the reference page has it: the defaults only.")
def settings(*, as_json: bool, as_markdown: bool) -> None:
    """Show every setting and what is in force.

    Settings are environment variables. Passwords in URLs are masked.
    """
    if as_markdown:
        click.echo(_markdown(), nl=False)
        return
    # First, so that a wrong value is refused and not listed.
    read_settings(os.environ)
    if as_json:
        click.echo(json.dumps(_rows(), indent=2))
        return
    for row in _rows():
        mark = "*" if row["is_set"] else " "
        click.echo(f"{mark} {row['name']} = {row['value']}")
        click.echo(f"    {row['meaning']} ({row['unit']}; default: {row['default']})")
    click.echo("\n* set in this environment")


def _rows() -> list[dict[str, object]]:
    return [
        {
            "name": setting.name,
            "value": shown_value(setting, os.environ),
            "default": setting.shown_default,
            "is_set": bool(os.environ.get(setting.name, "").strip()),
            "unit": setting.unit,
            "meaning": setting.meaning,
        }
        for setting in SETTINGS
    ]


def _markdown() -> str:
    lines = [
        "# Settings",
        "",
        "linnet is set up by environment variables. Their names begin with `LINNET_`; a name that is not in this list",
        "is refused, and a variable set to nothing counts as not set. `linnet settings` shows what is in force.",
        "",
        "This page is the output of `linnet settings --markdown`.",
        "",
        "| name | default | unit | meaning |",
        "|---|---|---|---|",
    ]
    for setting in SETTINGS:
        default = f"`{setting.default}`" if setting.default else setting.default_note
        lines.append(f"| `{setting.name}` | {default} | {setting.unit} | {setting.meaning} |")
    return "\n".join(lines) + "\n"
