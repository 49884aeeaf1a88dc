"""Every route × method × role × {one's own, another patient's, another clinic's} object.

What is expected stands in `config.tests.routes`; the people and their objects are those of
`config.tests.household`. A route that is not listed there fails, and so does a listed one that is
no more.
"""

import itertools
import logging
from unittest.mock import patch

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.template.base import Template
from django.test import override_settings
from django.test.utils import _TestState

from clinic import staffing
from clinic.security import tenancy
from clinic.security.permissions import PORTAL_ROLES, STAFF_ROLES
from clinic.security.tenancy import Origin
from config.tests import household
from config.tests.household import FOREIGN, OTHER, OWN, OWNERS, Household, Member
from config.tests.routes import OF_THE_CLINIC, PERSONAL, TABLE, Door
from config.tests.walking import Route, routes

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SAFE = frozenset({"GET"})
SAMPLE = ("nobody", "physician", "patient", "neighbour")
UNTOUCHED = {  # written by signing in and by being looked at
    "clinic_logentry", "clinic_traillink", "django_session", "usersessions_usersession",
    "clinic_spentcode", "account_emailaddress",
}  # fmt: skip
# Of a token, all but when it was last used.
WHOLE = {"clinic_apitoken": "t.id, t.user_id, t.digest, t.expires_at, t.revoked_at"}
NEEDS_A_WORKER = frozenset({"readyz"})
ROUTES = list(routes())
addresses = itertools.count(1)


