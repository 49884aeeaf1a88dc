"""What a calendar program in a browser makes of our calendars: ical.js, read by one node for all.

`make icaljs` installs it (the lock file says which) outside the tree; without it these tests are
left out, but not where `NEEDS_ICALJS` is set, as it is in the checks before a change lands.
"""

import json
import os
import shutil
import subprocess

import pytest
from django.conf import settings

HOME = settings.BASE_DIR / ".local" / "icaljs"


def icaljs(calendars: dict[str, bytes]) -> dict[str, dict]:
    """The events of each calendar, as ical.js reads them."""
    node = shutil.which("node")
    if node is None or not (HOME / "node_modules" / "ical.js").is_dir():
        assert not os.environ.get("NEEDS_ICALJS"), "Run `make icaljs` first; it needs npm."
        pytest.skip("ical.js is not installed: make icaljs")
    texts = {name: content.decode() for name, content in calendars.items()}
    done = subprocess.run(
        [node, HOME / "read.js"], input=json.dumps(texts), capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == ""  # no complaint
    return json.loads(done.stdout)
