"""What is taken back closes at once: pages, files, fragments, and pages that are open."""

from datetime import timedelta

import pytest
from django.utils import timezone

from clinic.models import LogEntry, RoleAssignment
from clinic.security import tenancy
from clinic.security.permissions import Category
from clinic.tests.people import nobody_id
from patients import consent, family
from patients.models import AccessGrant, FamilyMember
from patients.portal.person import CHOSEN
from patients.portal.still import Still

Level = FamilyMember.PermissionLevel


@pytest.fixture
def jane(cast, browse):
    """Jane's browser, in which John's record is shown; he shares medicines and documents."""
    with tenancy.system(cast.harbor):
        member = family.stand(
            patient=cast.mr_doe, user=cast.jane, relationship="spouse", level=Level.LIMITED
        )
    with cast.acting("john", portal=True):
        shared = [Category.MEDICATIONS, Category.DOCUMENTS]
        consent.give(member=member, categories=shared, by=cast.john)
    browser = browse("jane")
    session = browser.session
    session[CHOSEN] = str(cast.mr_doe.pk)
    session.save()
    browser.member = member
    return browser


def still(browser, patient, shows):
    return browser.get("/portal/still/", {"of": patient.pk, "shows": shows}).status_code


def close(cast, member, category):
    with cast.acting("john", portal=True):
        consent.change(member=member, category=category, opened=False, by=cast.john)


def test_an_open_page_is_asked_for_what_it_shows(jane, cast):
    page = jane.get("/portal/record/")
    assert page.context["portal"].still == "medications,view"
    assert f"/portal/still/?of={cast.mr_doe.pk}" in page.content.decode()
    assert jane.get("/portal/documents/").context["portal"].still == "documents,view"


def test_it_says_at_once_that_a_part_is_closed(jane, cast):
    assert still(jane, cast.mr_doe, "medications,view") == 204
    close(cast, jane.member, Category.MEDICATIONS)
    assert still(jane, cast.mr_doe, "medications,view") == 410
    assert still(jane, cast.mr_doe, "documents,view") == 204  # the other page stays open


def test_a_grant_that_has_run_out_closes_it_too(jane, cast):
    with tenancy.system(cast.harbor):
        rows = AccessGrant.grants.filter(user=cast.jane, source=AccessGrant.Source.FAMILY)
        rows.update(expires_at=timezone.now() - timedelta(hours=1))
    assert still(jane, cast.mr_doe, "medications,view") == 410


def test_a_page_of_another_window_is_not_confused(jane, cast):
    """Whom another window shows meanwhile does not matter to what this page is about."""
    jane.post(f"/portal/person/{cast.mrs_doe.pk}/")
    assert still(jane, cast.mr_doe, "medications,view") == 204


@pytest.mark.parametrize("of", ["mrs_doe", "dona_ana", None])
def test_of_others_it_tells_nothing(browse, cast, of):
    pk = cast.patients[of].pk if of else nobody_id()
    answer = browse("john").get("/portal/still/", {"of": pk, "shows": "view"})
    assert (answer.status_code, answer.content) == (410, b"")


@pytest.mark.parametrize("query", [{}, {"of": "x"}, {"shows": "everything"}])
def test_what_names_nothing_is_not_open(browse, query):
    assert browse("john").get("/portal/still/", query).status_code == 410


def test_asking_is_nobodys_act_and_no_look(jane, cast):
    assert Still.is_background
    with tenancy.system(cast.harbor):
        before = LogEntry.objects.count()
    still(jane, cast.mr_doe, "medications,view")
    close(cast, jane.member, Category.MEDICATIONS)
    with tenancy.system(cast.harbor):
        noted = LogEntry.objects.filter(actor=cast.jane).exclude(resource="clinic.user")
        assert not noted.filter(pk__gt=before, action=LogEntry.Action.ACCESS).exists()


def test_who_has_no_role_any_more_is_refused(jane, cast):
    with tenancy.system(cast.harbor):
        RoleAssignment.objects.filter(user=cast.jane).update(is_active=False)
    assert still(jane, cast.mr_doe, "medications,view") == 403


def test_the_page_to_which_it_leads_tells_nothing(jane, cast):
    close(cast, jane.member, Category.MEDICATIONS)
    page = jane.get("/portal/no-longer/")
    assert page.status_code == 200 and b"This is no longer shared with you" in page.content
