"""``linnet db``: the schema of the database."""

import click

from linnet.cli.stores import with_database
from linnet.settings import Settings
from linnet.stores.postgres.migrate import check_schema, migrate


@click.group()
def db() -> None:
    """Bring the database's schema up to date, or check it."""


@db.command("migrate")
@with_database
def migrate_command(settings: Settings) -> None:
    """Bring the schema up to this version.

    Doing it again changes nothing.
    """
    applied = migrate(settings.postgres.url)
    for version in applied:
        click.echo(f"applied {version}")
    if not applied:
        click.echo("The schema is up to date.")


@db.command("check")
@with_database
def check_command(settings: Settings) -> None:
    """Check that the schema is this version's.

    Exits with 0 if it is exactly the one this version of linnet works with.
    """
    check_schema(settings.postgres.url)
    click.echo("The schema is the one this linnet works with.")
