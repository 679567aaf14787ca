"""What a client sees of a list of people."""

import msgspec

from linnet.domain.lists import PeopleList, Replies


class ListView(msgspec.Struct, frozen=True):
    """``replies``: to whom members' replies are shown. ``exclusive``: members' tweets are not in one's home."""

    id: str
    title: str
    replies: Replies
    exclusive: bool


class ListsView(msgspec.Struct, frozen=True):
    """Lists, the oldest first."""

    items: list[ListView]


def list_view(one: PeopleList) -> ListView:
    return ListView(str(one.id), one.title, one.replies, one.exclusive)
