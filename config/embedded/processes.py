"""Starting, finding and stopping processes: none is left behind, none of another's is touched."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

MARK = "CHARTROOM_HOME"
LARGEST_LOG = 10 * 1024 * 1024  # bytes
PRIVATE = 0o077  # umask: what a part writes is for its user alone
PR_SET_PDEATHSIG = 1  # linux/prctl.h

libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class Unstarted(Exception):
    """A part or a step did not come up; the message says what and where its log is."""


def spawn(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    log: Path,
    cwd: Path | str,
    at_our_death: signal.Signals = signal.SIGTERM,
    options: Mapping | None = None,
) -> subprocess.Popen:
    """Start a process in its own session; if we are killed, it is sent `at_our_death`."""
    parent = os.getpid()
    with open_log(log) as file:
        return subprocess.Popen(
            [str(word) for word in command],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=PRIVATE,
            preexec_fn=lambda: bind_to(parent, at_our_death),
            **(options or {}),
        )


def bind_to(parent: int, at_its_death: signal.Signals = signal.SIGTERM) -> None:
    """In a new child: ask the kernel for a signal when the parent dies, and end if it already has.

    The kernel forgets the wish when the child changes its user, so this runs after that (subprocess
    does so).
    """
    if libc is not None:
        libc.prctl(PR_SET_PDEATHSIG, int(at_its_death))
    if os.getppid() != parent:
        os._exit(1)


def open_log(path: Path):
    """Open a log for appending; one that has grown large is set aside as `.1` first."""
    if path.exists() and path.stat().st_size > LARGEST_LOG:
        path.replace(path.with_suffix(".log.1"))
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def last_lines(path: Path, count: int = 15) -> str:
    """Return the end of a log, indented, to be shown when its part failed."""
    if not path.exists():
        return ""
    lines = path.read_bytes()[-20_000:].decode(errors="replace").splitlines()
    return "\n".join(f"    {line}" for line in lines[-count:])


def has_ended(process: subprocess.Popen) -> bool:
    """Tell whether a process has ended, and if so end what is left of its group.

    The dead leader is looked at before it is reaped: until then the kernel gives its group's number
    to nobody else.
    """
    if process.returncode is not None:
        return True
    try:
        ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        ended = True
    if not ended:
        return False
    signal_group(process.pid, signal.SIGKILL)
    process.wait()
    return True


def signal_group(pgid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pgid, number)
    except (ProcessLookupError, PermissionError):
        return


# How to stop a process: signals to send in turn, with the seconds to wait after each.
Steps = tuple[tuple[signal.Signals, float], ...]


def stop(process: subprocess.Popen, steps: Steps) -> None:
    """Ask a process to end by each signal in turn; if none ends it, kill its group."""
    for number, seconds in steps:
        if has_ended(process):
            return
        process.send_signal(number)
        wait_until(lambda: has_ended(process), seconds)
    if not has_ended(process):
        signal_group(process.pid, signal.SIGKILL)
        wait_until(lambda: has_ended(process), 5)


def wait_until(condition: Callable[[], bool], seconds: float, *, every: float = 0.03) -> bool:
    """Wait until the condition holds; tell whether it did within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def found(belongs: Callable[[psutil.Process], bool]) -> list[psutil.Process]:
    """Return the processes of which `belongs` is true; unreadable ones are other people's."""
    ours = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and belongs(process):
                ours.append(process)
        except (psutil.Error, OSError):
            continue
    return ours


def marked(home: Path) -> list[psutil.Process]:
    """Return the product's processes that an earlier launcher of this home left behind."""
    return found(lambda process: process.environ().get(MARK) == str(home))


def working_in(folder: Path) -> list[psutil.Process]:
    """Return the processes that work in `folder`, by which our servers are known."""
    place = str(folder.resolve())
    return found(lambda process: process.cwd() == place)


def end(leftovers: list[psutil.Process], *, by: signal.Signals, patience: float = 10) -> None:
    """End processes found after a crash: by a signal, then, past `patience` seconds, by force."""
    for process in leftovers:
        try:
            process.send_signal(by)
        except psutil.NoSuchProcess:
            continue
    _, alive = psutil.wait_procs(leftovers, timeout=patience)
    for process in alive:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(alive, timeout=5)
