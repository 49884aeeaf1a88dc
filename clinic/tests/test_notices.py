"""Notices: each person reads her own, in the admin, the portal and the API; nobody another's."""

import pytest
from django.db import connection
from django.utils.translation import gettext_lazy as _

from clinic import notifications, staffing
from clinic.models import Notification
from clinic.models.base import uuid7
from clinic.security import tenancy
from clinic.security.permissions import Permission, Role

Kind = Notification.Kind
PLANTED = "qznoticeplanted"
PAGES = {"alma": "/admin/notices/", "john": "/portal/notices/"}


def notice(cast, name: str, facility=None, **more) -> Notification:
    given = {"title": f"Something of {name}", "text": PLANTED + name}
    with tenancy.system(facility or cast.harbor):
        notifications.notify([cast.people[name]], Kind.ACCOUNT, **(given | more))
        return Notification.objects.filter(user=cast.people[name]).latest("pk")


def is_read(cast, row: Notification) -> bool:
    with tenancy.system(row.facility_id):
        row.refresh_from_db()
        return row.read_at is not None


class TestTheClinicOfALetter:
    """Who works in several clinics is shown the way to the one whose letter she follows."""

    @pytest.fixture
    def alma(self, cast, browse):
        with tenancy.system(cast.austa):
            staffing.assign(user=cast.alma, role=Role.NURSE, facility=cast.austa)
        return browse("alma")

    def test_she_is_shown_the_way_and_goes_by_a_press(self, cast, alma):
        row = notice(cast, "alma", facility=cast.austa)
        page = alma.get("/admin/notices/?clinic=austa")
        assert page.context["elsewhere"] == cast.austa and not list(page.context["notices"])
        again = alma.get("/admin/notices/")
        assert again.context["elsewhere"] is None, "a link takes nobody to another clinic"
        sent = {"facility": "austa", "notices": "1"}
        assert alma.post("/admin/clinic/choose/", sent)["Location"] == "/admin/notices/"
        page = alma.get("/admin/notices/?clinic=austa")
        assert page.context["elsewhere"] is None
        assert [one.pk for one in page.context["notices"]] == [row.pk]

    @pytest.mark.parametrize("slug", ["austa", "harbor", "", "no-such"])
    def test_of_no_other_clinic_anything_is_said(self, cast, browse, slug):
        page = browse("alma").get(f"/admin/notices/?clinic={slug}")
        assert page.context["elsewhere"] is None and b"Austa" not in page.content


class TestPages:
    @pytest.mark.parametrize("name", PAGES)
    def test_unread_ones_lead_and_opening_marks_read(self, cast, browse, name):
        page, browser = PAGES[name], browse(name)
        first, second = notice(cast, name, link=f"{page}?read=1"), notice(cast, name)
        shown = browser.get(page)
        assert [n.pk for n in shown.context["notices"]] == [second.pk, first.pk]
        assert browser.post(page, {"notice": str(second.pk)})["Location"] == page
        assert is_read(cast, second) and not is_read(cast, first)
        assert [n.pk for n in browser.get(page).context["notices"]] == [first.pk, second.pk]
        assert browser.post(page, {"notice": str(first.pk)})["Location"] == f"{page}?read=1"
        assert is_read(cast, first)

    @pytest.mark.parametrize("name", PAGES)
    def test_all_are_marked_and_nobody_elses(self, cast, browse, name):
        mine = [notice(cast, name) for _n in range(3)]
        others = [notice(cast, o) for o in ("jane", "nina", "john", "alma") if o != name]
        assert browse(name).post(PAGES[name], {"all": "1"}).status_code == 302
        assert all(is_read(cast, row) for row in mine)
        assert not any(is_read(cast, row) for row in others)

    @pytest.mark.parametrize("name", PAGES)
    def test_looking_changes_nothing_and_no_notices_say_so(self, cast, browse, name):
        assert "No notices" in browse(name).get(PAGES[name]).content.decode()
        row = notice(cast, name)
        browse(name).get(PAGES[name])
        assert not is_read(cast, row)

    def test_the_bell_counts_what_is_unread(self, cast, browse):
        browser = browse("alma")
        assert "Notices: " not in browser.get("/admin/").content.decode()
        row, _other = notice(cast, "alma"), notice(cast, "alma")
        notice(cast, "sarah")
        assert "Notices: 2 unread" in browser.get("/admin/").content.decode()
        browser.post("/admin/notices/", {"notice": str(row.pk)})
        assert "Notices: 1 unread" in browser.get("/admin/people/").content.decode()

    def test_unread_ones_are_news_in_the_portal(self, cast, browse):
        row = notice(cast, "john")
        (first, *_rest) = browse("john").get("/portal/").context["news"]
        assert first.title == row.title and first.href == f"/portal/notices/#notice-{row.pk}"
        browse("john").post("/portal/notices/", {"all": "1"})
        assert row.title not in browse("john").get("/portal/").content.decode()

    def test_who_may_open_no_record_any_more_still_reads_why(self, cast, browse):
        with tenancy.system(cast.harbor):
            from patients.models import AccessGrant, Patient

            AccessGrant.grants.filter(user=cast.jane).delete()
            Patient.objects.filter(user=cast.jane).update(user=None)
        notice(cast, "jane")
        shown = browse("jane").get("/portal/notices/").content.decode()
        assert "Something of jane" in shown
        assert "/portal/notices/" in browse("jane").get("/portal/").content.decode()


