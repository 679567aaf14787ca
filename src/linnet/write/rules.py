"""Rules that rows are made by, and the note beside the rows of which ones these were.

Who is a top user, how popular a tweet is and what trends are stored, and would all be wrong under another setting. So a
worker that finds another note than its own settings brings the rows along, and notes that. Whoever else would write
such rows, as a command does in an operator's shell, looks first whether it was told the same as the workers.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from linnet.domain.trending import TrendingRules
from linnet.errors import Conflict
from linnet.stores.postgres.leases import find_fact
from linnet.stores.postgres.pool import Reader
from linnet.write.deps import WriteDeps, WriteOptions

THRESHOLD_FACT: Final = "top_user_followers"
HALF_LIFE_FACT: Final = "popular_half_life_hours"
TRENDING_FACT: Final = "trending"


class OtherRules(Conflict):
    """The workers were started with other settings than this command."""

    code = "other_rules"


class OtherRule(msgspec.Struct, frozen=True):
    """What ``subject`` is by this process's settings, and by those of the workers."""

    subject: str
    here: str
    there: str


def noted_trending(rules: TrendingRules) -> str:
    """The note of what a tag's rank, and whether it trends, hang on."""
    return f"half-life {rules.half_life_hours} h, {rules.min_people} people"


async def fetch_other_rules(db: Reader, options: WriteOptions) -> list[OtherRule]:
    """Rules that the workers do not have, or nothing. Where no worker has noted any yet, none is another."""
    own: Mapping[str, tuple[str, str]] = {
        THRESHOLD_FACT: ("followers of a top user", str(options.top_user_followers)),
        HALF_LIFE_FACT: ("hours of popularity's half-life", str(options.popular_half_life_hours)),
        TRENDING_FACT: ("what trends", noted_trending(options.trending)),
    }
    found = [(subject, here, await find_fact(db, fact)) for fact, (subject, here) in own.items()]
    return [OtherRule(subject, here, there) for subject, here, there in found if there is not None and there != here]


async def refuse_other_rules(deps: WriteDeps) -> None:
    """Raises ``OtherRules`` when rows written here would not be what the workers make of them."""
    if others := await fetch_other_rules(deps.db, deps.options):
        said = "; ".join(f"{other.subject}: {other.there} there, {other.here} here" for other in others)
        raise OtherRules(f"The workers were started with other settings ({said}): use the same environment.")
