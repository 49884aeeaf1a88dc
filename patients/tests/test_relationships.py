"""Invited care, verb by verb: who asks whom, what opens then, and how it ends or is blocked."""

import re
from datetime import date, timedelta
from uuid import UUID

import pytest
from celery import current_app
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clinic.errors import Conflict, Invalid, Missing
from clinic.models import LogEntry, Notification
from clinic.security import tenancy
from clinic.security.permissions import CONFIDENTIAL_KINDS, SHARED, Category, Permission
from clinic.tests.refusals import denied, refused
from patients import (
    access,
    ages,
    consent,
    family,
    jurisdiction,
    majority,
    proxy,
    registration,
    relationships,
)
from patients.models import AccessGrant, CareRelationship, FamilyMember, Patient
from patients.tests.opened import ends_of

C = Category
USUAL = {c.value for c in SHARED if c not in CONFIDENTIAL_KINDS}
JOHN = {"last_name": "Doe", "date_of_birth": date(1980, 4, 12)}


def at_home(cast, verb, by="john", **said):
    with cast.acting(by, portal=True):
        return verb(by=cast.people[by], **said)


def in_clinic(cast, verb, by="omar", **said):
    with cast.acting(by):
        return verb(by=cast.people[by], **said)


def asked_by_patient(cast, name="omar", **more) -> CareRelationship:
    said = {"patient": cast.mr_doe, "clinician": cast.people[name], "categories": [C.RECORDS]}
    return at_home(cast, relationships.invite_clinician, **said | more)


def asked_by_clinician(cast, name="omar", **more) -> CareRelationship | None:
    said = {**JOHN, "mrn": cast.mr_doe.mrn} | more
    in_clinic(cast, relationships.invite_patient, by=name, **said)
    return relation(cast, name)


def relation(cast, name="omar", patient=None) -> CareRelationship | None:
    with tenancy.system(cast.harbor):
        return CareRelationship.objects.filter(
            patient=patient or cast.mr_doe, clinician=cast.people[name]
        ).first()


def agreed(cast, name="omar", **more) -> CareRelationship:
    asked = asked_by_patient(cast, name, **more)
    return in_clinic(cast, relationships.agree, by=name, relation=asked)


def opened(cast, name="omar", patient=None) -> set[str]:
    return set(ends_of(cast, name, patient or cast.mr_doe, "invited"))


def notices(cast, name: str) -> list[Notification]:
    with tenancy.system(cast.harbor):
        return list(Notification.objects.filter(user=cast.people[name]))


# Asking
def test_a_patient_asks_and_it_opens_once_it_is_agreed_to(cast):
    asked = asked_by_patient(cast, message="  My knee. ")
    row = relation(cast)
    assert (row.status, row.invited_by, row.message) == ("pending", "patient", "My knee.")
    assert (row.categories, row.answered_at, row.ended_at) == (["records"], None, None)
    assert opened(cast) == set()
    [told] = notices(cast, "omar")
    assert (told.title, told.link) == ("A patient asks you to treat her", "/admin/relationships/")
    assert told.text == "Open your patients to agree or decline."
    assert told.patient_id == cast.mr_doe.pk and told.kind == "sharing"
    before = timezone.now()
    in_clinic(cast, relationships.agree, relation=asked)
    row = relation(cast)
    assert row.status == "active" and before <= row.answered_at <= timezone.now()
    assert opened(cast) == {"view", "records"}
    with tenancy.system(cast.harbor):
        rows = AccessGrant.grants.filter(user=cast.omar, source="invited")
        assert {(row.granted_by_id, row.expires_at) for row in rows} == {(cast.omar.pk, None)}


def test_what_is_usual_is_proposed(cast):
    with cast.acting("john", portal=True):
        relationships.invite_clinician(patient=cast.mr_doe, clinician=cast.omar, by=cast.john)
    assert set(relation(cast).categories) == USUAL


