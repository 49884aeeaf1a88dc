"""Seeing a record is not acting for the patient; and what was taken back is closed at every door:
visits, documents, questions, by the portal and by the API."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from chat import conversations
from chat.models import Conversation, Message
from clinic.security import tenancy
from clinic.security.permissions import Category, Denied, Role
from clinic.tests.people import person
from patients import access, consent, enrolment, family, sharing
from patients.models import AccessGrant, FamilyMember
from patients.portal.person import CHOSEN
from records import documents
from records.models import Document
from scheduling import booking, offers
from scheduling.models import Appointment, AppointmentType, AvailabilityBlock, Hold

Level = FamilyMember.PermissionLevel
LETTER = b"The knee is better. Please come back in spring."


@pytest.fixture
def scene(cast, settings, tmp_path):
    """John shares all plain parts with Jane, who does not act for him; he has a visit and a letter,
    and Sarah has free hours."""
    settings.DOCUMENT_STORAGE_URL = tmp_path.as_uri()
    with tenancy.system(cast.harbor):
        cast.jane_beside = family.stand(
            patient=cast.mr_doe, user=cast.jane, relationship="spouse", level=Level.LIMITED
        )
        cast.kind = AppointmentType.objects.create(
            facility=cast.harbor, name="Check-up", minutes=30
        )
        for day in range(1, 8):
            AvailabilityBlock.objects.create(
                facility=cast.harbor, specialist=cast.specialists["sarah"], day_of_week=day,
                start_time=time(9), end_time=time(16),
            )  # fmt: skip
    with cast.acting("john", portal=True):
        consent.give(member=cast.jane_beside, categories=sharing.PLAIN, by=cast.john)
    with cast.acting("sarah"):
        cast.visit = booking.book(
            patient=cast.mr_doe, specialist=cast.specialists["sarah"], appointment_type=cast.kind,
            start=at(cast, 10), by=cast.sarah,
        )  # fmt: skip
        cast.letter = documents.upload(
            patient=cast.mr_doe, data=LETTER, filename="knee.txt", by=cast.sarah
        )
        cast.broken = documents.upload(
            patient=cast.mr_doe, data=b"Not read.", filename="broken.txt", by=cast.sarah
        )
    with tenancy.system(cast.harbor):
        documents.read(cast.letter.pk)
        Document.objects.filter(pk=cast.broken.pk).update(processing_status="error")
    return cast


def at(cast, hour: int) -> datetime:
    day = timezone.now().astimezone(cast.harbor.zone).date() + timedelta(days=3)
    return datetime.combine(day, time(hour), cast.harbor.zone).astimezone(UTC)


def shown(browser: Client, patient) -> Client:
    session = browser.session
    session[CHOSEN] = str(patient.pk)
    session.save()
    return browser


def state(cast) -> tuple:
    with tenancy.system(cast.harbor):
        return (
            list(Appointment.objects.order_by("pk").values_list("pk", "status", "start_datetime")),
            list(Document.objects.order_by("pk").values_list("pk", "processing_status")),
            Conversation.objects.count(),
            Message.objects.count(),
            Hold.objects.count(),
        )


def slot(cast, hour: int) -> str:
    return f"{cast.specialists['sarah'].pk}@{at(cast, hour):{offers.STAMP}}"


PORTAL = {
    "book": lambda c: ("visits/book/", {"appointment_type": c.kind.pk, "slot": slot(c, 13)}),
    "cancel": lambda c: (f"visits/{c.visit.pk}/cancel/", {}),
    "upload": lambda c: (
        "documents/",
        {"file": SimpleUploadedFile("n.txt", b"New text."), "document_type": "other"},
    ),
    "retry": lambda c: (f"documents/{c.broken.pk}/retry/", {}),
    "ask": lambda c: ("ask/", {"question": "How is the knee?"}),
}


@pytest.mark.parametrize("act", PORTAL)
def test_a_relative_who_sees_does_not_act(browse, scene, act):
    before = state(scene)
    page, body = PORTAL[act](scene)
    answer = shown(browse("jane"), scene.mr_doe).post(f"/portal/{page}", body)
    assert answer.status_code == 403
    assert state(scene) == before


@pytest.mark.parametrize("act", PORTAL)
def test_who_is_let_act_does(browse, scene, act):
    with scene.acting("john", portal=True):
        family.set_level(member=scene.jane_beside, level=Level.FULL, by=scene.john)
    before = state(scene)
    page, body = PORTAL[act](scene)
    answer = shown(browse("jane"), scene.mr_doe).post(f"/portal/{page}", body)
    assert answer.status_code == 302, answer.content.decode()[:2000]
    assert state(scene) != before


@pytest.mark.parametrize("act", PORTAL)
def test_what_one_was_let_do_ends_with_it(browse, scene, act):
    with scene.acting("john", portal=True):
        family.set_level(member=scene.jane_beside, level=Level.FULL, by=scene.john)
    browser = shown(browse("jane"), scene.mr_doe)
    browser.get("/portal/")
    with scene.acting("john", portal=True):
        family.set_level(member=scene.jane_beside, level=Level.LIMITED, by=scene.john)
    before = state(scene)
    page, body = PORTAL[act](scene)
    assert browser.post(f"/portal/{page}", body).status_code == 403
    assert state(scene) == before


def test_by_the_api_neither(scene):
    client = Client(headers={"Authorization": f"Bearer {scene.token('jane')}"})
    before, patient = state(scene), str(scene.mr_doe.pk)
    visit = {
        "patient": patient, "specialist": str(scene.specialists["sarah"].pk),
        "appointment_type": str(scene.kind.pk), "start_datetime": at(scene, 13).isoformat(),
    }  # fmt: skip
    url, json = "/api/v1/", {"content_type": "application/json"}
    answers = [
        client.post(f"{url}appointments/", visit, **json),
        client.post(f"{url}appointments/{scene.visit.pk}/cancel/", {}, **json),
        client.post(
            f"{url}appointments/{scene.visit.pk}/reschedule/",
            {"start_datetime": at(scene, 14).isoformat()},
            **json,
        ),
        client.post(
            f"{url}documents/",
            {"patient": patient, "file": SimpleUploadedFile("n.txt", b"New text.")},
        ),
        client.post(
            f"{url}conversations/",
            {"patient": patient, "conversation_type": "patient_specific"},
            **json,
        ),
    ]
    assert [answer.status_code for answer in answers] == [403] * 5
    assert state(scene) == before


def test_by_the_verbs_neither(scene):
    with scene.acting("jane", portal=True):
        for act in (
            lambda: booking.reschedule(appointment=scene.visit, start=at(scene, 14), by=scene.jane),
            lambda: conversations.begin(patient=scene.mr_doe, by=scene.jane),
            lambda: documents.classify(document=scene.letter, document_type="other", by=scene.jane),
        ):
            with pytest.raises(Denied):
                act()


@pytest.mark.parametrize("page", ["", "visits/", "visits/{visit}/", "documents/", "record/"])
def test_pages_offer_only_what_may_be_done(browse, scene, page):
    address = f"/portal/{page.format(visit=scene.visit.pk)}"
    offers = (b"Book a visit", b"Cancel visit", b"Cancel this visit", b"Add document", b"Ask about")
    seen = shown(browse("jane"), scene.mr_doe).get(address).content
    assert not [offer for offer in offers if offer in seen]
    assert [offer for offer in offers if offer in browse("john").get(address).content]


@pytest.mark.parametrize("page", ["visits/book/", "ask/", "visits/{visit}/cancel/"])
def test_a_page_for_acting_says_in_plain_words_why_not(browse, scene, page):
    address = f"/portal/{page.format(visit=scene.visit.pk)}"
    answer = shown(browse("jane"), scene.mr_doe).get(address)
    assert answer.status_code == 403 and b"You see what John shares" in answer.content


def test_a_guardian_acts_for_a_child_and_the_child_does_not(browse, scene):
    with tenancy.system(scene.harbor):
        scene.people["jim"] = person("jim", scene.harbor, Role.PATIENT)
        enrolment.connect(patient=scene.jimmy, user=scene.jim)
    page, body = PORTAL["book"](scene)
    assert browse("jim").post(f"/portal/{page}", body).status_code == 403
    answer = shown(browse("john"), scene.jimmy).post(f"/portal/{page}", body)
    assert answer.status_code == 302


@pytest.mark.parametrize("how", ["close", "leave", "expire", "level"])
def test_links_from_before_are_dead(browse, scene, how):
    """A document's page, its file, the list that refreshes itself, and the API's file."""
    jane = shown(browse("jane"), scene.mr_doe)
    api = Client(headers={"Authorization": f"Bearer {scene.token('jane')}"})
    links = [
        (jane, f"/portal/documents/{scene.letter.pk}/"),
        (jane, f"/portal/documents/{scene.letter.pk}/file/"),
        (jane, "/portal/documents/?refresh=1"),
        (api, f"/api/v1/documents/{scene.letter.pk}/"),
        (api, f"/api/v1/documents/{scene.letter.pk}/content/"),
    ]
    for client, link in links:
        assert client.get(link).status_code == 200, link
    take_back(scene, how)
    for client, link in links:
        answer = client.get(link)
        assert answer.status_code in {403, 404} or link.endswith("refresh=1")
        assert b"knee" not in answer.getvalue().lower()


def take_back(cast, how: str) -> None:
    with cast.acting("john", portal=True):
        if how == "close":
            consent.change(
                member=cast.jane_beside, category=Category.DOCUMENTS, opened=False, by=cast.john
            )
        elif how == "leave":
            family.leave(member=cast.jane_beside, by=cast.john)
        elif how == "level":
            family.set_level(member=cast.jane_beside, level=Level.NONE, by=cast.john)
    if how == "expire":
        with tenancy.system(cast.harbor):
            rows = AccessGrant.grants.filter(user=cast.jane, source=AccessGrant.Source.FAMILY)
            rows.update(expires_at=timezone.now() - timedelta(hours=1))


def test_a_confidential_letter_closes_with_its_kind(browse, scene):
    with scene.acting("john", portal=True):
        consent.change(member=scene.jane_beside, category=Category.HIV, opened=True, by=scene.john)
    with tenancy.system(scene.harbor):
        access.grant(
            patient=scene.mr_doe, user=scene.sarah, source=AccessGrant.Source.CARE_TEAM,
            categories=[Category.VIEW, Category.HIV],
        )  # fmt: skip
    with scene.acting("sarah"):
        kept = {"sensitivity": "confidential", "confidential_kind": "hiv"}
        documents.classify(document=scene.letter, by=scene.sarah, **kept)
    jane = shown(browse("jane"), scene.mr_doe)
    page = jane.get(f"/portal/documents/{scene.letter.pk}/")
    assert page.status_code == 200 and "hiv" in page.context["portal"].still
    with scene.acting("john", portal=True):
        consent.change(member=scene.jane_beside, category=Category.HIV, opened=False, by=scene.john)
    assert jane.get(f"/portal/documents/{scene.letter.pk}/file/").status_code == 404
    gone = jane.get("/portal/still/", {"of": scene.mr_doe.pk, "shows": "documents,hiv,view"})
    assert gone.status_code == 410
