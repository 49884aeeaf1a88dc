"""When specialists can be booked, in the API."""

import pytest

from clinic.security import tenancy
from clinic.tests.people import nobody_id
from clinic.tests.programs import wrong_fields
from scheduling import hours
from scheduling.api.offers import page_of
from scheduling.models import AvailabilityBlock
from scheduling.tests.hours import open_hours

MONDAY = {"day_of_week": 1, "start_time": "09:00", "end_time": "12:30", "location": "Room 2"}


def block(cast, name="sarah", **change) -> dict:
    return {"specialist": str(cast.specialists[name].pk)} | MONDAY | change


def stored(cast) -> int:
    with cast.acting("alma"):
        return AvailabilityBlock.objects.count()


def test_hours_are_set_changed_and_taken_back(api, cast):
    fred, path = api("fred"), "availability-blocks/"
    made = fred.post(path, block(cast))
    assert made.status_code == 201, made.content
    body = made.json()
    assert (body["start_time"], body["end_time"]) == ("09:00:00", "12:30:00")
    one = f"{path}{body['id']}/"
    changed = fred.patch(one, {"end_time": "13:00:00"}, If_Match=made["ETag"])
    assert changed.json()["end_time"] == "13:00:00"
    assert fred.patch(one, {"end_time": "14:00"}, If_Match=made["ETag"]).status_code == 412
    holiday = fred.post(path, {"specialist": body["specialist"], "exception_date": "2026-12-25",
                               "is_closed": True})  # fmt: skip
    assert holiday.status_code == 201
    assert len(fred.get(path, specialist=body["specialist"]).json()["results"]) == 2
    assert fred.get(path, specialist=cast.specialists["omar"].pk).json()["results"] == []
    assert fred.delete(one, If_Match=made["ETag"]).status_code == 412
    assert fred.delete(one).status_code == 204 and fred.get(one).status_code == 404


def test_hours_that_cannot_be_are_named_and_nothing_is_stored(api, cast):
    fred = api("fred")
    weekly = {"day_of_week": None, "exception_date": "2026-11-30"}
    for change, field in (
        ({"day_of_week": 0}, "day_of_week"), ({"day_of_week": 8}, "day_of_week"),
        ({"day_of_week": "1"}, "day_of_week"), ({"day_of_week": 10**40}, "day_of_week"),
        ({"day_of_week": None}, "day_of_week"), ({"exception_date": "2026-11-30"}, "day_of_week"),
        ({"end_time": "09:00"}, "end_time"), ({"end_time": "08:00"}, "end_time"),
        ({"start_time": "25:00"}, "start_time"), ({"start_time": "9"}, "start_time"),
        ({"start_time": "09:00Z"}, "start_time"), ({"start_time": None}, "start_time"),
        ({"is_closed": True}, "is_closed"), ({"valid_from": "30/11/2026"}, "valid_from"),
        ({"valid_from": "2026-12-31", "valid_until": "2026-01-01"}, "valid_until"),
        (weekly | {"valid_from": "2026-01-01"}, "valid_from"),
        (weekly | {"exception_date": "2026-11-31"}, "exception_date"),
        (weekly | {"is_closed": True}, "is_closed"),
        ({"location": "x" * 101}, "location"), ({"location": "a\x00"}, "location"),
        ({"specialist": str(cast.specialists["lucia"].pk)}, "specialist"),
        ({"specialist": str(nobody_id())}, "specialist"), ({"facility": "x"}, "facility"),
    ):  # fmt: skip
        found = wrong_fields(fred.post("availability-blocks/", block(cast, **change)))
        assert found == {field}, (change, found)
    assert stored(cast) == 0


def test_times_that_the_clocks_skip_or_repeat_are_refused(api, cast):
    """New York: 02:30 does not exist on 8 March 2026, 01:30 comes twice on 1 November 2026."""
    fred = api("fred")
    for day, start, field in (
        ("2026-03-08", "02:30", "start_time"),
        ("2026-11-01", "01:30", "start_fold"),
    ):
        body = {"specialist": str(cast.specialists["sarah"].pk), "exception_date": day,
                "start_time": start, "end_time": "09:00"}  # fmt: skip
        assert wrong_fields(fred.post("availability-blocks/", body)) == {field}
        assert fred.post("availability-blocks/", body | {"start_time": "03:00"}).status_code == 201


def test_hours_of_one_specialist_do_not_overlap(api, cast):
    fred, path = api("fred"), "availability-blocks/"
    assert fred.post(path, block(cast, valid_until="2026-12-31")).status_code == 201
    for change, fine in (
        ({"start_time": "12:00", "end_time": "14:00"}, False),
        ({"start_time": "12:30", "end_time": "14:00"}, True), ({"day_of_week": 2}, True),
        ({"valid_from": "2026-12-31"}, False), ({"valid_from": "2027-01-01"}, True),
    ):  # fmt: skip
        answer = fred.post(path, block(cast, **change))
        assert (answer.status_code == 201) is fine, (change, answer.content)
        assert fine or wrong_fields(answer) == {"start_time"}
    assert fred.post(path, block(cast, "omar")).status_code == 201


def test_only_who_may_sets_hours_and_a_specialist_only_her_own(api, cast):
    path = "availability-blocks/"
    made = api("omar").post(path, block(cast, "omar"))
    assert made.status_code == 201
    assert api("omar").post(path, block(cast, "sarah")).status_code == 403
    one = f"{path}{made.json()['id']}/"
    for name in ("nina", "john", "phil", "aud"):
        program = api(name)
        assert program.post(path, block(cast)).status_code == 403, name
        assert program.patch(one, {"location": "Planted"}).status_code == 403, name
        assert program.delete(one).status_code == 403, name
    assert api("john").get(one).status_code == 200, "patients see when they can come"
    rita = api("rita")
    assert rita.get(one).status_code == rita.patch(one, {"location": "x"}).status_code == 404
    assert rita.delete(one).status_code == 404
    assert stored(cast) == 1


def test_kinds_of_visits(api, cast):
    kind = open_hours(cast)
    rows = api("john").get("appointment-types/").json()["results"]
    assert [(r["id"], r["name"], r["minutes"]) for r in rows] == [(str(kind.pk), "Check-up", 30)]
    assert api("rita").get(f"appointment-types/{kind.pk}/").status_code == 404
    assert api("aud").get("appointment-types/").status_code == 403


def test_a_closed_date_takes_the_place_of_its_hours(cast):
    with tenancy.system(cast.harbor):
        closed = hours.close(specialist=cast.specialists["sarah"], on=cast.harbor.created_at.date(),
                             by=cast.alma)  # fmt: skip
        assert closed.is_closed and closed.start_time is None


class TestPagesOfTimes:
    free = [(1, "a"), (2, "a"), (2, "b"), (2, "c"), (3, "a")]

    @pytest.mark.parametrize(
        ("most", "pages"),
        [
            (1, [[1], [2, 2, 2], [3]]),
            (2, [[1], [2, 2, 2], [3]]),
            (4, [[1, 2, 2, 2], [3]]),
            (5, [[1, 2, 2, 2, 3]]),
        ],
    )
    def test_times_that_begin_together_stand_on_one_page(self, most, pages):
        seen, rest = [], self.free
        while rest:
            shown, later = page_of(rest, most)
            seen.append([start for start, _who in shown])
            rest = [one for one in self.free if later is not None and one[0] >= later]
        assert seen == pages
