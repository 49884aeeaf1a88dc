"""What was found: how many changes were noticed, and each that was not."""

import json
import re
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

from benchmarks.mutants.lane import FOLDER
from benchmarks.mutants.lanes import Lane

EXPLAINED = Path(__file__).with_name("explained.txt")
NOTICED = {"killed", "timeout", "segfault"}


@dataclass(frozen=True)
class Survivor:
    """A change that no test noticed: its name, `module: function`, the lines before and after."""

    name: str
    where: str
    before: str
    after: str

    @property
    def line(self) -> str:
        return f"{self.where} | {self.before} | {self.after}".strip()


@dataclass
class Found:
    """The figures of one module."""

    module: str
    noticed: int = 0
    not_tried: tuple[str, ...] = ()  # their names
    explained: int = 0
    left: tuple[Survivor, ...] = ()

    @property
    def total(self) -> int:
        return self.noticed + self.explained + self.open

    @property
    def open(self) -> int:
        return len(self.left) + len(self.not_tried)


def found(lane: Lane) -> list[Found]:
    """What the last run of a lane found, by module; nothing of those that were not changed yet."""
    known = explained()
    rows = [_of(module, FOLDER / lane.name, known) for module in lane.modules]
    return [row for row in rows if row.total]


def _of(module: str, copy: Path, known: list[re.Pattern]) -> Found:
    meta = copy / "mutants" / f"{module}.meta"
    result = Found(module)
    if not meta.exists():
        return result
    from mutmut.stats import status_by_exit_code

    codes = json.loads(meta.read_text())["exit_code_by_key"]
    states = {name: status_by_exit_code[code] for name, code in codes.items()}
    result.noticed = sum(state in NOTICED for state in states.values())
    result.not_tried = tuple(name for name, state in states.items() if state == "not checked")
    told = [
        _survivor(module, name, copy)
        for name, state in states.items()
        if state not in NOTICED and state != "not checked"
    ]
    result.left = tuple(
        one for one in told if not any(pattern.fullmatch(one.line) for pattern in known)
    )
    result.explained = len(told) - len(result.left)
    return result


def _survivor(module: str, name: str, copy: Path) -> Survivor:
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    with chdir(copy):
        lines = get_diff_for_mutant(name, path=Path(module)).splitlines()
    before, after = (
        " ".join(one[1:].strip() for one in lines if one.startswith(sign) and one[:3] != sign * 3)
        for sign in "-+"
    )
    function = name.rpartition(".")[2].removeprefix("x_").partition("__mutmut")[0]
    return Survivor(
        name, f"{module}: {function.replace('xǁ', '').replace('ǁ', '.')}", before, after
    )


def explained() -> list[re.Pattern]:
    """Changes that no test can notice: what stands before the reason; `*` is anything."""
    rows = [line for line in EXPLAINED.read_text().splitlines() if line and line[0] != "#"]
    changes = (row.rpartition(" — ")[0].strip() for row in rows)
    return [re.compile(re.escape(change).replace(r"\*", ".*")) for change in changes]
