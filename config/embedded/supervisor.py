"""Keeps the parts alive: one that dies is started anew, after a longer pause each time."""

import subprocess
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from config.embedded import processes

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a dead part is started again
STEADY = 60.0  # seconds after which an earlier death no longer counts


@dataclass
class Part:
    """A process of the product: how it is launched, how it is stopped."""

    name: str
    launch: Callable[[], subprocess.Popen]
    shutdown: processes.Steps
    is_server: bool = False
    process: subprocess.Popen | None = field(default=None, repr=False)
    started: float = 0.0
    deaths: int = 0
    due: float = 0.0

    @property
    def runs(self) -> bool:
        return self.process is not None and not processes.has_ended(self.process)


class Supervisor:
    """Runs parts, servers first, and stops them, servers last."""

    def __init__(self, tell: Callable[[str], None] = print) -> None:
        self.tell = tell
        self.parts: list[Part] = []

    def start(self, part: Part) -> None:
        """Start a part and keep it alive from now on. Raises Unstarted if it does not come up."""
        self.parts.append(part)
        self._launch(part)

    def _launch(self, part: Part) -> None:
        part.started = time.monotonic()
        part.process = part.launch()

    def look(self) -> None:
        """Notice parts that died, and start again those whose pause is over."""
        for part in self.parts:
            if part.process is not None and not part.runs:
                self._bury(part)
            elif part.process is None and time.monotonic() >= part.due:
                self._revive(part)

    def _bury(self, part: Part) -> None:
        if time.monotonic() - part.started > STEADY:
            part.deaths = 0
        how = reason(part.process.returncode)
        part.process = None
        pause = postpone(part)
        self.tell(f"The {part.name} ended ({how}); starting it again in {pause:g} s.")

    def _revive(self, part: Part) -> None:
        try:
            self._launch(part)
        except processes.Unstarted as problem:
            pause = postpone(part)
            self.tell(f"{problem}\nTrying again in {pause:g} s.")

    def watch(self, until: Callable[[], bool] = lambda: False, *, every: float = 0.1) -> None:
        """Keep the parts alive until the condition holds; without one, for ever."""
        while not until():
            self.look()
            time.sleep(every)

    def stop(self) -> None:
        """Stop the product's parts side by side, then the servers on which they rest."""
        product = [part for part in self.parts if not part.is_server]
        with ThreadPoolExecutor(max_workers=max(1, len(product))) as pool:
            list(pool.map(halt, product))
        for part in reversed(self.parts):
            halt(part)
        self.parts.clear()


def postpone(part: Part) -> float:
    """Set when a dead part is started again; return the pause in seconds, twice the one before."""
    pause = min(FIRST_PAUSE * 2**part.deaths, LONGEST_PAUSE)
    part.deaths += 1
    part.due = time.monotonic() + pause
    return pause


def halt(part: Part) -> None:
    if part.process is not None:
        processes.stop(part.process, part.shutdown)
        part.process = None


def reason(code: int | None) -> str:
    """Say why a process ended, from its return code."""
    if code is None:
        return "of unknown cause"
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"


def fragile(parts: Iterable[Part], limit: int) -> Part | None:
    """Return a part that has died `limit` times in a row, if there is one."""
    return next((part for part in parts if part.deaths >= limit), None)
