"""Invitations that nobody has taken up, in the staff's site: listed, sent again, withdrawn."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from clinic import invitations, joining
from clinic.errors import Missing
from clinic.models import Invitation
from clinic.security import tenancy
from clinic.security.permissions import Role

INVITE = "/admin/people/invite/"


@pytest.fixture
def invitation(cast) -> Invitation:
    with cast.acting("alma"):
        return invitations.invite(
            email="qzgil@example.org", role=Role.NURSE, first_name="Gil", last_name="Sá",
            by=cast.alma,
        )  # fmt: skip


def page(invitation: Invitation) -> str:
    return reverse("admin:invitation", args=[invitation.pk])


def changed(invitation: Invitation, **values) -> None:
    with tenancy.system(invitation.facility_id):
        Invitation.objects.filter(pk=invitation.pk).update(**values)
        invitation.refresh_from_db()


def test_it_is_listed_until_it_is_taken_up(cast, browse, invitation):
    shown = browse("alma").get(INVITE).content.decode()
    assert "Gil Sá" in shown and "Not sent yet" in shown and page(invitation) in shown
    changed(invitation, sent_at=timezone.now())
    assert "Until " in browse("alma").get(INVITE).content.decode()
    changed(invitation, expires_at=timezone.now())
    assert "Ended" in browse("alma").get(INVITE).content.decode()
    changed(invitation, expires_at=timezone.now() + timedelta(days=1))
    joining.accept(key=joining.key_of(invitation), by=cast.lucia, with_another_address=True)
    assert "qzgil" not in browse("alma").get(INVITE).content.decode()
    assert browse("alma").get(page(invitation)).status_code == 404


def test_a_letter_is_sent_again_once_a_minute(cast, browse, invitation):
    browser = browse("alma")
    early = browser.post(page(invitation), {"send": "1"}, follow=True)
    assert "Wait a minute" in early.content.decode()
    changed(invitation, sent_at=timezone.now(), expires_at=timezone.now())
    assert browser.post(page(invitation), {"send": "1"})["Location"] == INVITE
    changed(invitation)
    assert invitation.is_open and invitation.sent_at is None


def test_it_is_withdrawn_for_good(cast, browse, invitation):
    key = joining.key_of(invitation)
    assert browse("alma").get(page(invitation)).status_code == 200
    assert joining.find(key).is_open, "looking at it changes nothing"
    assert browse("alma").post(page(invitation), {"withdraw": "1"})["Location"] == INVITE
    with pytest.raises(Missing):
        joining.find(key)
    assert browse("alma").post(page(invitation), {"send": "1"}).status_code == 404


@pytest.mark.parametrize(("name", "status"), [("rita", 404), ("sarah", 403), ("aud", 403)])
def test_nobody_else_reads_or_ends_it(cast, browse, invitation, name, status):
    for answer in (
        browse(name).get(page(invitation)),
        browse(name).post(page(invitation), {"withdraw": "1"}),
        browse(name).post(page(invitation), {"send": "1"}),
    ):
        assert answer.status_code == status and "qzgil" not in answer.content.decode()
    assert joining.find(joining.key_of(invitation)).is_open


def test_a_relatives_invitation_is_not_the_clinics_to_list(cast, browse):
    with cast.acting("john", portal=True):
        row = invitations.write(email="qzkin@example.org", role=Role.FAMILY_MEMBER, by=cast.john)
    assert "qzkin" not in browse("alma").get(INVITE).content.decode()
    assert browse("alma").post(page(row), {"withdraw": "1"}).status_code == 404
    assert joining.find(joining.key_of(row)).is_open
