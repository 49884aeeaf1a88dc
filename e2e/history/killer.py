"""Kills parts of the product, as a fault of the machine would: without a word."""

import os
import random
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import psutil

from config.embedded import processes
from config.embedded.home import Home


@dataclass
class Killer:
    """Kills one part after another: web, worker, database, until it is told to stop."""

    home: Home
    kills: int
    every: float  # seconds between two
    seed: int
    done: list[tuple[str, float]] = field(default_factory=list)
    stopped: Event = field(default_factory=Event)

    def run(self) -> None:
        chance = random.Random(self.seed)
        for number in range(self.kills):
            part = ("web", "worker", "database")[number % 3]
            if self.stopped.wait(self.every * chance.uniform(0.5, 1.5)):
                return
            for process in self.find(part):
                try:
                    os.kill(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            self.done.append((part, time.time()))

    def find(self, part: str) -> list[psutil.Process]:
        """The processes of a part; of the database the postmaster and all that work for it."""
        if part == "database":
            return list(processes.working_in(Path(self.home.postgres) / "data"))
        word = {"web": "granian", "worker": "worker"}[part]
        found = []
        for process in processes.marked(self.home.path):
            try:
                command = process.cmdline()
            except psutil.Error:
                continue
            if word in command:
                found.append(process)
        return found
