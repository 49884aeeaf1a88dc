"""What lies below `patients/{id}/`: everything there starts from a patient in reach."""

from django.http import Http404
from django.utils.translation import gettext_lazy as _

from clinic.api.fields import UUID_TEXT, Reference
from clinic.api.resource import Resource
from clinic.security.permissions import Category
from patients import access
from patients.models import Patient


class OfPatient(Resource):
    """A resource of one patient; `category` is the grant that a person of granted reach needs."""

    category = Category.VIEW

    @property
    def patient(self) -> Patient:
        """The patient of the address; 404 where she is out of reach or does not exist."""
        if not hasattr(self, "_patient"):
            self._patient = self.patients().filter(pk=self._wanted()).first()
        if self._patient is None:
            raise Http404
        return self._patient

    def patients(self):
        rows = Patient.objects.all()
        return access.visible(rows, self.request.user, category=self.category, column="pk")

    def _wanted(self) -> str:
        if not UUID_TEXT.fullmatch(self.kwargs["patient_id"]):
            raise Http404
        return self.kwargs["patient_id"]


def patient_reference(**kwargs) -> Reference:
    """A field of a body that names a patient in reach."""
    message = {"missing": _("There is no such patient.")}
    rows = kwargs.pop("rows", lambda: access.visible_to(None))
    return Reference(rows=rows, error_messages=message, **kwargs)
