"""An emergency access to the letter: what is kept, counted, noted, told and reviewed, and what of
others stays as it is."""

import time
from dataclasses import replace
from datetime import date, timedelta

import pytest
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY as METHODS
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.utils import timezone

from clinic import staffing
from clinic.errors import Conflict, Invalid, Missing
from clinic.security import tenancy, trail
from clinic.security.permissions import Category, Role
from compliance import breakglass
from compliance.breakglass import Proof, Sought, TooOften, opening
from compliance.models import EmergencyAccess
from compliance.tests.emergencies import (
    BORN,
    REASON,
    break_glass,
    forget_attempts,
    moved,
    noted,
    opened,
    stored,
    widen,
)
from patients import access, registration
from patients.models import AccessGrant

MINUTE = timedelta(minutes=1)


def count(cast) -> int:
    with tenancy.system(cast.harbor):
        return EmergencyAccess.objects.count()


def grants(cast, name="omar") -> list[tuple]:
    with tenancy.system(cast.harbor):
        rows = AccessGrant.grants.filter(user=cast.people[name], source="emergency")
        return sorted(
            (str(row.content_object_id), row.permission.codename, row.reason, row.expires_at,
             row.granted_by_id)
            for row in rows.select_related("permission")
        )  # fmt: skip


def refusals(cast) -> list[dict]:
    rows = noted(cast, compliance_flags__contains=["break_glass_refused", "refused"])
    assert all(row.patient_id is None and row.object_pk == "" for row in rows)
    return [row.additional_data for row in rows]


