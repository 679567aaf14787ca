"""Screen: what this place says of itself."""

from contextlib import suppress

from linnet.domain.place import Place
from linnet.errors import UserNotFound
from linnet.read.deps import ReadDeps
from linnet.read.timelines.people import user_by_username_screen
from linnet.read.views.place import ContactView, PlaceView
from linnet.read.views.users import ProfileView


async def contact_of(deps: ReadDeps, place: Place) -> ProfileView | None:
    """Whoever runs it, as strangers see them; None when nobody is named, or nobody has that name."""
    if place.contact_username:
        with suppress(UserNotFound):
            return await user_by_username_screen(deps, None, place.contact_username)
    return None


async def place_screen(deps: ReadDeps, place: Place, *, max_tweet_chars: int) -> PlaceView:
    return PlaceView(
        place.title,
        place.description,
        place.about,
        list(place.rules),
        ContactView(place.contact_email or None, await contact_of(deps, place)),
        place.takes_sign_ups,
        max_tweet_chars,
    )
