"""The law of the clinic's place: set both ways, guardians' access follows at once."""

from datetime import date, datetime, time

import pytest
from allauth.mfa.models import Authenticator

from clinic.errors import Conflict, Invalid, Missing
from clinic.models import Facility
from clinic.models.facility import private_from_twelve
from clinic.security import tenancy
from clinic.security.permissions import CONFIDENTIAL_KINDS, Category, Denied, Permission, Role
from clinic.tests.people import person
from clinic.tests.refusals import denied, refused
from patients import access, ages, consent, family, jurisdiction, majority, registration
from patients.models import AccessGrant, Consent, FamilyMember

C = Category
TWELVE = private_from_twelve()


def set_law(cast, by="alma", majority_age=18, **private_from):
    with cast.acting(by):
        return jurisdiction.set_law(
            facility=cast.harbor, majority_age=majority_age,
            private_from=TWELVE | private_from, by=cast.people[by],
        )  # fmt: skip


def law(cast) -> tuple:
    with tenancy.system(cast.harbor):
        row = Facility.objects.get(pk=cast.harbor.pk)
        return row.majority_age, row.private_from


def child(cast, years: int, born: date | None = None):
    """A child of that age, born on the first of last month, guarded by John."""
    today = datetime.now(cast.harbor.zone).date()
    born = born or ages.birthday(today.replace(day=1), -years)
    with tenancy.system(cast.harbor):
        patient = registration.register(
            by=None, first_name="Child", last_name="Doe", date_of_birth=born
        )
        family.stand(
            patient=patient, user=cast.john, relationship="parent", level="full", is_guardian=True
        )
    return patient


def seen(cast, patient) -> frozenset[Category]:
    with cast.acting("john", portal=True):
        return access.categories_of(cast.john, patient)


def test_a_private_age_that_is_raised_opens_and_lowered_closes_at_once(cast):
    patient = child(cast, 13)
    assert not seen(cast, patient) & set(CONFIDENTIAL_KINDS)
    set_law(cast, hiv=14)
    assert seen(cast, patient) & set(CONFIDENTIAL_KINDS) == {C.HIV}
    with tenancy.system(cast.harbor):
        end = AccessGrant.grants.get(
            content_object=patient, user=cast.john, permission__codename="hiv"
        ).expires_at
        [standing] = Consent.objects.current().filter(patient=patient)
        assert "hiv" in standing.categories
    assert end == ages.begins(ages.birthday(patient.date_of_birth, 14), cast.harbor.zone)
    set_law(cast)
    assert not seen(cast, patient) & set(CONFIDENTIAL_KINDS)
    assert C.RECORDS in seen(cast, patient)


def test_a_kind_that_is_left_out_stays_open_until_majority(cast):
    patient = child(cast, 13)
    with cast.acting("alma"):
        jurisdiction.set_law(facility=cast.harbor, majority_age=18, private_from={}, by=cast.alma)
    assert set(CONFIDENTIAL_KINDS) <= seen(cast, patient)
    set_law(cast, majority_age=18)
    assert not seen(cast, patient) & set(CONFIDENTIAL_KINDS)


def test_majority_that_is_lowered_ends_it_and_raised_does_not_bring_it_back(cast):
    patient = child(cast, 17)
    assert C.RECORDS in seen(cast, patient)
    set_law(cast, majority_age=16)
    assert seen(cast, patient) == frozenset()
    with tenancy.system(cast.harbor):
        assert majority.hand_over() == 1
    set_law(cast, majority_age=18)
    assert seen(cast, patient) == frozenset()
    with tenancy.system(cast.harbor):
        assert not FamilyMember.objects.get(patient=patient).is_guardian


def test_majority_that_is_raised_lets_guardians_see_longer(cast):
    patient = child(cast, 17)
    set_law(cast, majority_age=21)
    with tenancy.system(cast.harbor):
        [end] = set(
            AccessGrant.grants.filter(
                content_object=patient, permission__codename="records"
            ).values_list("expires_at", flat=True)
        )
    assert end == ages.begins(ages.birthday(patient.date_of_birth, 21), cast.harbor.zone)


