"""Notices that may name a patient: read as long as the patient is open to their reader."""

import pytest
from django.db import connection
from django.utils.translation import gettext_lazy as _

from clinic import letters, notifications, staffing
from clinic.models import Notification
from clinic.security import tenancy
from clinic.security.permissions import Category, Role
from patients import access, consent, family, majority, registration
from patients.models import FamilyMember
from patients.tests.test_majority import born

PLANTED = "qzjimmyplanted"


def told(cast, name: str, patient, link: str = "/portal/access/") -> Notification:
    with tenancy.system(cast.harbor):
        notifications.notify(
            [cast.people[name]], notifications.Kind.EMERGENCY, title=_("Medicines"), text="%(who)s",
            values={"who": PLANTED}, link=link, patient_id=patient.pk,
        )  # fmt: skip
        return Notification.objects.filter(user=cast.people[name]).latest("pk")


def ended(cast):
    with tenancy.system(cast.harbor):
        father = FamilyMember.objects.get(patient=cast.jimmy, user=cast.john)
    with cast.acting("fred"):
        family.end_guardian(member=father, by=cast.fred)


def of_age(cast):
    with cast.acting("alma"):
        registration.correct(
            patient=cast.jimmy, by=cast.alma, date_of_birth=born(cast, of_age_in=0)
        )


def surfaces(api, browse) -> str:
    page = browse("john").get("/portal/notices/")
    return api("john").get("notifications/").content.decode() + page.content.decode()


@pytest.mark.parametrize("end", [ended, of_age])
def test_who_guards_the_child_no_more_reads_no_notice_about_it(cast, api, browse, end):
    row, own = told(cast, "john", cast.jimmy), told(cast, "john", cast.mr_doe)
    assert surfaces(api, browse).count(PLANTED) == 4
    end(cast)
    assert surfaces(api, browse).count(PLANTED) == 2, "that about himself alone"
    answer = browse("john").post("/portal/notices/", {"notice": str(row.pk)})
    assert answer.status_code == 404 and PLANTED not in answer.content.decode()
    for portal in (True, False):
        with cast.acting("john", portal=portal), connection.cursor() as cursor:
            cursor.execute("SELECT id FROM clinic_notification")
            assert row.pk not in {pk for (pk,) in cursor.fetchall()}
            cursor.execute("UPDATE clinic_notification SET read_at = now() WHERE id = %s", [row.pk])
            assert cursor.rowcount == 0
    with tenancy.system(cast.harbor):
        row.refresh_from_db()
        assert row.read_at is None and own.pk != row.pk


def test_nor_where_she_works_if_she_works_here_too(cast, api):
    with tenancy.system(cast.harbor):
        staffing.assign(user=cast.john, role=Role.FRONT_DESK, facility=cast.harbor)
    row = told(cast, "john", cast.jimmy)
    ended(cast)
    for portal in (True, False):
        with cast.acting("john", portal=portal):
            assert not notifications.of(cast.john).filter(pk=row.pk).exists()


def test_a_relative_reads_them_as_long_as_something_is_open(cast):
    with tenancy.system(cast.harbor):
        member = family.stand(patient=cast.mr_doe, user=cast.jane, relationship="spouse")
    with cast.acting("john", portal=True):
        given = consent.give(member=member, categories=[Category.MEDICATIONS], by=cast.john)
    row = told(cast, "jane", cast.mr_doe)
    with cast.acting("jane", portal=True):
        assert notifications.of(cast.jane).filter(pk=row.pk).exists()
        consent.revoke(consent=given, by=cast.jane)
        assert not access.may(cast.jane, cast.mr_doe, Category.VIEW)
    with cast.acting("jane", portal=True):
        assert not notifications.of(cast.jane).exists()


def test_that_it_has_ended_is_told_all_the_same(cast):
    """It leads to no record, and names nobody."""
    of_age(cast)
    with tenancy.system(cast.harbor):
        assert majority.hand_over() == 1
    with cast.acting("john", portal=True):
        [row] = notifications.of(cast.john)
        assert row.title == "Your access as a guardian has ended" and row.link == ""
        assert "Jimmy" not in row.title + row.text


def test_who_works_here_reads_hers_of_a_patient_whom_she_does_not_reach(cast):
    """An invitation of a patient, a referral: they name nobody."""
    row = told(cast, "omar", cast.mr_doe, link="/admin/relationships/")
    with cast.acting("omar"):
        assert list(notifications.of(cast.omar)) == [row]


def test_its_letter_goes_out_by_the_worker(cast, mailoutbox):
    row = told(cast, "john", cast.jimmy)
    with tenancy.system(cast.harbor):
        letters.send_notice(row.pk)
        row.refresh_from_db()
    assert row.sent_at and PLANTED not in mailoutbox[0].body
