"""``python -m tests.fuzz SECONDS [NAME …]``: looks for new inputs that break something, for as long as one likes.

Hypothesis makes them, each time others; what it finds is cut down to the smallest such input, and printed with the code
that tries it again. (atheris would be guided by coverage, but has no wheels for every Python that linnet runs on.)
"""

import sys
import time

from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz.targets import TARGETS

_INPUTS_AT_ONCE = 2000


def main(arguments: list[str]) -> int:
    if not arguments or not arguments[0].isdigit():
        print("usage: python -m tests.fuzz SECONDS [NAME …]", file=sys.stderr)
        return 2
    chosen = [target for target in TARGETS if not arguments[1:] or target.name in arguments[1:]]
    end = time.monotonic() + int(arguments[0])
    tried, failed = 0, 0
    budget = settings(
        max_examples=_INPUTS_AT_ONCE,
        database=None,
        deadline=None,
        print_blob=True,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    while chosen and time.monotonic() < end:
        for target in list(chosen):
            if time.monotonic() >= end:
                break
            try:
                budget(given(target.inputs)(target.check))()
                tried += _INPUTS_AT_ONCE
            except Exception as error:
                failed += 1
                # Once is enough: the others go on.
                chosen.remove(target)
                print(f"\n{target.name}: {type(error).__name__}: {error}", *getattr(error, "__notes__", ()), sep="\n")
    print(f"\n{tried} inputs for {len(TARGETS)} targets; {failed} of these broke.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
