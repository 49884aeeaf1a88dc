"""Clients of the API that book, move and cancel at random, and write down what they were told.

Each asks again, under the same key, until it is answered: what was acknowledged is in its log, a
line for each operation, and what is in no log was never promised.
"""

import http.client
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

PATIENCE = 150  # seconds for one operation; a part that was killed often comes back late
DONE, GONE, TAKEN = {200, 201}, {404}, {409}
WEIGHTS = {"book": 55, "move": 22, "cancel": 15, "hold": 8}
SOON = 0.4  # of the wishes are for a time whose reminder comes due while the history lasts


@dataclass(frozen=True)
class World:
    """What the clients choose from: ids, and the starts of times in ISO form, to which the minutes
    of the specialist are added. Visits are reminded of so many hours before."""

    port: int
    token: str
    patients: Sequence[str]
    specialists: dict[str, int]
    kind: str
    starts: Sequence[str]
    soon: Sequence[str]
    reminded: Sequence[int]

    def start(self, specialist: str, chance: random.Random) -> str:
        start = chance.choice(self.soon if chance.random() < SOON else self.starts)
        minutes = timedelta(minutes=self.specialists[specialist])
        return (datetime.fromisoformat(start) + minutes).isoformat()


@dataclass
class Client:
    """One client with visits of its own: nobody else changes those."""

    world: World
    number: int
    log: Path
    seed: int
    visits: dict[str, str] = field(default_factory=dict)  # id to the specialist
    answers: Counter = field(default_factory=Counter)  # by status, 0 for none

    def run(self, operations: int, pause: float = 0) -> Counter:
        """Do so many operations, with a pause of about so many seconds before each."""
        chance = random.Random(f"{self.seed} {self.number}")
        with self.log.open("w", buffering=1) as log:
            for number in range(operations):
                kind = chance.choices(list(WEIGHTS), WEIGHTS.values())[0]
                if kind in {"move", "cancel"} and not self.visits:
                    kind = "book"
                time.sleep(chance.uniform(0, 2 * pause))
                line = getattr(self, f"_{kind}")(chance) | {
                    "client": self.number, "number": number, "operation": kind,
                }  # fmt: skip
                log.write(json.dumps(line) + "\n")
        return self.answers

    def _book(self, chance: random.Random, **more) -> dict:
        sent = self._wish(chance) | more
        told = self._ask("appointments/", sent)
        if told["status"] in DONE:
            self.visits[told["answer"]["id"]] = told["answer"]["specialist"]
        return told

    def _hold(self, chance: random.Random) -> dict:
        """Keep a time, then book it."""
        sent = self._wish(chance)
        held = self._ask("holds/", sent)
        if held["status"] not in DONE:
            return held
        told = self._ask("appointments/", sent | {"hold": held["answer"]["id"]})
        if told["status"] in DONE:
            self.visits[told["answer"]["id"]] = told["answer"]["specialist"]
        return told

    def _move(self, chance: random.Random) -> dict:
        visit = chance.choice(sorted(self.visits))
        sent = {"start_datetime": self.world.start(self.visits[visit], chance)}
        return self._ask(f"appointments/{visit}/reschedule/", sent) | {"visit": visit}

    def _cancel(self, chance: random.Random) -> dict:
        visit = chance.choice(sorted(self.visits))
        told = self._ask(f"appointments/{visit}/cancel/", {"reason": "-"}) | {"visit": visit}
        if told["status"] in DONE:
            del self.visits[visit]
        return told

    def _wish(self, chance: random.Random) -> dict[str, str]:
        specialist = chance.choice(sorted(self.world.specialists))
        return {
            "patient": chance.choice(self.world.patients),
            "specialist": specialist,
            "appointment_type": self.world.kind,
            "start_datetime": self.world.start(specialist, chance),
        }

    def _ask(self, path: str, sent: dict) -> dict:
        """Post under a key of its own until it is answered; `tries` says how often it took."""
        key, until, tries = str(uuid4()), time.monotonic() + PATIENCE, 0
        while True:
            tries += 1
            status, answer = self._post(path, sent, key)
            self.answers[status] += 1
            if status in DONE | TAKEN | GONE or 400 <= status < 429:
                break
            if time.monotonic() > until:
                status, answer = 0, {}
                break
            time.sleep(0.3)
        return {
            "key": key, "path": path, "sent": sent, "status": status, "tries": tries,
            "answer": {name: answer.get(name) for name in KEPT} if status in DONE else answer,
            "at": time.time(),
        }  # fmt: skip

    def _post(self, path: str, sent: dict, key: str) -> tuple[int, dict]:
        link = http.client.HTTPConnection("127.0.0.1", self.world.port, timeout=20)
        headers = {
            "Authorization": f"Bearer {self.world.token}", "Content-Type": "application/json",
            "Idempotency-Key": key,
        }  # fmt: skip
        try:
            link.request("POST", f"/api/v1/{path}", json.dumps(sent), headers)
            answer = link.getresponse()
            body = answer.read()
            return answer.status, json.loads(body) if body else {}
        except (OSError, http.client.HTTPException, ValueError):
            return 0, {}
        finally:
            link.close()


KEPT = ("id", "start_datetime", "end_datetime", "specialist", "patient", "status", "version")