class TestWhatIsKept:
    def test_the_access_and_its_grants_are_of_one_hour(self, emergency):
        row = stored(emergency, opened(emergency))
        assert (row.patient_id, row.user_id) == (emergency.maria.pk, emergency.omar.pk)
        assert (row.facility_id, row.scope) == (emergency.harbor.pk, ["view", "summary"])
        assert row.expires_at - row.opened_at == 60 * MINUTE
        assert row.review_due_at - row.opened_at == timedelta(hours=24)
        assert not (row.widened_at or row.widened_reason or row.ended_at or row.outcome)
        assert grants(emergency) == [
            (str(emergency.maria.pk), name, "The patient cannot answer", row.expires_at,
             emergency.omar.pk)
            for name in ("summary", "view")
        ]  # fmt: skip

    def test_more_adds_to_scope_and_reason_and_says_when(self, emergency):
        row, before = opened(emergency), timezone.now()
        first, second = "The medicines are needed now.", "And the letters  of the heart clinic."
        widen(emergency, row, categories=["medications"], reason=first)
        assert before <= stored(emergency, row).widened_at <= timezone.now()
        widen(emergency, row, categories=["documents", "medications"], reason=second)
        now = stored(emergency, row)
        assert now.scope == ["documents", "medications", "summary", "view"]
        assert now.widened_reason == f"{first}\nAnd the letters of the heart clinic."
        assert now.reason == REASON and now.expires_at == row.expires_at
        assert {name for _pk, name, *_rest in grants(emergency)} == set(now.scope)
        changes = [set(entry.changes) for entry in noted(emergency, action=1)]
        told = {"scope", "widened_at", "widened_reason"}
        assert changes == [told, told], "what is sealed anew would read as changed"

    def test_giving_one_back_ends_that_one(self, emergency):
        row = opened(emergency)
        other = opened(emergency, sought=Sought(patient_id=emergency.jimmy.pk))
        with emergency.acting("omar"):
            done = breakglass.give_back(emergency=row, by=emergency.omar)
        assert stored(emergency, row).ended_at == done.ended_at <= timezone.now()
        assert {pk for pk, *_rest in grants(emergency)} == {str(emergency.jimmy.pk)}
        assert stored(emergency, other).ended_at is None
        assert set(noted(emergency, action=1)[-1].changes) == {"ended_at"}
        with emergency.acting("omar"), pytest.raises(Conflict, match="has ended"):
            breakglass.give_back(emergency=row, by=emergency.omar)
        assert opened(emergency).pk != row.pk, "and it can be opened again"

    def test_what_runs_is_ones_own_that_ends_first_leading(
        self, emergency, django_assert_num_queries
    ):
        first = opened(emergency)
        second = opened(emergency, sought=Sought(patient_id=emergency.jimmy.pk))
        ended = opened(emergency, sought=Sought(patient_id=emergency.mr_doe.pk))
        opened(emergency, "nina", lacking=[Category.HIV])
        with emergency.acting("omar"):
            breakglass.give_back(emergency=ended, by=emergency.omar)
        moved(emergency, second, -MINUTE)
        with emergency.acting("omar"), django_assert_num_queries(1):
            rows = breakglass.running(emergency.omar)
            assert [row.patient.pk for row in rows] == [emergency.jimmy.pk, emergency.maria.pk]
            assert rows[1] == first

    def test_two_colleagues_open_the_same_patient_each_for_herself(self, emergency):
        """Alma, who treats patients too, sees as an overseer what the others have open."""
        with tenancy.system(emergency.harbor):
            staffing.assign(user=emergency.alma, role=Role.PHYSICIAN, facility=emergency.harbor)
        opened(emergency)
        for name in ("nina", "alma"):
            opened(emergency, name, lacking=[Category.HIV])
            assert len(grants(emergency, name)) == 2
        assert count(emergency) == 3

    def test_who_reads_what_is_usual_and_nothing_else_opens_nothing(self, emergency):
        usual = (Category.VIEW, Category.MEDICATIONS, Category.RECORDS)
        with tenancy.system(emergency.harbor):
            access.grant(
                patient=emergency.maria, user=emergency.omar, source="care_team", categories=usual
            )
        with pytest.raises(Conflict, match="as usual"):
            opened(emergency)
        assert count(emergency) == 0

    def test_opening_another_keeps_the_first_marked(self, emergency):
        """Both are emergencies while the second is opened, for what is told and noted."""
        opened(emergency)
        with emergency.acting("omar"):
            with opening.under_glass(emergency.jimmy.pk):
                actor = tenancy.current()
                assert actor.emergencies == (emergency.maria.pk, emergency.jimmy.pk)
                assert actor.user_id == emergency.omar.pk
            assert tenancy.current().emergencies == (emergency.maria.pk,)

    def test_whom_she_sees_by_that_alone_she_does_not_know(self, emergency):
        """Until she reaches the patient in another way, too."""
        with tenancy.system(emergency.harbor):
            access.grant(patient=emergency.mr_doe, user=emergency.omar, source="care_team")
        opened(emergency)

        def those(door) -> set:
            with emergency.acting("omar"):
                return set(door(emergency.omar).values_list("pk", flat=True))

        assert those(access.visible_to) == {emergency.mr_doe.pk, emergency.maria.pk}
        assert those(access.known_to) == {emergency.mr_doe.pk}
        with emergency.acting("omar"):
            for asked in (access.categories_of, access.granted):
                held = asked(emergency.omar, emergency.maria)
                assert {Category.VIEW, Category.SUMMARY} <= held
                assert not asked(emergency.omar, emergency.maria, under_glass=False)
        with tenancy.system(emergency.harbor):
            access.grant(patient=emergency.maria, user=emergency.omar, source="care_team")
        assert those(access.known_to) == {emergency.mr_doe.pk, emergency.maria.pk}


class TestTheReason:
    @pytest.mark.parametrize(
        ("text", "passes"),
        [
            ("abc abc abc abc abcd", True), ("abc abc abc abc abc", False),
            ("abc abc abc abc abca", True), ("abab abab abab abab ab", False),
            ("AaBb AaBb AaBb AaBb AaBb", False), ("ab!? ab!? ab!? ab!? ab!? ab.", False),
            ("abc  abc\tabc\nabc   abc", False),
        ],
    )  # fmt: skip
    def test_says_something_in_twenty_characters(self, emergency, text, passes):
        if passes:
            assert stored(emergency, opened(emergency, reason=f"  {text} ")).reason == text
            return
        with pytest.raises(Invalid, match="at least 20 characters") as refused:
            opened(emergency, reason=text)
        assert set(refused.value.fields) == {"reason"} and count(emergency) == 0
        assert "20" in str(refused.value.fields["reason"][0])


