"""What people wrote as the markup that clients of the Mastodon API show: escaped, with our own links alone."""

import re
from collections.abc import Sequence
from html import escape
from urllib.parse import quote, unquote

from linnet.read.views.tweets import EntitiesView

_REL = 'rel="nofollow noopener noreferrer" target="_blank"'


def text_html(base: str, text: str, entities: EntitiesView) -> str:
    """A tweet's text: paragraphs, line breaks, and links where its entities are."""
    pieces: list[tuple[int, int, str]] = []
    for tag in entities.hashtags:
        href = tag_url(base, tag.text)
        shown = escape(text[tag.start + 1 : tag.end])
        markup = f'<a href="{escape(href)}" class="mention hashtag" rel="tag">#<span>{shown}</span></a>'
        pieces.append((tag.start, tag.end, markup))
    for mention in entities.mentions:
        href = account_url(base, mention.username)
        shown = escape(text[mention.start + 1 : mention.end])
        anchor = f'<a href="{escape(href)}" class="u-url mention">@<span>{shown}</span></a>'
        pieces.append((mention.start, mention.end, f'<span class="h-card" translate="no">{anchor}</span>'))
    for link in entities.links:
        if link.url.startswith(("http://", "https://")):
            shown = escape(text[link.start : link.end])
            pieces.append((link.start, link.end, f'<a href="{escape(link.url)}" {_REL}>{shown}</a>'))
    return _paragraphs(_joined(text, pieces))


def plain_html(text: str) -> str:
    """Text without links in it; nothing for nothing."""
    return _paragraphs(escape(text)) if text else ""


def entry_html(text: str) -> str:
    """What stands beside a label: a link if it is an address, and nothing else."""
    if re.fullmatch(r"https?://[^\s\"'<>]+", text):
        return f'<a href="{escape(text)}" rel="me nofollow noopener noreferrer" target="_blank">{escape(text)}</a>'
    return escape(text)


def account_url(base: str, username: str) -> str:
    return f"{base}/@{quote(username, safe='')}"


def status_url(base: str, username: str, tweet_id: str) -> str:
    return f"{base}/@{quote(username, safe='')}/{tweet_id}"


def tag_url(base: str, tag: str) -> str:
    return f"{base}/tags/{quote(tag, safe='')}"


def parts_of_address(base: str, address: str) -> list[str]:
    """Of an address of ours, what stands behind its ``/@``: a username, or one and an id. Nothing for others'."""
    start = f"{base}/@"
    # What somebody copied out of a browser may have more behind it.
    path = re.split(r"[?#]", address, maxsplit=1)[0].rstrip("/")
    return unquote(path.removeprefix(start)).split("/") if path.startswith(start) else []


def _joined(text: str, pieces: Sequence[tuple[int, int, str]]) -> str:
    out, at = [], 0
    for start, end, markup in sorted(pieces):
        if start < at or end > len(text):
            # Entities of a tweet never overlap; whatever they are, no text may be shown twice or lost.
            continue
        out += [escape(text[at:start]), markup]
        at = end
    return "".join([*out, escape(text[at:])])


def _paragraphs(markup: str) -> str:
    # Nothing that is made here has a line end in it, so these are all of the text.
    paragraphs = [part.strip("\n").replace("\n", "<br />") for part in markup.split("\n\n")]
    return "".join(f"<p>{part}</p>" for part in paragraphs if part)
