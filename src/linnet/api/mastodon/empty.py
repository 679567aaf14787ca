"""What linnet does not have: an empty answer, so that a client that asks at its start goes on."""

from collections.abc import Awaitable, Callable
from typing import Any

from linnet.api.answers import Answer
from linnet.api.mastodon.answers import answer
from linnet.api.mastodon.endpoints import Access, Call, Route


def _always(name: str, body: Any) -> Callable[[Call], Awaitable[Answer]]:
    async def handle(call: Call) -> Answer:
        return answer(body)

    handle.__name__ = name
    return handle


def _nothing(path: str, *scopes: str, access: Access = "user", body: Any = ()) -> Route:
    return Route("GET", path, _always(f"empty {path}", body), scopes, access=access, has="empty")


ROUTES = (
    _nothing("/api/v1/announcements", access="viewer"),
    _nothing("/api/v1/conversations", "read:statuses"),
    _nothing("/api/v1/custom_emojis", access="everyone"),
    _nothing("/api/v1/directory", access="viewer"),
    _nothing("/api/v1/domain_blocks", "read:blocks", "follow"),
    _nothing("/api/v1/endorsements", "read:accounts"),
    _nothing("/api/v1/followed_tags", "read:follows"),
    _nothing("/api/v1/instance/activity", access="everyone"),
    _nothing("/api/v1/instance/domain_blocks", access="everyone"),
    _nothing("/api/v1/instance/peers", access="everyone"),
    _nothing("/api/v1/instance/translation_languages", access="everyone", body={}),
    _nothing("/api/v1/notifications/requests", "read:notifications"),
    _nothing("/api/v1/scheduled_statuses", "read:statuses"),
    _nothing("/api/v1/timelines/link", "read:statuses", access="viewer"),
    _nothing("/api/v1/trends/links", access="viewer"),
    _nothing("/api/v1/accounts/familiar_followers", "read:follows"),
    _nothing("/api/v1/accounts/{id}/identity_proofs", "read:accounts", access="viewer"),
)