@pytest.fixture
def aunt(cast):
    """`aunt(patient, categories)`: a relative to whom the child's father opens them."""
    cast.people["aunt"] = person("aunt", cast.harbor, Role.FAMILY_MEMBER)

    def made(patient, *categories: Category) -> FamilyMember:
        with tenancy.system(cast.harbor):
            member = family.stand(patient=patient, user=cast.aunt, relationship="other")
        with cast.acting("john", portal=True):
            consent.give(member=member, categories=categories, by=cast.john)
        return member

    return made


def seen_by_aunt(cast, patient) -> frozenset[Category]:
    with cast.acting("aunt", portal=True):
        return access.categories_of(cast.aunt, patient)


def test_what_a_guardian_opened_to_another_closes_with_what_is_the_childs_own(cast, aunt):
    patient = child(cast, 13)
    set_law(cast, hiv=16)
    aunt(patient, C.MEDICATIONS, C.HIV)
    assert C.HIV in seen_by_aunt(cast, patient)
    set_law(cast, hiv=10)
    assert seen_by_aunt(cast, patient) == {C.VIEW, C.MEDICATIONS}
    with tenancy.system(cast.harbor):
        held = AccessGrant.grants.filter(user=cast.aunt, permission__codename="hiv")
        assert not held.exists()


def test_and_ends_with_majority_for_good(cast, aunt):
    patient = child(cast, 17)
    member = aunt(patient, C.MEDICATIONS)
    set_law(cast, majority_age=16)
    assert seen_by_aunt(cast, patient) == frozenset()
    set_law(cast, majority_age=18)
    assert seen_by_aunt(cast, patient) == frozenset(), "it is agreed to anew, or not at all"
    with tenancy.system(cast.harbor):
        assert consent.standing_of(member) is None


def test_what_an_adult_agreed_to_is_not_the_laws(cast):
    with tenancy.system(cast.harbor):
        member = family.stand(patient=cast.mr_doe, user=cast.jane, relationship="spouse")
    with cast.acting("john", portal=True):
        consent.give(member=member, categories=[C.HIV], by=cast.john)
    set_law(cast, majority_age=21, hiv=10)
    with cast.acting("jane", portal=True):
        assert C.HIV in access.categories_of(cast.jane, cast.mr_doe)


def test_who_is_born_on_29_february_is_of_age_on_1_march(cast):
    patient = child(cast, 0, born=date(2016, 2, 29))
    for years, day in ((18, date(2034, 3, 1)), (20, date(2036, 2, 29))):
        set_law(cast, majority_age=years)
        with tenancy.system(cast.harbor):
            ends = AccessGrant.grants.filter(
                content_object=patient, permission__codename="view"
            ).values_list("expires_at", flat=True)
            assert list(ends) == [datetime.combine(day, time(0), cast.harbor.zone)]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"majority_age": 13}, "majority_age"),
        ({"majority_age": 26}, "majority_age"),
        ({"majority_age": True}, "majority_age"),
        ({"majority_age": "18"}, "majority_age"),
        ({"hiv": -1}, "hiv"),
        ({"hiv": 19}, "hiv"),
        ({"hiv": 12.5}, "hiv"),
        ({"records": 12}, "records"),
        ({"sharing": 0}, "sharing"),
    ],
)
def test_what_no_law_says_is_refused(cast, changed, field):
    before, patient = law(cast), child(cast, 13)
    open_before = seen(cast, patient)
    with pytest.raises(Invalid) as refused:
        set_law(cast, **changed)
    assert list(refused.value.fields) == [field]
    assert law(cast) == before and seen(cast, patient) == open_before