class TestAttempts:
    @pytest.fixture
    def row(self, emergency):
        return opened(emergency)

    @pytest.mark.parametrize(
        ("given", "how", "why"),
        [
            ({"proof": Proof(code="000000")}, "id", "otp"),
            ({"sought": Sought(mrn="NONE")}, "number", "patient"),
            ({"sought": Sought(name="No One", born=BORN)}, "name", "patient"),
            ({}, "id", "conflict"),
        ],
    )
    def test_that_are_refused_say_how_and_why(self, emergency, row, given, how, why):
        with pytest.raises((Invalid, Missing, Conflict)):
            opened(emergency, **given)
        assert refusals(emergency) == [{"act": "open", "asked_by": how, "why": why}]

    def test_for_more_do_so_too(self, emergency, row):
        with pytest.raises(Invalid):
            widen(emergency, row, proof=Proof(code="000000"))
        assert refusals(emergency) == [{"act": "widen", "asked_by": "id", "why": "otp"}]

    def test_are_noted_when_the_request_is_over(self, emergency):
        """Within a request its middleware writes what was deferred, once."""
        with emergency.acting("omar") as omar:
            asked = replace(omar, origin=replace(omar.origin, request_id="a-request"))
            with tenancy.acting(asked), pytest.raises(Missing):
                break_glass(emergency, sought=Sought(mrn="NONE"))
            assert refusals(emergency) == []
            trail.write_deferred(asked)
        assert len(refusals(emergency)) == 1

    def test_are_counted_for_each_act_and_person_and_forgotten(self, emergency, row, monkeypatch):
        assert (opening.HOUR, opening.MOST_AN_HOUR, TooOften.wait) == (3600, 5, 3600)
        forget_attempts(emergency, "omar")
        monkeypatch.setattr(opening, "HOUR", 1)
        wrong = Proof(code="000000")
        for _attempt in range(5):
            with pytest.raises(Invalid):
                opened(emergency, proof=wrong)
        with pytest.raises(TooOften, match="Too many attempts"):
            opened(emergency, proof=wrong)
        assert widen(emergency, row).widened_at, "asking for more is counted apart"
        assert opened(emergency, "nina", lacking=[Category.HIV]).pk
        time.sleep(1.1)
        with pytest.raises(Invalid):
            opened(emergency, proof=wrong)

    def test_are_counted_in_each_clinic_apart(self, emergency):
        with tenancy.system(emergency.austa):
            staffing.assign(user=emergency.omar, role=Role.PHYSICIAN, facility=emergency.austa)
        for _attempt in range(5):
            with pytest.raises(Missing):
                opened(emergency, sought=Sought(mrn="NONE"))
        with emergency.acting("omar", facility="austa"), pytest.raises(Missing):
            break_glass(emergency, sought=Sought(mrn="NONE"))
        with pytest.raises(TooOften):
            opened(emergency, sought=Sought(mrn="NONE"))


class TestNamingThePatient:
    @pytest.mark.parametrize(
        "name",
        ["Plantedsouza", "Maria", "Maria Eva Plantedsouza", "Maria Plantedsouz", "Maria Planted"],
    )
    def test_takes_first_and_last_name_and_nothing_beside(self, emergency, name):
        with pytest.raises(Missing):
            opened(emergency, sought=Sought(name=name, born=BORN))
        assert count(emergency) == 0

    @pytest.mark.parametrize("mrn", [" {} ", "{}", "{0[0]} {0[1]}"])
    def test_a_number_is_read_whatever_its_spaces(self, emergency, mrn):
        number = emergency.maria.mrn
        written = mrn.format((number[:3], number[3:]) if "[" in mrn else number)
        assert opened(emergency, sought=Sought(mrn=written)).patient_id == emergency.maria.pk

    def test_a_long_name_is_found_whole(self, emergency):
        first, last = "Ana Bela Clara Dora", "Eco Faro Gil Hugo"
        with tenancy.system(emergency.harbor):
            long = registration.register(
                by=None, first_name=first, last_name=last, date_of_birth=date(1991, 1, 2)
            )
        sought = Sought(name=f"{last}, {first}", born=date(1991, 1, 2))
        assert opened(emergency, sought=sought).patient_id == long.pk

    def test_the_id_leads_before_the_number_and_that_before_the_name(self, emergency):
        both = Sought(patient_id=emergency.maria.pk, mrn=emergency.mr_doe.mrn)
        assert opened(emergency, sought=both).patient_id == emergency.maria.pk and both.how == "id"
        named = Sought(mrn=emergency.mr_doe.mrn, name="Jane Doe", born=date(1982, 9, 3))
        assert opened(emergency, sought=named).patient_id == emergency.mr_doe.pk
        assert named.how == "number"


