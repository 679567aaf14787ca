"""A tweet's text as markup: escaped, with its hashtags, mentions and links where the entities say.

Whatever people write is text. The only markup that comes out is made here, around pieces that were escaped first.
"""

from typing import Final
from urllib.parse import quote

from markupsafe import Markup, escape

from linnet.read.views.tweets import EntitiesView

_SHOWN_LINK_CHARS: Final = 32


def render_text(text: str, entities: EntitiesView) -> Markup:
    """Safe to put into a page as it is."""
    pieces: list[tuple[int, int, Markup]] = []
    for tag in entities.hashtags:
        shown = text[tag.start : tag.end]
        pieces.append((tag.start, tag.end, _anchor(f"/tags/{quote(tag.text, safe='')}", shown)))
    for mention in entities.mentions:
        shown = text[mention.start : mention.end]
        pieces.append((mention.start, mention.end, _anchor(f"/@{quote(mention.username, safe='')}", shown)))
    for link in entities.links:
        pieces.append((link.start, link.end, _outward(link.url)))
    out = Markup("")
    at = 0
    for start, end, markup in sorted(pieces, key=lambda piece: piece[0]):
        if start < at or end > len(text):
            # Entities of a tweet never overlap; whatever they are, no text may be shown twice or lost.
            continue
        out += escape(text[at:start]) + markup
        at = end
    return out + escape(text[at:])


def short_link(url: str) -> str:
    """A link as people read it: without scheme and ``www.``, and not longer than a glance."""
    shown = url.partition("://")[2] or url
    shown = shown.removeprefix("www.").rstrip("/")
    return shown if len(shown) <= _SHOWN_LINK_CHARS else shown[: _SHOWN_LINK_CHARS - 1] + "…"


def _anchor(path: str, shown: str) -> Markup:
    return Markup('<a href="{}" dir="auto">{}</a>').format(path, shown)


def _outward(url: str) -> Markup:
    # Entities hold http and https alone, also when no scheme was typed. What else came in stays text.
    if not url.startswith(("http://", "https://")):
        return escape(url)
    return Markup('<a href="{}" rel="nofollow noopener noreferrer ugc" target="_blank" title="{}">{}</a>').format(
        url, url, short_link(url)
    )
