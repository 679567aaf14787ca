"""Blocking and muting people."""

from collections.abc import Awaitable, Callable
from functools import partial

from linnet.api import examples
from linnet.api.answers import Answer, view_answer
from linnet.api.endpoints import Call, Endpoint, Success
from linnet.api.params import PAGE, Query, parse_count
from linnet.errors import CannotBlockYourself, CannotMuteYourself, FieldError, Invalid, UserNotFound
from linnet.ids import UserId
from linnet.read.timelines.people import blocked_page, muted_page, user_screen
from linnet.read.views.pages import PageView
from linnet.read.views.users import UserView
from linnet.write.actions import blocks
from linnet.write.deps import WriteDeps


async def put_block(call: Call) -> Answer:
    """Block somebody

    From now on neither of the two meets the other: not in timelines, threads, searches, notifications or lists. The
    follows between them end. Only the profile stays, to unblock from. The other one is not told.
    """
    return await _act(call, blocks.block)


async def delete_block(call: Call) -> Answer:
    """Unblock somebody

    Quiet when there is no block. Follows that the block ended stay ended; a block of the other one's stays too.
    """
    return await _act(call, blocks.unblock)


async def put_mute(call: Call) -> Answer:
    """Mute somebody

    Hides them from one's timelines, threads, searches and notifications; nobody else is told, and follows stay. Their
    own page, a tweet by its id and lists of people still show them. With `seconds` it ends by itself, at most a minute
    late; what is said last holds.
    """
    errors: list[FieldError] = []
    most = blocks.MOST_MUTED_SECONDS
    seconds = parse_count(call.query("seconds"), "seconds", errors, default=0, most=most)
    if errors:
        raise Invalid(tuple(errors))
    return await _act(call, partial(blocks.mute, seconds=seconds or None))


async def delete_mute(call: Call) -> Answer:
    """Unmute somebody

    Quiet when there is no mute. What they wrote meanwhile is in one's home timeline again.
    """
    return await _act(call, blocks.unmute)


async def list_blocks(call: Call) -> Answer:
    """List whom one blocks

    Newest block first. Nobody else sees this list.
    """
    return view_answer(await blocked_page(call.services.read, call.actor.user_id, call.range()))


async def list_mutes(call: Call) -> Answer:
    """List whom one mutes

    Newest mute first. Nobody else sees this list.
    """
    return view_answer(await muted_page(call.services.read, call.actor.user_id, call.range()))


async def _act(call: Call, verb: Callable[[WriteDeps, UserId, UserId], Awaitable[None]]) -> Answer:
    user_id = call.user_id()
    await verb(call.services.write, call.actor.user_id, user_id)
    return view_answer(await user_screen(call.services.read, call.actor.user_id, user_id))


_SECONDS = Query(
    "seconds",
    {"type": "integer", "minimum": 1, "maximum": blocks.MOST_MUTED_SECONDS},
    "For how long; without it, until it is taken back.",
)
_BLOCK_PROBLEMS = (UserNotFound, CannotBlockYourself)
_MUTE_PROBLEMS = (UserNotFound, CannotMuteYourself)

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "PUT",
        "/api/users/{user_id}/block",
        put_block,
        "blocks",
        Success("The user.", UserView, examples.LINUS_BLOCKED),
        problems=_BLOCK_PROBLEMS,
        limit="follow",
    ),
    Endpoint(
        "DELETE",
        "/api/users/{user_id}/block",
        delete_block,
        "blocks",
        Success("The user.", UserView, examples.LINUS_A_STRANGER),
        problems=_BLOCK_PROBLEMS,
    ),
    Endpoint(
        "PUT",
        "/api/users/{user_id}/mute",
        put_mute,
        "blocks",
        Success("The user.", UserView, examples.LINUS_MUTED),
        query=(_SECONDS,),
        problems=_MUTE_PROBLEMS,
        limit="follow",
    ),
    Endpoint(
        "DELETE",
        "/api/users/{user_id}/mute",
        delete_mute,
        "blocks",
        Success("The user.", UserView, examples.LINUS_A_STRANGER),
        problems=_MUTE_PROBLEMS,
    ),
    Endpoint(
        "GET",
        "/api/me/blocks",
        list_blocks,
        "blocks",
        Success("A page of users.", PageView[UserView], examples.BLOCKED),
        query=PAGE,
    ),
    Endpoint(
        "GET",
        "/api/me/mutes",
        list_mutes,
        "blocks",
        Success("A page of users.", PageView[UserView], examples.MUTED),
        query=PAGE,
    ),
)
