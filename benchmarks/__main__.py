"""`make bench`: measures, and prints ratios of one run."""

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")


def main() -> int:
    import django

    django.setup()
    from benchmarks import requests

    for row in requests.measure():
        print(
            f"{row.name:<34} {row.ours:8.3f} ms {row.bare:8.3f} ms {row.ratio:6.2f}"
            f"  (at most {row.most})",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
