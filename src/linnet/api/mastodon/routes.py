"""Every route of the Mastodon API that linnet answers."""

from linnet.api.mastodon import accounts, empty, instance, notifications, oauth, search, statuses, streaming, timelines
from linnet.api.mastodon.endpoints import Route

ROUTES: tuple[Route, ...] = (
    *oauth.ROUTES,
    *instance.ROUTES,
    *accounts.ROUTES,
    *statuses.ROUTES,
    *timelines.ROUTES,
    *notifications.ROUTES,
    *search.ROUTES,
    *streaming.ROUTES,
    *empty.ROUTES,
)
