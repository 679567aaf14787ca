"""``linnet db``: the schema of the database."""

import asyncio

import click

from linnet.cli.stores import with_database
from linnet.settings import Settings
from linnet.stores.postgres.distribution import distribute, preview
from linnet.stores.postgres.migrate import check_schema, migrate
from linnet.stores.postgres.pool import Database
from linnet.write.fanout.oldtweets import are_old_tweets_done


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
    if not asyncio.run(_are_old_tweets_done(settings)):
        click.echo(
            "Tweets from before are made ready to be searched by whoever runs jobs: `linnet serve` or `linnet jobs`."
        )


async def _are_old_tweets_done(settings: Settings) -> bool:
    db = Database(settings.postgres)
    await db.open()
    try:
        return await are_old_tweets_done(db)
    finally:
        await db.close()


@db.command("check")
@with_database
def check_command(settings: Settings) -> None:
    """Check that the schema is this version's.

    Exits with 0 if it is exactly the one this version of linnet works with.
    """
    check_schema(settings.postgres.url)
    click.echo("The schema is the one this linnet works with.")


@db.command("distribute")
@click.option("--dry-run", is_flag=True, help="Print the statements, and change nothing.")
@with_database
def distribute_command(settings: Settings, *, dry_run: bool) -> None:
    """Spread the tables over the nodes of a Citus cluster.

    Tells the extension where the rows of each table lie: those of one person beside each other. Nothing of linnet may
    run meanwhile. Interrupted and started again it goes on; done again it changes nothing.
    """
    if dry_run:
        for step in preview(settings.postgres.url):
            for statement in step.statements:
                click.echo(f"{statement};")
        return
    check_schema(settings.postgres.url)
    count = 0
    for table in distribute(settings.postgres.url):
        click.echo(f"distributed {table}")
        count += 1
    if not count:
        click.echo("All tables are distributed.")
