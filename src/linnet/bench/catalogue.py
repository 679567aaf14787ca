"""All scenarios, in the order in which they are measured."""

from collections.abc import Mapping

from linnet.bench import fanout, home_page, pages, posting, search, streams, window_memory
from linnet.bench.scenario import Scenario

SCENARIOS: Mapping[str, Scenario] = {
    module.SCENARIO.name: module.SCENARIO
    for module in (home_page, pages, posting, fanout, window_memory, streams, search)
}
