"""`make bench`: measures, and prints ratios of one run. Exit code 1 where a bound is passed.

`make bench ARGS="requests"` measures that part only; parts are requests, scheduling, ocr
and answers.
"""

import os
import sys

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"

PARTS = ("requests", "scheduling", "ocr", "answers")


def main(words: list[str]) -> int:
    import django

    django.setup()
    chosen = words or PARTS
    if unknown := set(chosen) - set(PARTS):
        sys.exit(f"There is no part {', '.join(sorted(unknown))}; choose of {', '.join(PARTS)}.")
    beyond = requests() if "requests" in chosen else 0
    if "scheduling" in chosen:
        beyond += scheduling()
    if "ocr" in chosen:
        from benchmarks import ocr

        print()
        ocr.main()
        beyond += worker()
    if "answers" in chosen:
        from benchmarks import answers

        print()
        answers.main()
    return 1 if beyond else 0


def requests() -> int:
    """Print requests, web processes and policies; answers how many bounds were passed."""
    from benchmarks import memory, requests

    print(f"{'CPU of a request':<40}{'ours':>11}{'bare':>11}{'ratio':>7}")
    beyond = 0
    for row in requests.measure():
        if isinstance(row, memory.Row):
            beyond += show(row)
            continue
        beyond += row.ratio > row.most
        print(
            f"{row.name:<40}{row.ours:8.3f} ms{row.bare:8.3f} ms{row.ratio:7.2f}"
            f"  (at most {row.most})",
            flush=True,
        )
    return beyond


def scheduling() -> int:
    """Print free times and bookings; answers how many bounds were passed."""
    from benchmarks import scheduling as part

    print()
    beyond = 0
    for figure in part.measure():
        beyond += figure.is_beyond
        bound = f"  (at most {figure.most})" if figure.most is not None else ""
        bound = f"  (at least {figure.least})" if figure.least is not None else bound
        print(f"{figure.name:<40}{figure.value:11.2f} {figure.unit}{bound}", flush=True)
    return beyond


def worker() -> int:
    from benchmarks import memory

    return sum(show(row) for row in memory.worker())


def show(row) -> bool:
    """Print a process; whether it uses more than it may."""
    print(f"{row.name:<40}{row.megabytes:8.0f} MB  (at most {row.most})", flush=True)
    return row.megabytes > row.most


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
