"""What messages say, in the reader's language: whose clinic, when, and how to answer. Neither whose
visit it is, nor what for, nor with whom; what else there is to know stands where one signs in.

A text is one sentence or two, so that it fits into a text message. The same words are the templates
that WhatsApp approved (docs/messages.md).
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from clinic.channels import email
from clinic.models import Channel
from clinic.templatetags.written import near_moment
from scheduling.messages.people import Person
from scheduling.models import Appointment, Message

Kind = Message.Kind
SUBJECTS = {
    Kind.BOOKED: gettext_lazy("Your visit is booked"),
    Kind.REMINDER: gettext_lazy("A reminder of your visit"),
    Kind.MOVED: gettext_lazy("Your visit has another time"),
    Kind.CANCELED: gettext_lazy("Your visit is canceled"),
    Kind.OFFERED: gettext_lazy("A time is free for you"),
    Kind.MEDICINE: gettext_lazy("A reminder that you asked for"),
}
FOR_ANOTHER = {
    Kind.BOOKED: gettext_lazy("A visit is booked"),
    Kind.REMINDER: gettext_lazy("A reminder of a visit"),
    Kind.MOVED: gettext_lazy("A visit has another time"),
    Kind.CANCELED: gettext_lazy("A visit is canceled"),
    Kind.OFFERED: gettext_lazy("A time is free"),
    Kind.MEDICINE: gettext_lazy("A reminder"),
}
TEXTS = {
    Kind.BOOKED: gettext_lazy("%(clinic)s: your visit is booked for %(when)s."),
    Kind.REMINDER: gettext_lazy("%(clinic)s: a reminder of your visit on %(when)s."),
    Kind.MOVED: gettext_lazy("%(clinic)s: your visit is now on %(when)s."),
    Kind.CANCELED: gettext_lazy("%(clinic)s: your visit on %(when)s is canceled."),
    Kind.OFFERED: gettext_lazy(
        "%(clinic)s: a time is free on %(when)s. Sign in by %(until)s to take it."
    ),
    Kind.MEDICINE: gettext_lazy("%(clinic)s: it is time for a reminder that you asked for."),
}
TEXTS_FOR_ANOTHER = {
    Kind.BOOKED: gettext_lazy("%(clinic)s: a visit that you look after is booked for %(when)s."),
    Kind.REMINDER: gettext_lazy(
        "%(clinic)s: a reminder of a visit that you look after, on %(when)s."
    ),
    Kind.MOVED: gettext_lazy("%(clinic)s: a visit that you look after is now on %(when)s."),
    Kind.CANCELED: gettext_lazy(
        "%(clinic)s: a visit that you look after, on %(when)s, is canceled."
    ),
    Kind.OFFERED: gettext_lazy(
        "%(clinic)s: a time that you wait for is free on %(when)s. Sign in by %(until)s to take it."
    ),
    Kind.MEDICINE: TEXTS[Kind.MEDICINE],
}
BY_PHONE = frozenset({Channel.SMS, Channel.WHATSAPP})


@dataclass(frozen=True, slots=True)
class Said:
    """A message in words. `values` are what stands in the places of a template, in their order;
    `path` leads to where more is told, and is empty for who has no account."""

    subject: str
    text: str
    template: str
    values: tuple[str, ...]
    path: str


def asks(message: Message) -> bool:
    """Whether it asks for an answer by phone: a visit that is not confirmed yet."""
    visit = message.appointment
    return (
        visit is not None
        and message.kind in {Kind.BOOKED, Kind.REMINDER, Kind.MOVED}
        and visit.status == Appointment.Status.PENDING
        and message.channel in BY_PHONE
    )


def of(message: Message, person: Person) -> Said:
    """The message to the person, in her language, about what holds now."""
    with translation.override(person.language):
        kind, clinic = Kind(message.kind), person.facility.name
        values = {"clinic": clinic}
        if moment := _moment(message):
            values["when"] = moment_for(moment, person)
        if message.offer:
            values["until"] = moment_for(message.offer.expires_at, person)
        subject = str((SUBJECTS if person.is_patient else FOR_ANOTHER)[kind])
        text = str((TEXTS if person.is_patient else TEXTS_FOR_ANOTHER)[kind])
        template = "reminder" if message.dose else f"visit_{kind.value}"
        if not (person.is_patient or message.dose):
            template += "_family"
        if message.offer and person.user is None:
            template = "visit_offered_call"
            text = _("%(clinic)s: a time is free on %(when)s. Call us by %(until)s to take it.")
        text %= values
        if message.channel != Channel.WHATSAPP and (more := _more_of_the_series(message)):
            text += " " + _and_more(kind, more)
        if asks(message):
            text += " " + _("Reply 1 to confirm, or 2 if it does not suit.")
            template += "_confirm"
        return Said(subject, text, template, tuple(values.values()), _path(message, person))


def title_for_portal(message: Message, person: Person) -> str:
    """The line of a notice in the portal, where one sees who it is about."""
    with translation.override(person.language):
        subject = str((SUBJECTS if person.is_patient else FOR_ANOTHER)[Kind(message.kind)])
        if person.is_patient:
            return subject
        return _("%(name)s: %(subject)s") % {"name": person.patient.first_name, "subject": subject}


def letter(
    message: Message, person: Person, said: Said, *, attachment: email.Attachment | None = None
) -> email.Letter:
    """The same as a letter."""
    with translation.override(person.language):
        phone = person.facility.phone
        closing = _("Questions? Call %(phone)s.") % {"phone": phone} if phone else ""
        return email.Letter(
            key=message.pk,
            sender=person.facility.name,
            subject=f"{said.subject} – {person.facility.name}",
            paragraphs=(said.text,),
            href=email.address(said.path) if said.path else "",
            action=_("See it in the portal"),
            closing=closing,
            attachment=attachment,
        )


def moment_for(moment: datetime, person: Person) -> str:
    """A moment by the clinic's clock; where hers shows another time, by both."""
    clinic, own = person.facility.zone, person.zone
    here = moment.astimezone(clinic)
    if here.utcoffset() == moment.astimezone(own).utcoffset():
        return near_moment(here)
    names = {
        "when": near_moment(here), "place": _place(clinic),
        "own": near_moment(moment.astimezone(own)), "own_place": _place(own),
    }  # fmt: skip
    return _("%(when)s (%(place)s), which is %(own)s (%(own_place)s)") % names


