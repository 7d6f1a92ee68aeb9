"""`python -m benchmarks NAME`: one measure after the other, and the page of results.

Each measure is short, prints its table and keeps it; `results` writes benchmarks/RESULTS.md from what
is kept, and `all` does everything.
"""

import argparse
import sys
from collections.abc import Callable
from time import monotonic

from benchmarks import growth, loads, processes, reads, results, writes
from benchmarks.contestants import Bank, bank
from benchmarks.figures import Section, shown
from benchmarks.servers import ROOT

MEASURES: dict[str, Callable[[Bank, int, float], Section]] = {
    "hot": reads.hot,
    "freshness": reads.freshness,
    "bypassed": reads.bypassed,
    "bearer": reads.bearer,
    "writes": writes.writes,
    "imports": loads.imports,
    "growth": growth.growth,
    "connections": processes.connections,
    "workers": processes.workers,
    "start": processes.start,
    "memory": processes.memory,
}


def main() -> int:
    """Run what the command line names; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=[*MEASURES, "all", "results"])
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (3)")
    parser.add_argument("--seconds", type=float, default=2, help="for how long each time (2)")
    args = parser.parse_args()
    names = list(MEASURES) if args.name == "all" else [args.name]
    if args.name != "results":
        with bank() as made:
            for name in names:
                started = monotonic()
                section = MEASURES[name](made, args.rounds, args.seconds)
                section.keep()
                print(shown(section), f"\n({monotonic() - started:.0f} s)\n", flush=True)
    if args.name in {"all", "results"}:
        results.write(list(MEASURES))
        print(f"Wrote {results.PAGE.relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
