"""The application: every route, what goes wrong on any of them, and the edge around them."""

from typing import Any

from litestar import Litestar
from litestar.exceptions import HTTPException

from linnet.api import (
    attachments,
    blocks,
    bookmarks,
    conversations,
    edits,
    featured,
    filters,
    followedtags,
    followrequests,
    follows,
    health,
    likes,
    lists,
    me,
    media,
    notifications,
    place,
    polls,
    popular,
    remarks,
    reports,
    search,
    sessions,
    stream,
    tags,
    timelines,
    tweets,
    users,
)
from linnet.api.docs import docs_endpoints
from linnet.api.edge import Edge
from linnet.api.endpoints import Endpoint
from linnet.api.mastodon.door import Door
from linnet.api.mastodon.routes import ROUTES
from linnet.api.problems import Refused, answer_bug, answer_error, answer_exhausted, answer_framework
from linnet.api.routes import ShortCut, bind_endpoints
from linnet.api.services import ApiServices
from linnet.errors import LinnetError
from linnet.ids import LeaseExhausted

ENDPOINTS: tuple[Endpoint, ...] = (
    *place.ENDPOINTS,
    *users.ENDPOINTS,
    *sessions.ENDPOINTS,
    *me.ENDPOINTS,
    *media.ENDPOINTS,
    *remarks.ENDPOINTS,
    *reports.ENDPOINTS,
    *follows.ENDPOINTS,
    *followrequests.ENDPOINTS,
    *blocks.ENDPOINTS,
    *tweets.ENDPOINTS,
    *edits.ENDPOINTS,
    *attachments.ENDPOINTS,
    *likes.ENDPOINTS,
    *polls.ENDPOINTS,
    *bookmarks.ENDPOINTS,
    *conversations.ENDPOINTS,
    *lists.ENDPOINTS,
    *filters.ENDPOINTS,
    *featured.ENDPOINTS,
    *followedtags.ENDPOINTS,
    *popular.ENDPOINTS,
    *tags.ENDPOINTS,
    *search.ENDPOINTS,
    *notifications.ENDPOINTS,
    *timelines.ENDPOINTS,
    *stream.ENDPOINTS,
    *health.ENDPOINTS,
)


def create_app(services: ApiServices) -> Litestar:
    """One process's application. It opens and closes nothing: the services are ready, and somebody else's to end."""
    endpoints = ENDPOINTS
    if services.options.docs_enabled:
        endpoints += docs_endpoints(ENDPOINTS, services.options)
    handlers: dict[Any, Any] = {
        LinnetError: answer_error,
        Refused: answer_error,
        LeaseExhausted: answer_exhausted,
        HTTPException: answer_framework,
        Exception: answer_bug,
    }
    routes = bind_endpoints(endpoints, services)
    app = Litestar(
        routes.handlers,
        exception_handlers=handlers,
        # Written by linnet.api.openapi: Litestar documents what a handler's signature says, and ours say nothing.
        openapi_config=None,
        # Configured once for the whole process, and not by an application.
        logging_config=None,
    )
    app.asgi_handler = Edge(
        Door(ShortCut(app.asgi_handler, routes.bare), ROUTES, services),
        services.write.clock,
        proxies=services.proxies,
        logs_requests=services.options.logs_requests,
    )
    return app
