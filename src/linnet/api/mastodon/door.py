"""The door for clients of the Mastodon API: which route is meant, who asks, whether they may, and what is answered.

Plain ASGI before the rest of the interface. What is wrong is said in this API's shape, whatever went wrong; a path is
the same with and without a slash at its end, and no POST is redirected.
"""

import re
from collections.abc import Sequence
from typing import Any, cast

import msgspec
import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from linnet import logcontext, spans
from linnet.api.answers import Answer
from linnet.api.auth import InvalidToken
from linnet.api.limits import MORE_HEADERS, Gate, did_nothing
from linnet.api.mastodon.answers import Error, NeedsApp, NeedsPerson, OutsideScopes, answer, error_answer, preflight
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.params import read_query
from linnet.api.mastodon.streaming import WEBSOCKET_PATH, names_in, serve_socket
from linnet.api.problems import Refused
from linnet.api.services import ApiServices
from linnet.clock import rfc3339
from linnet.domain.scopes import covers
from linnet.errors import LinnetError, Unavailable
from linnet.ids import LeaseExhausted
from linnet.read.apps import find_app_by_token
from linnet.read.hydration.viewers import Viewer
from linnet.read.streams import Crowd
from linnet.read.timelines.size import SizeOfPlace

log = structlog.get_logger()

PREFIXES = ("/api/v1/", "/api/v2/", "/api/v1_alpha/", "/api/oembed", "/oauth/", "/nodeinfo/", "/.well-known/")
# Below it lie doors of linnet's own.
_ALONE = "/health"
_PARAMETER = re.compile(r"\{(\w+)\}")


class _Bound(msgspec.Struct, frozen=True):
    route: Route
    gate: Gate | None


class _Path(msgspec.Struct, frozen=True):
    pattern: re.Pattern[str]
    by_method: dict[str, _Bound]


