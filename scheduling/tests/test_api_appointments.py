"""Visits in the API: offered, booked, moved, brought to their end; by whom, and by whom not."""

import pytest

from clinic.security import tenancy
from clinic.tests.people import nobody_id
from clinic.tests.programs import wrong_fields
from scheduling.models import Appointment, AppointmentType
from scheduling.tests.hours import at, open_hours, visit


@pytest.fixture
def kind(cast) -> AppointmentType:
    return open_hours(cast)


def booking(cast, kind, start=None, **change) -> dict:
    return {
        "patient": str(cast.mr_doe.pk),
        "specialist": str(cast.specialists["sarah"].pk),
        "appointment_type": str(kind.pk),
        "start_datetime": (start or at(10)).isoformat(),
    } | change


def visits(cast) -> list[Appointment]:
    with cast.acting("alma"):
        return list(Appointment.objects.order_by("id"))


def test_a_visit_from_its_slot_to_its_end(api, cast, kind):
    fred = api("fred")
    question = {
        "specialist": str(cast.specialists["sarah"].pk), "appointment_type": str(kind.pk),
        "from": at(0).isoformat(), "to": at(23).isoformat(),
    }  # fmt: skip
    slots = fred.get("slots/", **question).json()["results"]
    assert len(slots) == 6
    assert set(slots[0]) == {
        "specialist", "start_datetime", "end_datetime", "appointment_type", "room",
    }  # fmt: skip
    made = fred.post("appointments/", booking(cast, kind, reason="Cough") | {
        "start_datetime": slots[0]["start_datetime"], "end_datetime": slots[0]["end_datetime"],
    })  # fmt: skip
    assert made.status_code == 201, made.content
    body = made.json()
    assert body["status"] == "Confirmed"
    assert body["reason"] == "", "why she comes is for those who read clinical content"
    assert api("nina").get(made["Location"]).json()["reason"] == "Cough"
    assert body["end_datetime"] == slots[0]["end_datetime"]
    assert len(fred.get("slots/", **question).json()["results"]) == 5
    path = f"appointments/{body['id']}/"
    moved = fred.post(f"{path}reschedule/", {"start_datetime": at(11).isoformat()},
                      If_Match=made["ETag"])  # fmt: skip
    assert moved.status_code == 200 and moved["ETag"] != made["ETag"]
    assert fred.post(f"{path}cancel/", {}, If_Match=made["ETag"]).status_code == 412
    assert fred.post(f"{path}cancel/", {"reason": "Better already"}).json()["status"] == "Canceled"
    assert api("nina").get(path).json()["cancel_reason"] == "Better already"
    assert fred.post(f"{path}confirm/").status_code == 409
    assert fred.get(path).json()["status"] == "Canceled"
    assert len(fred.get("slots/", **question).json()["results"]) == 6


def test_complete_and_no_show_and_confirm(api, cast, kind):
    nina = api("nina")
    rows = [visit(cast, kind, cast.mr_doe, at(9 + n, days=-1)) for n in range(2)]
    pending = visit(cast, kind, cast.mr_doe, at(9), status=Appointment.Status.PENDING)
    for row, step, status in (
        (rows[0], "complete", "Completed"), (rows[1], "no-show", "NoShow"),
        (rows[1], "complete", "Completed"), (pending, "confirm", "Confirmed"),
    ):  # fmt: skip
        answer = nina.post(f"appointments/{row.pk}/{step}/")
        assert (answer.status_code, answer.json().get("status")) == (200, status)
    assert wrong_fields(nina.post(f"appointments/{pending.pk}/confirm/", {"status": "x"})) == {
        "status"
    }


def test_the_calendar_is_read_by_time_person_and_state(api, cast, kind):
    first = visit(cast, kind, cast.mr_doe, at(9))
    second = visit(cast, kind, cast.jimmy, at(10), status="Canceled")
    third = visit(cast, kind, cast.mrs_doe, at(9, days=2))
    fred = api("fred")

    def ids(**query):
        return [row["id"] for row in fred.get("appointments/", **query).json()["results"]]

    assert ids() == [str(v.pk) for v in (first, second, third)], "by time"
    assert ids(**{"from": at(0).isoformat(), "to": at(23).isoformat()}) == [
        str(first.pk), str(second.pk)
    ]  # fmt: skip
    assert ids(patient=cast.jimmy.pk) == ids(status="Canceled") == [str(second.pk)]
    assert ids(specialist=cast.specialists["omar"].pk) == ids(patient=nobody_id()) == []
    page = fred.get("appointments/", limit=2).json()
    assert [r["id"] for r in fred.get(page["next"]).json()["results"]] == [str(third.pk)]


def test_times_that_cannot_be_are_named_and_nothing_is_booked(api, cast, kind):
    fred = api("fred")
    for change, field in (
        ({"start_datetime": at(10).replace(tzinfo=None).isoformat()}, "start_datetime"),
        ({"start_datetime": at(10, days=-1).isoformat()}, "start_datetime"),
        ({"start_datetime": at(10, days=1000).isoformat()}, "start_datetime"),
        ({"start_datetime": "2026-02-30T10:00:00Z"}, "start_datetime"),
        ({"start_datetime": 1790000000}, "start_datetime"),
        ({"start_datetime": None}, "start_datetime"),
        ({"end_datetime": at(9).isoformat()}, "end_datetime"),
        ({"end_datetime": at(11).isoformat()}, "end_datetime"),
        ({"status": "Completed"}, "status"), ({"reason": "x" * 2001}, "reason"),
        ({"reason": "a\x00b"}, "reason"), ({"booked_by": None}, "booked_by"),
        ({"patient": "me"}, "patient"), ({"specialist": []}, "specialist"),
    ):  # fmt: skip
        assert wrong_fields(fred.post("appointments/", booking(cast, kind, **change))) == {field}
    assert fred.post("appointments/", booking(cast, kind, at(7))).status_code == 409
    assert visits(cast) == []


