"""Run the lanes side by side and tell what no test noticed; exit code 1 unless it is explained.

`make mutants ARGS="patients/ages.py"` changes that module only; ARGS=again tries what the last run
left open, with the tests as they are now; ARGS=report tells what it found.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

from benchmarks.mutants import report
from benchmarks.mutants.lane import PACKAGES, run
from benchmarks.mutants.lanes import LANES, Lane

AT_ONCE = 2  # lanes; each has a process of its own and a PostgreSQL


def main(words: list[str]) -> int:
    sys.path.append(str(PACKAGES))
    if words != ["report"]:
        chosen = open_ones() if words == ["again"] else of_modules(words)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(run, chosen, chosen.values()))
    return tell([row for lane in LANES for row in report.found(lane)])


def of_modules(words: list[str]) -> dict[Lane, list[str]]:
    """The lanes of these modules, or all, each with the patterns of what is changed in it."""
    if unknown := set(words).difference(*(lane.modules for lane in LANES)):
        sys.exit(f"Not among the modules of lanes.py: {', '.join(sorted(unknown))}")
    return {
        lane: [name.removesuffix(".py").replace("/", ".") + ".*" for name in modules]
        for lane in LANES
        if (modules := [name for name in lane.modules if not words or name in words])
    }


def open_ones() -> dict[Lane, list[str]]:
    """What the last run left open, by lane."""
    found = {lane: report.found(lane) for lane in LANES}
    names = {
        lane: [name for row in rows for name in (*row.not_tried, *(one.name for one in row.left))]
        for lane, rows in found.items()
    }
    return {lane: theirs for lane, theirs in names.items() if theirs}


def tell(rows: list[report.Found]) -> int:
    print(f"{'module':<36}{'changes':>9}{'noticed':>9}{'explained':>11}{'left':>6}")
    for row in rows:
        print(f"{row.module:<36}{row.total:9}{row.noticed:9}{row.explained:11}{row.open:6}")
    total, noticed = sum(row.total for row in rows), sum(row.noticed for row in rows)
    left = sum(row.open for row in rows)
    print(f"\n{noticed} of {total} noticed, {left} left")
    for row in rows:
        if row.not_tried:
            print(f"{row.module}: {len(row.not_tried)} changes were not tried")
        for one in row.left:
            print(one.line)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
