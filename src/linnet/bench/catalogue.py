"""All scenarios, in the order in which they are measured."""

from collections.abc import Mapping

from linnet.bench import (
    cold_home,
    fanout,
    home_page,
    mastodon,
    mixed,
    pages,
    posting,
    scroll,
    search,
    sign_up,
    streams,
    window_memory,
)
from linnet.bench.scenario import Scenario

_MODULES = (
    home_page,
    mastodon,
    cold_home,
    scroll,
    posting,
    fanout,
    window_memory,
    mixed,
    streams,
    sign_up,
    pages,
    search,
)
SCENARIOS: Mapping[str, Scenario] = {module.SCENARIO.name: module.SCENARIO for module in _MODULES}
