"""Runs a history, lets what is left be done, and has it checked by a process of its own."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread

from clinic.tests.services import all_of_them
from config.embedded.environment import free_port, read
from config.embedded.home import ROOT, Home
from config.embedded.serving import READY, ask_readiness
from e2e.history.clients import Client, World
from e2e.history.killer import Killer

SPECIALISTS, PATIENTS = 32, 400
SETTLED = 20  # seconds in which nothing goes out any more: reminders come due each full minute
BUSY = 0.8  # a share of the time that the kills take: the rest goes on answers
LONGEST_WAIT = 400  # seconds for what is left to go out


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m e2e.history", description=__doc__)
    parser.add_argument("--home", type=Path, default=ROOT / ".local" / "history")
    parser.add_argument("--operations", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--every", type=float, default=25, help="seconds between two kills")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main() -> int:
    given = arguments()
    home = Home(given.home.resolve())
    if home.path.exists():
        subprocess.run(
            [*EMBEDDED, "--home", str(home.path), "reset", "--yes"], cwd=ROOT, check=True
        )
        shutil.rmtree(home.path, ignore_errors=True)
    logs = home.path / "clients"
    logs.mkdir(parents=True)
    with all_of_them(logs) as (texts, _whatsapp, mailbox, mail_url):
        port = free_port()
        settings = os.environ | {
            "PORT": str(port), "SMS_URL": texts.url, "EMAIL_URL": mail_url,
            "SSL_CERT_FILE": str(mailbox.certificate), "API_RATE": "10000000",
            "MESSAGE_LOST_AFTER": "10", "PYTHONUNBUFFERED": "1",
        }  # fmt: skip
        product = subprocess.Popen(
            [*EMBEDDED, "--home", str(home.path), "run"], cwd=ROOT, env=settings,
            stdout=(logs / "product.log").open("w"), stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            wait_until_ready(product, port)
            world = furnished(home, settings, port)
            told = play(world, given, home, logs)
            wait_until_ready(product, port)
            settle(lambda: len(texts.took) + len(mailbox.letters))
            taken = {
                "sms": [one["sid"] for one in texts.took], "email": mailbox.names,
                "reminded": world.reminded, "until": time.time(),
            }  # fmt: skip
            (logs / "delivered.json").write_text(json.dumps(taken))
            faults = checked(home, settings, logs)
        finally:
            product.send_signal(signal.SIGTERM)
            product.wait(60)
    print("answers by status:", dict(sorted(told.items())))
    bad = {status: n for status, n in told.items() if status >= 500 and status != 503}
    if bad:
        print("FAULT answers that tell of an error of ours:", bad)
    return 1 if faults or bad else 0


EMBEDDED = (sys.executable, "-m", "config.embedded")


def wait_until_ready(product: subprocess.Popen, port: int, within: float = 200) -> None:
    until = time.monotonic() + within
    while ask_readiness(port)[0] != READY:
        if product.poll() is not None or time.monotonic() > until:
            raise SystemExit("The product does not come up.")
        time.sleep(0.5)


def furnished(home: Home, settings: dict, port: int) -> World:
    words = [str(port), str(SPECIALISTS), str(PATIENTS)]
    environment = dict(settings) | read(home.env) | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    environment["EMBEDDED"] = "1"
    said = subprocess.run(
        [sys.executable, "-m", "e2e.history.furniture", *words], cwd=ROOT, env=environment,
        check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return World(**json.loads(said.stdout.splitlines()[-1]))


def play(world: World, given: argparse.Namespace, home: Home, logs: Path) -> Counter:
    """All clients at once, with the killer among them, and as long as he is; answers their
    statuses."""
    killer = Killer(home, given.kills, given.every, given.seed)
    clients = [
        Client(world, number, logs / f"{number:02}.jsonl", given.seed)
        for number in range(given.clients)
    ]
    each, begun = -(-given.operations // given.clients), time.monotonic()
    pause = given.kills * given.every / each * BUSY
    thread = Thread(target=killer.run, daemon=True)
    thread.start()
    with ThreadPoolExecutor(given.clients) as pool:
        told = sum(pool.map(lambda one: one.run(each, pause), clients), Counter())
    took = time.monotonic() - begun
    thread.join()  # the kills that are left find a product at rest; they count as well
    kills = Counter(part for part, _at in killer.done)
    print(f"{each * given.clients} operations in {took:.0f} s; killed {dict(kills)}")
    return told


def settle(count) -> None:
    """Wait until nothing has gone out for a while, and nothing will in the seconds of the check."""
    until, seen, since = time.monotonic() + LONGEST_WAIT, -1, time.monotonic()
    while time.monotonic() < until:
        if count() != seen:
            seen, since = count(), time.monotonic()
        if time.monotonic() - since > SETTLED and time.time() % 60 < 40:
            return
        time.sleep(1)
    print("FAULT messages go out without end")


def checked(home: Home, settings: dict, logs: Path) -> bool:
    environment = dict(settings) | read(home.env)
    done = subprocess.run(
        [sys.executable, "-m", "e2e.history.checker", str(logs), str(logs / "delivered.json")],
        cwd=ROOT, env=environment,
    )  # fmt: skip
    return bool(done.returncode)


if __name__ == "__main__":
    sys.exit(main())
