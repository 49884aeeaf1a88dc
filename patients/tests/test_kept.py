"""How a fact is kept, past its verbs: who its author is, and who opens it to others."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from clinic import staffing
from clinic.errors import Invalid
from clinic.security import tenancy
from clinic.security.permissions import CONFIDENTIAL_KINDS, Role
from clinic.security.permissions import Category as C
from clinic.tests.programs import wrong_fields
from clinic.tests.refusals import refused
from patients import access, care_team, consent, family, health
from patients.models import Allergy, Medication

HIV = {"sensitivity": "confidential", "confidential_kind": "hiv"}
RESTRICTED = {"sensitivity": "restricted", "confidential_kind": ""}
PLAIN = {"sensitivity": "internal", "confidential_kind": ""}


def a_medicine(cast, patient=None, **kept) -> Medication:
    with tenancy.system(cast.harbor):
        return Medication.objects.create(
            facility=cast.harbor, patient=patient or cast.mr_doe, generic_name="plantedpill", **kept
        )


def in_the_chart(cast, fact):
    with tenancy.system(cast.harbor):
        return type(fact).objects.get(pk=fact.pk)


def confide(cast, name: str) -> None:
    with cast.acting("alma"):
        care_team.confide(
            patient=cast.mr_doe, user=cast.people[name], kinds=[C.HIV],
            reason="She treats him for it.", by=cast.alma,
        )  # fmt: skip


def take_off(cast, name: str) -> None:
    with cast.acting("alma"):
        care_team.leave(patient=cast.mr_doe, user_id=cast.people[name].pk, by=cast.alma)


def in_an_emergency(cast, name: str, categories) -> None:
    access.grant(
        patient=cast.mr_doe, user=cast.people[name], categories=[C.VIEW, C.SUMMARY, *categories],
        source="emergency", expires_at=timezone.now() + timedelta(minutes=30),
    )  # fmt: skip


class TestTheAuthor:
    """Who recorded a fact, and nobody else, ever."""

    def test_she_who_recorded_it_sees_it_without_a_permission(self, api, cast):
        path = f"patients/{cast.mr_doe.pk}/medications/"
        made = api("sarah").post(path, {"generic_name": "plantedpill"} | HIV)
        assert made.status_code == 201, made.content
        assert "plantedpill" in api("sarah").get(path).content.decode()
        assert "plantedpill" not in api("nina").get(path).content.decode()

    @pytest.mark.parametrize("change", [{}, {"dosage": "10 mg"}], ids=["nothing", "a dose"])
    def test_who_amends_it_is_not_its_author(self, api, cast, change):
        fact = a_medicine(cast, **HIV)
        path, sarah = f"patients/{cast.mr_doe.pk}/medications/", api("sarah")
        confide(cast, "sarah")
        assert sarah.patch(f"{path}{fact.pk}/", change).status_code == 200
        row = in_the_chart(cast, fact)
        assert row.recorded_by_id is None
        assert row.verified_by_id == (cast.sarah.pk if change else None)
        take_off(cast, "sarah")
        assert "plantedpill" not in sarah.get(path).content.decode()
        assert sarah.get(f"{path}{fact.pk}/").status_code == 404

    def test_an_empty_change_verifies_nothing(self, cast):
        fact = a_medicine(cast)
        with cast.acting("sarah"):
            health.amend(fact=fact, by=cast.sarah)
        row = in_the_chart(cast, fact)
        assert (row.verified_by_id, row.version) == (None, fact.version)

    @pytest.mark.parametrize("kept", [HIV, RESTRICTED])
    def test_who_amended_an_allergy_hides_it_from_nobody(self, api, cast, kept):
        with tenancy.system(cast.harbor):
            fact = Allergy.objects.create(
                facility=cast.harbor, patient=cast.mr_doe, allergen="plantedpenicillin",
                severity="anaphylactic",
            )  # fmt: skip
        path, phil = f"patients/{cast.mr_doe.pk}/allergies/", api("phil")
        assert phil.patch(f"{path}{fact.pk}/", {"severity": "severe"}).status_code == 200
        wrong_fields(phil.patch(f"{path}{fact.pk}/", kept))
        assert in_the_chart(cast, fact).kept == PLAIN
        assert "plantedpenicillin" in api("sarah").get(path).content.decode()

    def test_nobody_is_made_it_by_sql(self, cast):
        fact = a_medicine(cast)
        statement = "UPDATE patients_medication SET recorded_by_id = %s WHERE id = %s"
        with (
            cast.acting("sarah"),
            pytest.raises(DatabaseError, match="stays its author"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, [cast.sarah.pk, fact.pk])
        assert in_the_chart(cast, fact).recorded_by_id is None

    def test_she_is_none_in_the_portal(self, cast):
        """As his sister she sees what he shared with her, whatever she wrote as a physician."""
        fact = a_medicine(cast, recorded_by=cast.sarah, **HIV)
        with tenancy.system(cast.harbor):
            staffing.assign(user=cast.sarah, role=Role.FAMILY_MEMBER, facility=cast.harbor)
            member = family.stand(patient=cast.mr_doe, user=cast.sarah, relationship="sibling")
        with cast.acting("john", portal=True):
            consent.give(member=member, categories=[C.MEDICATIONS], by=cast.john)
        with cast.acting("sarah", portal=True), transaction.atomic():
            assert not Medication.objects.exists()
        with cast.acting("sarah"), transaction.atomic():
            assert Medication.objects.get() == fact


OF_MIND = {"sensitivity": "confidential", "confidential_kind": "mental_health"}


class TestWhatIsSaid:
    """By its author, who may keep it in any way that there is."""

    def said(self, cast, fact, **facts) -> dict[str, str]:
        with cast.acting("sarah"):
            health.amend(fact=fact, by=cast.sarah, **facts)
        return in_the_chart(cast, fact).kept

    @pytest.mark.parametrize(
        "before, change, after",
        [
            (OF_MIND, {"confidential_kind": "hiv"}, HIV),
            (HIV, {"sensitivity": "confidential"}, HIV),
            (HIV, {"sensitivity": "restricted"}, RESTRICTED),
            (HIV, {"dosage": "10 mg"}, HIV),
            (PLAIN, HIV, HIV),
            (PLAIN, {"sensitivity": "restricted"}, RESTRICTED),
            (RESTRICTED, {"sensitivity": "internal", "confidential_kind": ""}, PLAIN),
        ],
    )
    def test_what_is_not_said_stays_and_a_kind_ends_with_what_it_was_of(
        self, cast, before, change, after
    ):
        fact = a_medicine(cast, recorded_by=cast.sarah, **before)
        assert self.said(cast, fact, **change) == after

    @pytest.mark.parametrize(
        "before, change, field",
        [
            (PLAIN, {"sensitivity": "secret"}, "sensitivity"),
            (PLAIN, {"sensitivity": ""}, "sensitivity"),
            (PLAIN, {"sensitivity": "confidential"}, "confidential_kind"),
            (PLAIN, {"confidential_kind": "hiv"}, "confidential_kind"),
            (PLAIN, {"sensitivity": "restricted", "confidential_kind": "hiv"}, "confidential_kind"),
            (HIV, {"confidential_kind": ""}, "confidential_kind"),
            (HIV, {"confidential_kind": "records"}, "confidential_kind"),
        ],
    )
    def test_what_cannot_be(self, cast, before, change, field):
        fact = a_medicine(cast, recorded_by=cast.sarah, **before)
        with refused(Invalid, field):
            self.said(cast, fact, **change)
        assert in_the_chart(cast, fact).kept == before

    @pytest.mark.parametrize("kept", [HIV, RESTRICTED])
    def test_who_records_it_says_so_at_once(self, cast, kept):
        with cast.acting("sarah"):
            fact = health.record(
                Medication, patient=cast.mr_doe, generic_name="plantedpill", by=cast.sarah, **kept
            )
        assert in_the_chart(cast, fact).kept == kept

    @pytest.mark.parametrize(
        "grants, change, field",
        [
            ([], HIV, "confidential_kind"),
            ([C.MENTAL_HEALTH], HIV, "confidential_kind"),
            ([], RESTRICTED, "sensitivity"),
            ([C.RECORDS], RESTRICTED, "sensitivity"),
            ([C.HIV], HIV, None),
            ([C.MEDICATIONS], RESTRICTED, None),
        ],
    )
    def test_another_hides_what_she_would_still_see(self, cast, grants, change, field):
        fact = a_medicine(cast)
        if grants:
            with tenancy.system(cast.harbor):
                access.grant(
                    patient=cast.mr_doe, user=cast.sarah, categories=grants, source="care_team"
                )
        if field is None:
            assert self.said(cast, fact, **change) == change
            return
        with refused(Invalid, field):
            self.said(cast, fact, **change)
        assert in_the_chart(cast, fact).kept == PLAIN


class TestKeptLessCarefully:
    """What is hidden from colleagues is opened to them by its author and who was given it."""

    def test_by_who_was_given_the_kind(self, cast):
        fact = a_medicine(cast, **HIV)
        confide(cast, "sarah")
        with cast.acting("sarah"):
            health.amend(fact=fact, by=cast.sarah, sensitivity="internal")
        assert in_the_chart(cast, fact).kept == PLAIN

    def test_by_its_author(self, cast):
        fact = a_medicine(cast, recorded_by=cast.sarah, **HIV)
        with cast.acting("sarah"):
            health.amend(fact=fact, by=cast.sarah, sensitivity="internal")
        assert in_the_chart(cast, fact).kept == PLAIN

    @pytest.mark.parametrize("before", [HIV, RESTRICTED])
    @pytest.mark.parametrize(
        "after", [{"sensitivity": "internal"}, {"sensitivity": "public"}, RESTRICTED]
    )
    def test_by_nobody_whom_an_emergency_let_in(self, cast, before, after):
        if before == after:
            after = {"sensitivity": "internal"}
        fact = a_medicine(cast, **before)
        with tenancy.system(cast.harbor):
            in_an_emergency(cast, "sarah", [C.MEDICATIONS, C.HIV])
        with cast.acting("sarah"), refused(Invalid, "sensitivity"):
            health.amend(fact=fact, by=cast.sarah, **after)
        assert in_the_chart(cast, fact).kept == before

    def test_and_an_emergency_hides_nothing(self, cast):
        fact = a_medicine(cast)
        with tenancy.system(cast.harbor):
            in_an_emergency(cast, "sarah", [C.MEDICATIONS, *CONFIDENTIAL_KINDS])
        with cast.acting("sarah"):
            with refused(Invalid, "confidential_kind"):
                health.amend(fact=fact, by=cast.sarah, **HIV)
            with refused(Invalid, "sensitivity"):
                health.amend(fact=fact, by=cast.sarah, **RESTRICTED)
        assert in_the_chart(cast, fact).kept == PLAIN
