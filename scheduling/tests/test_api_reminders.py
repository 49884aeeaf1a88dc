"""Reminders, doses and adherence in the API."""

import pytest
from django.utils import timezone

from clinic.security import tenancy
from scheduling.models import ReminderLog
from scheduling.tests.medicines import (
    HOUR,
    MORNING,
    count,
    dose,
    doses,
    medicine,
    remind,
    see,
)

PILLS = {"pattern": "times", "times": ["08:00", "20:00"], "amount": "1 tablet", "meal": "with"}


def problem(answer) -> tuple[int, set]:
    return answer.status_code, set(answer.json().get("errors", {}))


class TestReminders:
    def test_set_read_changed_and_stopped(self, api, cast):
        pills = medicine(cast)
        client = api("sarah")
        answer = client.post("/api/v1/reminders/", {"medication": str(pills.pk), **PILLS})
        assert answer.status_code == 201, answer.content
        told = answer.json()
        assert told["patient"] == str(cast.mr_doe.pk) and told["times"] == ["08:00:00", "20:00:00"]
        assert (told["days"], told["ends_at"], told["set_by"]) == (
            [1, 2, 3, 4, 5, 6, 7], None, str(cast.sarah.pk),
        )  # fmt: skip
        one = f"/api/v1/reminders/{told['id']}/"
        assert client.get(one).json() == told
        assert client.patch(one, {"amount": "2"}, If_Match='"7"').status_code == 412
        changed = client.patch(one, {"amount": "2 tablets"}).json()
        assert changed["id"] != told["id"] and changed["times"] == told["times"]
        assert client.get(one).json()["ends_at"] == changed["begins_at"]
        assert client.post(f"/api/v1/reminders/{changed['id']}/stop/").json()["ends_at"]
        assert client.post(f"/api/v1/reminders/{changed['id']}/stop/").status_code == 409
        listed = client.get(f"/api/v1/reminders/?patient={cast.mr_doe.pk}&in_force=true").json()
        assert listed["results"] == []
        assert len(client.get("/api/v1/reminders/").json()["results"]) == 2

    @pytest.mark.parametrize(
        "said, field",
        [
            ({"times": ["8 o'clock"]}, "times.0"),
            ({"days": [0]}, "days.0"),
            ({"pattern": "hours", "every_hours": 0}, "every_hours"),
            ({"pattern": "rule", "rule": "FREQ=SECONDLY"}, "times"),
            ({"pattern": "rule", "rule": "FREQ=SECONDLY", "times": ["08:00"]}, "rule"),
            ({"pattern": "rule", "rule": "nonsense", "times": ["08:00"]}, "rule"),
            ({"last_day": "2001-01-01"}, "last_day"),
            ({"medication": "0190a5b4-6f3c-7d21-9c0e-5a4b3c2d1e0f"}, "medication"),
            ({"patient": "x"}, "patient"),
            ({"sensitivity": "public"}, "sensitivity"),
        ],
    )
    def test_what_cannot_be(self, api, cast, said, field):
        body = {"medication": str(medicine(cast).pk), **PILLS} | said
        answer = api("sarah").post("/api/v1/reminders/", body)
        assert problem(answer) == (400, {field})
        assert count(cast) == (0, 0)

    def test_an_idempotent_request_sets_one(self, api, cast):
        body = {"medication": str(medicine(cast).pk), **PILLS}
        client = api("sarah")
        first, second = (
            client.post("/api/v1/reminders/", body, Idempotency_Key="k") for _number in range(2)
        )
        assert first.json() == second.json() and count(cast) == (1, 0)

    @pytest.mark.parametrize("name, status", [("fred", 403), ("aud", 403), ("omar", 404),
                                              ("lucia", 404)])  # fmt: skip
    def test_others_learn_nothing(self, api, cast, name, status):
        row = remind(cast, amount="planted amount")
        see(cast, MORNING + HOUR)
        client, one = api(name), dose(cast)
        for method, address in (
            ("get", f"reminders/{row.pk}/"), ("post", f"reminders/{row.pk}/stop/"),
            ("patch", f"reminders/{row.pk}/"), ("get", f"reminder-logs/{one.pk}/"),
            ("post", f"reminder-logs/{one.pk}/take/"), ("post", f"reminder-logs/{one.pk}/undo/"),
        ):  # fmt: skip
            sent = () if method == "get" else ({},)
            answer = getattr(client, method)(address, *sent)
            assert answer.status_code == status, address
            assert b"planted" not in answer.content and b"Metformin" not in answer.content
        asked = client.get(f"/api/v1/adherence/?patient={cast.mr_doe.pk}")
        assert asked.status_code == (403 if status == 403 else 400)
        if status == 404:
            assert client.get("/api/v1/reminders/").json()["results"] == []
            assert client.get("/api/v1/reminder-logs/").json()["results"] == []
        assert doses(cast) == [("23 08:00", "due")] and count(cast) == (1, 1)


