"""The entries of the audit trail (django-auditlog's, with what a clinic must answer for) and the
links that chain them."""

from auditlog.models import AbstractLogEntry
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.models.facility import Facility
from clinic.security.tenancy import Purpose


class LogEntryQuerySet(models.QuerySet):
    def reads(self):
        return self.filter(action=LogEntry.Action.ACCESS)

    def about(self, patient):
        return self.filter(patient_id=getattr(patient, "pk", patient))


class TransactionIdField(models.Field):
    """The transaction that wrote the row; the database fills it in (see the migration)."""

    def db_type(self, connection):
        return "xid8"


class LogEntry(AbstractLogEntry):
    """One act: who did what to what, where, why, from where. Append-only."""

    id = models.BigAutoField(primary_key=True)
    content_type = models.ForeignKey(
        "contenttypes.ContentType",
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("kind"),
    )
    actor = models.ForeignKey(
        "clinic.User",
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("who"),
    )
    facility = models.ForeignKey(
        Facility,
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("facility"),
    )
    resource = models.CharField(_("resource"), max_length=100)
    patient_id = models.UUIDField(_("patient"), null=True)
    purpose = models.CharField(_("purpose"), max_length=20, choices=Purpose, blank=True)
    user_agent = models.CharField(_("browser"), max_length=300, blank=True)
    session_key = models.CharField(_("session"), max_length=64, blank=True)
    token_id = models.UUIDField(_("token"), null=True)
    surface = models.CharField(_("surface"), max_length=20, blank=True)
    compliance_flags = ArrayField(
        models.CharField(max_length=300), verbose_name=_("flags"), default=list
    )
    risk_score = models.PositiveSmallIntegerField(_("risk"), default=0)
    xid = TransactionIdField(editable=False, null=True)

    # Upstream's columns without their indexes: nothing asks by them, and each costs every write.
    object_id = models.BigIntegerField(null=True, editable=False)
    action = models.PositiveSmallIntegerField(_("action"), choices=AbstractLogEntry.Action.choices)
    cid = models.CharField(_("request"), max_length=255, null=True)  # noqa: DJ001  as upstream has it
    object_pk = models.CharField(_("object"), max_length=255)
    timestamp = models.DateTimeField(_("time"), default=timezone.now)

    entries = LogEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("entry of the trail")
        verbose_name_plural = _("audit trail")
        get_latest_by = "timestamp"
        ordering = ["-id"]
        base_manager_name = "entries"
        indexes = [
            models.Index(fields=["facility", "-id"], name="trail_facility"),
            models.Index(fields=["patient_id", "-id"], name="trail_patient"),
            models.Index(fields=["facility", "xid", "id"], name="trail_sealing"),
        ]


class TrailLink(models.Model):
    """One link of a facility's hash chain: the digest of the entry and of the link before it."""

    entry_id = models.BigIntegerField(primary_key=True)
    facility_id = models.UUIDField(_("facility"))
    sequence = models.BigIntegerField(_("sequence"))
    digest = models.BinaryField(_("digest"))
    sealed_at = models.DateTimeField(_("sealed"), auto_now_add=True)

    class Meta:
        verbose_name = _("link of the trail")
        verbose_name_plural = _("links of the trail")
        constraints = [
            models.UniqueConstraint(fields=["facility_id", "sequence"], name="one_link_a_place")
        ]

    def __str__(self):
        return f"{self.facility_id} {self.sequence}"
