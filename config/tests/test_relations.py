"""Every route × method × relation that somebody can have to a patient: care team, invited,
referred, guardian, relative by category, revoked, expired, blocked, broken glass, none.

Nobody is told a planted word of a part that is not open to her, and what she does beyond it changes
nothing. Where the part that a route shows is open, she is let in.
"""

import logging
from datetime import date
from unittest.mock import patch

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.template.base import Template
from django.test import Client, override_settings
from django.test.utils import _TestState
from django.utils import timezone

from clinic import staffing
from clinic.models import ApiToken
from clinic.security import tenancy
from clinic.security.permissions import PORTAL_ROLES, SHARED, STAFF_ROLES, Category
from clinic.security.permissions import Permission as P
from clinic.security.tenancy import Origin
from clinic.tests.browsing import SIGN_IN
from config.tests import household, relations, test_routes
from config.tests.household import FOREIGN, OTHER, OWN, planted
from config.tests.relations import GROWN, HIDDEN, WARD, WORDS
from config.tests.routes import AUDIENCE, PERSONAL, TABLE
from config.tests.test_routes import METHODS, NEEDS_A_WORKER, ROUTES, SAFE
from patients import registration
from patients.models import AccessGrant, CareRelationship
from scheduling.models import AppointmentType

C = Category
# The part of a chart that a route shows, by the beginning of its name: without it the route is
# closed. Whatever is not named here shows the cover, or what is open.
SHOWS = {
    "api-allergies": C.MEDICATIONS, "api-medications": C.MEDICATIONS,
    "api-conditions": C.RECORDS, "api-immunizations": C.RECORDS, "api-readings": C.RECORDS,
    "api-blood-types": C.RECORDS, "api-medical-records": C.RECORDS, "admin:write": C.RECORDS,
    "admin:revise": C.RECORDS, "api-documents": C.DOCUMENTS, "admin:document": C.DOCUMENTS,
    "portal:document": C.DOCUMENTS, "api-appointments": C.APPOINTMENTS,
    "admin:visit": C.APPOINTMENTS, "portal:visit": C.APPOINTMENTS, "api-access-log": C.ACCESS_LOG,
    "api-look-questions": C.ACCESS_LOG, "api-waitlist": C.APPOINTMENTS,
    "api-adherence": C.MEDICATIONS, "api-reminder": C.MEDICATIONS,
    "api-appointment-messages": C.APPOINTMENTS,
}  # fmt: skip
# Routes of who decides for the patient.
DECIDES = {
    name for name, doors in TABLE.items()
    if any(door.opens == P.SHARING_MANAGE for door in doors.values())
}  # fmt: skip
SAME_FOR_ALL = {"api-docs", "api-schema"}  # asked in `test_routes`
TABLES = {  # which part a table that names a patient belongs to; the others show the cover
    "patients_allergy": C.MEDICATIONS, "patients_medication": C.MEDICATIONS,
    "patients_condition": C.RECORDS, "patients_immunization": C.RECORDS,
    "patients_reading": C.RECORDS, "patients_bloodtype": C.RECORDS,
    "records_encounter": C.RECORDS, "records_procedure": C.RECORDS, "records_report": C.RECORDS,
    "records_medicalrecord": C.RECORDS, "records_document": C.DOCUMENTS,
    "records_documentpage": C.DOCUMENTS, "chat_chunk": C.DOCUMENTS,
    "chat_indexeddocument": C.DOCUMENTS, "chat_conversation": C.DOCUMENTS,
    "chat_message": C.DOCUMENTS, "scheduling_appointment": C.APPOINTMENTS,
    "scheduling_hold": C.APPOINTMENTS, "scheduling_waitlistentry": C.APPOINTMENTS,
    "scheduling_waitlistoffer": C.APPOINTMENTS, "scheduling_message": C.APPOINTMENTS,
    "scheduling_medicationreminder": C.MEDICATIONS, "scheduling_reminderlog": C.MEDICATIONS,
    "scheduling_patientzone": C.MEDICATIONS,
    "patients_patient": C.VIEW, "patients_searchtoken": C.VIEW, "clinic_logentry": C.ACCESS_LOG,
}  # fmt: skip
# Rows that are a person's own, or which policies of their own keep to those whom they name
# (`patients/tests`, `compliance/tests`).
OWN_ROWS = {
    "patients_accessgrant", "patients_carerelationship", "patients_consent",
    "patients_familymember", "patients_lookquestion", "clinic_notification",
    "clinic_idempotencykey", "compliance_emergencyaccess", "scheduling_calendarfeed",
}  # fmt: skip
SUMMED_UP = {"patients_medication", "patients_condition", "patients_bloodtype"}


