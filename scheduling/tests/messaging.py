"""The clinic of the tests about messages: nobody is in quiet hours unless a test says so, and the
services are those of `clinic.tests.services`."""

from datetime import time, timedelta

import pytest
from django.core import mail
from django.utils import timezone

from clinic.models import Notification
from clinic.security import tenancy
from clinic.tests.services import TextService, WhatsAppService, serving
from scheduling import tasks
from scheduling.models import Appointment, Message
from scheduling.tests.hours import open_hours

PHONES = {"john": "+1 617 555 0178", "jane": "(617) 555-0179"}


@pytest.fixture
def telling(cast, settings):
    """Sarah and Omar receive from 9 to 12; both services are set up; John and Jane have phones."""
    settings.PUBLIC_URL = "https://chartroom.example.org"
    cast.kind = open_hours(cast)
    cast.text, cast.whatsapp = TextService(), WhatsAppService()
    with tenancy.system(cast.harbor):
        cast.harbor.quiet_from = cast.harbor.quiet_until = time(0)
        cast.harbor.phone = "+1 603 555 0142"
        cast.harbor.save()
        for name, number in PHONES.items():
            cast.people[name].phone = number
            cast.people[name].save()
    with serving(cast.text), serving(cast.whatsapp):
        settings.SMS, settings.WHATSAPP = cast.text.settings, cast.whatsapp.settings
        settings.WHATSAPP_APP_SECRET = WhatsAppService.SECRET
        settings.WHATSAPP_VERIFY_TOKEN = WhatsAppService.VERIFY
        yield cast


def reached_by(cast, name: str, *channels: str, **more) -> None:
    """What a person allows."""
    with tenancy.system(cast.harbor):
        person = cast.people[name]
        person.channels = list(channels)
        for field, value in more.items():
            setattr(person, field, value)
        person.save()


def work(cast, facility=None) -> None:
    """What the worker does every half minute."""
    tasks.send_messages_here(facility_id=str((facility or cast.harbor).pk))


def letters() -> list[str]:
    return [letter.subject for letter in mail.outbox]


def rows(cast, **which) -> list[Message]:
    with tenancy.system(cast.harbor):
        found = Message.objects.filter(**which).select_related("user").order_by("created_at", "pk")
        return list(found)


def told(cast, **which) -> set[tuple[str, str, str, str]]:
    """Whom, what, by which way and what became of it."""
    return {
        (row.user.first_name if row.user else "", row.kind, row.channel, row.status)
        for row in rows(cast, **which)
    }


def notices(cast, name: str) -> list[tuple[str, str, str]]:
    with tenancy.system(cast.harbor):
        found = Notification.objects.filter(user=cast.people[name], kind="visit").order_by("pk")
        return [(row.title, row.text, row.link) for row in found]


def later(cast, message: Message, **span) -> None:
    """As if the message had been claimed so long ago."""
    with tenancy.system(cast.harbor):
        Message.objects.filter(pk=message.pk).update(
            claimed_at=timezone.now() - timedelta(**span), due_at=timezone.now() - timedelta(**span)
        )


def change(cast, visit: Appointment, **values) -> None:
    with tenancy.system(cast.harbor):
        Appointment.objects.filter(pk=visit.pk).update(**values)