class TestDoses:
    def test_taken_by_the_patients_nurse(self, api, cast):
        row = remind(cast, pattern="as_needed", by="nina", portal=False)
        client = api("nina")
        taken = client.post("/api/v1/reminder-logs/", {"reminder": str(row.pk), "note": "Pain"})
        assert taken.status_code == 201
        told = taken.json()
        assert (told["status"], told["due_at"], told["note"]) == ("taken", None, "Pain")
        one = f"/api/v1/reminder-logs/{told['id']}/"
        assert client.get(one).json() == told
        assert client.post(f"{one}undo/").status_code == 204
        assert client.get(one).status_code == 404
        wrong = client.post(
            "/api/v1/reminder-logs/", {"reminder": str(row.pk), "status": "skipped"}
        )
        assert problem(wrong) == (400, {"due_at"})

    def test_what_is_due_is_answered_once(self, api, cast):
        row = remind(cast)
        see(cast, MORNING + HOUR)
        one = dose(cast)
        with tenancy.system(cast.harbor):
            ReminderLog.objects.filter(pk=one.pk).update(due_at=timezone.now())
        client, address = api("sarah"), f"/api/v1/reminder-logs/{one.pk}/"
        assert problem(client.post(f"{address}snooze/", {"minutes": 1})) == (400, {"minutes"})
        assert client.post(f"{address}snooze/", {"minutes": 5}).json()["status"] == "snoozed"
        assert client.post(f"{address}take/", {"note": "ok"}).json()["status"] == "taken"
        assert client.post(f"{address}take/", {}).status_code == 200
        assert client.post(f"{address}skip/", {}).status_code == 409
        assert client.post(f"{address}undo/", {}).json()["status"] in {"due", "snoozed"}
        listed = client.get(f"/api/v1/reminder-logs/?reminder={row.pk}&status=taken").json()
        assert listed["results"] == []
        backwards = "from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z"
        assert problem(client.get(f"/api/v1/reminder-logs/?{backwards}")) == (400, {"to"})


class TestAdherence:
    def test_figures_of_a_range(self, api, cast):
        remind(cast)
        see(cast, MORNING + 2 * HOUR)
        asked = f"/api/v1/adherence/?patient={cast.mr_doe.pk}&from=2026-11-20&to=2026-11-25"
        answer = api("sarah").get(asked)
        assert answer.status_code == 200, answer.content
        overall = answer.json()["overall"]
        assert (overall["taken"], overall["share"]) == (0, None), "it waits for its answer"
        assert overall["days"] == [
            {"date": "2026-11-23", "taken": 0, "skipped": 0, "missed": 0, "waiting": 1}
        ]

    @pytest.mark.parametrize(
        "asked", ["from=2026-02-01&to=2026-01-01", "from=2024-01-01&to=2026-01-01"]
    )
    def test_a_range_that_cannot_be(self, api, cast, asked):
        answer = api("sarah").get(f"/api/v1/adherence/?patient={cast.mr_doe.pk}&{asked}")
        assert problem(answer) == (400, {"to"})