def test_only_who_sets_up_the_clinic_and_only_this_one(cast):
    for name in ("sarah", "nina", "fred", "aud"):
        with pytest.raises(Denied):
            set_law(cast, by=name, majority_age=20)
    with cast.acting("alma"), pytest.raises(Missing):
        jurisdiction.set_law(facility=cast.austa, majority_age=20, private_from={}, by=cast.alma)
    assert law(cast) == (18, TWELVE)


def test_a_system_administrator_who_sees_no_patient_opens_nothing_to_guardians(cast, browse):
    patient, before = child(cast, 13), law(cast)
    cast.people["sys"] = person("sys", cast.harbor, Role.SYSTEM_ADMIN)
    with denied(Permission.STAFF_MANAGE):
        set_law(cast, by="sys", hiv=14)
    page = "/admin/clinic/minors/"
    assert browse("sys").post(page, {"majority_age": 21}).status_code == 403
    assert law(cast) == before and C.HIV not in seen(cast, patient)


def test_nor_does_an_administrator_without_a_second_step(cast):
    with tenancy.system(cast.harbor):
        Facility.objects.filter(pk=cast.harbor.pk).update(second_factor_roles=[])
    Authenticator.objects.filter(user=cast.alma).delete()
    patient, before = child(cast, 13), law(cast)
    with refused(Conflict):
        set_law(cast, hiv=14)
    assert law(cast) == before and C.HIV not in seen(cast, patient)


@pytest.fixture
def many(cast, monkeypatch):
    """More guardians than are done at once: three, with Jimmy's father."""
    monkeypatch.setattr(jurisdiction, "AT_ONCE", 1)
    monkeypatch.setattr(jurisdiction, "A_BATCH", 1)
    return [child(cast, 13), child(cast, 15)]


def follow(cast) -> bool:
    with tenancy.system(cast.harbor):
        return jurisdiction.follow()


def under_way(cast):
    with tenancy.system(cast.harbor):
        return jurisdiction.progress(Facility.objects.get(pk=cast.harbor.pk))


def test_of_very_many_the_worker_makes_it_anew_step_by_step(cast, many):
    set_law(cast, hiv=16)
    assert under_way(cast) == (0, 3)
    assert C.HIV not in seen(cast, many[0]), "the worker has not come to it"
    with pytest.raises(Conflict):
        set_law(cast, hiv=15)
    assert follow(cast) and under_way(cast) == (1, 3)
    while follow(cast):
        pass
    assert under_way(cast) is None and not follow(cast)
    assert all(C.HIV in seen(cast, patient) for patient in many)


def test_for_others_too_it_closes_before_the_worker_comes(cast, many, aunt):
    set_law(cast, hiv=16)
    while follow(cast):
        pass
    aunt(many[0], C.MEDICATIONS, C.HIV)
    set_law(cast, hiv=14)
    assert under_way(cast) == (0, 4)
    assert seen_by_aunt(cast, many[0]) == {C.VIEW, C.MEDICATIONS}
    while follow(cast):
        pass
    assert C.HIV in seen_by_aunt(cast, many[0]), "13 years old"
    set_law(cast, majority_age=14)
    assert seen_by_aunt(cast, many[0]) == frozenset()
    while follow(cast):
        pass
    assert C.MEDICATIONS in seen_by_aunt(cast, many[0])


def test_what_closes_is_closed_before_the_worker_comes(cast, many):
    set_law(cast, hiv=16)
    while follow(cast):
        pass
    set_law(cast, hiv=14)
    assert C.HIV not in seen(cast, many[0]) and C.RECORDS in seen(cast, many[0])
    while follow(cast):
        pass
    assert C.HIV in seen(cast, many[0]), "13 years old"
    assert C.HIV not in seen(cast, many[1]), "15 years old"
    set_law(cast, majority_age=14)
    assert seen(cast, many[0]) == seen(cast, many[1]) == frozenset()
    while follow(cast):
        pass
    assert C.RECORDS in seen(cast, many[0]) and seen(cast, many[1]) == frozenset()
