"""Every route of the Mastodon API that linnet answers."""

from linnet.api.mastodon import (
    accounts,
    embeds,
    empty,
    featured,
    filters,
    instance,
    lists,
    media,
    notifications,
    oauth,
    polls,
    profiles,
    reports,
    search,
    signups,
    statuses,
    streaming,
    timelines,
)
from linnet.api.mastodon.endpoints import Route

ROUTES: tuple[Route, ...] = (
    *oauth.ROUTES,
    *instance.ROUTES,
    *profiles.ROUTES,
    *accounts.ROUTES,
    *signups.ROUTES,
    *statuses.ROUTES,
    *polls.ROUTES,
    *media.ROUTES,
    *timelines.ROUTES,
    *lists.ROUTES,
    *filters.ROUTES,
    *featured.ROUTES,
    *notifications.ROUTES,
    *search.ROUTES,
    *embeds.ROUTES,
    *reports.ROUTES,
    *streaming.ROUTES,
    *empty.ROUTES,
)
