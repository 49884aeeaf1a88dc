"""How the launcher hears that it should stop."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

ASKING_TO_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A signal asked us to stop."""


@contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Raise Stopped at the first signal, then ignore them, so that stopping is not cut short."""

    def stop(number: int, frame: object) -> None:
        ignore()
        raise Stopped

    before = {number: signal.signal(number, stop) for number in ASKING_TO_STOP}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ignore() -> None:
    for number in ASKING_TO_STOP:
        signal.signal(number, signal.SIG_IGN)
