"""The Lua scripts, read once. Those on windows, and those on streams, get what they share in front of them."""

from functools import cache
from importlib import resources


@cache
def lua(name: str) -> str:
    """A script that stands alone."""
    return resources.files(__package__).joinpath(f"lua/{name}.lua").read_text("utf-8")


@cache
def window_lua(name: str, publish_verb: str) -> str:
    """A script on windows, some of which tell streams what they changed."""
    return _how_to_tell(publish_verb) + lua("live") + lua("window") + lua(name)


@cache
def live_lua(name: str, publish_verb: str) -> str:
    """A script on who has open streams."""
    return _how_to_tell(publish_verb) + lua("live") + lua(name)


def _how_to_tell(publish_verb: str) -> str:
    # In front, where it costs no argument.
    return f"local PUBLISH = '{publish_verb}'\n"
