"""Messages about visits and reminders: what goes to whom, by which way, and what became of it."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from clinic.models.base import FacilityForeignKey
from clinic.models.people import User
from clinic.models.reach import Channel
from clinic.security.fields import EncryptedCharField, EncryptedTextField
from patients.models import PatientRow
from scheduling.models.appointment import Appointment
from scheduling.models.medicine import ReminderLog
from scheduling.models.waitlist import WaitlistOffer


class Message(PatientRow):
    """One message to one person by one way. `key` says what it is for, so that it comes once.

    It waits until `due_at` (her quiet hours are over), is claimed before it is handed over
    (`sending`, with its words as they go out), and after `expires_at` it would be no news. Its
    words are settled when it is claimed, so they say what holds then. It is about a visit, an offer
    of the waiting list, or a dose; and it names nothing clinical.
    """

    class Kind(models.TextChoices):
        BOOKED = "booked", _("Booked")
        REMINDER = "reminder", _("Reminder")
        MOVED = "moved", _("Moved")
        CANCELED = "canceled", _("Canceled")
        OFFERED = "offered", _("A time is free")
        MEDICINE = "medicine", _("Time for a medicine")

    class Status(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENDING = "sending", _("Being sent")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed")
        DROPPED = "dropped", _("No longer needed")

    class Failure(models.TextChoices):
        NO_ADDRESS = "no_address", _("There is no such address or number")
        REFUSED = "refused", _("The address or number takes no messages")
        UNREACHABLE = "unreachable", _("The service could not be reached")
        NOT_SET_UP = "not_set_up", _("The clinic has no such service")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    channel = models.CharField(_("by"), max_length=10, choices=Channel)
    key = models.CharField(max_length=200, editable=False)
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, related_name="+", verbose_name=_("person")
    )
    appointment = FacilityForeignKey(
        Appointment,
        on_delete=models.CASCADE,
        null=True,
        related_name="messages",
        verbose_name=_("visit"),
    )
    offer = FacilityForeignKey(
        WaitlistOffer,
        on_delete=models.CASCADE,
        null=True,
        related_name="messages",
        verbose_name=_("offer"),
    )
    dose = FacilityForeignKey(
        ReminderLog,
        on_delete=models.CASCADE,
        null=True,
        related_name="messages",
        verbose_name=_("dose"),
    )
    address = EncryptedCharField(_("to"), max_length=254, blank=True, default="")
    address_index = models.BinaryField(null=True, editable=False)  # who answers by phone
    language = models.CharField(_("language"), max_length=10, blank=True)
    text = EncryptedTextField(_("text"), blank=True, default="")
    due_at = models.DateTimeField(_("not before"))
    expires_at = models.DateTimeField(_("no news after"))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.WAITING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    claimed_at = models.DateTimeField(null=True, editable=False)
    sent_at = models.DateTimeField(_("sent"), null=True)
    failure = models.CharField(_("failure"), max_length=20, choices=Failure, blank=True)
    reference = models.CharField(max_length=100, blank=True, editable=False)  # the service's own
    answered_at = models.DateTimeField(_("answered"), null=True)
    answer_reference = models.CharField(max_length=100, blank=True, editable=False)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["-due_at"]
        constraints = [
            models.UniqueConstraint(fields=["facility", "key"], name="a_message_comes_once"),
            models.CheckConstraint(
                condition=Q(appointment__isnull=False, offer__isnull=True, dose__isnull=True)
                | Q(appointment__isnull=True, offer__isnull=False, dose__isnull=True)
                | Q(appointment__isnull=True, offer__isnull=True, dose__isnull=False),
                name="a_message_is_about_one_thing",
            ),
        ]
        indexes = [
            models.Index(
                fields=["facility", "due_at"],
                name="messages_to_send",
                condition=Q(status__in=["waiting", "sending"]),
            ),
            models.Index(
                fields=["facility", "expires_at"],
                name="messages_that_failed",
                condition=Q(status="failed"),
            ),
            models.Index(fields=["appointment"], name="messages_of_a_visit"),
            models.Index(
                fields=["address_index", "-sent_at"],
                name="messages_to_a_number",
                condition=Q(address_index__isnull=False),
            ),
        ]

    def __str__(self):
        return self.get_kind_display()
