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
    """A change that no test noticed: `module: function`, and the lines before and after."""

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
    not_tried: int = 0
    survivors: tuple[Survivor, ...] = ()

    @property
    def total(self) -> int:
        return self.noticed + self.not_tried + len(self.survivors)


def found(lane: Lane) -> list[Found]:
    return [_of(module, FOLDER / lane.name) for module in lane.modules]


def _of(module: str, copy: Path) -> Found:
    meta = copy / "mutants" / f"{module}.meta"
    result = Found(module)
    if not meta.exists():
        return result
    from mutmut.stats import status_by_exit_code

    survivors = []
    for name, code in json.loads(meta.read_text())["exit_code_by_key"].items():
        status = status_by_exit_code[code]
        if status == "not checked":
            result.not_tried += 1
        elif status in NOTICED:
            result.noticed += 1
        else:
            survivors.append(_survivor(module, name, copy))
    result.survivors = tuple(survivors)
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
    return Survivor(f"{module}: {function.replace('xǁ', '').replace('ǁ', '.')}", before, after)


def explained() -> list[re.Pattern]:
    """Changes that no test can notice: what stands before the reason; `*` is anything."""
    rows = [line for line in EXPLAINED.read_text().splitlines() if line and line[0] != "#"]
    changes = (row.rpartition(" — ")[0].strip() for row in rows)
    return [re.compile(re.escape(change).replace(r"\*", ".*")) for change in changes]
