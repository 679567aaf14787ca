"""How often Python looks for garbage that refers to itself, in processes that live long and answer many.

What a request makes goes with its last reference; cycles are rare here. Looking for them after every 700 new objects,
as Python does by itself, took a seventh of the CPU of a home page: each look at the older ones goes over all that a
process imported.
"""

import gc
from typing import Final

# Of the young objects, some ten megabytes at the most; the older ones are looked at every twentieth, every 400th time.
_NEW_OBJECTS: Final = 50_000
_YOUNG_LOOKS: Final = 20


def look_for_garbage_seldom() -> None:
    """To be called once, when everything is imported and open: all that exists now is looked at never again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, _YOUNG_LOOKS, _YOUNG_LOOKS)
