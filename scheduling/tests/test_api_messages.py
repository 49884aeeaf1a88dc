"""Messages about visits, for programs: what did not arrive is found, and sent again or called."""

import pytest

from scheduling.tests.messaging import reached_by, rows, work
from scheduling.tests.test_messages import book

MESSAGES = "appointment-messages/"


@pytest.fixture
def failed(telling):
    """A text message to John did not arrive, and stands in the list."""
    reached_by(telling, "john", "sms")
    telling.text.troubles.append((400, {"code": 21211}))
    telling.visit = book(telling)
    work(telling)
    return telling


def test_what_failed_is_listed_without_its_words(failed, api):
    (told,) = api("fred").get(f"{MESSAGES}?status=failed").json()["results"]
    assert told | {"due_at": "", "expires_at": ""} == {
        "id": told["id"], "patient": str(failed.mr_doe.pk), "appointment": str(failed.visit.pk),
        "offer": None, "kind": "booked", "channel": "sms", "status": "failed",
        "failure": "no_address", "due_at": "", "expires_at": "", "sent_at": None,
        "answered_at": None,
    }  # fmt: skip
    assert api("fred").get(f"{MESSAGES}?status=sent").json()["results"] == []
    assert api("fred").get(f"{MESSAGES}{told['id']}/").json() == told


def test_it_goes_out_again_or_was_done_by_phone(failed, api):
    (row,) = rows(failed)
    again = api("fred").post(f"{MESSAGES}{row.pk}/again/")
    assert (again.status_code, again.json()["status"]) == (200, "waiting")
    assert api("fred").post(f"{MESSAGES}{row.pk}/done/").status_code == 409
    work(failed)
    assert rows(failed)[0].status == "sent"


def test_a_patient_sees_hers_and_changes_none(failed, api):
    (row,) = rows(failed)
    (told,) = api("john").get(MESSAGES).json()["results"]
    assert told["id"] == str(row.pk)
    assert api("john").post(f"{MESSAGES}{row.pk}/done/").status_code == 403
    assert api("jane").get(f"{MESSAGES}{row.pk}/").status_code == 404
    assert api("lucia").get(MESSAGES).json()["results"] == []
    assert rows(failed)[0].status == "failed"
