"""Where staff see what did not arrive, and where people say how they are reached."""

from datetime import time

import pytest
from django.utils import timezone

from clinic import preferences
from clinic.errors import Conflict, Invalid, Missing
from clinic.models import User
from clinic.security import tenancy
from clinic.security.permissions import Denied
from clinic.tests.programs import wrong_fields
from clinic.tests.refusals import refused
from scheduling.messages import overseeing
from scheduling.models import Message
from scheduling.tests.messaging import reached_by, rows, work
from scheduling.tests.test_messages import book


@pytest.fixture
def clinic(telling):
    return telling


@pytest.fixture
def failed(clinic):
    """A text message to John did not arrive."""
    reached_by(clinic, "john", "sms")
    clinic.text.troubles.append((400, {"code": 21211}))
    clinic.visit = book(clinic)
    work(clinic)
    (clinic.message,) = rows(clinic)
    assert clinic.message.status == "failed"
    return clinic


class TestStaff:
    def test_see_what_failed_and_on_the_visit_what_was_sent(self, failed, browse):
        fred = browse("fred")
        page = fred.get("/admin/messages/").content.decode()
        assert "John Doe" in page and "There is no such address or number" in page
        assert f"/admin/visits/{failed.visit.pk}/" in page
        sidebar = fred.get("/admin/day/").content.decode()
        assert "/admin/messages/" in sidebar
        visit = fred.get(f"/admin/visits/{failed.visit.pk}/").content.decode()
        assert "SMS to John Test" in visit and "Failed" in visit

    def test_try_it_again(self, failed, browse):
        answer = browse("fred").post(
            "/admin/messages/", {"message": failed.message.pk, "again": "1"}
        )
        assert answer.status_code == 302
        work(failed)
        assert rows(failed)[0].status == "sent" and len(failed.text.took) == 1

    def test_or_note_that_somebody_called(self, failed, browse):
        browse("fred").post("/admin/messages/", {"message": failed.message.pk, "phone": "1"})
        work(failed)
        assert rows(failed)[0].status == "dropped" and failed.text.took == []
        assert "Nothing to see to" in browse("fred").get("/admin/messages/").content.decode()

    def test_what_did_not_fail_is_left_alone(self, failed):
        with failed.acting("fred"):
            overseeing.done_by_phone(message=failed.message, by=failed.fred)
            for verb in (overseeing.try_again, overseeing.done_by_phone):
                with refused(Conflict):
                    verb(message=failed.message, by=failed.fred)

    def test_what_is_over_is_not_sent_again(self, failed):
        with tenancy.system(failed.harbor):
            Message.objects.update(expires_at=timezone.now())
        with failed.acting("fred"):
            with refused(Conflict):
                overseeing.try_again(message=failed.message, by=failed.fred)
            assert not overseeing.failed(failed.fred).exists()

    def test_it_is_the_clinics_to_do(self, failed):
        with failed.acting("john", portal=True), pytest.raises(Denied):
            overseeing.try_again(message=failed.message, by=failed.john)
        with failed.acting("lucia"), refused(Missing):
            overseeing.try_again(message=failed.message, by=failed.lucia)
        with failed.acting("omar"), refused(Missing):  # he does not treat John
            overseeing.try_again(message=failed.message, by=failed.omar)
        assert rows(failed)[0].status == "failed"

    @pytest.mark.parametrize("status", ["waiting", "sent", "dropped"])
    def test_the_others_are_listed_by_what_became_of_them(self, failed, browse, status):
        assert browse("fred").get(f"/admin/messages/?status={status}").status_code == 200

    @pytest.mark.parametrize("wrong", ["x", "failed'"])
    def test_an_unknown_state_or_message_is_not_found(self, failed, browse, wrong):
        fred = browse("fred")
        assert fred.get(f"/admin/messages/?status={wrong}").status_code == 404
        assert fred.post("/admin/messages/", {"message": wrong}).status_code == 404