def test_ids_of_others_read_like_ids_of_nobody(api, cast, kind):
    with tenancy.system(cast.austa):
        foreign_kind = AppointmentType.objects.create(
            facility=cast.austa, name="Consulta", minutes=30
        )
    fred = api("fred")
    for field, foreign in (
        ("patient", cast.dona_ana.pk), ("specialist", cast.specialists["lucia"].pk),
        ("appointment_type", foreign_kind.pk),
    ):  # fmt: skip
        answers = [
            fred.post("appointments/", booking(cast, kind, **{field: str(pk)}))
            for pk in (foreign, nobody_id())
        ]
        assert wrong_fields(answers[0]) == {field}
        assert answers[0].content == answers[1].content
    assert visits(cast) == []


def test_one_of_two_rivals_wins(api, cast, kind):
    fred = api("fred")
    assert fred.post("appointments/", booking(cast, kind)).status_code == 201
    rival = fred.post("appointments/", booking(cast, kind, patient=str(cast.jimmy.pk)))
    assert rival.status_code == 409
    same = booking(cast, kind, specialist=str(cast.specialists["omar"].pk))
    assert fred.post("appointments/", same).status_code == 409, "the patient is elsewhere"
    assert len(visits(cast)) == 1


def test_patients_book_and_cancel_their_own(api, cast, kind):
    john, jane = api("john"), api("jane")
    made = john.post("appointments/", booking(cast, kind))
    assert made.status_code == 201
    path = f"appointments/{made.json()['id']}/"
    child = booking(cast, kind, at(11), patient=str(cast.jimmy.pk))
    assert john.post("appointments/", child).status_code == 201
    assert wrong_fields(jane.post("appointments/", booking(cast, kind, at(9)))) == {"patient"}
    assert jane.get("appointments/").json()["results"] == []
    for step in ("", "cancel/", "confirm/"):
        asked = jane.post(path + step) if step else jane.get(path)
        assert asked.status_code == 404
    assert john.post(f"{path}complete/").status_code in {403, 409}
    assert john.post(f"{path}cancel/").json()["status"] == "Canceled"
    assert len(john.get("appointments/").json()["results"]) == 2


def test_who_may_not_see_or_book_does_neither(api, cast, kind):
    row = visit(cast, kind, cast.mr_doe, at(10))
    for name, read, book in (
        ("aud", 403, 403),
        ("phil", 200, 403),
        ("omar", 404, 400),
        ("lucia", 404, 400),
    ):
        program = api(name)
        assert program.get(f"appointments/{row.pk}/").status_code == read, name
        assert program.post("appointments/", booking(cast, kind, at(11))).status_code == book, name
        canceled = program.post(f"appointments/{row.pk}/cancel/")
        assert canceled.status_code == {403: 403, 400: 404}[book], name
    assert [v.status for v in visits(cast)] == ["Confirmed"]


def test_slots_come_in_pages_and_their_question_is_checked(api, cast, kind):
    john = api("john")
    question = {"specialist": str(cast.specialists["sarah"].pk), "appointment_type": str(kind.pk),
                "from": at(0).isoformat(), "to": at(23, days=3).isoformat()}  # fmt: skip
    whole = john.get("slots/", **question).json()
    assert whole["next"] is None and len(whole["results"]) == 18
    page = john.get("slots/", **question, limit=7).json()
    seen = page["results"]
    while page["next"]:
        page = john.get(page["next"]).json()
        seen += page["results"]
    assert seen == whole["results"]
    for change, field in (
        ({"to": at(0, days=-3).isoformat()}, "to"), ({"to": at(0, days=90).isoformat()}, "to"),
        ({"from": at(0).replace(tzinfo=None).isoformat()}, "from"), ({"limit": "0"}, "limit"),
        ({"specialist": str(cast.specialists["lucia"].pk)}, "specialist"),
        ({"specialist": str(nobody_id())}, "specialist"),
        ({"appointment_type": "x"}, "appointment_type"),
    ):  # fmt: skip
        assert wrong_fields(john.get("slots/", **question | change)) == {field}, change


def test_a_calendar_costs_the_same_whatever_its_length(
    api, cast, kind, django_assert_max_num_queries
):
    for number in range(6):
        visit(cast, kind, cast.mr_doe, at(9, days=1 + number), reason="Cough")
    fred = api("fred")
    with django_assert_max_num_queries(12) as one:
        assert len(fred.get("appointments/", limit=1).json()["results"]) == 1
    with django_assert_max_num_queries(len(one)):
        assert len(fred.get("appointments/").json()["results"]) == 6


def test_patients_move_only_what_they_may_book_and_cancel(api, cast, kind):
    john, before = api("john"), at(10, days=-3)
    missed = visit(cast, kind, cast.mr_doe, before, status=Appointment.Status.CONFIRMED)
    called = AppointmentType(facility=cast.harbor, name="Scan", minutes=30, bookable_by=["staff"])
    with tenancy.system(cast.harbor):
        called.save()
    scan = visit(cast, called, cast.mr_doe, at(9), status=Appointment.Status.CONFIRMED)
    to = {"start_datetime": at(11).isoformat()}
    assert john.post(f"appointments/{missed.pk}/reschedule/", to).status_code == 409
    assert wrong_fields(john.post(f"appointments/{scan.pk}/reschedule/", to)) == {
        "appointment_type"
    }
    assert {v.start_datetime for v in visits(cast)} == {before, at(9)}
    moved = api("fred").post(f"appointments/{scan.pk}/reschedule/", to)
    assert moved.status_code == 200, "the clinic may"
