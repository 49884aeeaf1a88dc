"""Files that an upload left behind go; the file of a document that was taken in never does."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from celery import current_app
from django.conf import settings as django_settings
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinic.security import tenancy
from clinic.tests.people import make_cast
from records import documents, leftovers, tasks
from records.models import Document

A_DAY = timedelta(days=1)


class GivenUp(Exception):
    """What rolls an upload back."""


@pytest.fixture(autouse=True)
def store(settings, tmp_path):
    settings.DOCUMENT_STORAGE_URL = tmp_path.as_uri()
    return tmp_path


def files(folder) -> set:
    return {path for path in folder.rglob("*") if path.is_file()}


def age(folder, by: timedelta = A_DAY * 1.1) -> None:
    """Every file was stored that much earlier."""
    for path in files(folder):
        stored = path.stat().st_mtime - by.total_seconds()
        os.utime(path, (stored, stored))


def upload(cast, data: bytes, patient="mr_doe", by="sarah") -> Document:
    return documents.upload(
        patient=getattr(cast, patient), data=data, filename="letter.txt", by=cast.people[by]
    )


def rolled_back(cast, data: bytes) -> None:
    with pytest.raises(GivenUp), transaction.atomic():
        upload(cast, data)
        raise GivenUp


def sweep(cast, place="harbor") -> int:
    with tenancy.system(getattr(cast, place)):
        return leftovers.sweep()


def test_what_was_rolled_back_goes_after_a_day_and_what_was_taken_in_stays(cast, store):
    with cast.acting("sarah"):
        kept = upload(cast, b"A letter that is kept.")
        rolled_back(cast, b"A letter of which nothing came.")
    assert len(files(store)) == 2
    assert sweep(cast) == 0, "an upload may still be at work on it"
    age(store)
    with cast.acting("sarah"):
        younger = upload(cast, b"A letter of today.")
    assert sweep(cast) == 1
    assert sweep(cast) == 0, "it can be run twice"
    assert len(files(store)) == 2
    with cast.acting("sarah"):
        assert documents.content(document=kept, by=cast.sarah) == b"A letter that is kept."
        assert documents.content(document=younger, by=cast.sarah) == b"A letter of today."


def test_a_file_that_never_became_whole_goes_too(cast, store, monkeypatch):
    with cast.acting("sarah"), monkeypatch.context() as cut:
        cut.setattr("pathlib.Path.replace", lambda *names: (_ for _ in ()).throw(GivenUp))
        with pytest.raises(GivenUp), transaction.atomic():
            upload(cast, b"A letter cut off.")
        assert len(files(store)) == 1 and not Document.objects.exists()
    age(store)
    assert sweep(cast) == 1 and not files(store)


def test_one_clinic_sweeps_its_own_folder_and_nothing_beside_it(cast, store):
    with cast.acting("lucia"):
        theirs = upload(cast, b"Uma carta.", patient="dona_ana", by="lucia")
        with pytest.raises(GivenUp), transaction.atomic():
            upload(cast, b"Uma outra.", patient="dona_ana", by="lucia")
            raise GivenUp
    for name in ("notes.txt", "ab/abandoned", "documents/ab/abandoned"):
        (store / name).parent.mkdir(parents=True, exist_ok=True)
        (store / name).write_text("Not ours to take away.")
    age(store)
    before = files(store)
    assert sweep(cast) == 0 and files(store) == before
    assert sweep(cast, "austa") == 1 and len(files(store)) == len(before) - 1
    with cast.acting("lucia"):
        assert documents.content(document=theirs, by=cast.lucia) == b"Uma carta."


@pytest.mark.parametrize("name", ["omar", "fred", "aud", "jane"])
def test_who_sees_no_document_takes_none_for_left(cast, store, name):
    with cast.acting("sarah"):
        upload(cast, b"A letter that is kept.")
    age(store)
    with cast.acting(name, portal=name == "jane"):
        with transaction.atomic():
            assert not Document.objects.exists()
        assert leftovers.sweep() == 0
    assert len(files(store)) == 1


def test_nobody_and_the_scheduler_sweep_nothing(cast, store):
    with cast.acting("sarah"):
        rolled_back(cast, b"A letter of which nothing came.")
    age(store)
    with pytest.raises(tenancy.MissingFacility):
        leftovers.sweep()
    with tenancy.platform():
        assert leftovers.sweep() == 0
    with pytest.raises(tenancy.MissingFacility):
        tasks.sweep_leftovers_here()
    assert len(files(store)) == 1


def test_the_scheduler_asks_for_every_clinic_daily(cast, store, monkeypatch):
    sent = []
    monkeypatch.setattr(
        current_app._get_current_object(), "send_task",
        lambda name, kwargs: sent.append((name, kwargs["facility_id"])),
    )  # fmt: skip
    scheduled = {entry["task"] for entry in django_settings.CELERY_BEAT_SCHEDULE.values()}
    assert tasks.sweep_leftovers.name in scheduled
    tasks.sweep_leftovers()
    places = {str(cast.harbor.pk), str(cast.austa.pk)}
    assert {place for name, place in sent} == places
    assert {name for name, place in sent} == {tasks.sweep_leftovers_here.name}
    with cast.acting("sarah"):
        rolled_back(cast, b"A letter of which nothing came.")
    age(store)
    for _name, place in sent:
        tasks.sweep_leftovers_here(facility_id=place)
    assert not files(store)


STEPS = st.lists(
    st.sampled_from(["take in", "roll back", "send again", "wait", "sweep", "sweep next door"]),
    max_size=12,
)


@settings(
    max_examples=40, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(steps=STEPS)
def test_whatever_happens_a_letter_that_was_taken_in_can_be_opened(cast, store, steps):
    """Uploads, rollbacks, days and sweeps in any order, on a store that earlier runs left full."""
    taken: list[tuple[Document, bytes]] = []
    with pytest.raises(GivenUp), transaction.atomic():
        with cast.acting("sarah"):
            for number, step in enumerate(steps):
                letter = f"Letter {number}.".encode()
                if step == "take in":
                    taken.append((upload(cast, letter), letter))
                elif step == "roll back":
                    rolled_back(cast, letter)
                elif step == "send again" and taken:
                    with pytest.raises(documents.AlreadyThere), transaction.atomic():
                        upload(cast, taken[0][1])
                elif step == "wait":
                    age(store, A_DAY * 0.6)
                elif step.startswith("sweep"):
                    sweep(cast, "harbor" if step == "sweep" else "austa")
            age(store)
            sweep(cast)
            assert len(files(store)) == len(taken)
            for document, letter in taken:
                assert documents.content(document=document, by=cast.sarah) == letter
        raise GivenUp


@pytest.mark.django_db(transaction=True)
class TestCommitted:
    """On committed data, with a connection for each."""

    def test_a_sweep_beside_an_upload_leaves_it_alone(self, transactional_db, store):
        with transaction.atomic():
            cast = make_cast()
            with cast.acting("sarah") as sarah:
                pass

        def swept() -> int:
            try:
                return sweep(cast)
            finally:
                connection.close()

        with tenancy.acting(sarah):
            with transaction.atomic(), ThreadPoolExecutor(1) as another:
                document = upload(cast, b"A letter on its way.")
                assert another.submit(swept).result(timeout=30) == 0
            age(store)
            with ThreadPoolExecutor(1) as another:
                assert another.submit(swept).result(timeout=30) == 0
            with transaction.atomic():
                content = documents.content(document=document, by=cast.sarah)
        assert content == b"A letter on its way."

    def test_a_process_that_is_killed_before_its_commit_leaves_nothing_for_long(
        self, transactional_db, store
    ):
        with transaction.atomic():
            cast = make_cast()
        assert from_a_process(cast, store, b"A letter taken in.") == 0
        killed = from_a_process(cast, store, b"A letter cut off.", end="os.kill(os.getpid(), 9)")
        assert killed == -9 and len(files(store)) == 2
        assert sweep(cast) == 0
        age(store)
        assert sweep(cast) == 1
        with tenancy.system(cast.harbor), transaction.atomic():
            assert documents.opened(Document.objects.get()) == b"A letter taken in."


UPLOAD = """
import os, django
django.setup()
from django.db import transaction
from clinic.security import tenancy
from patients.models import Patient
from records import documents
with tenancy.system({facility!r}), transaction.atomic():
    patient = Patient.objects.get(pk={patient!r})
    documents.upload(patient=patient, data={data!r}, filename="letter.txt", by=None)
    {end}
"""


def from_a_process(cast, store, data: bytes, end: str = "pass") -> int:
    """Upload from a process of its own that ends so before its commit; answers its exit status."""
    program = UPLOAD.format(
        facility=str(cast.harbor.pk), patient=str(cast.mr_doe.pk), data=data, end=end
    )
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=connection.settings_dict["NAME"])
    there = {"DATABASE_URL": url.geturl(), "DOCUMENT_STORAGE_URL": store.as_uri()}
    command = [sys.executable, "-c", program]
    return subprocess.run(
        command, env=os.environ | there, cwd=django_settings.BASE_DIR, timeout=60
    ).returncode
