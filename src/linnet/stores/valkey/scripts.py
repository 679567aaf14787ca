"""The Lua scripts, read once. Those on windows get what they share in front of them."""

from functools import cache
from importlib import resources


@cache
def lua(name: str) -> str:
    """A script that stands alone."""
    return resources.files(__package__).joinpath(f"lua/{name}.lua").read_text("utf-8")


@cache
def window_lua(name: str) -> str:
    """A script on windows."""
    return lua("window") + lua(name)
