"""What an invitation keeps, when its letter goes out, and that ending one ends no other."""

from datetime import timedelta

import pytest
from celery import current_app
from django.db import transaction
from django.utils import timezone, translation

from clinic import invitations, joining
from clinic.errors import Conflict, Invalid, Missing
from clinic.models import Invitation, LogEntry
from clinic.security import tenancy
from clinic.security.permissions import Role
from clinic.tests.people import make_cast

GIL = {"email": "gil@example.org", "role": Role.NURSE, "first_name": "Gil", "last_name": "Sá"}
BREATH = timedelta(seconds=20)  # more than a test needs


def invited(cast, **more) -> Invitation:
    with cast.acting("alma"):
        return invitations.invite(**(GIL | more), by=cast.alma)


def stored(cast, clinic="harbor") -> list[Invitation]:
    with tenancy.system(getattr(cast, clinic)):
        return list(Invitation.objects.order_by("pk"))


def changed(invitation: Invitation, **values) -> None:
    with tenancy.system(invitation.facility_id):
        Invitation.objects.filter(pk=invitation.pk).update(**values)


def noted(cast, invitation: Invitation) -> set[str]:
    """What the trail says was changed last."""
    with tenancy.system(cast.harbor):
        rows = LogEntry.entries.filter(resource="clinic.invitation", object_pk=str(invitation.pk))
        return set(rows.latest("pk").changes)


@pytest.fixture
def letters(monkeypatch) -> list[tuple]:
    """What is queued, instead of being queued."""
    sent = []
    broker = current_app._get_current_object()
    monkeypatch.setattr(broker, "send_task", lambda name, **how: sent.append((name, how)))
    return sent


class TestInviting:
    def test_all_that_was_said_is_kept(self, cast):
        before = timezone.now()
        with translation.override("es"):
            given = invited(
                cast, email=" Gil@Example.ORG ", first_name=" Gil ", last_name=" Sá ",
                department=" Ward 2 ",
            )  # fmt: skip
        (row,) = stored(cast)
        with tenancy.system(cast.harbor):
            assert (row.pk, row.email, row.full_name) == (given.pk, "gil@example.org", "Gil Sá")
        assert (row.role, row.department, row.language) == ("nurse", "Ward 2", "es")
        assert (row.facility_id, row.invited_by_id) == (cast.harbor.pk, cast.alma.pk)
        assert before + invitations.LIFE <= row.expires_at <= timezone.now() + invitations.LIFE
        assert (row.sent_at, row.accepted_at, row.withdrawn_at) == (None, None, None)

    def test_without_a_language_it_speaks_the_readers(self, cast):
        with translation.override(None):
            assert invited(cast).language == ""

    def test_a_command_invites_a_new_clinics_first_person(self, cast):
        with tenancy.system(cast.harbor):
            invitations.invite(**GIL, by=None)
        (row,) = stored(cast)
        assert row.invited_by_id is None and row.department == ""

    @pytest.mark.parametrize(
        ("wrong", "fields"),
        [
            ({"role": Role.PATIENT}, {"role"}), ({"role": Role.FAMILY_MEMBER}, {"role"}),
            ({"role": "king"}, {"role"}), ({"first_name": " "}, {"first_name"}),
            ({"last_name": ""}, {"last_name"}),
            ({"first_name": "", "last_name": " "}, {"first_name", "last_name"}),
            ({"email": "gil"}, {"email"}),
        ],
    )  # fmt: skip
    def test_what_cannot_be_is_named_and_nothing_is_stored(self, cast, wrong, fields):
        with pytest.raises(Invalid) as refused:
            invited(cast, **wrong)
        assert set(refused.value.fields) == fields and all(refused.value.fields.values())
        assert stored(cast) == []

    def test_both_names_are_needed(self, cast):
        with cast.acting("alma"), pytest.raises(Invalid) as refused:
            invitations.invite(email="gil@example.org", role=Role.NURSE, by=cast.alma)
        assert set(refused.value.fields) == {"first_name", "last_name"} and stored(cast) == []