class TestHowOneIsReached:
    def test_in_the_portal(self, clinic, browse):
        john = browse("john")
        page = john.get("/portal/settings/").content.decode()
        assert "WhatsApp" in page and "The clinic’s (New York)" in page
        answer = john.post("/portal/settings/", {
            "reach": "1", "channels": ["sms", "portal"], "quiet_from": "22:30",
            "quiet_until": "7:00", "timezone": "Europe/Lisbon",
        })  # fmt: skip
        assert answer.status_code == 302
        me = User.objects.get(pk=clinic.john.pk)
        assert me.channels == ["portal", "sms"] and me.timezone == "Europe/Lisbon"
        assert (me.quiet_from, me.quiet_until) == (time(22, 30), time(7))
        assert me.theme == clinic.john.theme

    def test_half_of_the_hours_is_none(self, clinic, browse):
        answer = browse("john").post(
            "/portal/settings/", {"reach": "1", "channels": ["portal"], "quiet_from": "22:30"}
        )
        assert answer.status_code == 400
        assert "Enter both times, or neither." in answer.content.decode()
        assert User.objects.get(pk=clinic.john.pk).quiet_from is None

    def test_by_the_api(self, clinic, api):
        john = api("john")
        answer = john.patch("me/", {"channels": ["whatsapp"], "quiet_from": "23:00:00",
                                    "quiet_until": "06:00:00"})  # fmt: skip
        assert answer.status_code == 200
        me = john.get("me/").json()
        assert me["channels"] == ["whatsapp"] and me["quiet_from"] == "23:00:00"
        assert john.patch("me/", {"quiet_from": None, "quiet_until": None}).status_code == 200
        assert john.get("me/").json()["quiet_from"] is None

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"channels": ["pigeon"]}, "channels.0"),
            ({"channels": "sms"}, "channels"),
            ({"timezone": "Mars/Olympus"}, "timezone"),
            ({"quiet_from": "25:00"}, "quiet_from"),
            ({"quiet_from": "22:00:00"}, "quiet_until"),
            ({"email": "x@example.org"}, "email"),
        ],
    )
    def test_what_cannot_be(self, clinic, api, wrong, field):
        before = User.objects.values_list(*preferences.REACH).get(pk=clinic.john.pk)
        assert wrong_fields(api("john").patch("me/", wrong)) == {field}
        assert User.objects.values_list(*preferences.REACH).get(pk=clinic.john.pk) == before

    def test_a_way_that_the_clinic_has_not(self, clinic, settings):
        settings.SMS = {}
        with clinic.acting("john", portal=True):
            with refused(Invalid, "channels"):
                preferences.set_reach(user=clinic.john, by=clinic.john, channels=["sms"])
            with pytest.raises(Denied):
                preferences.set_reach(user=clinic.jane, by=clinic.john, channels=[])

    def test_the_clinic_says_when_it_reminds(self, clinic, browse):
        alma = browse("alma")
        page = alma.get("/admin/clinic/").content.decode()
        assert "reminder_hours" in page and "quiet_from" in page
        with tenancy.system(clinic.harbor):
            clinic.harbor.refresh_from_db()
        given = {
            "name": "Harbor", "facility_type": "clinic", "timezone": "America/New_York",
            "language": "en", "emergency_number": "911", "country": "US", "currency": "USD",
            "reminder_hours": "72, 3", "quiet_from": "20:00", "quiet_until": "07:30",
        }  # fmt: skip
        assert alma.post("/admin/clinic/", given).status_code == 302
        with tenancy.system(clinic.harbor):
            clinic.harbor.refresh_from_db()
        assert clinic.harbor.reminder_hours == [72, 3]
        assert clinic.harbor.quiet_until == time(7, 30)
        wrong = alma.post("/admin/clinic/", given | {"reminder_hours": "0, 999"})
        assert wrong.status_code == 400

    def test_staff_ask_whoever_has_no_account(self, clinic, browse):
        fred = browse("fred")
        with tenancy.system(clinic.harbor):
            clinic.jimmy.refresh_from_db()
        page = fred.get(f"/admin/patients/patient/{clinic.jimmy.pk}/change/").content.decode()
        assert 'name="channels"' in page
        page = fred.get(f"/admin/patients/patient/{clinic.mr_doe.pk}/change/").content.decode()
        assert 'name="channels"' not in page  # John chooses himself
