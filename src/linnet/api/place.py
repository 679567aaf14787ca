"""What this place is, for programs that show it to people before they sign up."""

from linnet.api import examples
from linnet.api.answers import Answer, view_answer
from linnet.api.endpoints import Call, Endpoint, Success
from linnet.read.timelines.place import place_screen
from linnet.read.views.place import PlaceView


async def get_place(call: Call) -> Answer:
    """Read about this place

    What its operator calls it and says of it, its rules, whom to ask, whether new people may sign up, and how long a
    tweet may be.
    """
    options = call.services.write.options
    return view_answer(await place_screen(call.services.read, options.place, max_tweet_chars=options.text.max_chars))


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "GET",
        "/api/about",
        get_place,
        "about",
        Success("What this place says of itself.", PlaceView, examples.PLACE),
        access="everyone",
    ),
)
