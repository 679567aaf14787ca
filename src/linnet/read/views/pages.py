"""A page of a list: encoded items, and where to go on."""

from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class PageView(msgspec.Struct, Generic[T], frozen=True):
    """``next`` goes into ``?before=`` for what follows (null: the end), ``prev`` into ``?after=`` for newer ones."""

    items: list[T]
    next: str | None
    prev: str | None


class Page(msgspec.Struct, frozen=True):
    """A page whose items are JSON already. ``next_id`` None: this is the end. ``prev_id`` None: nothing here.

    ``beside`` are other lists, which are shown with the page and are no part of it.
    """

    items: Sequence[bytes]
    next_id: int | None
    prev_id: int | None
    beside: Sequence[Sequence[bytes]] = ()


def page_json(page: Page) -> bytes:
    """The JSON of a ``PageView``."""
    return b'{"items":[%b],"next":%b,"prev":%b}' % (
        b",".join(page.items),
        b"null" if page.next_id is None else b'"%d"' % page.next_id,
        b"null" if page.prev_id is None else b'"%d"' % page.prev_id,
    )
