"""Pages become routes: who asks, how often they may, and in what shape the answer goes out."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.exceptions import MethodNotAllowedException
from litestar.handlers import ASGIRouteHandler, HTTPRouteHandler, asgi, route
from litestar.types import Receive, Scope, Send

from linnet import logcontext, spans
from linnet.domain.user import Profile
from linnet.errors import Limited, LinnetError, Unauthenticated
from linnet.read.views.users import UserView, user_view
from linnet.stores.valkey.keys import pack_id
from linnet.stores.valkey.limits import Counting, Plan, Verdict
from linnet.web.asking import Ask, PageRoute
from linnet.web.services import WebServices
from linnet.web.sessions import AnyRequest, find_viewer, token_of

LIMIT_HEADERS = "linnet.limit_headers"
"""Where a request's state holds what it is told about its limits, also when it is refused."""

# Profiles as those see them whose they are.
_ME_KEPT: Final = 2000


class _Bound(msgspec.Struct, frozen=True):
    page: PageRoute
    plan: Plan | None


def bind_pages(pages: Sequence[PageRoute], services: WebServices) -> list[ASGIRouteHandler | HTTPRouteHandler]:
    """All routes, one for each path. A path answers to GET also as HEAD, and says with OPTIONS what it answers to."""
    by_path: dict[str, dict[str, _Bound]] = {}
    for page in pages:
        plan = None if services.limits is None else services.limits.plan(page.limit)
        by_path.setdefault(page.path, {})[page.method] = _Bound(page, plan)
    return [_bind(path, by_method, services) for path, by_method in by_path.items()]


def _bind(path: str, by_method: Mapping[str, _Bound], services: WebServices) -> ASGIRouteHandler | HTTPRouteHandler:
    """A bare route where the path has no parameters: one for HTTP costs as much as all that linnet does around it."""
    methods: list[Any] = sorted({*by_method, "OPTIONS"} | ({"HEAD"} if "GET" in by_method else set()))
    allow = ", ".join(methods)

    async def handle(request: AnyRequest) -> Response[Any]:
        bound = by_method.get("GET" if request.method == "HEAD" else request.method)
        if bound is not None:
            return await _answer(bound, services, request)
        if request.method == "OPTIONS":
            return Response(None, status_code=204, headers={"Allow": allow})
        raise MethodNotAllowedException(headers={"Allow": allow})

    async def handle_bare(scope: Scope, receive: Receive, send: Send) -> None:
        request: AnyRequest = Request(scope, receive, send)
        answer = await handle(request)
        await answer.to_asgi_response(None, request)(scope, receive, send)

    if "{" in path:
        return route(path.replace("}", ":str}"), http_method=methods, status_code=200)(handle)
    # The scope is ours alone: a copy would cost and help nobody.
    return asgi(path, copy_scope=False)(handle_bare)


async def _answer(bound: _Bound, services: WebServices, request: AnyRequest) -> Response[Any]:
    token = token_of(request.scope["headers"])
    viewer = await find_viewer(services.viewers, token)
    me: UserView | None = None
    version = 0
    if viewer is not None:
        logcontext.add("user_id", str(viewer.user_id))
        found = (await services.read.profiles.fetch([viewer.user_id])).get(viewer.user_id)
        # The account went while its session was still remembered: that is nobody.
        me, viewer = (None, None) if found is None else (_me_of(found), viewer)
        version = 0 if found is None else found.version
    page, ask = bound.page, Ask(request, services, viewer, me, token=token, version=version)
    counting = _begin(bound.plan, ask)
    if page.user and viewer is None:
        await _admit(counting, request)
        raise Unauthenticated
    if page.method == "GET":
        # Reading changes nothing, so it need not wait to be let in; a refusal wins over whatever was found.
        try:
            answer = await _handle(page, ask)
        except Exception:
            await _admit(counting, request)
            raise
        await _admit(counting, request)
    else:
        try:
            await _admit(counting, request)
        except Limited as error:
            if not page.answers_limits:
                raise
            ask.limited = error
        try:
            answer = await _handle(page, ask)
        except LinnetError as error:
            # Who mistypes a form is not kept from sending it right.
            if counting is not None and ask.limited is None and error.kind in ("invalid", "unavailable"):
                await counting.give_back()
            raise
        if counting is not None and ask.limited is None and ask.did_nothing:
            await counting.give_back()
    if counting is not None:
        answer.headers.update(request.state.get(LIMIT_HEADERS, {}))
    return answer


async def _handle(page: PageRoute, ask: Ask) -> Response[Any]:
    with spans.part(getattr(page.handler, "__name__", page.path)):
        return await page.handler(ask)


@lru_cache(_ME_KEPT)
def _me_of(profile: Profile) -> UserView:
    return user_view(profile, None)


def _begin(plan: Plan | None, ask: Ask) -> Counting | None:
    limits = ask.services.limits
    if limits is None or plan is None:
        return None
    is_known = ask.viewer_id is not None and not plan.per_address
    return limits.begin(plan, pack_id(ask.viewer_id) if is_known and ask.viewer_id is not None else ask.address)


async def _admit(counting: Counting | None, request: AnyRequest) -> None:
    """Leaves headers for the answer. Raises ``Limited``."""
    if counting is None:
        return
    verdict = await counting.settle()
    request.state[LIMIT_HEADERS] = _headers(counting.plan, verdict)
    if verdict.refuser is not None:
        raise Limited(verdict.retry_after_seconds)


def _headers(plan: Plan, verdict: Verdict) -> dict[str, str]:
    """As the draft that is to be the standard has them, for those of the rules that were looked at."""
    names = [name.decode() for name in plan.names]
    policy = ", ".join(
        f'"{name}";q={quota.count};w={quota.period_seconds}' for name, quota in zip(names, plan.quotas, strict=True)
    )
    lefts, waits = verdict.standings[::2], verdict.standings[1::2]
    standing = ", ".join(
        f'"{name}";r={left};t={-(-wait_ms // 1000)}' for name, left, wait_ms in zip(names, lefts, waits, strict=False)
    )
    return {"RateLimit-Policy": policy, **({"RateLimit": standing} if standing else {})}