class Door:
    """Answers what is this API's, and leaves everything else to ``app``."""

    def __init__(self, app: ASGIApp, routes: Sequence[Route], services: ApiServices) -> None:
        self._app = app
        self._services = services
        self._size = SizeOfPlace()
        self._crowd = Crowd(services.read)
        plan = None if services.limits is None else services.limits.plan("request")
        self._socket_gate = (
            None if services.limits is None or plan is None else Gate(services.limits, services.proxies, plan)
        )
        self._plain: dict[str, dict[str, _Bound]] = {}
        # By how many parts they have.
        self._patterns: dict[int, list[_Path]] = {}
        by_path: dict[str, dict[str, _Bound]] = {}
        for route in routes:
            bound = _Bound(route, _gate_of(route, services))
            by_path.setdefault(route.path, {})[route.method] = bound
            if route.method == "GET":
                by_path[route.path]["HEAD"] = bound
        for path, by_method in by_path.items():
            if "{" not in path:
                self._plain[path] = by_method
                continue
            pattern = re.compile(_PARAMETER.sub(r"(?P<\1>[^/]+)", path.replace(".", r"\.")))
            self._patterns.setdefault(path.count("/"), []).append(_Path(pattern, by_method))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.WEBSOCKET and scope["path"].rstrip("/") == WEBSOCKET_PATH:
            await self._serve_socket(cast(Any, scope), receive, send)
            return
        path = scope["path"]
        if scope["type"] != ScopeType.HTTP or not (path.startswith(PREFIXES) or path.rstrip("/") == _ALONE):
            await self._app(scope, receive, send)
            return
        made = await self._answer(scope, receive)
        self._say_limits(scope)
        await made(scope, receive, send)

    async def _answer(self, scope: HTTPScope, receive: Receive) -> Answer:
        path: str = scope["path"].rstrip("/")
        by_method, parts = self._find(path)
        if scope["method"] == "OPTIONS":
            return preflight()
        if by_method is None:
            return answer(Error("Not Found"), 404)
        bound = by_method.get(scope["method"])
        if bound is None:
            allow = ", ".join(sorted([*by_method, "OPTIONS"]))
            return answer(Error("Method not allowed"), 405, (b"allow", allow.encode()))
        cast(dict[str, Any], scope)["path_template"] = bound.route.path
        try:
            return await self._admit(bound, scope, receive, parts)
        except (LinnetError, Refused) as error:
            if isinstance(error, Unavailable):
                log.warning("unavailable", cause=error.cause, path=scope["path"])
            return error_answer(error)
        except LeaseExhausted as error:
            return error_answer(Unavailable(str(error)))
        except Exception as error:
            log.error("request failed", exc_info=error, method=scope["method"], path=scope["path"])
            return error_answer(LinnetError())

    async def _serve_socket(self, scope: Any, receive: Receive, send: Send) -> None:
        """Who is let in brings a token in one of three ways: as a protocol's name (then it has to be said again), in
        the header, or in the address.
        """
        await receive()
        protocols = scope.get("subprotocols") or []
        query = read_query(scope["query_string"])
        try:
            token = protocols[0] if protocols else token_of(scope) or query.text("access_token")
            viewer = await self._services.viewers.find_granted(token)
            if viewer is None:
                raise InvalidToken
            if self._socket_gate is not None:
                await self._socket_gate.admit(self._socket_gate.begin(scope, viewer.user_id), scope)
        except LinnetError:
            # Before it is accepted this is answered as a refusal.
            await send({"type": "websocket.close", "code": 4401, "reason": ""})
            return
        accept: Any = {"type": "websocket.accept", "subprotocol": protocols[0] if protocols else None, "headers": []}
        await send(accept)
        call = Call(self._services, scope, receive, viewer, {}, size=self._size, crowd=self._crowd)
        logcontext.add("user_id", str(viewer.user_id))
        await serve_socket(call, viewer, names_in(query), receive, send)

    def _say_limits(self, scope: HTTPScope) -> None:
        """What is left of a limit, also under the names that clients of this API know, and as a time."""
        said = cast(dict[str, Any], scope).get(MORE_HEADERS)
        if said:
            values = dict(said)
            seconds = int(values[b"ratelimit-reset"])
            reset = rfc3339(self._services.write.clock.now_ms() + 1000 * seconds).encode()
            cast(dict[str, Any], scope)[MORE_HEADERS] = [
                *said,
                (b"x-ratelimit-limit", values[b"ratelimit-limit"]),
                (b"x-ratelimit-remaining", values[b"ratelimit-remaining"]),
                (b"x-ratelimit-reset", reset),
            ]

    def _find(self, path: str) -> tuple[dict[str, _Bound] | None, dict[str, str]]:
        if (plain := self._plain.get(path)) is not None:
            return plain, {}
        for one in self._patterns.get(path.count("/"), ()):
            if found := one.pattern.fullmatch(path):
                return one.by_method, found.groupdict()
        return None, {}

    async def _admit(self, bound: _Bound, scope: HTTPScope, receive: Receive, parts: dict[str, str]) -> Answer:
        """Whoever must be somebody is told so before anything else is looked at, but counts like everybody."""
        route, services = bound.route, self._services
        refused: LinnetError | None = None
        viewer: Viewer | None = None
        app_id: int | None = None
        if route.access != "everyone":
            try:
                viewer, app_id = await self._who(route, scope)
            except LinnetError as error:
                refused = error
        if viewer is not None:
            logcontext.add("user_id", str(viewer.user_id))
        call = Call(services, scope, receive, viewer, parts, size=self._size, crowd=self._crowd, app_id=app_id)
        if bound.gate is None:
            if refused is not None:
                raise refused
            return await _handle(route, call)
        counting = bound.gate.begin(scope, call.viewer_id)
        if refused is not None or route.method != "GET":
            await bound.gate.admit(counting, scope)
            if refused is not None:
                raise refused
            try:
                made = await _handle(route, call)
            except (LinnetError, Refused) as error:
                if did_nothing(error):
                    await counting.give_back()
                raise
            if call.did_nothing:
                await counting.give_back()
            return made
        # As in api.routes: reading need not wait to be let in, and a refusal wins over whatever was found.
        try:
            made = await _handle(route, call)
        except Exception:
            await bound.gate.admit(counting, scope)
            raise
        await bound.gate.admit(counting, scope)
        return made

    async def _who(self, route: Route, scope: HTTPScope) -> tuple[Viewer | None, int | None]:
        """Somebody, or an app, or nobody. Raises what keeps them out."""
        token = token_of(scope)
        if token is None and route.path.startswith(WEBSOCKET_PATH):
            # A browser's event source sends no headers of its own.
            token = read_query(scope["query_string"]).text("access_token") or None
        if token is None:
            if route.access == "viewer":
                return None, None
            raise InvalidToken
        viewers = self._services.viewers
        viewer = viewers.peek_granted(token) or await viewers.find_granted(token)
        if viewer is not None:
            if route.access == "client":
                raise NeedsApp
            if viewer.grant is not None:
                _check_scopes(route, viewer.grant.scopes)
            return viewer, None if viewer.grant is None else viewer.grant.app_id
        app = await find_app_by_token(self._services.read, token)
        if app is None:
            raise InvalidToken
        if route.access == "user":
            raise NeedsPerson
        _check_scopes(route, frozenset(app.scopes.split()))
        return None, app.id


def token_of(scope: HTTPScope) -> str | None:
    """The token of ``Authorization: Bearer``. Raises ``InvalidToken`` for what is none, or two."""
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    if not given:
        return None
    if len(given) > 1 or given[0][:7].lower() != b"bearer ":
        raise InvalidToken
    return given[0][7:].strip().decode("latin-1")


def _check_scopes(route: Route, granted: frozenset[str]) -> None:
    if route.scopes and not any(covers(granted, scope) for scope in route.scopes):
        raise OutsideScopes


def _gate_of(route: Route, services: ApiServices) -> Gate | None:
    plan = None if services.limits is None else services.limits.plan(route.limit)
    return None if services.limits is None or plan is None else Gate(services.limits, services.proxies, plan)


async def _handle(route: Route, call: Call) -> Answer:
    with spans.part(f"mastodon {route.handler.__name__}" if hasattr(route.handler, "__name__") else route.path):
        return await route.handler(call)
