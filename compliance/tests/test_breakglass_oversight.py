"""Who hears of an emergency access, what the review finds, and what it shows of what was seen."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from clinic import staffing
from clinic.errors import Conflict, Missing
from clinic.models import Notification, User
from clinic.security import tenancy, trail
from clinic.security.permissions import Category, Denied, Permission, Role
from clinic.tests.people import person
from compliance import breakglass
from compliance.breakglass import Sought
from compliance.models import EmergencyAccess
from compliance.tests.emergencies import moved, noted, opened, stored, widen
from patients import access, enrolment

MINUTE = timedelta(minutes=1)


class TestWhoIsTold:
    def notices(self, cast, user: User) -> list[tuple]:
        with tenancy.system(cast.harbor):
            rows = Notification.objects.filter(user=user, kind="emergency").order_by("id")
            return [(row.title, row.text, row.link, row.patient_id) for row in rows]

    def told(self, cast) -> dict[str, list[tuple]]:
        """What everybody in the house was told, by name."""
        found = {name: self.notices(cast, user) for name, user in cast.people.items()}
        return {name: rows for name, rows in found.items() if rows}

    def page(self, row) -> str:
        return reverse("admin:emergency_review", args=[row.pk])

    def test_of_opening_and_of_more(self, emergency):
        jimmy = emergency.jimmy.pk
        row = opened(emergency, sought=Sought(patient_id=jimmy), category="acute")
        widen(emergency, row)
        look = reverse("portal:access")
        assert self.told(emergency) == {
            "alma": [
                ("Omar Test opened a patient in an emergency",
                 "Acute danger. Review it within 24 hours.", self.page(row), jimmy),
                ("Omar Test asked for more in an emergency",
                 "Acute danger. More than the emergency summary is open now.", self.page(row),
                 jimmy),
            ],
            "john": [
                ("A record was opened in an emergency",
                 "Omar Test opened the emergency summary of Jimmy Doe. The reason given: Acute "
                 "danger. The clinic reviews each such access.", look, jimmy),
                ("More of a record was opened in an emergency",
                 "Omar Test opened more of the record of Jimmy Doe. The reason given: Acute "
                 "danger. The clinic reviews each such access.", look, jimmy),
            ],
        }  # fmt: skip

    def test_of_a_late_review(self, emergency):
        row = opened(emergency)
        with tenancy.system(emergency.harbor):
            EmergencyAccess.objects.update(review_due_at=timezone.now() - MINUTE)
            assert breakglass.escalate() == 1
        said = (
            "The review of an emergency access is late",
            "Omar Test opened a patient more than 24 hours ago, and nobody has reviewed it.",
        )
        told = self.told(emergency)
        assert told["alma"][1:] == [(*said, self.page(row), emergency.maria.pk)]
        listed = f"{reverse('admin:trail')}?flag=break_glass"
        assert told["aud"] == [(*said, listed, emergency.maria.pk)]
        assert set(told) == {"alma", "aud"}
        assert set(noted(emergency, action=1)[-1].changes) == {"escalated_at"}

    def test_nobody_of_her_own(self, emergency):
        """Who opened it reviews nothing of hers, whatever else she is."""
        with tenancy.system(emergency.harbor):
            for role in (Role.ADMINISTRATOR, Role.AUDITOR):
                staffing.assign(user=emergency.omar, role=role, facility=emergency.harbor)
        row = opened(emergency, lacking=[Category.HIV])
        widen(emergency, row, categories=["hiv"])
        with tenancy.system(emergency.harbor):
            EmergencyAccess.objects.update(review_due_at=timezone.now() - MINUTE)
            assert breakglass.escalate() == 1
        assert set(self.told(emergency)) == {"alma", "aud"}

    def test_a_minor_with_an_account_and_who_decides_for_him(self, emergency):
        emergency.people["young"] = person("young", emergency.harbor, Role.PATIENT)
        emergency.people["ward"] = person("ward", emergency.harbor, Role.FAMILY_MEMBER)
        with tenancy.system(emergency.harbor):
            enrolment.connect(patient=emergency.jimmy, user=emergency.young)
            for source, name, category in (
                ("family", "ward", Category.RECORDS), ("care_team", "nina", Category.SHARING),
            ):  # fmt: skip
                access.grant(
                    patient=emergency.jimmy, user=emergency.people[name], source=source,
                    categories=[category],
                )  # fmt: skip
        opened(emergency, sought=Sought(patient_id=emergency.jimmy.pk))
        assert set(self.told(emergency)) == {"alma", "john", "young"}

    def test_of_age_the_patient_alone(self, emergency):
        opened(emergency, sought=Sought(patient_id=emergency.mr_doe.pk))
        assert set(self.told(emergency)) == {"alma", "john"}

    def test_nobody_whose_account_is_closed(self, emergency):
        User.objects.filter(pk=emergency.john.pk).update(is_active=False)
        opened(emergency, sought=Sought(patient_id=emergency.jimmy.pk))
        assert set(self.told(emergency)) == {"alma"}


class TestTheReview:
    def review(self, cast, row, name="alma", outcome="misused", note=" He looked up a friend. "):
        with cast.acting(name):
            return breakglass.review(
                emergency=row, outcome=outcome, note=note, by=cast.people[name]
            )

    def test_is_kept_and_noted(self, emergency):
        row, other = opened(emergency), opened(emergency, "nina", lacking=[Category.HIV])
        before = timezone.now()
        self.review(emergency, row)
        done = stored(emergency, row)
        assert (done.outcome, done.review_note) == ("misused", "He looked up a friend.")
        assert done.reviewed_by_id == emergency.alma.pk
        assert before <= done.reviewed_at <= timezone.now()
        assert set(noted(emergency, action=1)[-1].changes) == {
            "outcome", "review_note", "reviewed_at", "reviewed_by_id",
        }  # fmt: skip
        assert stored(emergency, other).reviewed_at is None
        self.review(emergency, other, outcome="justified", note="")
        assert stored(emergency, other).review_note == ""
        with pytest.raises(Conflict, match="reviewed already"):
            self.review(emergency, row, outcome="justified")
        assert stored(emergency, row).outcome == "misused"

    def test_that_one_may_not_write_names_the_permission(self, emergency):
        row = opened(emergency)
        with tenancy.system(emergency.harbor):
            staffing.assign(user=emergency.omar, role=Role.ADMINISTRATOR, facility=emergency.harbor)
        for name in ("sarah", "omar"):
            with pytest.raises(Denied) as refused:
                self.review(emergency, row, name)
            assert refused.value.permission == Permission.EMERGENCY_REVIEW
        with emergency.acting("fred"), pytest.raises(Denied) as refused:
            breakglass.visible_to(emergency.fred)
        assert refused.value.permission == Permission.EMERGENCY_OPEN
        with pytest.raises(Missing, match="no such emergency"):
            self.review(emergency, row, "rita")
        assert stored(emergency, row).reviewed_at is None

    def test_reads_who_it_was_at_once(self, emergency, django_assert_num_queries):
        row = opened(emergency)
        self.review(emergency, row)
        with emergency.acting("alma"), django_assert_num_queries(1):
            (found,) = breakglass.visible_to(emergency.alma)
            names = {found.user.email, found.reviewed_by.email, found.patient.last_name}
            assert names == {"omar@harbor.test", "alma@harbor.test", "Plantedsouza"}
        with emergency.acting("omar"), django_assert_num_queries(1):
            (mine,) = breakglass.visible_to(emergency.omar)
            assert mine.user.email and mine.reviewed_by.email

    def test_each_late_one_is_told_apart(self, emergency):
        late, young = opened(emergency), opened(emergency, "nina", lacking=[Category.HIV])
        with tenancy.system(emergency.harbor):
            EmergencyAccess.objects.filter(pk=late.pk).update(review_due_at=timezone.now())
            before = timezone.now()
            assert breakglass.escalate() == 1
        assert stored(emergency, late).escalated_at >= before
        assert stored(emergency, young).escalated_at is None


class TestWhatWasSeenUnderIt:
    """The reviewer sees what this person did to this patient under this access, and nothing else
    of what anybody did."""

    def look(self, cast, name: str, patient, how: str, portal: bool = False) -> None:
        with cast.acting(name, portal=portal):
            trail.read("patients.patient", [(patient.pk, patient.pk)], how=how)

    def seen(self, cast, row) -> list[str]:
        with cast.acting("alma"):
            return [entry.additional_data["how"] for entry in breakglass.seen_under(row)]

    def test_is_hers_of_this_patient(self, emergency):
        row = opened(emergency)
        opened(emergency, sought=Sought(patient_id=emergency.jimmy.pk))
        opened(emergency, "nina", lacking=[Category.HIV])
        self.look(emergency, "omar", emergency.maria, "first")
        self.look(emergency, "omar", emergency.jimmy, "another patient")
        self.look(emergency, "nina", emergency.maria, "another person")
        self.look(emergency, "omar", emergency.maria, "second")
        assert self.seen(emergency, row) == ["first", "second"]

    def test_not_what_she_saw_in_another_way_meanwhile(self, emergency):
        with tenancy.system(emergency.harbor):
            staffing.assign(user=emergency.omar, role=Role.FAMILY_MEMBER, facility=emergency.harbor)
        row = opened(emergency)
        self.look(emergency, "omar", emergency.maria, "as a relative", portal=True)
        assert self.seen(emergency, row) == []

    @pytest.mark.parametrize("by", [-2 * 60 * MINUTE, MINUTE])
    def test_not_before_it_nor_after(self, emergency, by):
        row = opened(emergency)
        self.look(emergency, "omar", emergency.maria, "under another")
        assert self.seen(emergency, row) == ["under another"]
        assert self.seen(emergency, moved(emergency, row, by)) == []

    def test_not_after_it_was_given_back(self, emergency):
        row = opened(emergency)
        self.look(emergency, "omar", emergency.maria, "before")
        with emergency.acting("omar"), transaction.atomic():
            row = breakglass.give_back(emergency=row, by=emergency.omar)
        opened(emergency)
        self.look(emergency, "omar", emergency.maria, "under the next")
        assert self.seen(emergency, row) == ["before"]

    def test_is_the_reviewers_to_read(self, emergency):
        row = opened(emergency)
        for name in ("omar", "aud"):
            with emergency.acting(name), pytest.raises(Denied) as refused:
                breakglass.seen_under(row)
            assert refused.value.permission == Permission.EMERGENCY_REVIEW