def _place(zone: ZoneInfo) -> str:
    return zone.key.rpartition("/")[2].replace("_", " ")


def _more_of_the_series(message: Message) -> int:
    """How many later visits of the series the news is about: one message is for all."""
    visit = message.appointment
    if not visit or not visit.series or message.kind not in {Kind.BOOKED, Kind.CANCELED}:
        return 0
    later = Appointment.objects.filter(series=visit.series, start_datetime__gt=visit.start_datetime)
    canceled = Appointment.Status.CANCELED
    rows = later.filter(status=canceled) if message.kind == Kind.CANCELED else later.standing()
    return rows.count()


def _and_more(kind: Kind, more: int) -> str:
    if kind == Kind.CANCELED:
        text = ngettext(
            "%(count)d later visit of the series is canceled, too.",
            "%(count)d later visits of the series are canceled, too.",
            more,
        )
    else:
        text = ngettext(
            "It comes again %(count)d more time.", "It comes again %(count)d more times.", more
        )
    return text % {"count": more}


def _moment(message: Message) -> datetime | None:
    about = message.appointment or message.offer
    return about.start_datetime if about else None


def _path(message: Message, person: Person) -> str:
    """Her own visit, else where she chooses whose she looks at."""
    if person.user is None:
        return ""
    if message.appointment and person.is_patient and message.kind != Kind.CANCELED:
        return reverse("portal:visit", args=[message.appointment_id])
    if message.dose is None and person.is_patient:
        return reverse("portal:visits")
    return reverse("portal:home")
