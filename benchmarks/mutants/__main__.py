"""Run the lanes side by side and tell what no test noticed; exit code 1 unless it is explained.

`make mutants ARGS="patients/ages.py"` changes that module only; ARGS=report tells what the last run
found.
"""

import sys

from benchmarks.mutants import report
from benchmarks.mutants.lane import PACKAGES, prepare, start
from benchmarks.mutants.lanes import LANES


def main(words: list[str]) -> int:
    sys.path.append(str(PACKAGES))
    if words != ["report"]:
        if unknown := set(words).difference(*(lane.modules for lane in LANES)):
            sys.exit(f"Not among the modules of lanes.py: {', '.join(sorted(unknown))}")
        chosen = [lane for lane in LANES if not words or set(words) & set(lane.modules)]
        for lane in chosen:
            prepare(lane)
        for process in [start(lane, words) for lane in chosen]:
            process.wait()
    return tell([row for lane in LANES for row in report.found(lane) if row.total])


def tell(rows: list[report.Found]) -> int:
    known, left = report.explained(), []
    print(f"{'module':<36}{'changes':>9}{'noticed':>9}{'explained':>11}{'left':>6}")
    for row in rows:
        told = [one.line for one in row.survivors]
        new = [line for line in told if not any(pattern.fullmatch(line) for pattern in known)]
        explained, open_ones = len(row.survivors) - len(new), len(new) + row.not_tried
        print(f"{row.module:<36}{row.total:9}{row.noticed:9}{explained:11}{open_ones:6}")
        left += new
        if row.not_tried:
            left.append(f"{row.module}: {row.not_tried} changes were not tried")
    total, noticed = sum(row.total for row in rows), sum(row.noticed for row in rows)
    print(f"\n{noticed} of {total} noticed, {len(left)} lines left", *left, sep="\n")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