class TestTheProof:
    def used(self, ago: float, **more) -> dict:
        """A proof by passkey, as a session keeps it."""
        record = {"method": "mfa", "type": "webauthn", "at": time.time() - ago}
        return record | {"reauthenticated": True} | more

    @pytest.mark.parametrize(
        ("records", "fresh"),
        [
            ([{"ago": 115}], True), ([{"ago": 125}], False), ([], False),
            ([{"ago": 5, "reauthenticated": False}], False), ([{"ago": 5, "type": "totp"}], False),
            ([{"ago": 900}, {"ago": 5}], True), ([{"ago": 5}, {"ago": 900}], False),
            ([{"ago": 5}, {"ago": 1, "type": "totp"}], True),
            ([{"ago": 5}, {"ago": 1, "reauthenticated": False}], True),
        ],
    )  # fmt: skip
    def test_a_passkey_counts_for_two_minutes(self, records, fresh):
        session = {METHODS: [self.used(**record) for record in records]}
        assert breakglass.is_fresh(session) is fresh and not breakglass.is_fresh({})

    def test_it_is_used_up_and_nothing_else_of_the_session(self, emergency):
        password = {"method": "password", "at": time.time()}
        session = {METHODS: [password, self.used(300), self.used(5)]}
        kept = session[METHODS][:2]
        row = opened(emergency, proof=Proof(session=session))
        assert session[METHODS] == kept and not breakglass.is_fresh(session)
        later = {METHODS: [*kept, self.used(1)]}
        widen(emergency, row, proof=Proof(session=later))

    def test_a_code_counts_before_the_session(self, emergency):
        session = {METHODS: [self.used(5)]}
        with pytest.raises(Invalid) as refused:
            opened(emergency, proof=Proof(code="000000", session=session))
        assert set(refused.value.fields) == {"otp"} and breakglass.is_fresh(session)
        with pytest.raises(Invalid):
            opened(emergency, proof=Proof())
        assert count(emergency) == 0

    def test_of_a_colleague_it_is_none(self, emergency):
        (theirs, *_rest) = RecoveryCodes.activate(emergency.nina).get_unused_codes()
        with pytest.raises(Invalid):
            opened(emergency, proof=Proof(code=theirs))
        (mine, *_rest) = RecoveryCodes.activate(emergency.omar).get_unused_codes()
        assert opened(emergency, proof=Proof(code=mine)).pk
        used = Authenticator.objects.get(user=emergency.omar, type="recovery_codes")
        assert used.last_used_at, "the list of her ways in says so"
        totp = Authenticator.objects.get(user=emergency.omar, type="totp")
        assert totp.last_used_at is None

    def test_who_has_a_passkey_too_may_mistype_her_code(self, emergency):
        Authenticator.objects.create(user=emergency.omar, type="webauthn", data={})
        with pytest.raises(Invalid) as refused:
            opened(emergency, proof=Proof(code="000000"))
        assert set(refused.value.fields) == {"otp"} and count(emergency) == 0
        assert opened(emergency).pk

    def test_who_has_a_passkey(self, emergency):
        assert not breakglass.has_passkey(emergency.omar)
        Authenticator.objects.create(user=emergency.nina, type="webauthn", data={})
        assert breakglass.has_passkey(emergency.nina)
        assert not breakglass.has_passkey(emergency.omar)

    def test_without_a_second_step_the_person_is_told_what_to_do(self, emergency):
        with tenancy.system(emergency.harbor):
            emergency.harbor.second_factor_roles = []
            emergency.harbor.save()
        Authenticator.objects.filter(user=emergency.omar).delete()
        RecoveryCodes.activate(emergency.omar)
        with pytest.raises(Conflict, match="Add a second step"):
            opened(emergency, proof=Proof(code="000000"))
        assert refusals(emergency)[0]["why"] == "conflict"
