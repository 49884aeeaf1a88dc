"""The verbs of an emergency access: what each demands, opens, tells and ends."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from clinic import staffing
from clinic.errors import Conflict, Invalid, Missing
from clinic.models import LogEntry, Notification, RoleAssignment
from clinic.security import tenancy
from clinic.security.permissions import CONFIDENTIAL_KINDS, Category, Denied, Role
from clinic.tests.people import person
from clinic.tests.refusals import refused
from compliance import breakglass
from compliance.breakglass import Proof, Sought, TooOften
from compliance.models import EmergencyAccess
from compliance.tests.emergencies import (
    BORN,
    REASON,
    break_glass,
    code,
    end_the_hour,
    forget_attempts,
    proof_of,
)
from patients import access, family
from patients.models import AccessGrant, Allergy, BloodType, Condition, Medication

SUMMARY_KINDS = (Allergy, Medication, Condition, BloodType)


def stored(cast) -> list[EmergencyAccess]:
    with tenancy.system(cast.harbor):
        return list(EmergencyAccess.objects.all())


def noted(cast, flag: str) -> list[LogEntry]:
    with tenancy.system(cast.harbor):
        return list(LogEntry.entries.filter(compliance_flags__contains=[flag]).order_by("id"))


def reached(cast, name: str) -> bool:
    """Whether the person sees who Maria is."""
    return access.visible_to(cast.people[name]).filter(pk=cast.maria.pk).exists()


def seen(user, category: Category = Category.SUMMARY) -> set[str]:
    """Every word of the chart that is behind the door."""
    rows = [row for model in SUMMARY_KINDS
            for row in access.visible(model.objects.all(), user, category=category)]  # fmt: skip
    names = ("allergen", "generic_name", "display", "group")
    return {getattr(row, name) for row in rows for name in names if hasattr(row, name)}


def test_it_opens_the_summary_for_an_hour_and_nothing_else(emergency):
    with emergency.acting("omar"):
        assert not reached(emergency, "omar")
        row = break_glass(emergency)
    assert row.expires_at - row.opened_at == timedelta(minutes=60)
    assert row.review_due_at - row.opened_at == timedelta(hours=24)
    assert (row.scope, row.reason, row.category) == (["view", "summary"], REASON, "unconscious")
    with emergency.acting("omar") as actor:
        assert actor.emergencies == (emergency.maria.pk,)
        assert reached(emergency, "omar")
        assert seen(emergency.omar) == {"plantedpenicillin", "plantedwarfarin", "plantedepilepsy",
                                        "O-"}  # fmt: skip
        for category in set(Category) - {Category.VIEW, Category.SUMMARY}:
            assert not access.may(emergency.omar, emergency.maria, category)
        # Without a filter the policies show the same and no more.
        everything = {a.allergen for a in Allergy.objects.filter(patient=emergency.maria)}
        everything |= {m.generic_name for m in Medication.objects.filter(patient=emergency.maria)}
        assert everything == {"plantedpenicillin", "plantedwarfarin"}


@pytest.mark.parametrize(
    ("sought", "how"),
    [
        (lambda it: Sought(mrn=f" {it.mrn.lower()} "), "number"),
        (lambda it: Sought(name="plantedsouza MARÍA", born=BORN), "name"),
        (lambda it: Sought(patient_id=it.pk), "id"),
    ],
)
def test_the_patient_is_named_by_what_is_known(emergency, sought, how):
    with emergency.acting("omar"):
        row = break_glass(emergency, sought=sought(emergency.maria))
    assert row.patient_id == emergency.maria.pk and sought(emergency.maria).how == how


@pytest.mark.parametrize(
    "sought",
    [
        lambda it: Sought(name="Maria", born=BORN),
        lambda it: Sought(name="Mar Plant", born=BORN),
        lambda it: Sought(name="Maria Plantedsouza", born=BORN + timedelta(days=1)),
        lambda it: Sought(name="Maria Plantedsouza"),
        lambda it: Sought(name="", born=BORN),
        lambda it: Sought(mrn="NO-SUCH"),
        lambda it: Sought(patient_id=it.dona_ana.pk),
        lambda it: Sought(name="Ana Souza", born=date(1975, 2, 2)),
        lambda it: Sought(patient_id=it.harbor.pk),
        lambda it: Sought(),
    ],
)  # fmt: skip
def test_who_is_not_found_does_not_exist(emergency, sought):
    with emergency.acting("omar"), pytest.raises(Missing) as refused:
        break_glass(emergency, sought=sought(emergency))
    assert "Check the record number" in str(refused.value)
    assert not stored(emergency) and not notices(emergency)
    entry = noted(emergency, "break_glass_refused")[-1]
    assert entry.actor_id == emergency.omar.pk and entry.patient_id is None
    assert entry.additional_data["why"] == "patient"


def test_two_of_the_same_name_and_day_are_not_told_apart(emergency):
    from patients import registration

    with tenancy.system(emergency.harbor):
        registration.register(
            by=None, first_name="Maria Clara", last_name="Plantedsouza", date_of_birth=BORN
        )
    with emergency.acting("omar"), pytest.raises(Missing):
        break_glass(emergency, sought=Sought(name="Maria Plantedsouza", born=BORN))
    with emergency.acting("omar"):
        row = break_glass(emergency, sought=Sought(name="Clara Plantedsouza", born=BORN))
    assert row.patient_id != emergency.maria.pk


@pytest.mark.parametrize(
    "reason",
    [
        "",
        "x" * 19,
        " " * 30,
        "a" * 40,
        "ab " * 20,
        "…………………………………………",
        "0123456789 abcdefgh",
        "abc" + "\u200b" * 17,
        "\u3164\u115f\u1160\uffa0" * 6,
        "She\ufe0f\U000e0041\u2800 " * 4,
    ],
)
def test_a_reason_that_is_none_opens_nothing(emergency, reason):
    with emergency.acting("omar"), pytest.raises(Invalid) as refused:
        break_glass(emergency, reason=reason)
    assert set(refused.value.fields) == {"reason"} and not stored(emergency)


def test_a_kind_of_emergency_that_is_none(emergency):
    with emergency.acting("omar"), pytest.raises(Invalid) as refused:
        break_glass(emergency, category="curious")
    assert set(refused.value.fields) == {"category"} and not stored(emergency)


@pytest.mark.parametrize("name", ["fred", "aud", "alma", "phil"])
def test_who_may_not_break_the_glass(emergency, name):
    with emergency.acting(name), pytest.raises(Denied):
        break_glass(emergency, name)
    assert not stored(emergency)


@pytest.mark.parametrize("given", ["", "000000", "1234567", "not a code"])
def test_a_wrong_code_opens_nothing(emergency, given):
    with emergency.acting("omar"), pytest.raises(Invalid) as refused:
        break_glass(emergency, proof=Proof(code=given))
    assert set(refused.value.fields) == {"otp"} and not stored(emergency)
    assert noted(emergency, "break_glass_refused")[-1].additional_data["why"] == "otp"


def test_a_code_works_once_and_one_of_a_refused_attempt_still_works(emergency):
    shown = Proof(code=code())
    with emergency.acting("omar"):
        with pytest.raises(Missing):
            break_glass(emergency, sought=Sought(mrn="TYPO"), proof=shown)
        row = break_glass(emergency, proof=shown)
        breakglass.give_back(emergency=row, by=emergency.omar)
        with pytest.raises(Invalid):
            break_glass(emergency, proof=shown)
    assert len(stored(emergency)) == 1


def test_without_a_second_factor_it_stays_closed(emergency):
    from allauth.mfa.models import Authenticator

    with tenancy.system(emergency.harbor):
        emergency.harbor.second_factor_roles = []
        emergency.harbor.save()
    Authenticator.objects.filter(user=emergency.omar).delete()
    with emergency.acting("omar"), pytest.raises(Conflict, match="second step"):
        break_glass(emergency, proof=Proof(code=code()))
    assert not stored(emergency)


def test_a_recovery_code_opens_it_once(emergency):
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    codes = RecoveryCodes.activate(emergency.omar).get_unused_codes()
    with emergency.acting("omar"):
        row = break_glass(emergency, proof=Proof(code=codes[0]))
        breakglass.give_back(emergency=row, by=emergency.omar)
        with pytest.raises(Invalid):
            break_glass(emergency, proof=Proof(code=codes[0]))


def passkey_used(seconds: float, **more) -> dict:
    import time

    from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY as KEY

    record = {"method": "mfa", "type": "webauthn", "at": time.time() - seconds}
    return {KEY: [record | {"reauthenticated": True} | more]}


def test_a_passkey_used_just_now_opens_it_once(emergency):
    session = passkey_used(5)
    again = {key: list(records) for key, records in session.items()}
    with emergency.acting("omar"):
        row = break_glass(emergency, proof=Proof(session=session))
        breakglass.give_back(emergency=row, by=emergency.omar)
        for used_up in (session, again):  # the same proof from another request's copy, too
            with pytest.raises(Invalid):
                break_glass(emergency, proof=Proof(session=used_up))


@pytest.mark.parametrize(
    "session",
    [passkey_used(121), passkey_used(5, reauthenticated=False), passkey_used(5, type="totp"), {}],
)
def test_no_passkey_or_an_old_one_opens_nothing(emergency, session):
    with emergency.acting("omar"), pytest.raises(Invalid):
        break_glass(emergency, proof=Proof(session=session))
    assert not stored(emergency)


def test_five_attempts_an_hour_whatever_comes_of_them(emergency):
    with emergency.acting("omar"):
        for _attempt in range(5):
            with pytest.raises(Invalid):
                break_glass(emergency, proof=Proof(code="000000"))
        with pytest.raises(TooOften):
            break_glass(emergency)
    assert not stored(emergency)
    assert [e.additional_data["why"] for e in noted(emergency, "break_glass_refused")] == [
        *["otp"] * 5, "rate",
    ]  # fmt: skip
    with emergency.acting("nina"), pytest.raises(Conflict) as told:
        break_glass(emergency, "nina")
    assert not isinstance(told.value, TooOften), "it is each person's own"


def test_a_slip_in_the_form_is_no_attempt(emergency):
    with emergency.acting("omar"):
        for _slip in range(6):
            with pytest.raises(Invalid):
                break_glass(emergency, reason="short")
        assert break_glass(emergency).pk


def test_who_reaches_the_patient_anyway_is_told_so(emergency):
    with emergency.acting("sarah"), pytest.raises(Conflict, match="as usual"):
        break_glass(emergency, "sarah")
    assert not stored(emergency)


def test_who_lacks_a_part_may_still_ask_for_it(emergency):
    with emergency.acting("sarah"):
        with pytest.raises(Conflict):
            break_glass(emergency, "sarah", lacking=[Category.RECORDS])
        row = break_glass(emergency, "sarah", lacking=[Category.HIV])
        more(emergency, row, "sarah", [Category.HIV])
    with emergency.acting("sarah"):
        found = access.visible(
            Medication.objects.all(), emergency.sarah, category=Category.MEDICATIONS
        )
        assert "plantedhivpill" in {row.generic_name for row in found}


def test_who_sees_a_part_only_may_open_the_rest(emergency):
    with tenancy.system(emergency.harbor):
        access.grant(
            patient=emergency.maria, user=emergency.omar, source="care_team",
            categories=[Category.VIEW, Category.MEDICATIONS],
        )  # fmt: skip
    with emergency.acting("omar"):
        break_glass(emergency)
    with emergency.acting("omar"):
        assert "plantedepilepsy" in seen(emergency.omar)


def test_it_is_open_once_at_a_time(emergency):
    with emergency.acting("omar"):
        break_glass(emergency)
        with pytest.raises(Conflict, match="already"):
            break_glass(emergency)
    assert len(stored(emergency)) == 1


def test_a_patient_who_blocked_her_is_reached_in_an_emergency_only(emergency):
    from patients.models import CareRelationship

    with tenancy.system(emergency.harbor):
        CareRelationship.objects.create(
            facility=emergency.harbor, patient=emergency.maria, clinician=emergency.sarah,
            status="blocked",
        )  # fmt: skip
    with emergency.acting("sarah"):
        assert not reached(emergency, "sarah")
        row = break_glass(emergency, "sarah")
    with emergency.acting("sarah"):
        assert reached(emergency, "sarah")
        assert "plantedpollen" not in seen(emergency.sarah)
        breakglass.give_back(emergency=row, by=emergency.sarah)
    with emergency.acting("sarah"):
        assert not reached(emergency, "sarah")


# --- The second step -----------------------------------------------------------------------------


def more(cast, row, name="omar", categories=(Category.RECORDS,), **given):
    user = cast.people[name]
    asked = {"reason": REASON, "proof": given.pop("proof", None) or proof_of(user), "by": user}
    return breakglass.widen(emergency=row, categories=categories, **asked | given)


def test_more_is_opened_until_the_same_end(emergency):
    with emergency.acting("omar"):
        row = more(emergency, break_glass(emergency), categories=["medications", "documents"])
    assert set(row.scope) == {"view", "summary", "medications", "documents"}
    assert row.widened_at and row.widened_reason == REASON
    with emergency.acting("omar"):
        held = AccessGrant.grants.filter(source="emergency")
        assert {grant.expires_at for grant in held} == {row.expires_at}
        assert "plantedpollen" in seen(emergency.omar, Category.MEDICATIONS)
        assert "plantedhivpill" not in seen(emergency.omar, Category.MEDICATIONS)
        assert not access.may(emergency.omar, emergency.maria, Category.RECORDS)


@pytest.mark.parametrize("asked", [[], ["messages"], ["sharing"], ["access_log"], ["summary"]])
def test_what_cannot_be_asked_for(emergency, asked):
    with emergency.acting("omar"):
        row = break_glass(emergency)
        with refused(Invalid, "categories"):
            more(emergency, row, categories=asked)
    assert stored(emergency)[0].scope == ["view", "summary"]


def test_confidential_kinds_open_one_by_one(emergency):
    with emergency.acting("omar"):
        row = more(emergency, break_glass(emergency), categories=["medications", "mental_health"])
    with emergency.acting("omar"):
        assert "plantedhivpill" not in seen(emergency.omar, Category.MEDICATIONS)
        held = access.categories_of(emergency.omar, emergency.maria)
        assert held & set(CONFIDENTIAL_KINDS) == {Category.MENTAL_HEALTH}
        more(emergency, row, categories=["hiv"])
    with emergency.acting("omar"):
        assert "plantedhivpill" in seen(emergency.omar, Category.MEDICATIONS)


@pytest.mark.parametrize("given", [{"reason": "because"}, {"proof": Proof(code="000000")}])
def test_more_is_asked_for_with_the_same_care(emergency, given):
    with emergency.acting("omar"):
        row = break_glass(emergency)
        with pytest.raises(Invalid):
            more(emergency, row, **given)
    assert stored(emergency)[0].scope == ["view", "summary"]


def test_nothing_is_widened_after_the_end_or_by_another(emergency):
    with emergency.acting("omar"):
        row = break_glass(emergency)
    for name in ("nina", "alma"):
        with tenancy.system(emergency.harbor):
            staffing.assign(
                user=emergency.people[name], role=Role.PHYSICIAN, facility=emergency.harbor
            )
        with emergency.acting(name), pytest.raises(Missing):
            more(emergency, row, name)
    end_the_hour(emergency, row)
    with emergency.acting("omar"), pytest.raises(Conflict, match="ended"):
        more(emergency, row)
    assert stored(emergency)[0].scope == ["view", "summary"]


# --- The end -------------------------------------------------------------------------------------


def test_the_hour_ends_by_itself(emergency):
    with emergency.acting("omar"):
        row = more(emergency, break_glass(emergency), categories=["medications", "hiv"])
    end_the_hour(emergency, row)
    with emergency.acting("omar") as actor:
        assert actor.emergencies == () and breakglass.running(emergency.omar) == []
        assert not reached(emergency, "omar")
        assert not seen(emergency.omar) and not Medication.objects.exists()
        forget_attempts(emergency, "omar")
        assert break_glass(emergency).pk != row.pk, "the next emergency is a new one"


def test_it_is_given_back_once_and_by_herself(emergency):
    with emergency.acting("omar"):
        row = break_glass(emergency)
        assert breakglass.running(emergency.omar) == [row]
    with emergency.acting("nina"), pytest.raises(Missing):
        breakglass.give_back(emergency=row, by=emergency.nina)
    with emergency.acting("omar"):
        assert breakglass.give_back(emergency=row, by=emergency.omar).ended_at
        with pytest.raises(Conflict):
            breakglass.give_back(emergency=row, by=emergency.omar)
    with emergency.acting("omar") as actor:
        assert actor.emergencies == () and not seen(emergency.omar)
        assert not AccessGrant.grants.filter(source="emergency").exists()
        assert not reached(emergency, "omar")


def test_it_is_given_back_by_who_was_taken_on_again_in_between(emergency):
    with emergency.acting("omar"):
        row = break_glass(emergency)
    with emergency.acting("alma"):
        role = RoleAssignment.objects.get(user=emergency.omar)
        staffing.dismiss(assignment=role, by=emergency.alma)
    with tenancy.system(emergency.harbor):
        staffing.assign(user=emergency.omar, role=role.role, facility=emergency.harbor)
    with emergency.acting("omar"):
        assert not seen(emergency.omar), "what was granted before counts no more"
        assert breakglass.give_back(emergency=row, by=emergency.omar).ended_at
    with tenancy.system(emergency.harbor):
        assert not AccessGrant.grants.filter(source="emergency").exists()


def test_giving_back_leaves_what_she_holds_otherwise(emergency):
    with tenancy.system(emergency.harbor):
        access.grant(
            patient=emergency.maria, user=emergency.omar, source="care_team",
            categories=[Category.VIEW],
        )  # fmt: skip
    with emergency.acting("omar"):
        breakglass.give_back(emergency=break_glass(emergency), by=emergency.omar)
    with emergency.acting("omar"):
        assert access.categories_of(emergency.omar, emergency.maria) == {Category.VIEW}


def test_no_access_is_stored_that_lasts_longer(emergency):
    with emergency.acting("omar"):
        row = break_glass(emergency)
    with tenancy.system(emergency.harbor), pytest.raises(IntegrityError), transaction.atomic():
        longer = row.opened_at + timedelta(minutes=60, seconds=1)
        EmergencyAccess.objects.filter(pk=row.pk).update(expires_at=longer)


# --- Told and reviewed ---------------------------------------------------------------------------


def notices(cast) -> dict[str, list[str]]:
    """The titles of the emergency notices of each person."""
    found: dict[str, list[str]] = {}
    for name, user in cast.people.items():
        with tenancy.system(cast.harbor):
            rows = Notification.objects.filter(user=user, kind="emergency").order_by("id")
            titles = [row.title for row in rows]
            assert not [row for row in rows if "planted" in row.text.replace("Plantedsouza", "")]
        if titles:
            found[name] = titles
    return found


def test_administrators_patient_and_guardians_are_told_at_once(emergency):
    with emergency.acting("omar"):
        break_glass(emergency)
        assert set(notices(emergency)) == {"alma"}
        row = break_glass(emergency, sought=Sought(patient_id=emergency.jimmy.pk))
    told = notices(emergency)
    assert set(told) == {"alma", "john"}
    assert told["alma"][0] == "Omar Test opened a patient in an emergency"
    assert told["john"] == ["A record was opened in an emergency"]
    with emergency.acting("omar"):
        more(emergency, row, categories=["records"])
    assert notices(emergency)["john"][-1] == "More of a record was opened in an emergency"


def test_who_has_no_place_here_any_more_is_not_told_of_the_child(emergency):
    emergency.people["aunt"] = person("aunt", emergency.harbor, Role.FAMILY_MEMBER)
    with tenancy.system(emergency.harbor):
        family.stand(
            patient=emergency.jimmy, user=emergency.aunt, relationship="guardian", level="full",
            is_guardian=True,
        )  # fmt: skip
        RoleAssignment.objects.filter(user=emergency.aunt).update(is_active=False)
    with emergency.acting("omar"):
        break_glass(emergency, sought=Sought(patient_id=emergency.jimmy.pk))
    assert set(notices(emergency)) == {"alma", "john"}


def test_the_opening_itself_is_marked_and_the_next_look_too(emergency):
    from clinic.security import trail

    with emergency.acting("omar"):
        break_glass(emergency)
    with emergency.acting("omar"):
        trail.read("patients.patient", [(emergency.maria.pk,) * 2], how="summary")
        trail.read("patients.patient", [(emergency.mr_doe.pk,) * 2], how="chart")
    marked = noted(emergency, "break_glass")
    assert {entry.purpose for entry in marked} == {"emergency"}
    assert {entry.patient_id for entry in marked} == {emergency.maria.pk}
    assert {entry.actor_id for entry in marked} == {emergency.omar.pk}
    assert {"compliance.emergencyaccess", "patients.accessgrant", "patients.patient"} <= {
        entry.resource for entry in marked
    }


def judged(cast, row, name="alma", outcome="justified", note=""):
    with cast.acting(name):
        return breakglass.review(
            emergency=row, outcome=outcome, note=note, by=cast.people[name]
        )  # fmt: skip


def test_a_review_is_recorded_once(emergency):
    with emergency.acting("omar"):
        row = break_glass(emergency)
    done = judged(emergency, row, outcome="questioned", note="He should have phoned.")
    assert done.reviewed_by_id == emergency.alma.pk and done.reviewed_at
    with pytest.raises(Conflict):
        judged(emergency, row)
    assert stored(emergency)[0].outcome == "questioned"


@pytest.mark.parametrize(
    ("outcome", "note", "field"),
    [("", "", "outcome"), ("fine", "", "outcome"), ("misused", "  ", "note"),
     ("questioned", "", "note")],
)  # fmt: skip
def test_a_review_says_what_it_found(emergency, outcome, note, field):
    with emergency.acting("omar"):
        row = break_glass(emergency)
    with pytest.raises(Invalid) as refused:
        judged(emergency, row, outcome=outcome, note=note)
    assert set(refused.value.fields) == {field} and stored(emergency)[0].reviewed_at is None


def test_nobody_reviews_herself_whatever_else_she_is(emergency):
    from clinic import staffing

    with tenancy.system(emergency.harbor):
        staffing.assign(user=emergency.omar, role="administrator", facility=emergency.harbor)
    with emergency.acting("omar"):
        row = break_glass(emergency, lacking=[Category.HIV])
    with pytest.raises(Denied):
        judged(emergency, row, "omar")
    with (
        emergency.acting("omar"),
        tenancy.by_verb(),
        pytest.raises(IntegrityError),
        transaction.atomic(),
    ):
        EmergencyAccess.objects.filter(pk=row.pk).update(
            outcome="justified", reviewed_at=timezone.now(), reviewed_by=emergency.omar
        )
    assert stored(emergency)[0].reviewed_at is None


@pytest.mark.parametrize("name", ["sarah", "fred", "aud", "omar"])
def test_who_may_not_review(emergency, name):
    with emergency.acting("omar"):
        row = break_glass(emergency)
    with pytest.raises(Denied):
        judged(emergency, row, name)


def test_another_clinics_administrator_finds_nothing_to_review(emergency):
    with emergency.acting("omar"):
        row = break_glass(emergency)
    with pytest.raises(Missing):
        judged(emergency, row, "rita")
    with emergency.acting("rita"):
        assert not breakglass.visible_to(emergency.rita).exists()


def test_a_late_review_is_told_once(emergency):
    with emergency.acting("omar"):
        row = break_glass(emergency)
    with tenancy.system(emergency.harbor):
        assert breakglass.escalate() == 0
        EmergencyAccess.objects.update(review_due_at=timezone.now() - timedelta(seconds=1))
        assert [breakglass.escalate(), breakglass.escalate()] == [1, 0]
    late = "The review of an emergency access is late"
    told = notices(emergency)
    assert told["alma"].count(late) == 1 and told["aud"] == [late] and set(told) == {"alma", "aud"}
    assert stored(emergency)[0].escalated_at
    judged(emergency, row)
    with tenancy.system(emergency.harbor):
        assert not EmergencyAccess.objects.late().exists()


def test_what_was_reviewed_in_time_is_not_escalated(emergency):
    with emergency.acting("omar"):
        row = break_glass(emergency)
    judged(emergency, row)
    with tenancy.system(emergency.harbor):
        EmergencyAccess.objects.update(review_due_at=timezone.now() - timedelta(days=2))
        assert breakglass.escalate() == 0


def test_the_reviewer_sees_what_was_looked_at(emergency):
    from clinic.security import trail

    with emergency.acting("omar"):
        row = break_glass(emergency)
    with emergency.acting("omar"):
        trail.read("patients.patient", [(emergency.maria.pk,) * 2], how="summary")
    with emergency.acting("alma"):
        looks = [(e.resource, e.additional_data["how"]) for e in breakglass.seen_under(row)]
    assert looks == [("patients.patient", "summary")]


def test_each_sees_her_own_and_the_reviewer_all(emergency):
    with emergency.acting("omar"):
        row = break_glass(emergency)
        assert list(breakglass.visible_to(emergency.omar)) == [row]
    with emergency.acting("nina"):
        assert not breakglass.visible_to(emergency.nina).exists()
    with emergency.acting("alma"):
        assert list(breakglass.visible_to(emergency.alma)) == [row]
    for name in ("fred", "aud"):
        with emergency.acting(name), pytest.raises(Denied):
            breakglass.visible_to(emergency.people[name])
