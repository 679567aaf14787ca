"""Endpoints become Litestar's routes, one for each path.

Where it can be, a route is of Litestar's lowest kind, bare ASGI: a route for HTTP makes a request object, a signature
and a response on the way, and costs as much again as everything else around a handler. Bare routes cannot have
parameters in their path, so those with one are of the other kind.

A path without parameters needs no router either (``ShortCut``). What goes wrong there is Litestar's to answer, as
everywhere.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, cast

import msgspec
from litestar import Request
from litestar.enums import ScopeType
from litestar.exceptions import MethodNotAllowedException
from litestar.handlers import ASGIRouteHandler, HTTPRouteHandler, asgi, route
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from linnet import logcontext, spans
from linnet.api.answers import Answer
from linnet.api.auth import find_viewer
from linnet.api.endpoints import Call, Endpoint
from linnet.api.limits import Gate, did_nothing
from linnet.api.params import parse_query
from linnet.api.problems import Refused
from linnet.api.services import ApiServices
from linnet.errors import LinnetError, Unauthenticated
from linnet.read.hydration.viewers import Viewer

_Answering = Callable[[HTTPScope, Receive], Awaitable[Answer]]

_MADE: Final = "linnet_made"


class Routes(msgspec.Struct, frozen=True):
    """``bare``: how the paths without parameters are answered. ``handlers`` are those of all paths, for Litestar."""

    bare: dict[str, _Answering]
    handlers: list[ASGIRouteHandler | HTTPRouteHandler]


def bind_endpoints(endpoints: Sequence[Endpoint], services: ApiServices) -> Routes:
    """All routes. A path answers to GET also as HEAD, and says with OPTIONS what it answers to."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in endpoints:
        methods = ("GET", "HEAD") if endpoint.method == "GET" else (endpoint.method,)
        by_path.setdefault(endpoint.path, {}).update(dict.fromkeys(methods, endpoint))
    bare = {path: _answering(by_method, services) for path, by_method in by_path.items() if "{" not in path}
    with_parameters = [
        _bind_with_parameters(path, sorted([*by_method, "OPTIONS"]), _answering(by_method, services))
        for path, by_method in by_path.items()
        if path not in bare
    ]
    return Routes(bare, [*(_bind_bare(path, answering) for path, answering in bare.items()), *with_parameters])


class ShortCut:
    """Around Litestar: answers what has a path without parameters, and leaves it everything else, errors too."""

    def __init__(self, app: ASGIApp, bare: Mapping[str, _Answering]) -> None:
        self._app = app
        self._bare = bare

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answering = self._bare.get(scope["path"]) if scope["type"] == ScopeType.HTTP else None
        if answering is None:
            await self._app(scope, receive, send)
            return
        made: Answer | Exception
        try:
            made = await answering(cast(HTTPScope, scope), receive)
        except Exception as error:
            made = error
        if type(made) is Answer:
            scope["path_template"] = scope["path"]
            await made(scope, receive, send)
        else:
            # What went wrong, or still can (a stream), goes where whoever answers errors can catch it.
            cast(dict[str, Any], scope)[_MADE] = made
            await self._app(scope, receive, send)


def _bind_bare(path: str, answering: _Answering) -> ASGIRouteHandler:
    async def handle(scope: HTTPScope, receive: Receive, send: Send) -> None:
        made: Answer | Exception | None = cast(dict[str, Any], scope).pop(_MADE, None)
        if made is None:
            made = await answering(scope, receive)
        if isinstance(made, Exception):
            raise made
        await made(scope, receive, send)

    # The scope is ours alone: a copy would cost and help nobody.
    return asgi(path, copy_scope=False)(handle)


def _bind_with_parameters(path: str, methods: Sequence[Any], answering: _Answering) -> HTTPRouteHandler:
    async def handle(request: Request[Any, Any, Any]) -> Answer:
        return await answering(request.scope, request.receive)

    # Litestar has its own idea of the status of a method, and nothing to say here: the answer has one.
    return route(path.replace("}", ":str}"), http_method=methods, status_code=200)(handle)


def _answering(by_method: dict[str, Endpoint], services: ApiServices) -> _Answering:
    allow = ", ".join(sorted([*by_method, "OPTIONS"]))
    gated = {method: (endpoint, _gate_of(endpoint, services)) for method, endpoint in by_method.items()}

    async def answering(scope: HTTPScope, receive: Receive) -> Answer:
        found = gated.get(scope["method"])
        if found is not None:
            return await _answer(*found, services, scope, receive)
        if scope["method"] == "OPTIONS":
            return Answer(204, b"", [(b"allow", allow.encode())])
        raise MethodNotAllowedException(headers={"allow": allow})

    return answering


def _gate_of(endpoint: Endpoint, services: ApiServices) -> Gate | None:
    plan = None if services.limits is None else services.limits.plan(endpoint.limit)
    return None if services.limits is None or plan is None else Gate(services.limits, services.proxies, plan)


async def _answer(
    endpoint: Endpoint, gate: Gate | None, services: ApiServices, scope: HTTPScope, receive: Receive
) -> Answer:
    """Whoever must be logged in is told so before anything else is looked at, but counts like everybody."""
    viewer: Viewer | None = None
    stranger: Unauthenticated | None = None
    if endpoint.access != "everyone":
        try:
            viewer = await find_viewer(services.viewers, scope["headers"])
            if viewer is not None:
                logcontext.add("user_id", str(viewer.user_id))
            elif endpoint.access == "user":
                raise Unauthenticated
        except Unauthenticated as error:
            stranger = error
    call = Call(services, scope, receive, viewer)
    if gate is None:
        if stranger is not None:
            raise stranger
        return await _handle(endpoint, call, scope)
    counting = gate.begin(scope, call.viewer_id)
    if stranger is not None or endpoint.method != "GET":
        await gate.admit(counting, scope)
        if stranger is not None:
            raise stranger
        try:
            answer = await _handle(endpoint, call, scope)
        except (LinnetError, Refused) as error:
            if did_nothing(error):
                await counting.give_back()
            raise
        if call.did_nothing:
            await counting.give_back()
        return answer
    # Reading changes nothing, so it need not wait to be let in: the count goes to Valkey together with what the handler
    # asks there first, and costs no round trip. A refusal wins over whatever the handler found.
    try:
        answer = await _handle(endpoint, call, scope)
    except Exception:
        await gate.admit(counting, scope)
        raise
    await gate.admit(counting, scope)
    return answer


async def _handle(endpoint: Endpoint, call: Call, scope: HTTPScope) -> Answer:
    if scope["query_string"] and not endpoint.query:
        parse_query(scope["query_string"], ())
    with spans.part(endpoint.operation_id):
        return await endpoint.handler(call)