@pytest.fixture(scope="module")
def db(django_db_setup, django_db_blocker, tmp_path_factory):
    """The household in one transaction that is rolled back at the end: it stands in the place of
    the fixture of this name that begins a transaction for each test."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    changed = override_settings(
        DOCUMENT_STORAGE_URL=tmp_path_factory.mktemp("documents").as_uri(),
        STORAGES=settings.STORAGES | {"staticfiles": plain},
        API_RATE=10**6,
    )
    # Neither the log of thousands of refusals is wanted nor what the templates were given.
    plainly = patch.object(Template, "_render", _TestState.saved_data.template_render)
    with django_db_blocker.unblock(), changed, plainly, transaction.atomic():
        logging.disable(logging.CRITICAL)
        yield household.build()
        logging.disable(logging.NOTSET)
        transaction.set_rollback(True)


def test_every_route_is_listed_and_every_listed_route_exists():
    found = [route.name for route in ROUTES]
    assert not sorted(set(found) - set(TABLE)), "Say in config/tests/routes.py who may go there."
    assert not sorted(set(TABLE) - set(found)), "These routes are no more."
    twice = {name for name in found if found.count(name) > 1}
    assert not twice


def test_every_action_of_the_api_is_listed():
    for route in ROUTES:
        offered = {method.upper() for method in route.actions} - {"HEAD", "OPTIONS"}
        if route.actions:
            assert offered == set(TABLE[route.name]), route.name


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_each_person_gets_what_is_hers_and_nothing_else(db, route):
    """The whole matrix of one route; all that is wrong is told at once."""
    house, wrong = db, []
    before = digest(house)
    for method, member in itertools.product(METHODS, house.members):
        door = TABLE[route.name].get(method)
        if door is None and member.label not in SAMPLE:
            continue  # a method that is not offered is the same for all
        for owner in owners(route, door):
            wrong += ask(house, route, method, member, owner)
    assert not wrong, told(wrong)
    assert digest(house) == before, "a request that was refused, or a reading, changed something"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_two_roles_open_no_more_than_one_of_them(db, route):
    """What a person reaches by one role is not read by the other."""
    house, wrong = db, []
    door = TABLE[route.name].get("GET")
    for member, owner in itertools.product(house.doubles, owners(route, door)):
        response = request(route, "GET", member, named(house, route, member, owner), door)
        body = response.getvalue().lower().decode("utf-8", "replace")
        found = [word for word in member.forbidden_words() if word in body]
        wrong += [(f"GET {route.name}, {owner} tells {word}", member.label) for word in found]
        if response.status_code >= 500 and route.name not in NEEDS_A_WORKER:
            wrong.append((f"GET {route.name}, {owner}: {response.status_code}", member.label))
    assert not wrong, told(wrong)


COVER = {"patients_patient", "patients_familymember", "patients_searchtoken",
         "scheduling_appointment", "scheduling_hold", "scheduling_waitlistentry",
         "scheduling_waitlistoffer", "scheduling_message"}  # fmt: skip
PATIENT_TABLES = """SELECT table_name, CASE table_name WHEN 'patients_patient' THEN 'id'
 ELSE 'patient_id' END FROM information_schema.columns
 WHERE table_schema = 'public' AND (column_name = 'patient_id' OR table_name = 'patients_patient')
 GROUP BY 1 ORDER BY 1"""


def test_the_policies_alone_show_nothing_beyond_reach(db):
    """Every table that names a patient, asked without any filter by each person, as staff and in
    the portal: a view that forgets its filter leaks nothing."""
    house, wrong = db, []
    patients = {house.things[owner]["patient"]: owner for owner in OWNERS}
    for member in [m for m in (*house.members, *house.doubles) if m.user]:
        for roles in (STAFF_ROLES, PORTAL_ROLES):
            actor = staffing.enter(user=member.user, roles=roles, origin=Origin(surface="test"))
            with tenancy.acting(actor), connection.cursor() as cursor:
                cursor.execute(PATIENT_TABLES)
                for table, column in cursor.fetchall():
                    cursor.execute(f"SELECT DISTINCT {column} FROM {table}")
                    for (pk,) in cursor.fetchall():
                        owner = patients.get(pk)
                        if owner and not may_see(member, actor, table, owner):
                            wrong.append((f"{table} shows {owner}", member.label))
                cursor.execute("SELECT user_id FROM clinic_idempotencykey")
                kept = {user for (user,) in cursor.fetchall()} - {member.user.pk}
                wrong += [("clinic_idempotencykey shows another's", member.label)] if kept else []
    assert not wrong, told(wrong)


def may_see(member: Member, actor, table: str, owner: str) -> bool:
    """Whether the role table lets rows of that owner be seen. Staff act by their staff roles; who
    reads the trail sees entries about everybody, and everybody her own grants."""
    if table == "clinic_logentry" and actor.trail:
        return member.is_stranger == (owner == FOREIGN)
    if table in {"patients_accessgrant", "clinic_idempotencykey"} and owner == OWN:
        return True
    return member.reaches(owner) if table in COVER else member.reads(owner)


def named(house: Household, route: Route, member: Member, owner: str) -> dict:
    """What the address and the body of a request are filled from."""
    it = house.of(owner, member)
    if route.thing and it.get(route.thing) is None:
        it |= {route.thing: house.things[OTHER]["patient"]}  # she has none: an id of something else
    return it


def told(wrong: list[tuple[str, str]]) -> str:
    """What is wrong, each once, with the people to whom it happens."""
    people: dict[str, list[str]] = {}
    for what, who in wrong:
        people.setdefault(what, []).append(who)
    return "\n" + "\n".join(f"{what}: {', '.join(who)}" for what, who in people.items())


def owners(route: Route, door: Door | None) -> tuple[str, ...]:
    """Whose objects are asked for: all three where the address or the body can name one."""
    if door is None:
        return (OWN,)
    if route.thing or door.names:
        return OWNERS
    return (OWN,)


def ask(house: Household, route: Route, method: str, member: Member, owner: str) -> list[tuple]:
    """What is wrong with the answer to one request, in words, and who got it."""
    it = named(house, route, member, owner)
    door = TABLE[route.name].get(method)
    mark = transaction.savepoint()
    response = request(route, method, member, it, door)
    expected = expectation(route, method, member, owner, door)
    body = response.getvalue().lower().decode("utf-8", "replace")
    if expected == LET_IN and method not in SAFE:
        transaction.savepoint_rollback(mark)
        tenancy.apply(connection)
    else:
        transaction.savepoint_commit(mark)
    what = f"{method} {route.name}, {owner}: {response.status_code}"
    clash = bool(door and door.clash)
    wrong = [] if fits(response, expected, route, clash) else [f"{what} instead of {expected}"]
    wrong += [f"{what} tells {word}" for word in member.forbidden_words() if word in body]
    return [(one, member.label) for one in wrong]


def request(route: Route, method: str, member: Member, it: dict, door: Door | None):
    headers = {"REMOTE_ADDR": address()}  # so that the brake on signing in does not answer first
    if route.surface == "api" and member.token:
        headers["HTTP_AUTHORIZATION"] = f"Bearer {member.token}"
    if route.surface == "api" and method == "POST":
        # Whoever may do something may do it under a key, too: the answer is kept as she reads it.
        headers["HTTP_IDEMPOTENCY_KEY"] = f"route {next(addresses)}"
    path = route.address(it, door)
    if door and door.query:
        path += "?" + "&".join(f"{name}={value}" for name, value in door.query(it).items())
    sent = door.body(it) if door and door.body else {}
    browser = member.browser
    if method in SAFE:
        return browser.get(path, **headers)
    send = getattr(browser, method.lower())
    if route.surface == "api" and not (door and door.form):
        return send(path, sent, content_type="application/json", **headers)
    return send(path, sent, **headers)


def address() -> str:
    number = next(addresses)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


LET_IN, REFUSED, RULED_OUT, MISSING, UNOFFERED = (
    "let in", "refused", "ruled out", "missing", "not offered",
)  # fmt: skip


def expectation(route: Route, method, member: Member, owner: str, door: Door | None) -> str:
    if door is None:
        return UNOFFERED
    if not door.opens_to(member.role, route.surface):
        return REFUSED
    if door.is_ruled_out(member.role):
        return RULED_OUT
    if member.role and not within_reach(route, door, member, owner):
        return MISSING
    return LET_IN


def within_reach(route: Route, door: Door, member: Member, owner: str) -> bool:
    """Whether all that the address and the body name is within the member's reach."""
    ours = (owner == FOREIGN) == member.is_stranger
    if route.thing in PERSONAL:
        return owner == OWN
    if route.thing in OF_THE_CLINIC and "patient_id" not in route.arguments:
        return ours
    if route.thing or door.names == "patient":
        return member.reaches(owner)
    return ours or not door.names


