"""``linnet tags``: what trends, and what an operator has to say about it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import click
import msgspec

from linnet.bootstrap import open_services
from linnet.bootstrap.logs import configure_logs
from linnet.bootstrap.services import Services
from linnet.cli.failures import Failure
from linnet.cli.stores import with_stores
from linnet.domain.hashtags import fold_tag
from linnet.domain.tag import Tag, read_tag
from linnet.read.timelines.trending import MAX_TRENDING
from linnet.settings import Settings
from linnet.stores.postgres import tags as stored_tags
from linnet.write.actions.tags import hide_tag, pin_tag, show_tag, unpin_tag
from linnet.write.deps import WriteDeps

_HIDDEN_PER_PAGE = 500

_Verb = Callable[[WriteDeps, str], Awaitable[Tag | None]]

_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object per line, for machines.")


@click.group()
def tags() -> None:
    """List what trends; pin or hide a tag.

    A TAG is written with or without its sign, in any spelling. What is said here holds a second later.
    """


@tags.command("list")
@_json_option
@with_stores
def list_command(settings: Settings, *, as_json: bool) -> None:
    """List pinned, trending and hidden tags.

    Pinned and trending ones in the order in which people see them, then hidden ones by name.
    """
    configure_logs(settings.log)
    asyncio.run(_list(settings, as_json=as_json))


@tags.command()
@click.argument("tag")
@_json_option
@with_stores
def pin(settings: Settings, *, tag: str, as_json: bool) -> None:
    """Show a tag before those that trend.

    Below what was pinned before it. A hidden tag is hidden no more.
    """
    _act(settings, pin_tag, tag, as_json=as_json)


@tags.command()
@click.argument("tag")
@_json_option
@with_stores
def unpin(settings: Settings, *, tag: str, as_json: bool) -> None:
    """Let a pinned tag trend, or not, by itself."""
    _act(settings, unpin_tag, tag, as_json=as_json)


@tags.command()
@click.argument("tag")
@_json_option
@with_stores
def hide(settings: Settings, *, tag: str, as_json: bool) -> None:
    """Keep a tag from trending.

    Its tweets are read and found as before. A pinned tag is pinned no more.
    """
    _act(settings, hide_tag, tag, as_json=as_json)


@tags.command()
@click.argument("tag")
@_json_option
@with_stores
def show(settings: Settings, *, tag: str, as_json: bool) -> None:
    """Let a hidden tag trend again."""
    _act(settings, show_tag, tag, as_json=as_json)


def _act(settings: Settings, verb: _Verb, named: str, *, as_json: bool) -> None:
    # Before anything is opened: a word with a blank in it is nobody's tag.
    hashtag = read_tag(named)
    if hashtag is None:
        raise Failure(f"{named!r} is no tag: no tweet can carry it.")
    configure_logs(settings.log)
    tag = asyncio.run(_act_on(settings, verb, named))
    # Gone with the last word on it: nobody uses it.
    tag = tag or Tag(
        fold_tag(hashtag.text), hashtag.text, tweets_count=0, people_count=0, is_hidden=False, is_pinned=False
    )
    click.echo(_as_json(tag) if as_json else _as_text(tag))


async def _act_on(settings: Settings, verb: _Verb, named: str) -> Tag | None:
    async with open_services(settings, role="command") as services:
        return await verb(services.write, named)


async def _list(settings: Settings, *, as_json: bool) -> None:
    count = 0
    async with open_services(settings, role="command") as services:
        async for tag in _listed(services):
            count += 1
            click.echo(_as_json(tag) if as_json else _as_text(tag))
    if not as_json and not count:
        click.echo("Nothing is pinned or hidden, and nothing trends.")


async def _listed(services: Services) -> AsyncIterator[Tag]:
    for tag in await services.read.trending.fetch(MAX_TRENDING):
        yield tag
    after_tag = ""
    while page := await stored_tags.fetch_hidden(services.db, after_tag=after_tag, page_size=_HIDDEN_PER_PAGE):
        for tag in page:
            yield tag
        after_tag = page[-1].tag


def _as_text(tag: Tag) -> str:
    ruling = "pinned, " if tag.is_pinned else "hidden, " if tag.is_hidden else ""
    return f"#{tag.display}  {ruling}{tag.tweets_count} tweets, {tag.people_count} people lately"


def _as_json(tag: Tag) -> str:
    view = {
        "tag": tag.display,
        "name": tag.tag,
        "tweets_count": tag.tweets_count,
        "people_count": tag.people_count,
        "pinned": tag.is_pinned,
        "hidden": tag.is_hidden,
    }
    return msgspec.json.encode(view).decode()
