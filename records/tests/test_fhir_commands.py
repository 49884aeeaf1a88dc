"""`manage.py import_fhir` and `export_fhir`, as an operator uses them."""

import gzip
import io
import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from clinic.models.base import uuid7
from clinic.security import tenancy
from patients.models import Patient
from records.tests.bundles import RESOURCES, ada, packed


def run(name: str, *words) -> str:
    out = io.StringIO()
    call_command(name, *map(str, words), stdout=out, stderr=out)
    return out.getvalue()


@pytest.fixture
def folder(tmp_path):
    """A folder with Ada, zipped, and in a folder below it the hospital's practitioner."""
    folder = tmp_path / "charts"
    (folder / "below").mkdir(parents=True)
    (folder / "ada.json.gz").write_bytes(gzip.compress(ada()))
    practitioners = [item for item in RESOURCES if item["resourceType"] == "Practitioner"]
    (folder / "below" / "people.json").write_bytes(packed(*practitioners))
    (folder / "notes.txt").write_text("not a bundle")
    return folder


def patients(facility) -> list[Patient]:
    with tenancy.system(facility):
        return list(Patient.objects.filter(fhir_id="ada"))


def test_a_folder_is_imported_and_can_be_again(cast, folder):
    first = run("import_fhir", folder, "--facility", "harbor")
    assert (
        "1/2 ada.json.gz: 1 patients; rows: 12 new, 0 updated, 0 taken back, 0 unchanged" in first
    )
    assert "2/2 people.json: 0 patients; rows: 0 new" in first
    assert len(patients(cast.harbor)) == 1
    assert patients(cast.austa) == []
    again = run("import_fhir", folder, "--facility", "harbor")
    assert "rows: 0 new, 0 updated, 0 taken back, 12 unchanged" in again


def test_the_report_is_json_or_text_by_its_name(cast, folder, tmp_path):
    report = tmp_path / "loss.json"
    run("import_fhir", folder / "ada.json.gz", "--facility", "harbor", "--report", report)
    document = json.loads(report.read_text())
    (file,) = document["files"]
    assert (file["file"], file["created"]) == ("ada.json.gz", 12)
    assert file["loss"] == document["total"]
    kinds = {kind["type"]: (kind["present"], kind["kept"]) for kind in document["total"]["types"]}
    assert kinds["Observation"] == (4, 4)
    run("import_fhir", folder, "--facility", "harbor", "--report", tmp_path / "loss.txt")
    assert "Practitioner.identifier[us-npi]" in (tmp_path / "loss.txt").read_text()


def test_a_report_among_the_bundles_is_none_of_them(cast, folder):
    for _again in range(2):
        run("import_fhir", folder, "--facility", "harbor", "--report", folder / "loss.json")
    assert json.loads((folder / "loss.json").read_text())["files"][0]["unchanged"] == 12


def test_one_bad_file_is_named_and_the_others_are_imported(cast, folder):
    bad = folder / "a_bad_one.json"
    bad.write_text('{"resourceType": "Patient"}')
    with pytest.raises(CommandError) as failure:
        run("import_fhir", folder, "--facility", "harbor")
    (line,) = str(failure.value).splitlines()
    assert line.startswith(f"Not imported: {bad}: This is JSON, but not a FHIR Bundle.")
    assert len(patients(cast.harbor)) == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"birthDate": "1970"}, "date_of_birth: Enter the date of birth."),
        ({"gender": "\x00"}, "Bundle.entry[0].resource.gender"),
    ],
)
def test_what_was_wrong_is_said(cast, tmp_path, changes, says):
    (tmp_path / "bad.json").write_bytes(ada(ada=changes))
    with pytest.raises(CommandError) as failure:
        run("import_fhir", tmp_path / "bad.json", "--facility", "harbor")
    assert says in str(failure.value)
    assert patients(cast.harbor) == []


def test_paths_and_facilities_that_do_not_exist(cast, folder, tmp_path):
    with pytest.raises(CommandError, match="no facility named nowhere"):
        run("import_fhir", folder, "--facility", "nowhere")
    with pytest.raises(CommandError, match="No such file"):
        run("import_fhir", tmp_path / "none.json", "--facility", "harbor")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CommandError, match=r"has no \*\.json"):
        run("import_fhir", tmp_path / "empty", "--facility", "harbor")
    with pytest.raises(CommandError, match="--facility"):
        run("import_fhir", folder)


def test_a_chart_is_exported_to_the_terminal_or_a_file(cast, folder, tmp_path):
    run("import_fhir", folder, "--facility", "harbor")
    (patient,) = patients(cast.harbor)
    printed = json.loads(run("export_fhir", patient.pk))
    assert printed["entry"][0]["resource"]["name"][0]["family"] == "Núñez"
    run("export_fhir", patient.pk, "--to", tmp_path / "chart.json")
    assert json.loads((tmp_path / "chart.json").read_bytes()) == printed


def test_an_unknown_patient_is_not_exported(cast):
    with pytest.raises(CommandError, match="There is no patient"):
        run("export_fhir", uuid7())
    with pytest.raises(CommandError, match="PATIENT_ID"):
        run("export_fhir", "not-an-id")
