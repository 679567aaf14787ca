"""What was done in a Valkey counts only if that one is still believed when the transaction commits."""

from linnet.errors import Unavailable
from linnet.stores.postgres import histories
from linnet.stores.postgres.pool import Session
from linnet.write.deps import WriteDeps


async def confirm_history(deps: WriteDeps, session: Session, history: int | None) -> None:
    """To be called last in a transaction; ``history`` is what ``deps.valkey.history`` was before anything was done.

    Raises ``Unavailable`` when that history has ended: whoever repairs the next one has not seen what we did, or it is
    lost. One that has not ended does not end before the transaction does, so that its repair finds all of it in the
    truth.
    """
    if history is not None and not await histories.confirm(session, generation=history):
        raise Unavailable("Valkey: what was done there is to be done again, in the history that comes next")