class TestApi:
    def test_ones_own_are_listed_and_marked(self, cast, api):
        old, new = notice(cast, "john"), notice(cast, "john")
        notice(cast, "jane")
        program = api("john")
        listed = program.get("notifications/").json()["results"]
        assert [row["id"] for row in listed] == [str(new.pk), str(old.pk)]
        assert set(listed[0]) == {
            "id", "kind", "title", "text", "link", "created_at", "read_at",
        }  # fmt: skip
        answer = program.post(f"notifications/{old.pk}/read/")
        assert answer.status_code == 200 and answer.json()["read_at"]
        unread = program.get("notifications/", unread="true").json()["results"]
        assert [row["id"] for row in unread] == [str(new.pk)]

    def test_reading_twice_keeps_the_first_time(self, cast, api):
        row, program = notice(cast, "john"), api("john")
        once = program.post(f"notifications/{row.pk}/read/").json()
        assert program.post(f"notifications/{row.pk}/read/").json() == once

    @pytest.mark.parametrize("body", [{"read_at": None}, {"user": "x"}, {"id": "x"}])
    def test_nothing_of_it_can_be_set(self, cast, api, body):
        row = notice(cast, "john")
        assert api("john").post(f"notifications/{row.pk}/read/", body).status_code == 400
        assert not is_read(cast, row)
        assert api("john").patch(f"notifications/{row.pk}/", body).status_code == 405


class TestNobodyElse:
    """An administrator, a spouse, a colleague, a person of two clinics in the other one."""

    @pytest.mark.parametrize("name", ["alma", "jane", "sarah", "aud", "rita"])
    def test_another_persons_does_not_exist(self, cast, api, browse, name):
        row, program = notice(cast, "john"), api(name)
        answers = [
            program.get("notifications/"),
            program.get(f"notifications/{row.pk}/"),
            program.post(f"notifications/{row.pk}/read/"),
        ]
        assert [a.status_code for a in answers] == [200, 404, 404]
        missing = program.get(f"notifications/{uuid7()}/")
        assert missing.json() == answers[1].json()
        page = PAGES["john"] if name == "jane" else PAGES["alma"]
        answers += [browse(name).get(page), browse(name).post(page, {"notice": str(row.pk)})]
        assert [a.status_code for a in answers[3:]] == [200, 404]
        assert not any(PLANTED in a.content.decode() for a in answers)
        assert not is_read(cast, row)

    @pytest.mark.parametrize("given", ["", "x", "' OR 1=1 --", "0" * 36])
    def test_what_is_no_notice_does_not_exist(self, cast, browse, given):
        assert browse("john").post("/portal/notices/", {"notice": given}).status_code == 404

    def test_that_of_another_clinic_stands_there(self, cast, api):
        with tenancy.system(cast.austa):
            staffing.assign(user=cast.sarah, role=Role.NURSE, facility=cast.austa)
        here, there = notice(cast, "sarah"), notice(cast, "sarah", cast.austa)
        for facility, row in (("harbor", here), ("austa", there)):
            listed = api("sarah", facility).get("notifications/").json()["results"]
            assert [one["id"] for one in listed] == [str(row.pk)]

    @pytest.mark.parametrize("name", ["alma", "jane", "sarah", "aud", "fred"])
    def test_nor_to_raw_sql_under_the_runtime_role(self, cast, name):
        row, own = notice(cast, "john"), notice(cast, name)
        for portal in (False, True):
            with cast.acting(name, portal=portal), connection.cursor() as cursor:
                cursor.execute("SELECT id FROM clinic_notification")
                seen = {pk for (pk,) in cursor.fetchall()}
                assert row.pk not in seen and seen <= {own.pk}
                cursor.execute("UPDATE clinic_notification SET read_at = now() WHERE true")
                cursor.execute("DELETE FROM clinic_notification WHERE user_id <> %s",
                               [cast.people[name].pk])  # fmt: skip
                assert cursor.rowcount == 0
        assert not is_read(cast, row)

    def test_the_verbs_know_only_the_acting_person(self, cast):
        row = notice(cast, "john")
        with cast.acting("alma"):
            assert not notifications.of(cast.john).exists()
            notifications.mark_read(row, by=cast.john)
            notifications.mark_all_read(by=cast.john)
        assert not is_read(cast, row)


def test_it_is_written_in_each_readers_language_and_sealed(cast):
    with tenancy.system(cast.harbor):
        cast.john.preferred_language = "pt-br"
        cast.john.save()
        people = [cast.john, cast.jane]
        notifications.notify(people, Kind.SHARING, title=_("Medicines"), text="%(n)s", values={
            "n": PLANTED,
        })  # fmt: skip
        titles = {n.user_id: n.title for n in Notification.objects.all()}
        with connection.cursor() as cursor:
            cursor.execute("SELECT title, text FROM clinic_notification")
            stored = str(cursor.fetchall())
    assert titles[cast.jane.pk] == "Medicines" and titles[cast.john.pk] != "Medicines"
    assert PLANTED not in stored and "Medicines" not in stored


def test_whom_a_permission_finds(cast):
    with tenancy.system(cast.harbor):
        found = set(notifications.holders_of(Permission.STAFF_MANAGE))
    assert found == {cast.alma}
