"""One lane: the copy of the project in which its modules are changed, and the run of mutmut."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.mutants.lanes import Lane
from config.embedded.home import ROOT

FOLDER = ROOT / ".local" / "mutants"
PACKAGES = FOLDER / "packages"  # mutmut's own, behind the project's
CHANGED = ("clinic", "patients", "compliance")
# What is said is not what is done: the words of a refusal are for translators to change.
WORDS = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy"}


def prepare(lane: Lane) -> Path:
    """Copy what git knows of; answers the folder. What an earlier run found there stands where
    neither module nor tests changed."""
    from benchmarks.mutants.plain import plain

    copy = FOLDER / lane.name
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split("\0")  # fmt: skip
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    # Which tests reach what is measured anew: the tests may be others than in the last run.
    (copy / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)
    for name in lane.modules:
        (copy / name).write_text(plain((ROOT / name).read_text()))
    with (copy / "conftest.py").open("a") as file:
        file.write("\nfrom benchmarks.mutants.database import *  # noqa: E402, F403\n")
    with (copy / "pyproject.toml").open("a") as file:
        file.write(settings_of(lane, copy))
    return copy


def settings_of(lane: Lane, copy: Path) -> str:
    beside = {path.name for path in copy.iterdir()} - {*CHANGED, "mutants"}
    settings = {
        "source_paths": list(CHANGED),
        "only_mutate": list(lane.modules),
        "also_copy": sorted(beside),
        "pytest_add_cli_args_test_selection": lane.chosen(),
        "pytest_add_cli_args": ["-p", "no:cacheprovider", "--strict-markers"],
        "use_git_change_detection": False,
        "track_dependencies": False,
        "timeout_constant": 4.0,
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    return "\n".join(["\n[tool.mutmut]", *lines, ""])


def run(lane: Lane, chosen: list[str]) -> None:
    """Try these changes of the lane, on a copy and beside a PostgreSQL of its own."""
    copy = prepare(lane)
    launch = [sys.executable, "-m", "config.embedded", "--home", str(FOLDER / f"home-{lane.name}")]
    change = [sys.executable, "-m", "benchmarks.mutants.lane", *chosen]
    with (FOLDER / f"{lane.name}.log").open("w") as log:
        subprocess.run(
            [*launch, "test", "--", *change], cwd=copy, stdout=log, stderr=log,
            env=os.environ | {"PACKAGES": str(PACKAGES)}, check=False,
        )  # fmt: skip


def main() -> None:
    """In the copy: what mutmut's command does, leaving words alone."""
    sys.path.append(os.environ["PACKAGES"])
    from mutmut.__main__ import cli
    from mutmut.mutation import file_mutation

    file_mutation.NEVER_MUTATE_FUNCTION_CALLS |= WORDS
    cli(["run", "--max-children", "1", *sys.argv[1:]])


if __name__ == "__main__":
    main()
