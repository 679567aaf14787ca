"""Whose token it is when it is nobody's: an app's own."""

import hmac

from linnet.domain.oauth import App
from linnet.ids import APP_SECRET_BYTES, pack_token, token_hash, token_owner
from linnet.read.deps import ReadDeps
from linnet.stores.postgres import apps


async def find_app(deps: ReadDeps, app_id: int) -> App | None:
    return await apps.find(deps.db, app_id)


async def find_app_by_token(deps: ReadDeps, token: str) -> App | None:
    """None for anything that is not the token of an app that registered here."""
    # Those of log-ins are shorter: whoever makes such up is not looked for here.
    app_id = token_owner(token) if len(token) == len(pack_token(1, bytes(APP_SECRET_BYTES))) else None
    app = None if app_id is None else await apps.find(deps.db, app_id)
    if app is None or app.token_hash is None or not hmac.compare_digest(app.token_hash, token_hash(token)):
        return None
    return app
