"""Minors and guardians, as the clinic sets them."""

import pytest

from clinic.models import Facility
from clinic.models.facility import private_from_twelve
from clinic.security import tenancy
from clinic.security.permissions import CONFIDENTIAL_KINDS
from patients import jurisdiction
from patients.models import AccessGrant

PAGE = "/admin/clinic/minors/"
TWELVE = private_from_twelve()


def law(cast) -> tuple:
    with tenancy.system(cast.harbor):
        row = Facility.objects.get(pk=cast.harbor.pk)
        return row.majority_age, row.private_from


def said(**changed) -> dict:
    return {"majority_age": 18} | TWELVE | changed


def test_the_ages_are_shown_and_set(cast, browse):
    alma = browse("alma")
    form = alma.get(PAGE).context["form"]
    assert form["majority_age"].value() == 18
    assert [bound.value() for bound in form.kinds] == [12] * len(CONFIDENTIAL_KINDS)
    assert alma.post(PAGE, said(majority_age=21, hiv=14, mental_health=""))["Location"] == PAGE
    majority, private = law(cast)
    assert majority == 21 and private["hiv"] == 14 and "mental_health" not in private
    with tenancy.system(cast.harbor):
        opened = AccessGrant.grants.filter(user=cast.john, content_object=cast.jimmy)
        names = set(opened.values_list("permission__codename", flat=True))
    assert {"hiv", "mental_health"} <= names and "substance_use" not in names


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"majority_age": 13}, "majority_age"), ({"majority_age": ""}, "majority_age"),
        ({"majority_age": 26}, "majority_age"), ({"hiv": -1}, "hiv"), ({"hiv": 19}, "hiv"),
        ({"hiv": "twelve"}, "hiv"),
    ],
)  # fmt: skip
def test_what_no_law_says_stands_at_its_field(cast, browse, wrong, field):
    answer = browse("alma").post(PAGE, said(**wrong))
    assert answer.status_code == 400 and field in answer.context["form"].errors
    assert law(cast) == (18, TWELVE)


@pytest.mark.parametrize("name", ["sarah", "fred", "nina", "aud"])
def test_only_who_sets_up_the_clinic(cast, browse, name):
    assert browse(name).get(PAGE).status_code == 403
    assert browse(name).post(PAGE, said(majority_age=21)).status_code == 403
    assert law(cast) == (18, TWELVE)


def test_of_very_many_how_far_it_is_is_shown(cast, browse, monkeypatch):
    monkeypatch.setattr(jurisdiction, "AT_ONCE", 0)
    alma = browse("alma")
    alma.post(PAGE, said(hiv=14))
    answer = alma.get(PAGE)
    assert answer.context["progress"] == (0, 1) and "0 of 1" in answer.content.decode()
    refused = alma.post(PAGE, said(hiv=15))
    assert refused.status_code == 400 and law(cast)[1]["hiv"] == 14
