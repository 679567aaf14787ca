"""What linnet does not have: an empty answer, so that a client that asks at its start goes on.

What changes nothing where there is nothing is answered alike. What somebody would believe to be done is refused, in
words that an app can show.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

from linnet.api.answers import Answer
from linnet.api.mastodon.answers import answer
from linnet.api.mastodon.endpoints import Access, Call, Route
from linnet.errors import Forbidden, Invalid

_Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
# An app that reads a time needs one; of a text that nobody wrote there is none.
_NEVER: Final = "1970-01-01T00:00:00.000Z"
_NO_REPORTS: Final[dict[str, list[object]]] = {"annual_reports": [], "accounts": [], "statuses": []}


class NothingToConfirm(Forbidden):
    """Nobody has to confirm an e-mail address here, so there is nothing to send"""

    code = "nothing_to_confirm"


def _always(name: str, body: Any) -> Callable[[Call], Awaitable[Answer]]:
    async def handle(call: Call) -> Answer:
        return answer(body)

    handle.__name__ = name
    return handle


def _nothing(path: str, *scopes: str, access: Access = "user", body: Any = (), method: _Method = "GET") -> Route:
    return Route(method, path, _always(f"empty {path}", body), scopes, access=access, has="empty")


def _quiet(method: _Method, path: str, *scopes: str) -> Route:
    """There is nothing that it could be about, so afterwards all is as it was asked for."""
    return _nothing(path, *scopes, body={}, method=method)


def _refused(method: _Method, path: str, *scopes: str, field: str, sentence: str) -> Route:
    async def handle(call: Call) -> Answer:
        raise Invalid.field(field, sentence)

    handle.__name__ = f"refused {path}"
    return Route(method, path, handle, scopes, has="refused")


async def post_confirmation(call: Call) -> Answer:
    """An address is taken as it is."""
    raise NothingToConfirm


async def get_refresh(call: Call) -> Answer:
    """Whatever it was about is done: linnet answers nothing before it is whole."""
    return answer({"async_refresh": {"id": call.path["id"], "status": "finished", "result_count": None}})


_ANNUAL: Final = "/api/v1/annual_reports"
_COLLECTIONS: Final = "/api/v1/collections"
_HELD: Final = "/api/v1/notifications/requests"
_TERMS: Final = "/api/v1/instance/terms_of_service"
_READ_HELD, _WRITE_HELD = "read:notifications", "write:notifications"
_NO_TERMS: Final = {"effective_date": _NEVER[:10], "effective": True, "content": "", "succeeded_by": None}
_NO_COLLECTIONS: Final = "linnet has no collections: a list is for yourself, and people can be shown on your profile."
_NO_ANNOUNCEMENTS: Final = "linnet has no announcements, so there is none to react to."
_NO_QUOTES: Final = "linnet has no quotes."

ROUTES = (
    _nothing("/api/v1/announcements", access="viewer"),
    _quiet("POST", "/api/v1/announcements/{id}/dismiss", "write:accounts"),
    _quiet("DELETE", "/api/v1/announcements/{id}/reactions/{name}", "write:favourites"),
    _refused(
        *("PUT", "/api/v1/announcements/{id}/reactions/{name}", "write:favourites"),
        field="name",
        sentence=_NO_ANNOUNCEMENTS,
    ),
    _nothing("/api/v1/custom_emojis", access="everyone"),
    _nothing("/api/v1/directory", access="viewer"),
    # From elsewhere nothing ever comes, be it blocked or not.
    _nothing("/api/v1/domain_blocks", "read:blocks", "follow"),
    _quiet("POST", "/api/v1/domain_blocks", "write:blocks", "follow"),
    _quiet("DELETE", "/api/v1/domain_blocks", "write:blocks", "follow"),
    _nothing("/api/v1/instance/domain_blocks", access="everyone"),
    _nothing("/api/v1/instance/peers", access="everyone"),
    _nothing("/api/v1/instance/translation_languages", access="everyone", body={}),
    _nothing(
        "/api/v1/instance/privacy_policy",
        access="everyone",
        body={"updated_at": _NEVER, "content": ""},
    ),
    _nothing(_TERMS, access="everyone", body=_NO_TERMS),
    _nothing(f"{_TERMS}/{{date}}", access="everyone", body=_NO_TERMS),
    # Nobody's notifications are held back.
    _nothing(_HELD, _READ_HELD),
    _nothing(f"{_HELD}/merged", _READ_HELD, body={"merged": True}),
    _nothing(f"{_HELD}/{{id}}", _READ_HELD, body={}),
    _quiet("POST", f"{_HELD}/accept", _WRITE_HELD),
    _quiet("POST", f"{_HELD}/dismiss", _WRITE_HELD),
    _quiet("POST", f"{_HELD}/{{id}}/accept", _WRITE_HELD),
    _quiet("POST", f"{_HELD}/{{id}}/dismiss", _WRITE_HELD),
    _nothing("/api/v1/timelines/link", "read:statuses", access="viewer"),
    _nothing("/api/v1/trends/links", access="viewer"),
    _nothing("/api/v1/accounts/{id}/identity_proofs", "read:accounts", access="viewer"),
    _nothing("/api/v1/accounts/{id}/collections", "read:collections", access="viewer", body={"collections": []}),
    _nothing("/api/v1/accounts/{id}/in_collections", "read:collections", body={"collections": []}),
    _nothing(f"{_COLLECTIONS}/{{id}}", "read:collections", access="viewer", body={}),
    _quiet("DELETE", f"{_COLLECTIONS}/{{id}}", "write:collections"),
    _quiet("DELETE", f"{_COLLECTIONS}/{{collection_id}}/items/{{id}}", "write:collections"),
    _quiet("POST", f"{_COLLECTIONS}/{{collection_id}}/items/{{id}}/revoke", "write:collections"),
    _refused("POST", _COLLECTIONS, "write:collections", field="name", sentence=_NO_COLLECTIONS),
    _refused("PATCH", f"{_COLLECTIONS}/{{id}}", "write:collections", field="name", sentence=_NO_COLLECTIONS),
    _refused(
        *("POST", f"{_COLLECTIONS}/{{collection_id}}/items", "write:collections"),
        field="account_id",
        sentence=_NO_COLLECTIONS,
    ),
    _nothing(_ANNUAL, "read:accounts", body=_NO_REPORTS),
    _nothing(f"{_ANNUAL}/{{year}}", "read:accounts", body=_NO_REPORTS),
    _nothing(f"{_ANNUAL}/{{year}}/state", "read:accounts", body={"state": "ineligible"}),
    _quiet("POST", f"{_ANNUAL}/{{year}}/read", "write:accounts"),
    _refused(
        *("POST", f"{_ANNUAL}/{{year}}/generate", "write:accounts"),
        field="year",
        sentence="linnet makes no annual reports.",
    ),
    _nothing("/api/v1/statuses/{id}/quotes", "read:statuses", access="viewer"),
    _refused("PUT", "/api/v1/statuses/{id}/interaction_policy", "write:statuses", field="body", sentence=_NO_QUOTES),
    _refused(
        *("POST", "/api/v1/statuses/{id}/quotes/{quoting_status_id}/revoke", "write:statuses"),
        field="quoting_status_id",
        sentence=_NO_QUOTES,
    ),
    _refused(
        *("POST", "/api/v1/statuses/{id}/translate", "read:statuses"),
        field="lang",
        sentence="linnet does not translate.",
    ),
    Route("POST", "/api/v1/emails/confirmations", post_confirmation, ("write:accounts",), has="refused"),
    Route("GET", "/api/v1_alpha/async_refreshes/{id}", get_refresh, ("read",), has="empty"),
)
