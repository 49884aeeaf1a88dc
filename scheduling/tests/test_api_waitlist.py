"""Waiting, offers and series through the API."""

from datetime import timedelta

import pytest

from clinic.security import tenancy
from clinic.tests.people import nobody_id
from clinic.tests.programs import wrong_fields
from scheduling import waiting
from scheduling.models import Appointment, WaitlistEntry, WaitlistOffer
from scheduling.tests.hours import at, open_hours, today, visit


@pytest.fixture
def kind(cast):
    return open_hours(cast)


def wish(cast, kind, **said) -> dict:
    return {"patient": str(cast.mr_doe.pk), "appointment_type": str(kind.pk)} | said


def statuses(cast, model=Appointment, order="start_datetime") -> list[str]:
    with tenancy.system(cast.harbor):
        return list(model.objects.order_by(order).values_list("status", flat=True))


def offered(cast) -> WaitlistOffer:
    with tenancy.system(cast.harbor):
        [offer] = waiting.advance()
    return offer


class TestWaiting:
    def test_one_waits_sees_and_withdraws(self, api, cast, kind):
        fred = api("fred")
        said = wish(
            cast, kind, days=[3, 1, 3], from_time="09:30",
            specialists=[str(cast.specialists["sarah"].pk)],
        )  # fmt: skip
        created = fred.post("waitlist/", said, Idempotency_Key="w1")
        assert created.status_code == 201, created.content
        entry = created.json()
        assert (entry["days"], entry["status"], entry["offers"]) == ([1, 3], "waiting", [])
        assert entry["specialists"] == said["specialists"] and entry["from_time"] == "09:30:00"
        again = fred.post("waitlist/", said, Idempotency_Key="w1")
        assert again.json()["id"] == entry["id"]
        assert fred.post("waitlist/", said).status_code == 409
        listed = fred.get("waitlist/", patient=str(cast.mr_doe.pk), status="waiting").json()
        assert [one["id"] for one in listed["results"]] == [entry["id"]]
        assert fred.delete(f"waitlist/{entry['id']}/").status_code == 204
        assert fred.delete(f"waitlist/{entry['id']}/").status_code == 409
        assert statuses(cast, WaitlistEntry, "id") == ["withdrawn"]

    @pytest.mark.parametrize(
        "said, field",
        [
            ({"days": []}, "days"), ({"days": [0]}, "days.0"), ({"days": "1"}, "days"),
            ({"from_time": "9"}, "from_time"), ({"first_day": "2001-01-01"}, "first_day"),
            ({"last_day": "2199-01-01"}, "last_day"), ({"status": "booked"}, "status"),
            ({"from_time": "12:00", "until_time": "11:00"}, "until_time"),
            ({"specialists": [str(nobody_id())]}, "specialists"),
            ({"appointment_type": str(nobody_id())}, "appointment_type"),
            ({"patient": str(nobody_id())}, "patient"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_named(self, api, cast, kind, said, field):
        assert field in wrong_fields(api("fred").post("waitlist/", wish(cast, kind, **said)))
        assert statuses(cast, WaitlistEntry, "id") == []

    def test_neither_strangers_nor_other_clinics(self, api, cast, kind):
        entry = api("fred").post("waitlist/", wish(cast, kind)).json()["id"]
        for name in ("jane", "lucia", "ana"):
            program = api(name)
            assert program.get(f"waitlist/{entry}/").status_code == 404
            assert program.delete(f"waitlist/{entry}/").status_code == 404
            assert program.get("waitlist/").json()["results"] == []
            answer = program.post("waitlist/", wish(cast, kind))
            assert answer.status_code == 400 and b"John" not in answer.content
        assert statuses(cast, WaitlistEntry, "id") == ["waiting"]

    def test_specialists_of_another_clinic_are_none(self, api, cast, kind):
        said = wish(cast, kind, specialists=[str(cast.specialists["lucia"].pk)])
        assert wrong_fields(api("fred").post("waitlist/", said)) == {"specialists"}


class TestOffers:
    @pytest.fixture
    def offer(self, api, cast, kind) -> WaitlistOffer:
        tomorrow = str(today() + timedelta(days=1))
        said = wish(cast, kind, first_day=tomorrow, last_day=tomorrow)
        assert api("fred").post("waitlist/", said).status_code == 201
        return offered(cast)

    def test_it_is_accepted_once(self, api, cast, offer):
        john = api("john")
        [told] = john.get("waitlist-offers/", status="open").json()["results"]
        assert (told["id"], told["start_datetime"]) == (str(offer.pk), told["start_datetime"])
        [waits] = john.get("waitlist/").json()["results"]
        assert [one["id"] for one in waits["offers"]] == [str(offer.pk)]
        address = f"waitlist-offers/{offer.pk}/accept/"
        first = john.post(address, Idempotency_Key="a")
        assert first.status_code == 201, first.content
        assert john.post(address, Idempotency_Key="a").json()["id"] == first.json()["id"]
        assert john.post(address).status_code == 409
        assert statuses(cast) == ["Confirmed"]
        assert john.get(f"waitlist-offers/{offer.pk}/").json()["appointment"] == first.json()["id"]

    def test_or_left_to_the_next(self, api, cast, offer):
        answer = api("john").post(f"waitlist-offers/{offer.pk}/decline/")
        assert answer.status_code == 200 and answer.json()["status"] == "declined"
        assert statuses(cast) == []
        assert statuses(cast, WaitlistEntry, "id") == ["waiting"]

    @pytest.mark.parametrize("name", ["jane", "lucia", "ana", "aud"])
    @pytest.mark.parametrize("verb", ["accept", "decline"])
    def test_by_nobody_else(self, api, cast, offer, name, verb):
        answer = api(name).post(f"waitlist-offers/{offer.pk}/{verb}/")
        assert answer.status_code in {403, 404} and b"John" not in answer.content
        assert statuses(cast, WaitlistOffer, "id") == ["open"] and statuses(cast) == []


class TestSeries:
    def said(self, cast, kind, **more) -> dict:
        return {
            "patient": str(cast.mr_doe.pk), "specialist": str(cast.specialists["sarah"].pk),
            "appointment_type": str(kind.pk), "start_datetime": at(10).isoformat(),
            "every_weeks": 2, "times": 3, "reason": "plantedreason",
        } | more  # fmt: skip

    def test_all_are_booked(self, api, cast, kind):
        fred = api("fred")
        answer = fred.post("appointments/series/", self.said(cast, kind), Idempotency_Key="s")
        assert answer.status_code == 201, answer.content
        told = answer.json()
        assert {one["series"] for one in told["appointments"]} == {told["series"]}
        assert len(told["appointments"]) == 3
        assert "plantedreason" not in answer.content.decode(), "the desk reads no reasons"
        again = fred.post("appointments/series/", self.said(cast, kind), Idempotency_Key="s")
        assert again.json() == told and len(statuses(cast)) == 3

    def test_or_none_with_the_conflicts_listed(self, api, cast, kind):
        taken = visit(cast, kind, cast.mrs_doe, at(10, days=15))
        answer = api("fred").post("appointments/series/", self.said(cast, kind))
        assert answer.status_code == 409
        [conflict] = answer.json()["conflicts"]
        assert conflict["start_datetime"] == at(10, days=15).isoformat() and conflict["reason"]
        assert b"Jane" not in answer.content
        with tenancy.system(cast.harbor):
            assert [one.pk for one in Appointment.objects.all()] == [taken.pk]

    @pytest.mark.parametrize(
        "said, field",
        [({"times": 1}, "times"), ({"times": 53}, "times"), ({"every_weeks": 0}, "every_weeks"),
         ({"hold": str(nobody_id())}, "hold"), ({"patient": str(nobody_id())}, "patient")],
    )  # fmt: skip
    def test_what_is_wrong_is_named(self, api, cast, kind, said, field):
        answer = api("fred").post("appointments/series/", self.said(cast, kind, **said))
        assert field in wrong_fields(answer) and statuses(cast) == []

    def test_one_and_what_follows_is_canceled(self, api, cast, kind):
        fred = api("fred")
        booked = fred.post("appointments/series/", self.said(cast, kind)).json()["appointments"]
        address = f"appointments/{booked[1]['id']}/cancel-following/"
        answer = fred.post(address, {"reason": "Better"}, Idempotency_Key="c")
        assert answer.status_code == 200, answer.content
        assert [one["id"] for one in answer.json()["appointments"]] == [
            booked[1]["id"], booked[2]["id"]
        ]  # fmt: skip
        assert fred.post(address, {"reason": "Better"}, Idempotency_Key="c").json() == answer.json()
        assert statuses(cast) == ["Confirmed", "Canceled", "Canceled"]

    def test_a_visit_alone_has_no_followers(self, api, cast, kind):
        alone = visit(cast, kind, cast.mr_doe, at(10))
        answer = api("fred").post(f"appointments/{alone.pk}/cancel-following/")
        assert answer.status_code == 400 and statuses(cast) == ["Confirmed"]

    @pytest.mark.parametrize("name", ["jane", "lucia", "aud"])
    def test_by_nobody_else(self, api, cast, kind, name):
        booked = api("fred").post("appointments/series/", self.said(cast, kind)).json()
        first = booked["appointments"][0]["id"]
        program = api(name)
        assert program.post(f"appointments/{first}/cancel-following/").status_code in {403, 404}
        answer = program.post("appointments/series/", self.said(cast, kind))
        assert answer.status_code in {400, 403} and b"John" not in answer.content
        assert statuses(cast) == ["Confirmed"] * 3
