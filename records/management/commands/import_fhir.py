import json
from collections.abc import Iterator
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clinic.errors import Refused
from clinic.models import Facility
from clinic.security import tenancy
from records.fhir.importing import Outcome, import_bundle
from records.fhir.loss import LossReport, combined
from records.fhir.parsing import MAX_BYTES, NotFHIR
from records.fhir.printing import as_text

SUFFIXES = (".json", ".json.gz")


class Command(BaseCommand):
    help = "Imports FHIR R4 bundles, files or folders of them, into a facility's charts."

    def add_arguments(self, parser):
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        parser.add_argument("--facility", required=True, metavar="SLUG")
        parser.add_argument(
            "--report", type=Path, metavar="FILE", help="the loss report: JSON to *.json, else text"
        )

    def handle(self, *, paths, facility, report, **options):
        place, files = facility_named(facility), list(files_in(paths, besides=report))
        outcomes: dict[Path, Outcome] = {}
        failures: list[str] = []
        for number, file in enumerate(files, 1):
            try:
                outcomes[file] = self.take_in(file, place)
                result = summary(outcomes[file])
            except (NotFHIR, Refused, DatabaseError, OSError) as error:
                result = reason_of(error)
                failures.append(f"{file}: {result}")
            self.stdout.write(f"{number}/{len(files)} {file.name}: {result}")
        if report:
            write_report(report, outcomes)
        if failures:
            text = ngettext("Not imported: ", "%(count)d files were not imported: ", len(failures))
            raise CommandError(text % {"count": len(failures)} + "; ".join(failures))

    def take_in(self, file: Path, facility: Facility) -> Outcome:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        with tenancy.system(facility, surface="command"):
            return import_bundle(data=data, facility=facility, by=None)


def facility_named(slug: str) -> Facility:
    with tenancy.platform(), transaction.atomic():
        facility = Facility.objects.filter(slug=slug).first()
    if facility is None:
        raise CommandError(_("There is no facility named %(slug)s.") % {"slug": slug})
    return facility


def files_in(paths: list[Path], *, besides: Path | None) -> Iterator[Path]:
    """The files themselves, and of folders the bundles anywhere below, without the last report."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(file for file in path.rglob("*") if file.name.endswith(SUFFIXES))
        if besides:
            found = [file for file in found if file.resolve() != besides.resolve()]
        if not found:
            raise CommandError(_("%(path)s has no *.json or *.json.gz.") % {"path": path})
        yield from found


def summary(outcome: Outcome) -> str:
    lost = sum(loss.present - loss.kept for loss in outcome.loss.types)
    return _(
        "%(patients)d patients; rows: %(created)d new, %(updated)d updated, %(taken_back)d taken"
        " back, %(unchanged)d unchanged; %(lost)d resources not kept"
    ) % {
        "patients": len(outcome.patients),
        "created": outcome.created,
        "updated": outcome.updated,
        "taken_back": outcome.taken_back,
        "unchanged": outcome.unchanged + outcome.verified,
        "lost": lost,
    }


def reason_of(error: Exception) -> str:
    """Why a file was refused, on one line; of the database's words none, they may quote a chart."""
    match error:
        case Refused(message=message, fields=fields):
            details = [f"{name}: {' '.join(map(str, found))}" for name, found in fields.items()]
            return " ".join([str(message), *details])
        case DatabaseError():
            return _("the database refused it (%(kind)s)") % {"kind": type(error).__name__}
        case OSError(strerror=str(words)):
            return words
        case _other:
            return str(error)


def write_report(path: Path, outcomes: dict[Path, Outcome]) -> None:
    """All files' losses together, and in JSON each file's too."""
    total = combined(outcome.loss for outcome in outcomes.values())
    if path.suffix == ".json":
        text = json.dumps(report_of(outcomes, total), ensure_ascii=False, indent=1) + "\n"
    else:
        text = as_text(total)
    path.write_text(text, encoding="utf-8")


def report_of(outcomes: dict[Path, Outcome], total: LossReport) -> dict:
    files = [
        {
            "file": file.name,
            "patients": [str(patient.pk) for patient in outcome.patients],
            "created": outcome.created,
            "updated": outcome.updated,
            "taken_back": outcome.taken_back,
            "unchanged": outcome.unchanged,
            "verified": outcome.verified,
            "loss": outcome.loss.as_json(),
        }
        for file, outcome in outcomes.items()
    ]
    return {"files": files, "total": total.as_json()}
