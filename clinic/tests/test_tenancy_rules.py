"""What an actor is told of, what is written of it into the transaction, and how it is widened."""

import json
from dataclasses import replace

import pytest
from django.db import DataError, connection, transaction

from clinic.models import Facility, Invitation, LogEntry, RoleAssignment
from clinic.security import tenancy, trail
from clinic.security.permissions import Denied, Permission, Reach, Role
from clinic.security.tenancy import NOBODY, PLATFORM, Actor, Origin, Purpose


def told(name: str) -> str:
    """What the open transaction carries."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s, true)", [f"app.{name}"])
        return cursor.fetchone()[0] or ""


SETTINGS = (
    "user", "facilities", "reach", "clinical", "trail", "portal", "barred", "emergencies",
    "stewarded", "by_verb", "origin",
)  # fmt: skip


def carried() -> dict[str, str]:
    return {name: told(name) for name in SETTINGS}


def test_the_scheduler_sees_which_clinics_there_are_and_nothing_in_them(cast):
    with tenancy.platform() as actor:
        trail.note("clinic.facility", object_pk="planted")
        slugs = {facility.slug for facility in Facility.objects.all()}
        within = [model.objects.count() for model in (RoleAssignment, Invitation)]
        assert (actor.user_id, actor.permissions, actor.clinical) == (None, frozenset(), Reach.NONE)
        (entry,) = LogEntry.entries.filter(object_pk="planted")
    assert slugs == {"harbor", "austa"} and within == [0, 0]
    assert (entry.facility_id, entry.surface, entry.actor_id) == (PLATFORM, "scheduler", None)


def test_it_reads_the_entries_that_no_clinic_owns(cast):
    with tenancy.platform():
        trail.note("clinic.user", object_pk="nobody's", facilities=[])
        owned = LogEntry.entries.exclude(facility_id=PLATFORM).exclude(facility_id=None)
        assert not owned.exists()


def test_a_task_acts_in_one_clinic_for_a_purpose_and_from_a_surface(cast):
    with tenancy.system(cast.harbor) as plain:
        assert (plain.facility_id, plain.user_id) == (cast.harbor.pk, None)
        assert plain.permissions == frozenset(Permission) and plain.trail is True
        assert (plain.reach, plain.clinical) == (Reach.FACILITY, Reach.FACILITY)
        assert (plain.purpose, plain.origin.surface) == (Purpose.OPERATIONS, "system")
        assert set(RoleAssignment.objects.values_list("facility_id", flat=True)) == {cast.harbor.pk}
    by_id = tenancy.system(str(cast.austa.pk), purpose=Purpose.PAYMENT, surface="worker")
    with by_id as other:
        assert other.facility_id == cast.austa.pk
        assert (other.purpose, other.origin.surface) == (Purpose.PAYMENT, "worker")


def test_without_a_clinic_it_is_told_what_is_missing():
    with pytest.raises(tenancy.MissingFacility, match=r"^A task or a command must name the fac"):
        tenancy.system(None)


def test_crossing_needs_a_reason_and_keeps_what_was_marked_before(cast):
    nowhere = tenancy.across_facilities([cast.austa], reason="")
    with pytest.raises(ValueError, match=r"^Crossing facilities needs a reason\.$"), nowhere:
        pass
    with tenancy.system(cast.harbor) as system, tenancy.acting(replace(system, flags=("night",))):
        both = [cast.harbor, cast.austa]
        with tenancy.across_facilities(both, reason="a merger") as actor:
            assert actor.flags == ("night", "across:a merger")
            assert actor.facilities == (cast.harbor.pk, cast.austa.pk)
            assert actor.facility_id == cast.harbor.pk, "acting stays in one"
        assert tenancy.current().facilities == (cast.harbor.pk,)


@pytest.mark.parametrize("clinical", [False, True])
def test_the_whole_clinic_is_reached_for_a_moment(cast, clinical):
    """By whoever acts, who stays who she is."""
    with cast.acting("omar") as omar:
        barred = replace(omar, barred=(cast.mr_doe.pk,), emergencies=(cast.jimmy.pk,))
        with tenancy.acting(barred):
            before = carried()
            with tenancy.whole_facility(clinical=clinical) as wide:
                assert wide.reach == Reach.FACILITY and wide.barred == ()
                assert wide.clinical == (Reach.FACILITY if clinical else omar.clinical)
                assert wide == replace(
                    barred, reach=Reach.FACILITY, barred=(), clinical=wide.clinical
                )
                assert (told("user"), told("barred")) == (str(cast.omar.pk), "")
                assert (told("reach"), told("clinical")) == ("facility", str(wide.clinical))
            assert carried() == before
    assert not tenancy.current().user_id


def test_clinical_content_is_not_opened_unasked(cast):
    with cast.acting("fred"), tenancy.whole_facility() as wide:
        assert wide.clinical == Reach.NONE


def test_the_transaction_is_told_all_of_the_actor(cast):
    origin = Origin("192.0.2.7", "a" * 400, "session", "token", "request", "api")
    ids = dict.fromkeys(("barred", "emergencies", "stewarded"), (cast.mr_doe.pk, cast.jimmy.pk))
    actor = Actor(
        user_id=cast.john.pk, facility_id=cast.harbor.pk, roles=frozenset({Role.PATIENT}),
        reach=Reach.GRANTED, clinical=Reach.FACILITY, trail=True, purpose=Purpose.FAMILY,
        origin=origin, flags=("one", "two"), **ids,
    )  # fmt: skip
    listed = f"{{{cast.mr_doe.pk},{cast.jimmy.pk}}}"
    with tenancy.acting(actor):
        found = carried()
    said = json.loads(found.pop("origin"))
    assert found == {
        "user": str(cast.john.pk), "facilities": f"{{{cast.harbor.pk}}}", "reach": "granted",
        "clinical": "facility", "trail": "on", "portal": "on", "by_verb": "",
        **dict.fromkeys(ids, listed),
    }  # fmt: skip
    assert said == {
        "facility": str(cast.harbor.pk), "purpose": "family", "address": "192.0.2.7",
        "agent": "a" * 300, "session": "session", "token": "token", "request": "request",
        "surface": "api", "flags": ["one", "two"],
    }  # fmt: skip


def test_a_verb_writes_what_others_may_not_and_sees_no_more(cast):
    with cast.acting("omar") as omar:
        before = carried()
        with tenancy.by_verb() as verb:
            assert verb == replace(omar, by_verb=True)
            assert carried() == before | {"by_verb": "on"}
        assert carried() == before and before["by_verb"] == ""


def test_and_of_nobody_that_there_is_none(cast):
    with cast.acting("alma"):
        assert told("user") and told("origin") and told("trail") == "on"
        with tenancy.acting(NOBODY):
            empty = dict.fromkeys(SETTINGS, "") | {"reach": "none", "clinical": "none"}
            assert carried() == empty
            assert not Facility.objects.exists() and not LogEntry.entries.exists()
    with tenancy.acting(Actor()):
        assert '"facility": null' in told("origin"), "a stranger's acts have an origin"


def test_a_transaction_that_failed_is_left_alone(cast):
    """Leaving the block must not hide what went wrong behind a second fault."""
    with pytest.raises(DataError), transaction.atomic():
        failing = transaction.atomic(savepoint=False)
        with tenancy.system(cast.harbor), failing, connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")
    assert tenancy.current() is NOBODY


def test_the_portal_is_where_only_patients_and_relatives_act():
    def is_portal(*roles: Role) -> bool:
        return Actor(roles=frozenset(roles)).is_portal

    assert is_portal(Role.PATIENT) and is_portal(Role.PATIENT, Role.FAMILY_MEMBER)
    assert not is_portal() and not is_portal(Role.NURSE) and not is_portal(Role.NURSE, Role.PATIENT)


def test_a_permission_that_is_not_there_is_named():
    actor = Actor(permissions=frozenset({Permission.CHART_VIEW}))
    actor.require(Permission.CHART_VIEW)
    assert actor.may(Permission.CHART_VIEW) and not actor.may(Permission.CHART_WRITE)
    with pytest.raises(Denied) as refused:
        actor.require(Permission.CHART_WRITE)
    assert refused.value.permission == Permission.CHART_WRITE
    assert str(refused.value) == str(Permission.CHART_WRITE.label)
    assert str(Denied()) == "This is not allowed." and Denied().permission is None


def test_adopting_leaves_the_connection_alone(cast):
    """What the database has settled by itself is not told to it again."""
    with cast.acting("sarah") as sarah, tenancy.acting(sarah):
        before = carried()
        tenancy.adopt(replace(sarah, user_id=cast.nina.pk))
        assert tenancy.current().user_id == cast.nina.pk and carried() == before
    assert tenancy.current() is NOBODY
