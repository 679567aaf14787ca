"""oEmbed: what a page of somebody else's shows of a tweet that it links to."""

from html import escape
from typing import Final

from linnet.api.answers import Answer
from linnet.api.mastodon.answers import answer
from linnet.api.mastodon.content import parts_of_address
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.entities import Account
from linnet.api.mastodon.rendering import status_of
from linnet.api.params import parse_id
from linnet.errors import Invalid, TweetNotFound
from linnet.ids import TweetId
from linnet.read.timelines.thread import tweet_screen

_WIDTH: Final = 400
_KEPT_SECONDS: Final = 86_400


async def get_oembed(call: Call) -> Answer:
    """Of a tweet that everybody may see, as JSON. Nothing in it runs: a quotation, and where it is from."""
    params = call.query()
    if params.text("format", "json") != "json":
        raise Invalid.field("format", "linnet answers in JSON alone.")
    parts = parts_of_address(call.base, params.text("url").strip())
    tweet_id = parse_id(parts[1]) if len(parts) == 2 else None
    if tweet_id is None:
        raise TweetNotFound
    status = await status_of(call, await tweet_screen(call.read, None, TweetId(tweet_id)))
    status = status.reblog or status
    author = status.account
    assert isinstance(author, Account)
    name = author.display_name or author.username
    url = status.url
    text = status.content
    if status.spoiler_text:
        text = f"<details><summary>{escape(status.spoiler_text)}</summary>{text}</details>"
    quoted = (
        f'<blockquote class="linnet-embed" cite="{escape(url)}">{text}'
        f'<footer><a href="{escape(url)}">{escape(name)} (@{escape(author.acct)})</a></footer></blockquote>'
    )
    return answer(
        {
            "type": "rich",
            "version": "1.0",
            "title": f"{name} (@{author.acct})",
            "author_name": name,
            "author_url": author.url,
            "provider_name": call.write.options.place.title,
            "provider_url": f"{call.base}/",
            "cache_age": _KEPT_SECONDS,
            "html": quoted,
            "width": params.count("maxwidth", default=_WIDTH, most=_WIDTH),
            "height": None,
        }
    )


ROUTES = (Route("GET", "/api/oembed", get_oembed, access="everyone"),)