@pytest.fixture(scope="module")
def db(django_db_setup, django_db_blocker, tmp_path_factory):
    """The household and everybody around it, in one transaction that is rolled back at the end."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    changed = override_settings(
        DOCUMENT_STORAGE_URL=tmp_path_factory.mktemp("documents").as_uri(),
        STORAGES=settings.STORAGES | {"staticfiles": plain},
        API_RATE=10**6,
    )
    plainly = patch.object(Template, "_render", _TestState.saved_data.template_render)
    with django_db_blocker.unblock(), changed, plainly, transaction.atomic():
        logging.disable(logging.CRITICAL)
        yield build()
        logging.disable(logging.NOTSET)
        transaction.set_rollback(True)


def build() -> household.Household:
    house = household.build()
    cast = house.cast
    patients = {OWN: cast.mr_doe}
    with tenancy.system(cast.harbor):
        for owner, years in ((WARD, 15), (GROWN, 20)):
            born = date(timezone.localdate().year - years, 1, 2)
            patients[owner] = registration.register(
                by=None, first_name="A", last_name="B", date_of_birth=born
            )
        rows = type(cast.mr_doe).objects.select_related("facility")
        patients = {owner: rows.get(pk=patient.pk) for owner, patient in patients.items()}
        patients[OTHER] = rows.get(pk=house.things[OTHER]["patient"])
        kind = AppointmentType.objects.get(pk=house.things[OWN]["kind"])
    for number, owner in enumerate((WARD, GROWN), start=7):
        things = household.chart(cast, cast.harbor, patients[owner], "sarah", kind, owner, number)
        house.things[owner] = house.things[OWN] | things
    for owner, patient in patients.items():
        relations.hide(cast, cast.harbor, patient, owner)
        with tenancy.system(cast.harbor):
            patient.refresh_from_db()
    house.related = list(relations.build(cast, patients))
    for member in house.related:
        sign_in(member, patients[member.owner])
    test_routes.EXISTING.update(connection.introspection.table_names())
    return house


def sign_in(member, patient) -> None:
    """On both surfaces, where the portal shows the patient."""
    member.token = staffing.issue_token(user=member.user).text
    member.own = {"token": staffing.issue_token(user=member.user, label="spare").id}
    ApiToken.objects.filter(user=member.user).update(last_used_at=timezone.now())
    browser = Client()
    browser.force_login(member.user, backend=SIGN_IN)
    session = browser.session
    session["person"] = str(patient.pk)
    session.save()
    member.session = session.session_key


def test_every_way_into_a_chart_is_somebodys_relation(db):
    """A source of grants, a state of a relationship or a part of the chart that nobody here has
    would go through the matrix unseen."""
    with tenancy.system(db.cast.harbor):
        sources = set(AccessGrant.grants.values_list("source", flat=True))
        states = set(CareRelationship.objects.values_list("status", flat=True))
    assert sources == set(AccessGrant.Source.values), "Add somebody to config/tests/relations.py."
    assert states == set(CareRelationship.Status.values)
    alone = {frozenset({C.VIEW, category}) for category in SHARED}
    assert alone <= {member.opened for member in db.related}
    assert {member.owner for member in db.related} == {OWN, WARD, GROWN}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_nobody_gets_more_than_is_open_to_her(db, route):
    """All relations through one route; what is wrong is told at once."""
    wrong = []
    before = test_routes.digest(db)
    for method in METHODS:
        door = TABLE[route.name].get(method)
        if door is None or route.surface in {"accounts", "web"} or route.name in SAME_FOR_ALL:
            continue
        if method not in SAFE and not (route.thing or door.names):
            continue  # it sends nothing that concerns a patient
        for member in db.related:
            if member.role in AUDIENCE[route.surface]:  # the others: `test_routes`
                wrong += ask(db, route, method, door, member)
    assert not wrong, test_routes.told(wrong)
    assert test_routes.digest(db) == before, "something beyond reach was changed"


def ask(house, route, method, door, member) -> list[tuple[str, str]]:
    it = test_routes.named(house, route, member, OWN) | {
        name: thing for name, thing in house.things[member.owner].items() if name not in member.own
    }
    mark = transaction.savepoint()
    response = test_routes.request(route, method, member, it, door)
    body = response.getvalue().lower().decode("utf-8", "replace")
    let_in = may_pass(route, method, door, member)
    if let_in and method not in SAFE:
        transaction.savepoint_rollback(mark)
        tenancy.apply(connection)
    else:
        transaction.savepoint_commit(mark)
    what = f"{method} {route.name}: {response.status_code}"
    told = member.told if route.name == "admin:relationships" else set()
    forbidden = set(member.forbidden_words()) - told
    wrong = [f"{what} tells {word}" for word in forbidden if word in body]
    if response.status_code >= 500 and route.name not in NEEDS_A_WORKER:
        wrong.append(what)
    names_patient = (route.thing and route.thing not in PERSONAL) or door.names == "patient"
    # A page may say in words that something is closed, and answer 200.
    if (
        route.surface == "api"
        and names_patient
        and not let_in
        and response.status_code in {200, 201, 204}
    ):
        wrong.append(f"{what}, which is beyond what is open")
    must = let_in and method == "GET" and route.surface == "api" and route.thing not in PERSONAL
    if must and response.status_code != 200:
        wrong.append(f"{what}, which is open")
    return [(one, member.label) for one in wrong]


def may_pass(route, method, door, member) -> bool:
    """Whether role, rule and what is open let the member through."""
    of_her_own = {*DECIDES, "api-referrals-detail", "api-family-list"}
    decides = route.name in of_her_own and C.SHARING in member.opened
    if not door.opens_to(member.role, route.surface):
        return False
    if door.is_ruled_out(member.role) and not decides:
        return False
    if not (route.thing or door.names == "patient"):
        return True
    if route.thing in PERSONAL:
        return True
    if route.thing in test_routes.OF_THE_CLINIC and "patient_id" not in route.arguments:
        return True
    fitting = [name for name in SHOWS if route.name.startswith(name)]
    needed = SHOWS[max(fitting, key=len)] if fitting else C.VIEW
    if route.name in DECIDES and method not in SAFE and C.SHARING not in member.opened:
        return False
    return needed in member.opened


def test_the_policies_alone_show_what_is_open_and_nothing_else(db):
    """Every table that names a patient, asked without any filter by each of them."""
    wrong = []
    patients = {db.things[owner]["patient"]: owner for owner in (OWN, OTHER, FOREIGN, WARD, GROWN)}
    for member in db.related:
        roles = PORTAL_ROLES if member.role in PORTAL_ROLES else STAFF_ROLES
        actor = staffing.enter(user=member.user, roles=roles, origin=Origin(surface="test"))
        with tenancy.acting(actor), connection.cursor() as cursor:
            cursor.execute(test_routes.PATIENT_TABLES)
            for table, column in cursor.fetchall():
                if table in OWN_ROWS:
                    continue
                cursor.execute(f"SELECT DISTINCT {column} FROM {table}")
                seen = {patients.get(pk) for (pk,) in cursor.fetchall()}
                for owner in seen - {None}:
                    if not shows(member, table, owner):
                        wrong.append((f"{table} shows {owner}", member.label))
                if table == "patients_patient" and (C.VIEW in member.opened) != (
                    member.owner in seen
                ):
                    wrong.append((f"{table} hides {member.owner}", member.label))
    assert not wrong, test_routes.told(wrong)


def shows(member, table: str, owner: str) -> bool:
    """Whether rows of that table about that patient are open to the member. A table that names a
    patient and is not known here fails."""
    part = TABLES[table]
    if owner != member.owner:
        return member.wide and owner != FOREIGN
    return part in member.opened or (C.SUMMARY in member.opened and table in SUMMED_UP)


def test_each_kind_of_confidential_content_is_planted(db):
    """Else the matrix would find nothing because there is nothing."""
    with tenancy.system(db.cast.harbor), connection.cursor() as cursor:
        cursor.execute("SELECT confidential_kind, count(*) FROM patients_condition GROUP BY 1")
        kept = dict(cursor.fetchall())
    assert all(kept[kind] == 4 for kind in HIDDEN)
    assert {planted(OWN, word) for word in WORDS} >= {planted(OWN, "letter")}
