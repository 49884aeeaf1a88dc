from pathlib import Path
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.translation import gettext as _

from clinic.models import Facility
from clinic.security import tenancy
from patients.models import Patient
from records.fhir.exporting import export_bundle


class Command(BaseCommand):
    help = "Exports a patient's chart as a FHIR R4 bundle, to standard output or a file."

    def add_arguments(self, parser):
        parser.add_argument("patient_id", type=UUID, metavar="PATIENT_ID")
        parser.add_argument("--to", type=Path, metavar="FILE")

    def handle(self, *, patient_id, to, **options):
        data = exported(patient_id)
        if to is None:
            self.stdout.write(data.decode())
            return
        try:
            to.write_bytes(data)
        except OSError as error:
            raise CommandError(f"{to}: {error.strerror}") from error
        self.stderr.write(_("Wrote %(size)d bytes to %(file)s.") % {"size": len(data), "file": to})


def exported(patient_id: UUID) -> bytes:
    """The bundle; the patient's facility is looked for in one facility after the other."""
    with tenancy.platform(), transaction.atomic():
        facilities = list(Facility.objects.all())
    for facility in facilities:
        with tenancy.system(facility, surface="command"), transaction.atomic():
            if patient := Patient.objects.filter(pk=patient_id).first():
                return export_bundle(patient=patient, by=None)
    raise CommandError(_("There is no patient %(id)s.") % {"id": patient_id})
