"""What one notes of people, for oneself alone."""

import msgspec

from linnet.api import examples
from linnet.api.answers import Answer, view_answer
from linnet.api.endpoints import Call, Endpoint, Success
from linnet.errors import Invalid, UserNotFound
from linnet.read.timelines.people import user_screen
from linnet.read.timelines.standings import standings
from linnet.read.views.users import NoteView
from linnet.write.actions.remarks import put_remark


class NoteBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``note``: up to 2,000 characters; empty: none any more."""

    note: str


async def get_note(call: Call) -> Answer:
    """Read what one noted of somebody

    Empty when it is nothing. Only whoever wrote it ever sees it.
    """
    user_id = call.user_id()
    await user_screen(call.services.read, call.actor.user_id, user_id)
    known = await standings(call.services.read, call.actor.user_id, [user_id])
    return view_answer(NoteView(known[user_id].remark))


async def put_note(call: Call) -> Answer:
    """Note something of somebody

    For oneself alone, in the place of what was noted before. An empty note takes it away.
    """
    body = await call.fields(NoteBody)
    return view_answer(NoteView(await put_remark(call.services.write, call.actor.user_id, call.user_id(), body.note)))


_NOTE = Success("The note.", NoteView, examples.NOTE)

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/api/users/{user_id}/note", get_note, "users", _NOTE, problems=(UserNotFound,)),
    Endpoint(
        "PUT",
        "/api/users/{user_id}/note",
        put_note,
        "users",
        _NOTE,
        body=NoteBody,
        body_example=NoteBody("Draws finches."),
        problems=(UserNotFound, Invalid),
    ),
)