class TestTheLetter:
    def test_goes_out_once_it_is_certain(self, cast, letters, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            given = invited(cast)
            assert letters == []
        named = {"invitation_id": str(given.pk), "facility_id": str(cast.harbor.pk)}
        # Nobody waits for a broker that does not answer: what was missed is found later.
        assert letters == [("clinic.send_invitation", {"kwargs": named, "retry": False})]

    def test_again_begins_its_time_anew(self, cast, letters, django_capture_on_commit_callbacks):
        given, before = invited(cast), timezone.now()
        changed(given, expires_at=before, sent_at=before)
        with cast.acting("alma"), django_capture_on_commit_callbacks(execute=True):
            again = invitations.send_again(invitation=given, by=cast.alma)
        (row,) = stored(cast)
        assert row.sent_at is None and row.expires_at == again.expires_at
        assert before + invitations.LIFE <= row.expires_at <= timezone.now() + invitations.LIFE
        assert [how["kwargs"]["invitation_id"] for _name, how in letters] == [str(given.pk)]
        assert noted(cast, given) == {"expires_at", "sent_at"}

    @pytest.mark.parametrize(("ago", "goes"), [(-BREATH, False), (BREATH, True)])
    def test_but_not_within_a_minute(self, cast, letters, ago, goes):
        given = invited(cast)
        written = timezone.now() - invitations.PAUSE - ago
        assert timedelta(minutes=1) == invitations.PAUSE
        changed(given, expires_at=written + invitations.LIFE)
        with cast.acting("alma"):
            if goes:
                invitations.send_again(invitation=given, by=cast.alma)
            else:
                with pytest.raises(Conflict, match="Wait a minute"):
                    invitations.send_again(invitation=given, by=cast.alma)
        (row,) = stored(cast)
        assert (row.expires_at == written + invitations.LIFE) is not goes


class TestPending:
    def test_are_those_that_nobody_took_up_here(self, cast, django_assert_num_queries):
        first, late, gone, used = (invited(cast, email=f"{n}@example.org") for n in range(4))
        changed(late, expires_at=timezone.now())
        changed(gone, withdrawn_at=timezone.now())
        changed(used, accepted_at=timezone.now())
        with cast.acting("john", portal=True):
            invitations.write(email="kin@example.org", role=Role.FAMILY_MEMBER, by=cast.john)
        with cast.acting("rita"):
            invitations.invite(**GIL, by=cast.rita)
        with cast.acting("alma"):
            with django_assert_num_queries(1):
                rows = list(invitations.pending())
                assert {row.invited_by.email for row in rows} == {cast.alma.email}
            assert {row.pk for row in rows} == {first.pk, late.pk}
            with tenancy.across_facilities([cast.harbor, cast.austa], reason="a merger"):
                assert set(invitations.pending()) == set(rows), "those of the clinic acted in"


class TestEnding:
    def test_one_ends_and_the_others_stay_open(self, cast):
        ended, other, used = (invited(cast, email=f"{n}@example.org") for n in range(3))
        joining.accept(key=joining.key_of(used), by=cast.lucia, with_another_address=True)
        with cast.acting("alma"):
            invitations.take_back(invitation=ended, by=cast.alma)
        rows = {row.pk: row for row in stored(cast)}
        assert rows[ended.pk].withdrawn_at and rows[other.pk].is_open
        assert rows[used.pk].accepted_at and rows[used.pk].withdrawn_at is None

    @pytest.mark.parametrize("how", ["accepted_at", "withdrawn_at"])
    def test_what_has_ended_does_not_end_again(self, cast, how):
        given, then = invited(cast), timezone.now() - timedelta(hours=1)
        changed(given, **{how: then})
        with tenancy.system(cast.harbor), pytest.raises(Conflict, match="ended already"):
            invitations.withdraw(invitation=given)
        (row,) = stored(cast)
        assert getattr(row, how) == then and not (row.accepted_at and row.withdrawn_at)
        with cast.acting("alma"):
            for verb in (invitations.take_back, invitations.send_again):
                with pytest.raises(Missing):
                    verb(invitation=given, by=cast.alma)


class TestFloods:
    """A patient writes so many a day; what others wrote, and she before, does not count."""

    def write(self, cast, name: str, number: int):
        portal = name in {"john", "jane"}
        with cast.acting(name, portal=portal):
            return invitations.write(
                email=f"{name}{number}@example.org", role=Role.FAMILY_MEMBER, by=cast.people[name]
            )

    def test_are_stopped(self, cast):
        for name, count in (("john", invitations.MOST_A_DAY), ("jane", 1)):
            for number in range(count):
                written = self.write(cast, name, number)
        assert invitations.MOST_A_DAY == 20
        with pytest.raises(Conflict, match="many people"):
            self.write(cast, "john", 99)
        assert self.write(cast, "jane", 99).is_open, "it is each person's own"
        assert len(stored(cast)) == invitations.MOST_A_DAY + 2
        for name in ("john", "jane"):
            for row in stored(cast):
                changed(row, created_at=written.created_at - timedelta(days=1, minutes=1))
            assert self.write(cast, name, 100).is_open, "yesterday's do not count"

    def test_are_not_what_the_clinic_does(self, cast):
        for number in range(invitations.MOST_A_DAY + 1):
            self.write(cast, "alma", number)
        assert len(stored(cast)) == invitations.MOST_A_DAY + 1


@pytest.mark.django_db(transaction=True)
def test_without_a_broker_people_are_invited_all_the_same(monkeypatch):
    """The letter goes out later, when what was missed is looked for."""

    def gone(*args, **kwargs):
        raise ConnectionError

    with transaction.atomic():
        cast = make_cast()
    monkeypatch.setattr(current_app._get_current_object(), "send_task", gone)
    with cast.acting("alma"):
        given = invitations.invite(**GIL, by=cast.alma)
    with tenancy.system(cast.harbor), transaction.atomic():
        assert Invitation.objects.get() == given and given.sent_at is None