def test_a_clinician_asks_and_the_patient_says_what_is_open(cast):
    asked = asked_by_clinician(cast, message=" We met. ")
    assert (asked.status, asked.invited_by, asked.message) == ("pending", "clinician", "We met.")
    assert set(asked.categories) == USUAL and opened(cast) == set()
    [told] = notices(cast, "john")
    assert (told.title, told.link) == ("Omar Test asks to treat you", "/portal/sharing/")
    assert told.text == "Decide what to show, or decline."
    assert told.patient_id == cast.mr_doe.pk
    at_home(cast, relationships.agree, relation=asked, categories=[C.HIV, C.DOCUMENTS])
    assert relation(cast).categories == ["documents", "hiv"]
    assert opened(cast) == {"view", "documents", "hiv"}


def test_agreeing_without_a_word_is_to_what_was_asked(cast):
    asked = asked_by_clinician(cast)
    at_home(cast, relationships.agree, relation=asked)
    assert opened(cast) == USUAL | {"view"}


def test_asking_is_on_the_trail_whether_there_is_such_a_patient_or_not(cast):
    asked_by_clinician(cast)
    asked_by_clinician(cast, mrn="NO0000")
    with tenancy.system(cast.harbor):
        noted = LogEntry.entries.filter(
            resource="patients.carerelationship",
            compliance_flags__contains=["invited_by_clinician"],
        ).order_by("id")
        found = [(entry.additional_data["found"], entry.action) for entry in noted]
        assert [entry.actor_id for entry in noted] == [cast.omar.pk] * 2
    assert found == [(True, LogEntry.Action.CREATE), (False, LogEntry.Action.CREATE)]


