"""The command line: `python -m config.embedded run | exec | test | prepare | reset`."""

import argparse
import signal
import sys
import time
from pathlib import Path

import psutil
import psycopg

from config.embedded import execution, processes, roles, serving
from config.embedded.environment import Refused, caller_settings
from config.embedded.home import ROOT, Held, Home

STOP_WITHIN = 60  # seconds for a running launcher to stop its parts


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m config.embedded", description=__doc__)
    parser.add_argument(
        "--home", type=Path, default=ROOT / ".local", help="where data and keys are kept"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="serve the product until a signal comes")
    beside = commands.add_parser("exec", help="run a command beside the servers")
    beside.add_argument("--migrate", action="store_true", help="apply migrations first")
    test = commands.add_parser("test", help="run a command beside test servers")
    for command in (beside, test):
        command.add_argument("words", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    commands.add_parser(
        "prepare", help="make roles, database and extensions on a server of your own"
    )
    reset = commands.add_parser("reset", help="stop everything and delete the data")
    reset.add_argument("--yes", action="store_true", help="do not ask")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """Run a command; failures are one clear line and exit code 1."""
    sys.stdout.reconfigure(line_buffering=True)  # what is told is read at once, in a file too
    given = arguments(words)
    home = Home(given.home.resolve())
    try:
        match given.command:
            case "run":
                serving.run(home)
            case "exec":
                return execution.execute(home, command_of(given.words), migrate=given.migrate)
            case "test":
                return execution.test(home.path, command_of(given.words))
            case "prepare":
                prepare()
            case "reset":
                reset(home, sure=given.yes)
    except Held as holder:
        return fail(f"Chartroom already runs in {home.path} ({holder}). Stop that one first.")
    except (Refused, processes.Unstarted, psycopg.Error) as problem:
        return fail(str(problem))
    return 0


def fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


def command_of(words: list[str]) -> list[str]:
    command = words[1:] if words[:1] == ["--"] else words
    if not command:
        raise Refused("Say which command to run: … -- COMMAND")
    return command


def prepare() -> None:
    """Prepare a server that is not embedded, from the three URLs in the environment."""
    settings = caller_settings()
    names = ("DATABASE_SUPERUSER_URL", "DATABASE_OWNER_URL", "DATABASE_URL")
    if missing := [name for name in names if not settings.get(name)]:
        raise Refused(f"Set {', '.join(missing)}.")
    superuser, owner, runtime = (settings[name] for name in names)
    roles.prepare(superuser, owner_url=owner, runtime_url=runtime, for_tests=False)
    print("Roles, database and extensions are in place.")


def reset(home: Home, *, sure: bool) -> None:
    """Stop what runs and delete the data, after asking."""
    if not home.path.exists():
        print("There is nothing to delete.")
        return
    if (
        not sure
        and input(f"Delete all data and keys in {home.path}? [y/N] ").strip().lower() != "y"
    ):
        print("Nothing was deleted.")
        return
    deadline = time.monotonic() + STOP_WITHIN
    while True:
        try:
            with home.hold():
                end_everything(home)
                for path in [*home.path.glob("test*"), *home.path.glob("bench*")]:
                    Home(path).empty()
                home.empty()
                break
        except Held as holder:
            if time.monotonic() > deadline:
                raise
            ask_to_stop(holder)
            time.sleep(0.5)
    print(f"Deleted what was in {home.path}.")


def ask_to_stop(holder: Held) -> None:
    """Ask a launcher to stop, if the process of that number is one."""
    try:
        process = psutil.Process(holder.pid or 0)
        if "config.embedded" in process.cmdline():
            process.send_signal(signal.SIGTERM)
    except psutil.Error:
        return


def end_everything(home: Home) -> None:
    """Stop what a killed launcher left running, before its data go."""
    processes.end(processes.marked(home.path), by=signal.SIGTERM)
    for folder in [home.path, *home.path.glob("test*"), *home.path.glob("bench*")]:
        inner = Home(folder)
        processes.end(processes.working_in(inner.postgres / "data"), by=signal.SIGINT)
        processes.end(processes.working_in(inner.valkey), by=signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
