"""Who sees what. Each rule stands here once; SQL that says the same is named in the rule's docstring."""

from collections.abc import Container

from linnet.domain.timeline import Entry
from linnet.ids import UserId


def shows_reply(entry: Entry, viewer_id: UserId, followed: Container[UserId]) -> bool:
    """The reply rule: a reply to somebody else is shown to those who wrote it, are answered, or follow both.

    Said again in SQL by ``home.fetch_slice``, ``home.fetch_slice_above`` and ``home.fetch_oracle`` (read side) and by
    ``fanout.fetch_audiences`` and the two ``fanout.fetch_reply_audiences*`` (push side);
    ``tests/flows/test_reply_rule_is_one_rule.py`` holds them together.
    """
    return (
        not entry.is_reply_to_other
        or entry.author_id == viewer_id
        or entry.related_author_id == viewer_id
        or entry.related_author_id in followed
    )


def drop_hidden(entries: list[Entry], hidden: Container[UserId], viewer_id: UserId) -> list[Entry]:
    """Without what authors in ``hidden`` (unfollowed, and perhaps still being pushed) wrote, and replies to them."""
    return [
        entry
        for entry in entries
        if entry.author_id not in hidden
        and not (
            entry.is_reply_to_other
            and entry.related_author_id in hidden
            and entry.author_id != viewer_id
            and entry.related_author_id != viewer_id
        )
    ]