WRONG = {
    "another number": {"mrn": "NO0000"},
    "another name": {"last_name": "Roe"},
    "another day": {"date_of_birth": date(1980, 4, 13)},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_nobody_is_found_by_what_is_almost_right(cast, wrong):
    assert asked_by_clinician(cast, **WRONG[wrong]) is None
    assert notices(cast, "john") == []


NOBODY_IS_ASKED = {
    "no such patient": lambda cast: {"mrn": "NO0000"},
    "another name": lambda cast: {"last_name": "Roe"},
    "no account": lambda cast: {"mrn": cast.jimmy.mrn, "date_of_birth": date(2014, 6, 1)},
    "blocked": lambda cast: at_home(
        cast, relationships.block, patient=cast.mr_doe, clinician=cast.omar
    ) and {},
    "asked already": lambda cast: asked_by_clinician(cast) and {},
}  # fmt: skip
VALUES = re.compile(r"'(?:[^']|'')*'(?:::\w+(?:\[\])?)?|\"s\d+_x\d+\"|\b\d+\b|\bNULL\b")
KEPT = "SET CONSTRAINTS patients_carerelationship_patient_id_same_facility IMMEDIATE"
TAKEN_BACK = "ROLLBACK TO SAVEPOINT ?"


def done_for(cast, capture, **said) -> list[str]:
    """What the database is asked when Omar names a patient, without the values, and which letters
    are queued."""
    with cast.acting("omar"), CaptureQueriesContext(connection) as asked, capture() as queued:
        relationships.invite_patient(**{**JOHN, "mrn": cast.mr_doe.mrn} | said, by=cast.omar)
    statements = [VALUES.sub("?", one["sql"]) for one in asked.captured_queries]
    return [*statements, *["letter"] * len(queued)]


@pytest.mark.parametrize("why", NOBODY_IS_ASKED)
def test_the_same_is_done_whether_somebody_is_asked_or_not(
    cast, why, django_capture_on_commit_callbacks
):
    """The time that an answer takes tells nothing, because as much is asked and written for it."""
    capture = django_capture_on_commit_callbacks
    with transaction.atomic():
        done = done_for(cast, capture)
        assert relation(cast) is not None and done.count("letter") == 1
        assert sum(one.startswith("INSERT") for one in done) >= 2 and done.count(KEPT) == 1
        transaction.set_rollback(True)
    said = NOBODY_IS_ASKED[why](cast)
    before, told = relation(cast), len(notices(cast, "john"))
    nobody = done_for(cast, capture, **said)
    assert nobody == [TAKEN_BACK if one == KEPT else one for one in done]
    after = relation(cast)
    assert (after and after.version) == (before and before.version)
    assert len(notices(cast, "john")) == told and notices(cast, "omar") == []
    with tenancy.system(cast.harbor):
        assert CareRelationship.objects.count() == (before is not None)


@pytest.mark.parametrize("mrn", [None, "NO0000"])
def test_its_letter_names_a_notice_as_others_do(
    cast, mrn, monkeypatch, django_capture_on_commit_callbacks
):
    queued, broker = [], current_app._get_current_object()
    monkeypatch.setattr(broker, "send_task", lambda name, **how: queued.append((name, how)))
    with django_capture_on_commit_callbacks(execute=True):
        asked_by_clinician(cast, **({"mrn": mrn} if mrn else {}))
    [(name, how)] = queued
    assert name == "clinic.send_notice" and UUID(how["kwargs"]["notification_id"])
    assert {row.pk for row in notices(cast, "john")} == (
        set() if mrn else {UUID(how["kwargs"]["notification_id"])}
    )


def test_who_has_no_account_or_is_related_already_is_not_asked(cast):
    assert asked_by_clinician(cast, "nina") is not None
    first = relation(cast, "nina")
    assert asked_by_clinician(cast, "nina", message="Again").pk == first.pk
    assert relation(cast, "nina").message == "" and len(notices(cast, "john")) == 1
    in_clinic(
        cast, relationships.invite_patient, last_name="Doe", mrn=cast.jimmy.mrn,
        date_of_birth=date(2014, 6, 1),
    )  # fmt: skip
    assert relation(cast, "omar", cast.jimmy) is None
    agreed(cast, patient=cast.mrs_doe, by="jane")
    asked_by_clinician(cast)  # nor is nina being related to him, or omar to his wife
    assert (relation(cast).status, relation(cast).asked_by) == ("pending", cast.omar)


def test_a_message_has_five_hundred_letters(cast):
    assert asked_by_clinician(cast, message=f"  {'m' * 600}").message == "m" * 500


def test_who_was_blocked_asks_in_vain_and_is_not_told(cast):
    at_home(cast, relationships.block, patient=cast.mr_doe, clinician=cast.omar)
    assert asked_by_clinician(cast).status == "blocked"
    assert notices(cast, "john") == []


@pytest.mark.parametrize("name", ["fred", "phil", "aud"])
def test_who_says_nobody_treats_asks_nobody(cast, name):
    with denied(Permission.CARE_TEAM_MANAGE):
        asked_by_clinician(cast, name)
    assert relation(cast, name) is None


def test_nobody_asks_in_anothers_name(cast):
    with cast.acting("omar"), denied(Permission.CARE_TEAM_MANAGE):
        relationships.invite_patient(**JOHN, mrn=cast.mr_doe.mrn, by=cast.fred)
    with cast.acting("jane", portal=True), denied(Permission.SHARING_MANAGE):
        relationships.invite_clinician(patient=cast.mr_doe, clinician=cast.omar, by=cast.john)
    with cast.acting("john", portal=True), denied(Permission.SHARING_MANAGE):
        relationships.invite_clinician(patient=cast.mrs_doe, clinician=cast.omar, by=cast.john)
    assert relation(cast) is None and relation(cast, patient=cast.mrs_doe) is None


@pytest.mark.parametrize("name", ["fred", "aud", "jane", "lucia"])
def test_who_treats_nobody_here_is_not_asked_and_not_blocked(cast, name):
    with refused(Invalid, "clinician"):
        asked_by_patient(cast, name)
    with refused(Invalid, "clinician"):
        at_home(cast, relationships.block, patient=cast.mr_doe, clinician=cast.people[name])
    assert relation(cast, name) is None


@pytest.mark.parametrize("categories", [[], [C.VIEW], [C.RECORDS, C.SHARING]])
def test_what_cannot_be_open_is_refused(cast, categories):
    with refused(Invalid, "categories"):
        asked_by_patient(cast, categories=categories)
    assert relation(cast) is None
    if categories:
        row = agreed(cast)
        with refused(Invalid, "categories"):
            at_home(cast, relationships.set_categories, relation=row, categories=categories)
        assert opened(cast) == {"view", "records"}


def test_who_is_asked_already_is_not_asked_again(cast):
    asked = asked_by_patient(cast)
    with refused(Conflict):
        asked_by_patient(cast, message="Please")
    in_clinic(cast, relationships.agree, relation=asked)
    with refused(Conflict):
        asked_by_patient(cast, message="Please")
    at_home(cast, relationships.block, patient=cast.mr_doe, clinician=cast.omar)
    with refused(Conflict):
        asked_by_patient(cast, message="Please")
    assert relation(cast).message == "" and relation(cast).status == "blocked"


def test_after_the_end_one_asks_anew(cast):
    row = agreed(cast)
    at_home(cast, relationships.end, relation=row)
    again = asked_by_patient(cast, categories=[C.DOCUMENTS])
    row = relation(cast)
    assert (again.pk, row.status, row.categories) == (row.pk, "pending", ["documents"])
    assert (row.answered_at, row.ended_at, row.ended_by_id) == (None, None, None)
    assert opened(cast) == set()


# Agreeing
def test_only_the_side_that_was_asked_agrees(cast):
    by_patient, by_clinician = asked_by_patient(cast), asked_by_clinician(cast, "nina")
    with refused(Missing):  # not by who asked
        at_home(cast, relationships.agree, relation=by_patient)
    with denied(Permission.SHARING_MANAGE):
        in_clinic(cast, relationships.agree, by="nina", relation=by_clinician)
    for name in ("sarah", "alma"):
        with refused(Missing):
            in_clinic(cast, relationships.agree, by=name, relation=by_patient)
    with cast.acting("sarah"), refused(Missing):
        relationships.agree(relation=by_patient, by=cast.omar)
    with cast.acting("lucia"), refused(Missing):
        relationships.agree(relation=by_patient, by=cast.lucia)
    with refused(Missing):
        in_clinic(cast, relationships.agree, by="fred", relation=by_patient)
    assert relation(cast).status == relation(cast, "nina").status == "pending"
    assert opened(cast) == opened(cast, "nina") == set()


def test_what_is_agreed_to_or_over_is_not_agreed_to(cast):
    row = agreed(cast)
    with refused(Conflict):
        in_clinic(cast, relationships.agree, relation=row)
    at_home(cast, relationships.end, relation=row)
    with refused(Conflict):
        in_clinic(cast, relationships.agree, relation=row)
    at_home(cast, relationships.block, patient=cast.mr_doe, clinician=cast.omar)
    with refused(Conflict):
        in_clinic(cast, relationships.agree, relation=row)
    assert opened(cast) == set()


# Changing
def test_the_patient_changes_what_is_open(cast):
    row = agreed(cast)
    at_home(cast, relationships.set_categories, relation=row, categories=[C.HIV, C.DOCUMENTS])
    assert relation(cast).categories == ["documents", "hiv"]
    assert opened(cast) == {"view", "documents", "hiv"}
    with tenancy.system(cast.harbor):
        new = AccessGrant.grants.get(user=cast.omar, permission__codename="hiv")
        assert new.granted_by_id == cast.john.pk
    at_home(cast, relationships.set_categories, relation=row, categories=[])
    row = relation(cast)
    assert (row.status, row.ended_by_id) == ("inactive", cast.john.pk) and opened(cast) == set()


def test_what_is_changed_before_it_is_agreed_to_opens_nothing(cast):
    row = asked_by_patient(cast)
    at_home(cast, relationships.set_categories, relation=row, categories=[C.HIV])
    assert relation(cast).categories == ["hiv"] and opened(cast) == set()


def test_a_clinician_opens_nothing_more_to_herself(cast):
    row = agreed(cast)
    with denied(Permission.SHARING_MANAGE):
        in_clinic(cast, relationships.set_categories, relation=row, categories=list(SHARED))
    with cast.acting("omar"), denied(Permission.SHARING_MANAGE):
        relationships.set_categories(relation=row, categories=list(SHARED), by=cast.john)
    assert opened(cast) == {"view", "records"}


# Ending and blocking
@pytest.mark.parametrize("side", ["john", "omar"])
@pytest.mark.parametrize("begin", [agreed, asked_by_patient, asked_by_clinician])
def test_either_side_ends_it_or_declines(cast, begin, side):
    row, before = begin(cast), timezone.now()
    by = at_home if side == "john" else in_clinic
    by(cast, relationships.end, by=side, relation=row)
    row = relation(cast)
    assert (row.status, row.ended_by_id) == ("inactive", cast.people[side].pk)
    assert before <= row.ended_at <= timezone.now() and opened(cast) == set()
    with refused(Conflict):
        by(cast, relationships.end, by=side, relation=row)


def test_nobody_else_ends_it(cast):
    row = agreed(cast)
    for name in ("sarah", "alma"):
        with denied(Permission.SHARING_MANAGE):
            in_clinic(cast, relationships.end, by=name, relation=row)
    for name in ("fred", "lucia"):
        with refused(Missing):
            in_clinic(cast, relationships.end, by=name, relation=row)
    with refused(Missing):
        at_home(cast, relationships.end, by="ana", relation=row)
    assert relation(cast).status == "active" and opened(cast) == {"view", "records"}


def test_blocking_closes_what_was_agreed_to_and_is_the_patients_alone(cast):
    agreed(cast)
    agreed(cast, "nina")
    for name, act in [("omar", in_clinic), ("alma", in_clinic), ("jane", at_home)]:
        with denied(Permission.SHARING_MANAGE):
            act(cast, relationships.block, by=name, patient=cast.mr_doe, clinician=cast.nina)
    before = timezone.now()
    at_home(cast, relationships.block, patient=cast.mr_doe, clinician=cast.omar)
    row = relation(cast)
    assert (row.status, row.ended_by_id) == ("blocked", cast.john.pk)
    assert before <= row.ended_at <= timezone.now() and opened(cast) == set()
    assert relation(cast, "nina").status == "active" and opened(cast, "nina")
    with refused(Conflict):
        in_clinic(cast, relationships.end, relation=row)


def test_who_was_never_asked_is_blocked_too(cast):
    at_home(cast, relationships.block, patient=cast.mr_doe, clinician=cast.sarah)
    row = relation(cast, "sarah")
    assert (row.status, row.invited_by, row.facility_id) == ("blocked", "patient", cast.harbor.pk)
    with cast.acting("sarah") as actor:
        assert actor.barred == (cast.mr_doe.pk,)
        with refused(Missing, "patient"):
            access.require_reach(cast.mr_doe, C.VIEW, cast.sarah)
    at_home(cast, relationships.block, by="jane", patient=cast.mrs_doe, clinician=cast.sarah)
    assert relation(cast, "sarah").pk != relation(cast, "sarah", cast.mrs_doe).pk
    agreed(cast)
    at_home(cast, relationships.block, patient=cast.jimmy, clinician=cast.omar)
    assert relation(cast, patient=cast.jimmy).status == "blocked"
    assert relation(cast).status == "active" and opened(cast), "his father's is his own"


def test_a_block_is_taken_back_by_the_patient_and_opens_nothing_anew(cast):
    agreed(cast)
    row = at_home(cast, relationships.block, patient=cast.mr_doe, clinician=cast.omar)
    for name in ("omar", "alma"):
        with denied(Permission.SHARING_MANAGE):
            in_clinic(cast, relationships.unblock, by=name, relation=row)
    assert relation(cast).status == "blocked"
    at_home(cast, relationships.unblock, relation=row)
    row = relation(cast)
    assert (row.status, row.ended_by_id) == ("inactive", cast.john.pk) and opened(cast) == set()
    with refused(Conflict):
        at_home(cast, relationships.unblock, relation=row)


# Lists
def test_each_side_sees_its_own(cast):
    mine = agreed(cast)
    asked = at_home(
        cast, relationships.invite_clinician, by="jane", patient=cast.mrs_doe, clinician=cast.omar
    )
    asked_by_clinician(cast, "nina")
    with cast.acting("omar"):
        assert [row.pk for row in relationships.of_clinician(cast.omar)] == [asked.pk, mine.pk]
        names = {row.patient.full_name for row in relationships.of_clinician(cast.omar)}
        assert names == {"John Doe", "Jane Doe"}
    with cast.acting("nina"):  # whom she asked herself she is told once he has agreed
        assert relationships.of_clinician(cast.nina) == []
    with cast.acting("alma"):  # of one patient, whomever else one sees
        assert {row.pk for row in relationships.of_patient(cast.mrs_doe)} == {asked.pk}
    with cast.acting("john", portal=True):
        rows = relationships.of_patient(cast.mr_doe)
        assert [row.clinician_id for row in rows] == [cast.nina.pk, cast.omar.pk]
    with cast.acting("ana", portal=True):
        assert not relationships.of_patient(cast.mr_doe)
    at_home(cast, relationships.end, relation=mine)
    with cast.acting("omar"):
        assert [row.pk for row in relationships.of_clinician(cast.omar)] == [asked.pk]


# Minors
def test_what_is_a_minors_own_stays_as_it_is(cast):
    """Nine years old, the father opens HIV to a specialist; at thirteen it is the child's own."""
    day = timezone.now().astimezone(cast.harbor.zone).date() - timedelta(days=40)

    def turn(years: int) -> None:
        with tenancy.system(cast.harbor):
            registration.correct(
                patient=cast.jimmy, by=None, date_of_birth=ages.birthday(day, -years)
            )
            cast.jimmy.refresh_from_db()

    turn(9)
    asked = asked_by_patient(cast, patient=cast.jimmy, categories=[C.RECORDS, C.HIV])
    in_clinic(cast, relationships.agree, relation=asked)
    turn(13)
    at_home(cast, relationships.set_categories, relation=asked, categories=[C.DOCUMENTS])
    assert opened(cast, patient=cast.jimmy) == {"view", "documents", "hiv"}
    with refused(Invalid, "categories"):
        at_home(cast, relationships.set_categories, relation=asked, categories=[C.MENTAL_HEALTH])
    with refused(Invalid, "categories"):
        asked_by_patient(cast, "nina", patient=cast.jimmy, categories=[C.RECORDS, C.HIV])
    assert opened(cast, patient=cast.jimmy) == {"view", "documents", "hiv"}


def law(cast, hiv: int) -> None:
    with cast.acting("alma"):
        jurisdiction.set_law(
            facility=cast.harbor, majority_age=18, private_from={"hiv": hiv}, by=cast.alma
        )


def of_age(cast) -> None:
    with tenancy.system(cast.harbor):
        registration.correct(patient=cast.jimmy, by=None, date_of_birth=date(2000, 1, 1))


def asked_by_guardian(cast, *categories: Category) -> CareRelationship:
    with tenancy.system(cast.harbor):
        jimmy = Patient.objects.select_related("facility").get(pk=cast.jimmy.pk)
    return asked_by_patient(cast, patient=jimmy, categories=categories)


def test_what_became_the_childs_own_meanwhile_is_not_agreed_to(cast):
    law(cast, hiv=16)
    both = asked_by_guardian(cast, C.RECORDS, C.HIV)
    law(cast, hiv=10)
    in_clinic(cast, relationships.agree, relation=both)
    assert opened(cast, patient=cast.jimmy) == {"view", "records"}
    assert relation(cast, patient=cast.jimmy).categories == ["records"]


def test_of_what_is_the_childs_own_alone_nothing_is_left_to_agree_to(cast):
    law(cast, hiv=16)
    asked = asked_by_guardian(cast, C.HIV)
    law(cast, hiv=10)
    with refused(Conflict):
        in_clinic(cast, relationships.agree, relation=asked)
    assert opened(cast, patient=cast.jimmy) == set()
    assert relation(cast, patient=cast.jimmy).status == "pending"


@pytest.mark.parametrize("clock", ["before the clock", "after it"])
def test_what_a_guardian_asked_is_not_agreed_to_after_majority(cast, clock):
    asked = asked_by_guardian(cast, C.RECORDS)
    of_age(cast)
    if clock == "after it":
        with tenancy.system(cast.harbor):
            assert majority.hand_over() == 1
        assert relation(cast, patient=cast.jimmy).status == "inactive"
    with refused(Conflict):
        in_clinic(cast, relationships.agree, relation=asked)
    assert opened(cast, patient=cast.jimmy) == set()
    with cast.acting("omar"):
        assert not access.visible_to(cast.omar).filter(pk=cast.jimmy.pk).exists()


def end_guardian(cast, name="john") -> None:
    with tenancy.system(cast.harbor):
        member = FamilyMember.objects.get(patient=cast.jimmy, user=cast.people[name])
    with cast.acting("fred"):
        family.end_guardian(member=member, by=cast.fred)


def test_nor_when_he_is_guardian_no_more(cast):
    asked = asked_by_guardian(cast, C.RECORDS)
    end_guardian(cast)
    row = relation(cast, patient=cast.jimmy)
    assert (row.status, row.ended_by_id) == ("inactive", None)
    with refused(Conflict):
        in_clinic(cast, relationships.agree, relation=asked)
    assert opened(cast, patient=cast.jimmy) == set()


def test_what_is_agreed_to_and_what_others_ask_for_stays(cast):
    """The mother guards him too; what is for herself is no matter."""
    with tenancy.system(cast.harbor):
        family.stand(
            patient=cast.jimmy, user=cast.jane, relationship="parent", level="full",
            is_guardian=True,
        )  # fmt: skip
    agreed(cast, "nina", patient=cast.jimmy)
    asked_by_patient(cast, "omar", patient=cast.jimmy)
    asked_by_patient(cast, "sarah", patient=cast.jimmy, by="jane")
    asked_by_patient(cast, "omar", patient=cast.mrs_doe, by="jane")
    end_guardian(cast)
    names = ("nina", "omar", "sarah")
    stand = [relation(cast, name, cast.jimmy).status for name in names]
    assert stand == ["active", "inactive", "pending"]
    assert relation(cast, "omar", cast.mrs_doe).status == "pending"
    end_guardian(cast, "jane")
    assert relation(cast, "sarah", cast.jimmy).status == "inactive"
    assert relation(cast, "omar", cast.mrs_doe).status == "pending"
    assert opened(cast, "nina", cast.jimmy) == {"view", "records"}


def test_what_a_clinician_asked_waits_for_the_young_adult(cast):
    with tenancy.system(cast.harbor):
        row = CareRelationship.objects.create(
            facility=cast.harbor, patient=cast.jimmy, clinician=cast.omar, asked_by=cast.omar,
            invited_by="clinician", categories=["records"],
        )  # fmt: skip
    of_age(cast)
    with tenancy.system(cast.harbor):
        majority.hand_over()
    assert relation(cast, patient=cast.jimmy).status == "pending" == row.status


# Acting for a patient
@pytest.mark.parametrize("level", FamilyMember.PermissionLevel.values)
def test_who_acts_for_a_patient(cast, level):
    with tenancy.system(cast.harbor):
        member = family.stand(
            patient=cast.mr_doe, user=cast.jane, relationship="spouse", level=level
        )
    acts = level == "full"
    with cast.acting("jane", portal=True):
        assert proxy.acts(cast.mr_doe.pk, level) is acts and not proxy.acts(cast.mr_doe.pk)
        assert proxy.acts(cast.mrs_doe.pk), "she decides about herself"
        proxy.require(cast.mrs_doe, by=cast.jane)
        if acts:
            proxy.require(cast.mr_doe, by=cast.jane)
            proxy.require(cast.mr_doe.pk, by=cast.jane)
        else:
            with denied(None):
                proxy.require(cast.mr_doe, by=cast.jane)
        with denied(None):
            proxy.require(cast.mr_doe, by=cast.john)  # in his name
        with denied(None):
            proxy.require(cast.jimmy, by=cast.jane)
    with cast.acting("fred"):  # in the clinic, roles say it
        proxy.require(cast.mr_doe, by=cast.fred)
    with tenancy.system(cast.harbor):
        FamilyMember.objects.filter(pk=member.pk).update(ended_at=timezone.now())
    with cast.acting("jane", portal=True), denied(None):
        proxy.require(cast.mr_doe, by=cast.jane)


def test_that_another_acts_for_him_lets_her_do_nothing(cast):
    with tenancy.system(cast.harbor):
        jane = family.stand(patient=cast.mr_doe, user=cast.jane, relationship="spouse")
        family.stand(patient=cast.mr_doe, user=cast.ana, relationship="sibling", level="full")
    at_home(cast, consent.give, member=jane, categories=[C.RECORDS])
    with cast.acting("jane", portal=True), denied(None):
        proxy.require(cast.mr_doe, by=cast.jane)
