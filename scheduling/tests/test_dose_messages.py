"""That a dose is due is told to whom the medicine is open, at its time, and names nothing."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from clinic.security import tenancy
from clinic.security.permissions import Category
from patients import access
from patients.models import AccessGrant, FamilyMember, Medication
from scheduling import messages
from scheduling.models import MedicationReminder, Message, ReminderLog
from scheduling.tests.hours import NEW_YORK
from scheduling.tests.messaging import notices, reached_by, rows, told, work


@pytest.fixture
def clinic(telling):
    return telling


def dose(cast, patient, *, due=None, messages_on=True, **kept) -> ReminderLog:
    with tenancy.system(cast.harbor):
        row = {"facility": cast.harbor, "patient": patient}
        medicine = Medication.objects.create(**row, generic_name="plantedmedicine", **kept)
        reminder = MedicationReminder.objects.create(
            **row, medication=medicine, pattern="hours", every_hours=8, begins_at=timezone.now(),
            first_day=timezone.localdate(), sends_messages=messages_on, **kept,
        )  # fmt: skip
        log = ReminderLog.objects.create(
            **row, reminder=reminder, due_at=due or timezone.now(), **kept
        )
        messages.plan_dose(log)
        return log


def test_the_patient_is_told_and_nothing_is_named(clinic):
    reached_by(clinic, "john", "portal", "email", "sms")
    dose(clinic, clinic.mr_doe)
    work(clinic)
    assert told(clinic) == {("John", "medicine", way, "sent") for way in ("portal", "email", "sms")}
    ((title, text, link),) = notices(clinic, "john")
    said = "\n".join([title, text, link, mail.outbox[0].subject, mail.outbox[0].body,
                      clinic.text.took[0]["body"]])  # fmt: skip
    for planted in ("plantedmedicine", "edicine", "dose", "Doe"):
        assert planted not in said
    assert mail.outbox[0].attachments == []


def test_once_for_each_time_and_again_when_it_was_put_off(clinic):
    reached_by(clinic, "john", "sms")
    log = dose(clinic, clinic.mr_doe, due=timezone.now() - timedelta(minutes=5))
    with tenancy.system(clinic.harbor):
        log.due_at = log.due_at.astimezone(NEW_YORK)  # the same instant
        messages.plan_dose(log)
    work(clinic)
    assert len(clinic.text.took) == 1
    with tenancy.system(clinic.harbor):
        log.status, log.snoozed_until = "snoozed", timezone.now()
        log.save()
        messages.plan_dose(log)
    work(clinic)
    assert len(clinic.text.took) == 2


@pytest.mark.parametrize("status", ["taken", "skipped", "missed"])
def test_what_is_answered_is_not_told(clinic, status):
    reached_by(clinic, "john", "sms")
    log = dose(clinic, clinic.mr_doe)
    with tenancy.system(clinic.harbor):
        ReminderLog.objects.filter(pk=log.pk).update(status=status)
    work(clinic)
    assert clinic.text.took == [] and rows(clinic)[0].status == "dropped"


def test_nobody_who_wants_none_and_nobody_without_an_account(clinic):
    dose(clinic, clinic.mr_doe, messages_on=False)
    with tenancy.system(clinic.harbor):
        FamilyMember.objects.filter(patient=clinic.jimmy).update(permission_level="limited")
        clinic.jimmy.email = "home@example.org"
        clinic.jimmy.save()
    dose(clinic, clinic.jimmy)
    work(clinic)
    assert mail.outbox == [] and {row.status for row in rows(clinic)} <= {"dropped"}


def test_a_guardian_is_told_of_what_is_open_to_her_only(clinic):
    """Of what concerns mental health the clinic's law closes a twelve-year-old's chart to them."""
    reached_by(clinic, "john", "sms")
    kind = Category.MENTAL_HEALTH
    with tenancy.system(clinic.harbor):
        access.revoke(
            patient=clinic.jimmy, user=clinic.john, source=AccessGrant.Source.FAMILY,
            categories=[kind],
        )  # fmt: skip
    dose(clinic, clinic.jimmy, sensitivity="confidential", confidential_kind=kind)
    work(clinic)
    assert clinic.text.took == []
    dose(clinic, clinic.jimmy)
    work(clinic)
    assert len(clinic.text.took) == 1


def test_staff_see_none_of_them(clinic):
    dose(clinic, clinic.mr_doe)
    with clinic.acting("sarah"):
        assert not Message.objects.exists()
    with clinic.acting("jane", portal=True):
        assert not Message.objects.exists()
    with clinic.acting("john", portal=True):
        assert Message.objects.exists()


def test_it_has_its_time_whatever_the_clinics_quiet_hours_but_not_in_her_own(clinic):
    wall = timezone.now().astimezone(NEW_YORK)
    quiet = {
        "quiet_from": (wall - timedelta(hours=1)).time(),
        "quiet_until": (wall + timedelta(hours=1)).time(),
    }
    with tenancy.system(clinic.harbor):
        for name, at in quiet.items():
            setattr(clinic.harbor, name, at)
        clinic.harbor.save()
    reached_by(clinic, "john", "portal", "sms")
    dose(clinic, clinic.mr_doe)
    work(clinic)
    assert len(clinic.text.took) == 1
    reached_by(clinic, "john", "portal", "sms", **quiet)
    dose(clinic, clinic.mr_doe)
    work(clinic)
    assert len(clinic.text.took) == 1 and len(notices(clinic, "john")) == 2