def fits(response, expected: str, route: Route, clash: bool = False) -> bool:
    """Whether the answer is one that the expectation allows. On pages 400 is a form that was
    looked at and found wanting, so its sender was let in."""
    status = response.status_code
    if route.name in NEEDS_A_WORKER and status == 503:
        return expected == LET_IN
    if route.surface == "api":
        answers = {
            LET_IN: {200, 201, 202, 204, *([409] if clash else [])},
            REFUSED: {401, 403, 404}, RULED_OUT: {400, 403, 404, 409},
            MISSING: {400, 403, 404}, UNOFFERED: {401, 404, 405},
        }  # fmt: skip
        return status in answers[expected]
    to_sign_in = status == 302 and "/login/" in response["Location"]
    if expected == LET_IN:
        return status in {200, 204, 302, 400} and not to_sign_in
    if expected == UNOFFERED:
        return status < 500  # Django's forms take PUT as POST; that nothing changed is checked
    return to_sign_in or status in {403, 404, 405}


def digest(house: Household) -> list[tuple]:
    """Every table of both clinics, as seen by somebody who sees all of it."""
    tables = sorted({m._meta.db_table for m in apps.get_models(include_auto_created=True)})
    query = " UNION ALL ".join(
        f"SELECT '{t}', count(*), sum(hashtextextended(({WHOLE.get(t, 't')})::text, 0)) FROM {t} t"
        for t in tables
        if t in EXISTING and t not in UNTOUCHED
    )
    with (
        tenancy.system(house.cast.harbor),
        tenancy.across_facilities([house.cast.harbor, house.cast.austa], reason="test"),
        connection.cursor() as cursor,
    ):
        cursor.execute(query)
        return sorted(cursor.fetchall())


EXISTING: set[str] = set()


@pytest.fixture(scope="module", autouse=True)
def existing(db):
    EXISTING.update(connection.introspection.table_names())
