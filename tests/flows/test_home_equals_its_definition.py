"""Promise: after any history, every page of everybody's home timeline is the page that the definition says.

Histories are random: people write, follow and leave, processes stop in the middle of anything or die there, events come
twice, lanes lag, authors become top users and cease to be, Valkey forgets. ``make test`` plays the same ones for
everybody; ``pytest --hypothesis-profile=long`` plays new ones.
"""

from hypothesis import settings

from tests.support.random_histories import play_random_histories
from tests.support.servers import Servers


def test_every_page_of_every_reader_equals_the_definition(servers: Servers, database_url: str) -> None:
    profile = settings.default
    assert profile is not None
    longer = settings(max_examples=profile.max_examples * 2, stateful_step_count=40)
    play_random_histories(database_url, servers.valkey_url, longer)
