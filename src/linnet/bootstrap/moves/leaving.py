"""What else may be wanted of a move: that it was never begun, or never made."""

from linnet.errors import Conflict
from linnet.settings import Settings
from linnet.stores.postgres.moves.connecting import alone, connected
from linnet.stores.postgres.moves.departure import Departure, find_departure, forget_departure


class NoMove(Conflict):
    """No move was begun here."""

    code = "no_move"


class NotMoved(Conflict):
    """This place has not moved: it lives here."""

    code = "not_moved"


class MovedAlready(Conflict):
    """This place has moved, and is lived in there. To live here again, as before: `linnet move reopen`."""

    code = "moved_already"


async def find_move(settings: Settings) -> Departure | None:
    """The move that this place leaves by, or has left by."""
    async with connected(settings.postgres.url, name="here", only_looks=True) as source:
        return await find_departure(source)


async def cancel_move(settings: Settings) -> Departure:
    """Nothing is noted here any more; returns the move that is given up. Raises ``NoMove`` or ``MovedAlready``.

    The database that was moved to stays closed: not all of the place is there.
    """
    async with connected(settings.postgres.url, name="here") as source, alone(source):
        departure = await find_departure(source)
        if departure is None:
            # Half of it may be there, from one that was broken off.
            await forget_departure(source)
            raise NoMove
        if departure.has_moved:
            raise MovedAlready
        await forget_departure(source)
        return departure


async def reopen(settings: Settings) -> Departure:
    """A place that was left is lived in again, as it was then; returns the move. Raises ``NotMoved``."""
    async with connected(settings.postgres.url, name="here") as source, alone(source):
        departure = await find_departure(source)
        if departure is None or not departure.has_moved:
            raise NotMoved
        await forget_departure(source)
        return departure
