"""Nothing acknowledged is lost while parts die: the chaos run of ``bench/chaos``, in short.

What is asked here does not depend on how fast the machine is: how many requests were refused, and for how long, is for
the long run to say.
"""

import signal
from pathlib import Path

from bench.chaos.faults import Fault
from bench.chaos.ledger import judge
from bench.chaos.run import Options, Run
from bench.chaos.stage import Stage, open_stage

OPTIONS = Options(
    seconds=0.0, calm_seconds=0.5, rate=30.0, authors=8, readers=8, followed_each=4, tweets_each=2, watched=2
)


async def kill_one_of_each(stage: Stage) -> None:
    """One after the other, and each is back before the next one dies."""
    for process in (stage.webs[0], stage.workers[0]):
        old = process.child
        process.kill()
        await process.wait_ready(after=old)
    await stage.postgres.restart(signal.SIGQUIT)
    await stage.wait_ready()
    await stage.valkey.take_back(await stage.valkey.kill_primary())


async def test_each_part_dies_while_people_use_it_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        run = await Run.prepare(stage, OPTIONS)
        result = await run.strike(Fault("all", "one of each dies", kill_one_of_each), 0)
        assert result.mistakes == []
        # People really did something, and were told so.
        done = {request.verb for request in run.requests if request.is_acknowledged}
        assert done >= {"post", "read", "follow", "like"}
        # Who was not served was told to come again, or lost the connection: nothing broke, and nobody was told wrong.
        assert [reason for reason in result.figures.reasons if not _is_connection_lost(reason)] == []

        # The verdict sees what is there: without the first acknowledged post a row is nobody's.
        first = next(request for request in run.requests if request.verb == "post" and request.is_acknowledged)
        forgotten = [request for request in run.requests if request.subject != first.subject]
        assert "nobody's" in {mistake.kind for mistake in judge(run.begin, forgotten, run.found)}


def _is_connection_lost(reason: str) -> bool:
    return any(word in reason for word in (": connection: ", ": no answer in time", ": 502: ", ": 504: "))
