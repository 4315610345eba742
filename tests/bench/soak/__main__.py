"""``python -m tests.bench.soak [intake | hubs | kill | publish | mirror | stores | cluster] [numbers]``: all, or one,
which takes the numbers.

Prints what was measured; ends with 1 when something was not as it has to be.
"""

from __future__ import annotations

import argparse
import sys

from tests.bench.soak import cluster, hubs, intake, kill, mirror, publish, stores

SOAKS = {
    "intake": intake.main,
    "hubs": hubs.main,
    "kill": kill.main,
    "publish": publish.main,
    "mirror": mirror.main,
    "stores": stores.main,
    "cluster": cluster.main,
}


def main() -> None:
    """Run them."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.soak")
    parser.add_argument("soak", nargs="?", choices=SOAKS, help="all when absent")
    parser.add_argument(
        "numbers", nargs="*", type=int, help="intake: submissions, megabytes; hubs: hubs; others: kills"
    )
    arguments = parser.parse_args()
    chosen = [arguments.soak] if arguments.soak else list(SOAKS)
    bad = []
    for name in chosen:
        print(f"== {name}", flush=True)
        if not SOAKS[name](*arguments.numbers):
            bad.append(name)
    sys.exit(f"not as it has to be: {', '.join(bad)}" if bad else 0)


if __name__ == "__main__":
    main()
