"""How long one stays signed in, where, and who can end it."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings as of_the_house
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.db.models import F
from django.test import Client
from django.urls import resolve

from clinic import sessions, staffing
from clinic.models import ApiToken, LogEntry, RoleAssignment, User
from clinic.security import tenancy
from clinic.security.permissions import Role
from clinic.security.sessions import SessionStore, digest_of
from clinic.tests.people import PASSWORD, nobody_id
from clinic.tests.programs import Program
from config.tests.signing_in import CODE, fresh_code, give_passwords, key_of, quicken, sign_in

LIST, ALIVE = "/accounts/sessions/", "/accounts/sessions/alive/"
MINUTE = timedelta(minutes=1)
TEMPLATES = Path(of_the_house.BASE_DIR) / "templates"


@pytest.fixture(autouse=True)
def quick(settings):
    quicken(settings)
    yield
    cache.clear()


def pass_by(time: timedelta, *, of: Client | None = None) -> None:
    """So much time passes, as the sessions are told of it."""
    rows = UserSession.objects.all()
    if of:
        rows = rows.filter(session_key=digest_of(key_of(of)))
    rows.update(last_seen_at=F("last_seen_at") - time, created_at=F("created_at") - time)


class TestIdle:
    """A session ends when no person acted for so long: 15 minutes for staff, 30 in the portal."""

    WHO = [("sarah", "/admin/", 15), ("john", "/portal/", 30)]

    @pytest.mark.parametrize(("name", "page", "limit"), WHO)
    def test_it_ends_when_nobody_acts(self, browse, name, page, limit):
        client = browse(name)
        pass_by(limit * MINUTE - timedelta(seconds=5))
        assert client.get(page).status_code == 200
        pass_by(limit * MINUTE)
        answer = client.get(page)
        assert answer.status_code == 302 and "/login/" in answer["Location"]
        assert not UserSession.objects.exists() and client.get(page).status_code == 302

    @pytest.mark.parametrize(("name", "page", "limit"), WHO)
    def test_acting_keeps_it_alive_for_hours(self, browse, name, page, limit):
        client = browse(name)
        for _ in range(8):
            pass_by((limit - 1) * MINUTE)
            assert client.get(page).status_code == 200

    @pytest.mark.parametrize(("name", "page", "limit"), WHO)
    def test_twelve_hours_are_the_end_whatever_is_done(self, browse, name, page, limit):
        client = browse(name)
        UserSession.objects.update(created_at=F("created_at") - timedelta(hours=12))
        assert client.get(page).status_code == 302

    def test_a_sign_of_life_keeps_a_long_form(self, browse):
        client = browse("sarah")
        for _ in range(30):
            pass_by(MINUTE)
            assert client.post(ALIVE).json() == {"left": 15 * 60, "last": False}
        assert client.get("/admin/").status_code == 200

    def test_asking_how_long_is_no_act(self, browse):
        client = browse("sarah")
        pass_by(14 * MINUTE)
        assert 50 <= client.get(f"{ALIVE}?refresh=1").json()["left"] <= 60
        pass_by(MINUTE)
        assert client.get(f"{ALIVE}?refresh=1").json()["left"] == 0
        assert client.get("/admin/").status_code == 302

    def test_towards_the_end_of_all_acting_does_not_help(self, browse):
        client = browse("sarah")
        UserSession.objects.update(created_at=F("created_at") - timedelta(hours=11, minutes=55))
        told = client.post(ALIVE).json()
        assert told["last"] is True and told["left"] <= 300

    def test_a_stranger_has_no_time_left(self, db):
        assert Client().get(ALIVE).json()["left"] == Client().post(ALIVE).json()["left"] == 0

    def test_its_end_is_on_the_trail(self, cast, browse):
        client = browse("sarah")
        pass_by(15 * MINUTE)
        client.get("/admin/")
        with cast.acting("alma"):
            noted = LogEntry.entries.filter(compliance_flags__contains=["session_ended"])
            assert [entry.actor_id for entry in noted] == [cast.sarah.pk]

    @pytest.mark.parametrize("where", ["harbor", "austa"])
    def test_who_works_in_any_clinic_has_no_longer_as_a_patient(self, cast, browse, where):
        """Else the portal would keep her session alive for the pages where she works."""
        facility = getattr(cast, where)
        with tenancy.system(facility):
            staffing.assign(user=cast.sarah, role=Role.PATIENT, facility=facility)
        client = browse("sarah")
        pass_by(14 * MINUTE)
        assert client.get("/portal/").status_code == 200
        assert client.get(ALIVE).json()["left"] == 15 * 60
        pass_by(15 * MINUTE)
        assert client.get("/portal/").status_code == 302
        assert client.get("/admin/").status_code == 302 and not UserSession.objects.exists()

    def test_who_works_nowhere_any_more_has_a_patients_time(self, cast, browse):
        with tenancy.system(cast.harbor):
            staffing.assign(user=cast.sarah, role=Role.PATIENT, facility=cast.harbor)
            RoleAssignment.objects.filter(user=cast.sarah, role=Role.PHYSICIAN).update(
                is_active=False
            )
        client = browse("sarah")
        pass_by(29 * MINUTE)
        assert client.get("/portal/").status_code == 200


class TestWhatThePageAsksByItself:
    """Nobody acts when a page refreshes itself."""

    POLLS = re.compile(r'hx-get="(.*?)" hx-trigger="')

    def test_every_poll_says_so_in_its_address(self):
        """A part that refreshes itself without saying so would keep a session alive for ever."""
        polls = {
            path.name: self.POLLS.findall(path.read_text())
            for path in TEMPLATES.rglob("*.html")
            if re.search(r'hx-trigger="[^"]*(every|load|revealed)', path.read_text())
        }
        assert "document_list.html" in polls
        for name, addresses in polls.items():
            assert addresses and all("refresh=1" in one for one in addresses), name

    def test_a_page_that_asks_whether_it_is_still_open_says_so_in_its_view(self):
        assert resolve("/portal/still/").func.view_class.is_background is True

    @pytest.mark.parametrize("sent", [{}, {"HX-Request": "true"}])
    @pytest.mark.parametrize(("name", "page", "limit"), TestIdle.WHO)
    def test_it_keeps_nothing_alive(self, browse, sent, name, page, limit):
        client = browse(name)
        for _ in range(limit - 1):
            pass_by(MINUTE)
            assert client.get(f"{page}?refresh=1", headers=sent).status_code == 200
        pass_by(MINUTE)
        assert client.get(page).status_code == 302

    def test_a_view_can_say_it_instead(self, browse, monkeypatch):
        from clinic import signed_in

        monkeypatch.setattr(signed_in.where, "is_background", True, raising=False)
        client = browse("sarah")
        pass_by(10 * MINUTE)
        assert client.get(LIST).status_code == 200
        pass_by(5 * MINUTE)
        assert client.get("/admin/").status_code == 302

    @pytest.mark.parametrize(("name", "page", "limit"), TestIdle.WHO)
    def test_after_the_end_it_loads_the_whole_page_anew(self, browse, name, page, limit):
        """So that nothing of what was shown stays in sight."""
        client = browse(name)
        pass_by(limit * MINUTE)
        answer = client.get(f"{page}?refresh=1", headers={"HX-Request": "true"})
        assert answer.status_code == 200 and answer["HX-Refresh"] == "true" and not answer.content


class TestWhatIsKept:
    """Whoever reads the tables has no key to any session."""

    def test_no_key_stands_in_the_database(self, cast, browse):
        client = browse("sarah")
        client.get("/admin/")
        key = key_of(client)
        with tenancy.system(cast.harbor), connection.cursor() as cursor:
            for table in ("django_session", "usersessions_usersession", "clinic_logentry"):
                cursor.execute(
                    f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s", [f"%{key}%"]
                )
                assert cursor.fetchone() == (0,), table
        assert Session.objects.get().session_key == digest_of(key)
        assert UserSession.objects.get().session_key == digest_of(key)

    def test_what_stands_there_lets_nobody_in(self, browse):
        browse("sarah").get("/admin/")
        for kept in (Session.objects.get().session_key, UserSession.objects.get().session_key):
            thief = Client()
            thief.cookies["sessionid"] = kept
            assert thief.get("/admin/").status_code == 302

    def test_a_store_gives_back_what_it_was_given(self, db):
        store = SessionStore()
        store["going"] = "/admin/"
        store.save()
        key = store.session_key
        assert SessionStore(key)["going"] == "/admin/" and store.exists(key)
        store.cycle_key()
        assert not store.exists(key) and SessionStore(store.session_key)["going"] == "/admin/"
        store.delete()
        assert not store.exists(store.session_key) and not Session.objects.exists()
        assert SessionStore("no such key").load() == {}

    def test_a_session_of_which_nothing_is_told_is_over(self, browse):
        client = browse("sarah")
        UserSession.objects.all().delete()
        assert client.get("/admin/").status_code == 302


class TestTheList:
    """One's own sessions and tokens; each can be ended, and nobody else's."""

    FIREFOX = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"

    def test_it_tells_device_address_and_times(self, cast, settings):
        give_passwords(cast, "john")
        client = Client(headers={"User-Agent": self.FIREFOX}, REMOTE_ADDR="192.0.2.77")
        sign_in(client, "john")
        page = client.get(LIST).content.decode()
        assert "Firefox on Windows" in page and "192.0.2.77" in page and "This one" in page
        assert "Last used" in page and "Signed in" in page

    def test_one_is_ended_alone(self, cast, browse):
        mine, other, third = browse("john"), browse("john"), browse("john")
        pk = UserSession.objects.get(session_key=digest_of(key_of(other))).pk
        assert mine.post(f"{LIST}{pk}/end/").status_code == 302
        assert other.get("/portal/").status_code == 302
        assert mine.get("/portal/").status_code == third.get("/portal/").status_code == 200
        copy = Client()
        copy.cookies["sessionid"] = key_of(other)
        assert copy.get("/portal/").status_code == 302

    def test_all_others_end_at_once_and_the_programs_too(self, cast, browse):
        mine, other, program = browse("john"), browse("john"), Program(cast.token("john"))
        jane = browse("jane")
        assert mine.post(LIST).status_code == 302
        assert other.get("/portal/").status_code == 302 and program.get("me/").status_code == 401
        assert mine.get("/portal/").status_code == jane.get("/portal/").status_code == 200

    def test_anothers_is_not_there(self, cast, browse):
        mine, jane = browse("john"), browse("jane")
        token = ApiToken.objects.get(pk=staffing.issue_token(user=cast.jane, label="planted").id)
        pk = UserSession.objects.get(user=cast.jane).pk
        for address in (
            f"{LIST}{pk}/end/",
            f"{LIST}{pk + 1000}/end/",
            f"{LIST}tokens/{token.pk}/end/",
            f"{LIST}tokens/{nobody_id()}/end/",
        ):
            answer = mine.post(address)
            assert answer.status_code == 404 and b"planted" not in answer.content
        assert jane.get("/portal/").status_code == 200
        assert ApiToken.objects.valid().filter(pk=token.pk).exists()
        page = mine.get(LIST).content.decode()
        assert "planted" not in page and page.count("Last used") == 1

    def test_nothing_ends_by_looking(self, cast, browse):
        mine, other = browse("john"), browse("john")
        pk = UserSession.objects.get(session_key=digest_of(key_of(other))).pk
        assert mine.get(f"{LIST}{pk}/end/").status_code == 405
        assert other.get("/portal/").status_code == 200

    def test_programs_stand_beside_and_can_be_ended(self, cast, browse):
        mine = browse("john")
        issued = staffing.issue_token(user=cast.john, label="My watch")
        program = Program(issued.text)
        assert "Not used yet" in mine.get(LIST).content.decode()
        assert program.get("me/").status_code == 200
        page = mine.get(LIST).content.decode()
        assert "My watch" in page and "Not used yet" not in page and issued.text not in page
        assert mine.post(f"{LIST}tokens/{issued.id}/end/").status_code == 302
        assert program.get("me/").status_code == 401
        assert "My watch" not in mine.get(LIST).content.decode()

    def test_what_is_over_is_not_listed(self, cast, browse):
        mine, old = browse("john"), browse("john")
        pass_by(31 * MINUTE, of=old)
        with cast.acting("john", portal=True) as actor:
            (left,) = sessions.of(user=cast.john, actor=actor)
        assert left.session_key == digest_of(key_of(mine))

    def test_an_address_changes_with_the_place(self, browse):
        client = browse("john")
        pass_by(MINUTE)
        client.get("/portal/", REMOTE_ADDR="192.0.2.9")
        assert UserSession.objects.get().ip == "192.0.2.9"

    def test_a_new_password_leaves_only_this_one(self, cast, browse):
        give_passwords(cast, "john")
        mine, other = Client(), Client()
        for client in (mine, other):
            sign_in(client, "john")
        new = "another horse battery staple"
        form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
        assert mine.post("/accounts/password/change/", form).status_code == 302
        assert UserSession.objects.get().session_key == digest_of(key_of(mine))
        assert mine.get("/portal/").status_code == 200
        assert other.get("/portal/").status_code == 302


class TestTheSameLifeEverywhere:
    """What ends a person's access ends it with her next request: pages, portal and programs."""

    def inactive(cast, user):
        User.objects.filter(pk=user.pk).update(is_active=False)

    def new_password(cast, user):
        user.set_password("another horse battery staple")
        user.save()

    def no_role(cast, user):
        RoleAssignment.objects.filter(user=user).update(is_active=False)

    def closed_clinic(cast, user):
        cast.harbor.is_active = False
        cast.harbor.save()

    def lacks_factor(cast, user):
        cast.harbor.second_factor_roles = list(Role)
        cast.harbor.save()

    OUT, NO, SET_UP = "/login/", 403, "/accounts/2fa/"
    WHAT = {
        "inactive": (inactive, OUT, 401),
        "new password": (new_password, OUT, 401),
        "no role": (no_role, NO, 403),
        "closed clinic": (closed_clinic, NO, 403),
        "lacks the second step": (lacks_factor, SET_UP, 403),
    }
    WHERE = {"nina": "/admin/find/", "john": "/portal/"}

    @pytest.mark.parametrize("what", WHAT)
    @pytest.mark.parametrize("name", WHERE)
    def test_it_holds_from_the_next_request(self, cast, browse, name, what):
        change, answers, told = self.WHAT[what]
        with tenancy.system(cast.harbor):
            cast.harbor.second_factor_roles = []
            cast.harbor.save()
        cast.people[name].authenticator_set.all().delete()
        browser, program = browse(name), Program(cast.token(name))
        page = self.WHERE[name]
        assert browser.get(page).status_code == program.get("patients/").status_code == 200
        with tenancy.system(cast.harbor):
            change(cast, cast.people[name])
        answer = browser.get(page, follow=answers == self.NO)
        if answers == self.NO:
            # The staff's site leads who is no staff to its door, which says no.
            assert answer.status_code == 403
        else:
            assert answer.status_code == 302 and answers in answer["Location"]
        for path in ("patients/", "me/", "auth/tokens/"):
            status = program.get(path).status_code
            assert status == told or (path != "patients/" and what in {"no role", "closed clinic"})
        assert b"Doe" not in answer.content


def test_signing_in_writes_down_where(cast):
    give_passwords(cast, "sarah")
    client = Client(REMOTE_ADDR="192.0.2.5")
    sign_in(client, "sarah")
    assert not UserSession.objects.exists(), "the password alone is no sign-in"
    client.post(CODE, {"code": fresh_code()})
    row = UserSession.objects.get()
    assert (row.user_id, row.ip) == (cast.sarah.pk, "192.0.2.5")
    client.post("/accounts/logout/")
    assert (
        not UserSession.objects.exists()
        and not Session.objects.filter(session_key=row.session_key).exists()
    )
