"""One's filters: what one would rather not read, and where."""

from typing import Any, Final

from litestar import Response

from linnet.domain.filters import CONTEXTS, Filter, Keyword, KeywordWish, check_action, check_contexts
from linnet.errors import FilterNotFound, Invalid, LinnetError, TooManyFilters
from linnet.read.timelines.filters import filters_screen
from linnet.web.answers import go_to
from linnet.web.asking import Ask, PageRoute, parse_id
from linnet.web.pages.accounts import errors_by_field
from linnet.web.pages.errors import plainly
from linnet.web.pages.layout import show
from linnet.write.actions import filters
from linnet.write.actions.filters import FilterWish

_PLACES: Final = {
    "home": "at home and on lists",
    "public": "among everyone's, in tags and on Explore",
    "thread": "in threads",
    "account": "on people's pages",
    "notifications": "among notifications",
}
_TIMES: Final = {"": "until I delete it", "86400": "a day", "604800": "a week", "2592000": "thirty days"}
_NEW: Final = {"title": "", "words": "", "whole": "on", "action": "warn", "until": "", "at_home": "on"}

_BLANK: Final = dict.fromkeys(("title", "words", "action", "until"), "")


async def all_filters(ask: Ask) -> Response[Any]:
    """The oldest first, and a form for another one."""
    return await _show(ask)


async def one_filter(ask: Ask) -> Response[Any]:
    """To change it."""
    one = await _find(ask)
    return await _show(ask, one, fields=_fields_of(one))


def _fields_of(one: Filter) -> dict[str, str]:
    return {
        "title": one.title,
        "words": "\n".join(keyword.text for keyword in one.keywords),
        "whole": "on" if all(keyword.whole_word for keyword in one.keywords) else "",
        "action": one.action,
        "until": "as it is",
        **{f"at_{context}": "on" for context in one.contexts},
    }


async def _show(
    ask: Ask, one: Filter | None = None, *, fields: dict[str, str] | None = None, error: LinnetError | None = None
) -> Response[Any]:
    """``one`` is changed; None: another one is made."""
    found = await filters_screen(ask.services.read, ask.actor.user_id)
    now_ms = ask.services.read.clock.now_ms()
    return await show(
        ask,
        "filters.html",
        title="Filters" if one is None else one.title,
        error=error,
        beside=False,
        one=one,
        filters=[(each, each.expires_ms is not None and each.expires_ms <= now_ms) for each in found.filters],
        fields=_NEW if fields is None else {**_BLANK, **fields},
        errors=_errors_of(error),
        contexts=_PLACES,
        times=_TIMES if one is None else {"as it is": "as it is now", **_TIMES},
    )


def _errors_of(error: LinnetError | None) -> dict[str, str]:
    if error is None:
        return {}
    return errors_by_field(error) if isinstance(error, Invalid) else {"": plainly(error)}


async def make(ask: Ask) -> Response[Any]:
    """What was typed is shown again when it cannot be."""
    fields = await ask.form()
    try:
        await filters.create_filter(
            ask.services.write,
            ask.actor.user_id,
            title=fields.get("title", ""),
            contexts=check_contexts(_contexts_in(fields), field="contexts"),
            action=check_action(fields.get("action", "warn"), field="action"),
            expires_in_seconds=parse_id(fields.get("until", "")),
            keywords=_wishes(fields, ()),
        )
    except (Invalid, TooManyFilters) as error:
        ask.did_nothing = True
        return await _show(ask, fields=fields, error=error)
    return go_to("/settings/filters")


async def save(ask: Ask) -> Response[Any]:
    """Words that stay keep being themselves, for apps that know them."""
    fields = await ask.form()
    one = await _find(ask)
    until = fields.get("until", "")
    try:
        wish = FilterWish(
            title=fields.get("title", ""),
            contexts=check_contexts(_contexts_in(fields), field="contexts"),
            action=check_action(fields.get("action", one.action), field="action"),
        )
        if until != "as it is":
            wish = FilterWish(wish.title, wish.contexts, wish.action, parse_id(until))
        await filters.change_filter(
            ask.services.write, ask.actor.user_id, one.id, wish, keywords=lambda there: _wishes(fields, there)
        )
    except (Invalid, TooManyFilters) as error:
        ask.did_nothing = True
        return await _show(ask, one, fields=fields, error=error)
    return go_to("/settings/filters")


async def delete(ask: Ask) -> Response[Any]:
    """What it filtered is read again."""
    await ask.form()
    await filters.delete_filter(ask.services.write, ask.actor.user_id, _filter_id(ask))
    return go_to("/settings/filters")


def _contexts_in(fields: dict[str, str]) -> list[str]:
    return [context for context in CONTEXTS if fields.get(f"at_{context}")]


def _wishes(fields: dict[str, str], there: tuple[Keyword, ...]) -> list[KeywordWish]:
    """One for each line, each once."""
    known = {keyword.text: keyword.id for keyword in there}
    words = dict.fromkeys(line.strip() for line in fields.get("words", "").splitlines() if line.strip())
    return [KeywordWish(word, bool(fields.get("whole")), known.get(word)) for word in words]


async def _find(ask: Ask) -> Filter:
    found = await filters_screen(ask.services.read, ask.actor.user_id)
    for one in found.filters:
        if one.id == _filter_id(ask):
            return one
    raise FilterNotFound


def _filter_id(ask: Ask) -> int:
    number = parse_id(ask.path("filter_id"))
    if number is None:
        raise FilterNotFound
    return number


_ONE = "/settings/filters/{filter_id}"

PAGES = (
    PageRoute("GET", "/settings/filters", all_filters),
    PageRoute("POST", "/settings/filters", make),
    PageRoute("GET", _ONE, one_filter),
    PageRoute("POST", _ONE, save),
    PageRoute("POST", f"{_ONE}/delete", delete),
)
