"""What linnet costs, each figure beside a reference that is measured in turns with it on this machine.

Absolute figures mean nothing elsewhere; ratios do. Each starts a linnet of its own in a temporary directory, without
anything else, and takes less than a minute. ``python -m bench.path_of_a_tweet FILE`` is the larger run.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from bench import fanout, home_page, pages, posting, search, window_memory
from bench.figures import Comparison, show_comparisons, write_json

_MEASURES = {
    "home": home_page.measure,
    "pages": pages.measure,
    "posting": posting.measure,
    "fanout": fanout.measure,
    "memory": window_memory.measure,
    "search": search.measure,
}
# Takes some minutes, nearly all of them to make what is searched: asked for by name.
_LONG = {"search"}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "measures", nargs="*", metavar="MEASURE", help=f"{', '.join(_MEASURES)} (default: all but search)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each, in turns with its reference (default 5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one side of a round (default 2)")
    parser.add_argument("--seed", type=int, default=1, help="what the data is made from (default 1)")
    parser.add_argument("--tweets", type=int, default=search.TWEETS, help=f"to search (default {search.TWEETS:,})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE as well")
    options = parser.parse_args()
    if unknown := [name for name in options.measures if name not in _MEASURES]:
        parser.error(f"there is no measure {unknown[0]}; there are {', '.join(_MEASURES)}")
    comparisons: list[Comparison] = []
    for name in options.measures or [name for name in _MEASURES if name not in _LONG]:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="linnet-bench-") as scratch:
            more = {"tweets": options.tweets} if name == "search" else {}
            comparisons += asyncio.run(
                _MEASURES[name](
                    seed=options.seed, rounds=options.rounds, seconds=options.seconds, scratch=Path(scratch), **more
                )
            )
    show_comparisons(comparisons)
    write_json(
        options.json,
        {"options": {"rounds": options.rounds, "seconds": options.seconds, "seed": options.seed}}
        | {"comparisons": comparisons},
    )
    sys.exit(0 if all(comparison.is_met for comparison in comparisons) else 1)


if __name__ == "__main__":
    main()
