"""How records and documents are kept: asked in the forms, marked wherever they are listed."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from clinic.security import tenancy
from clinic.security.permissions import Category
from patients import access, care_team
from patients.models import AccessGrant, Allergy, Condition
from records import documents
from records.models import Document, MedicalRecord

LIST = "/admin/documents/"
RECORD = {
    "visit_day": "2026-01-05", "visit_time": "10:00", "primary_diagnosis": "planteddiagnosis",
    "final": "on",
}  # fmt: skip
MARK = "Confidential: HIV"


@pytest.fixture
def letter(cast, settings, tmp_path):
    settings.DOCUMENT_STORAGE_URL = tmp_path.as_uri()
    with cast.acting("sarah"):
        return documents.upload(
            patient=cast.mr_doe, data=b"plantedletter", filename="plantedletter.txt", by=cast.sarah
        )


def let_in(cast, name: str, *kinds: Category) -> None:
    """The person treats John and, with kinds, reads such content."""
    with tenancy.system(cast.harbor):
        access.grant(
            patient=cast.mr_doe, user=cast.people[name], source=AccessGrant.Source.CARE_TEAM,
            categories=[*care_team.USUAL, *kinds],
        )  # fmt: skip


def chart(cast) -> str:
    return reverse("admin:chart", args=[cast.mr_doe.pk])


def write(browser, cast, **more):
    return browser.post(reverse("admin:write_record", args=[cast.mr_doe.pk]), RECORD | more)


def kept(cast, model=MedicalRecord) -> tuple[str, str]:
    with tenancy.system(cast.harbor):
        row = model.objects.get()
        return row.sensitivity, row.confidential_kind


@pytest.mark.parametrize(
    ("chosen", "stored"),
    [
        (None, ("internal", "")), ("", ("internal", "")), ("internal", ("internal", "")),
        ("public", ("public", "")), ("restricted", ("restricted", "")),
        ("confidential:hiv", ("confidential", "hiv")),
        ("confidential:mental_health", ("confidential", "mental_health")),
    ],
)  # fmt: skip
def test_a_record_is_kept_as_its_author_says(cast, browse, chosen, stored):
    more = {} if chosen is None else {"kept": chosen}
    assert write(browse("sarah"), cast, **more).status_code == 302
    assert kept(cast) == stored


@pytest.mark.parametrize("wrong", ["secret", "confidential", "confidential:", "confidential:x"])
def test_what_is_no_way_to_keep_is_refused(cast, browse, wrong):
    answer = write(browse("sarah"), cast, kept=wrong)
    assert answer.status_code == 400 and "kept" in answer.context["form"].errors
    with tenancy.system(cast.harbor):
        assert not MedicalRecord.objects.exists()


def test_a_confidential_record_is_marked_and_read_by_whom_it_is_open_to(cast, browse):
    write(browse("sarah"), cast, kept="confidential:hiv")
    let_in(cast, "nina", Category.HIV)
    for name in ("sarah", "nina"):
        body = browse(name).get(chart(cast)).content.decode()
        assert body.count(MARK) == 2, "the record and the timeline"
    for name in ("alma", "phil", "fred"):
        body = browse(name).get(chart(cast)).content.decode()
        assert MARK not in body and "planteddiagnosis" not in body, name


def test_a_draft_shows_how_it_is_kept_and_can_be_kept_otherwise(cast, browse):
    sarah = browse("sarah")
    write(sarah, cast, kept="confidential:hiv", final="")
    with tenancy.system(cast.harbor):
        draft = MedicalRecord.objects.get()
    address = reverse("admin:revise_record", args=[draft.pk])
    form = sarah.get(address).context["form"]
    assert form["kept"].value() == "confidential:hiv"
    assert sarah.post(address, RECORD | {"final": ""}).status_code == 302
    assert kept(cast) == ("confidential", "hiv"), "nothing was said"
    assert sarah.post(address, RECORD | {"kept": "internal"}).status_code == 302
    assert kept(cast) == ("internal", "")


def test_what_is_usual_has_no_mark_and_facts_have_theirs(cast, browse):
    rows = {"facility": cast.harbor, "patient": cast.mr_doe}
    write(browse("sarah"), cast)
    body = browse("sarah").get(chart(cast)).content.decode()
    assert "Restricted" not in body and "Confidential:" not in body
    let_in(cast, "nina", Category.SUBSTANCE_USE)
    with tenancy.system(cast.harbor):
        Allergy.objects.create(**rows, allergen="Latex", severity="mild", sensitivity="restricted")
        Condition.objects.create(
            **rows, display="Alcohol", sensitivity="confidential",
            confidential_kind="substance_use",
        )  # fmt: skip
    body = browse("nina").get(chart(cast)).content.decode()
    assert "Restricted" in body and "Confidential: Substance use" in body
    body = browse("phil").get(chart(cast)).content.decode()
    assert "Latex" not in body and "Alcohol" not in body


# Documents
def add(browser, cast, **more):
    file = SimpleUploadedFile("scan.txt", b"New words.")
    said = {"patient": cast.mr_doe.mrn, "file": file, "document_type": "other"}
    return browser.post(LIST, said | more)


def page_of(letter) -> str:
    return reverse("admin:document", args=[letter.pk])


def test_a_document_is_added_as_it_is_kept(cast, browse, letter):
    let_in(cast, "nina", Category.HIV)
    assert add(browse("nina"), cast, kept="confidential:hiv").status_code == 302
    with tenancy.system(cast.harbor):
        added = Document.objects.exclude(pk=letter.pk).get()
    assert (added.sensitivity, added.confidential_kind) == ("confidential", "hiv")
    assert MARK in browse("nina").get(LIST).content.decode()
    body = browse("sarah").get(LIST).content.decode()
    assert MARK not in body and "scan.txt" not in body


@pytest.mark.parametrize("way", ["confidential:hiv", "restricted"])
def test_nobody_hides_a_document_from_herself(cast, browse, letter, way):
    sarah = browse("sarah")
    answer = add(sarah, cast, kept=way)
    assert answer.status_code == 400 and "kept" in answer.context["form"].errors
    assert sarah.post(page_of(letter), {"kept": way}, follow=True).status_code == 200
    with tenancy.system(cast.harbor):
        assert [d.sensitivity for d in Document.objects.all()] == ["internal"]


def test_a_document_is_kept_otherwise_from_now_on(cast, browse, letter):
    with tenancy.system(cast.harbor):
        documents.read(letter.pk)
    let_in(cast, "nina", Category.HIV)
    nina = browse("nina")
    offered = nina.get(page_of(letter)).context["kept_form"]["kept"].field.choices
    assert [value for value, _label in offered[-1][1]] == ["confidential:hiv"]
    answer = nina.post(page_of(letter), {"kept": "confidential:hiv"}, follow=True)
    assert MARK in answer.content.decode()
    assert answer.context["kept_form"]["kept"].value() == "confidential:hiv"
    assert kept(cast, Document) == ("confidential", "hiv")
    for name in ("sarah", "alma", "phil"):
        browser = browse(name)
        assert browser.get(page_of(letter)).status_code == 404
        assert browser.get(page_of(letter) + "file/").status_code == 404
        assert browser.post(page_of(letter), {"kept": "internal"}).status_code == 404
    assert kept(cast, Document) == ("confidential", "hiv")
    nina.post(page_of(letter), {"kept": "restricted"})
    assert kept(cast, Document) == ("restricted", "")
    body = nina.get(reverse("admin:chart", args=[cast.mr_doe.pk])).content.decode()
    assert body.count("Restricted") == 2, "the list and the timeline"


@pytest.mark.parametrize("wrong", ["", "secret", "confidential:x"])
def test_a_document_is_not_kept_in_a_way_that_is_none(cast, browse, letter, wrong):
    let_in(cast, "nina", Category.HIV)
    nina = browse("nina")
    nina.post(page_of(letter), {"kept": "confidential:hiv"})
    nina.post(page_of(letter), {"kept": wrong})
    assert kept(cast, Document) == ("confidential", "hiv")


def test_who_may_not_upload_does_not_say_how_it_is_kept(cast, browse, letter):
    assert browse("fred").post(page_of(letter), {"kept": "public"}).status_code == 403
    assert kept(cast, Document) == ("internal", "")
