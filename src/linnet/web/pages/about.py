"""What this place is: what its operator says of it, its rules, and whom to ask."""

from typing import Any

from litestar import Response

from linnet.read.timelines.place import contact_of
from linnet.web.asking import Ask, PageRoute
from linnet.web.pages.layout import show


async def about(ask: Ask) -> Response[Any]:
    """For everybody."""
    place = ask.services.write.options.place
    contact = await contact_of(ask.services.read, place)
    return await show(ask, "about.html", title=f"About {place.title}", beside=False, contact=contact)


PAGES = (PageRoute("GET", "/about", about, user=False),)
