"""The ways out of the house: each a small interface over what carries the message.

What a service answers to a message is one of four things. It has it; or it never had it
(`Unreached`), and it can be handed over again; or nobody knows (`Unsure`), and it has to be asked
before that; or it takes no such message (`Unwanted`), now or later.
"""

from django.conf import settings

from clinic.models.reach import Channel


class Undelivered(Exception):
    """A message did not go out. Says nothing of what it was or to whom."""


class Unreached(Undelivered):
    """The service does not have it: it was not there, or was too busy."""


class Unsure(Undelivered):
    """The service may have it: the line broke before it answered."""


class Unwanted(Undelivered):
    """It will never take it. `reason` is one of the words below."""

    NO_ADDRESS, REFUSED, NOT_SET_UP = "no_address", "refused", "not_set_up"

    def __init__(self, reason: str, said: str = ""):
        self.reason = reason
        super().__init__(f"{reason} {said}".strip())


def is_set_up(channel: Channel) -> bool:
    """Whether this house has a service for it."""
    needs = {Channel.SMS: settings.SMS, Channel.WHATSAPP: settings.WHATSAPP}
    return bool(needs.get(channel, True))


def offered() -> list[Channel]:
    """The ways that people can choose among."""
    return [channel for channel in Channel if is_set_up(channel)]
