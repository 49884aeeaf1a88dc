"""The trail under attack: written however, never changed, chained, anchored."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.utils import DatabaseError

from clinic import accounts, staffing
from clinic.middleware import address_of, origin_of
from clinic.models import Facility, LogEntry
from clinic.security import tenancy, trail
from clinic.security.tenancy import Purpose
from compliance import anchors, audit
from compliance.tests.tampering import settle, tamper
from patients.models import Allergy, Patient


@pytest.fixture(autouse=True)
def own_anchors(settings, tmp_path):
    """Each test anchors in a folder of its own."""
    settings.AUDIT_ANCHOR_URL = f"file://{tmp_path}"


def entries_about(patient):
    return LogEntry.entries.filter(patient_id=patient.pk)


class TestEveryWrite:
    """A write is on the trail however it was made, with who, where and why."""

    WAYS = {
        "save": lambda p: (setattr(p, "gender", "other"), p.save()),
        "update": lambda p: Patient.objects.filter(pk=p.pk).update(gender="other"),
        "bulk_update": lambda p: (
            setattr(p, "gender", "other"), Patient.objects.bulk_update([p], ["gender"]),
        ),
        "raw SQL": lambda p: connection.cursor().execute(
            "UPDATE patients_patient SET gender = 'other' WHERE id = %s", [p.pk]
        ),
    }  # fmt: skip

    @pytest.mark.parametrize("way", WAYS)
    def test_updates(self, cast, way):
        with cast.acting("alma"):
            before = entries_about(cast.mr_doe).count()
            self.WAYS[way](Patient.objects.get(pk=cast.mr_doe.pk))
            (entry,) = entries_about(cast.mr_doe)[: entries_about(cast.mr_doe).count() - before]
        assert entry.action == LogEntry.Action.UPDATE
        assert entry.changes["gender"] == ["unknown", "other"]
        assert (entry.actor_id, entry.facility_id) == (cast.alma.pk, cast.harbor.pk)
        assert entry.purpose == "treatment" and entry.surface == "test"

    def test_bulk_inserts_and_deletes(self, cast):
        with cast.acting("alma"):
            rows = [
                Allergy(facility=cast.harbor, patient=cast.mr_doe, allergen="Latex", severity=s)
                for s in ("mild", "severe")
            ]
            Allergy.objects.bulk_create(rows)
        with tenancy.system(cast.harbor):  # nobody else deletes any
            Allergy.objects.filter(patient=cast.mr_doe).delete()
        with cast.acting("alma"):
            actions = [e.action for e in entries_about(cast.mr_doe).filter(
                resource="patients.allergy").order_by("id")]  # fmt: skip
        assert actions == [0, 0, 2, 2]

    def test_nothing_of_an_encrypted_field_is_on_the_trail(self, cast):
        with cast.acting("alma"):
            patient = Patient.objects.get(pk=cast.mr_doe.pk)
            patient.last_name = "Zyxwvut"
            patient.save()
            with connection.cursor() as cursor:
                cursor.execute("SELECT to_jsonb(e)::text FROM clinic_logentry e")
                everything = " ".join(row[0] for row in cursor.fetchall())
            entry = entries_about(patient).first()
        assert entry.changes["last_name"] == ["•••", "•••"]
        assert "Zyxwvut" not in everything and "John" not in everything and "c1." not in everything


class TestAppendOnly:
    STATEMENTS = [
        "UPDATE clinic_logentry SET actor_id = NULL",
        "DELETE FROM clinic_logentry",
        "TRUNCATE clinic_logentry",
        "UPDATE clinic_traillink SET digest = ''",
        "DELETE FROM clinic_traillink",
        "ALTER TABLE clinic_logentry DISABLE TRIGGER ALL",
    ]

    @pytest.mark.parametrize("statement", STATEMENTS)
    def test_the_runtime_role_changes_nothing(self, cast, statement):
        with cast.acting("alma"):
            before = list(LogEntry.entries.values_list("pk", "actor_id"))
            with pytest.raises(DatabaseError), transaction.atomic():
                connection.cursor().execute(statement)
            assert list(LogEntry.entries.values_list("pk", "actor_id")) == before and before

    def test_auditlogflush_cannot(self, cast):
        with cast.acting("alma"):
            before = LogEntry.entries.count()
            with pytest.raises(DatabaseError), transaction.atomic():
                call_command("auditlogflush", "--yes")
            assert LogEntry.entries.count() == before > 0

    def test_nobody_reads_another_facilitys_trail(self, cast):
        with cast.acting("alma"):
            assert set(LogEntry.entries.values_list("facility_id", flat=True)) == {cast.harbor.pk}
        with cast.acting("fred"):
            assert not LogEntry.entries.exists()
        with cast.acting("john", portal=True):
            about = set(LogEntry.entries.values_list("patient_id", flat=True))
            assert about == {cast.mr_doe.pk, cast.jimmy.pk}


class TestReads:
    def test_a_read_names_who_whom_and_why(self, cast):
        with cast.acting("sarah"):
            trail.read("patients.patient", [(cast.mr_doe.pk, cast.mr_doe.pk)], how="detail")
        with cast.acting("alma"):
            entry = entries_about(cast.mr_doe).reads().get()
        assert (entry.actor_id, entry.purpose) == (cast.sarah.pk, "treatment")
        assert entry.additional_data["how"] == "detail" and entry.content_type.model == "patient"


class TestRisk:
    """Every entry has a score by one rule, whether a trigger, a note or the quick door wrote it."""

    @pytest.fixture(autouse=True)
    def noon(self, cast):
        self.cast = cast
        self.clocks(12)

    def clocks(self, hour: int) -> None:
        """Let it be that hour in Harbor. POSIX counts zones westward."""
        west = (datetime.now(UTC).hour - hour) % 24
        zone = f"Etc/GMT{west if west <= 12 else west - 24:+d}"
        with self.cast.acting("alma"):
            Facility.objects.filter(pk=self.cast.harbor.pk).update(timezone=zone)

    def write(self, name: str = "sarah", count: int = 1, **of_actor) -> list[int]:
        with self.cast.acting(name) as actor, tenancy.acting(replace(actor, **of_actor)):
            rows = [
                Allergy(facility=self.cast.harbor, patient=self.cast.mr_doe, allergen="Latex",
                        severity="mild") for _ in range(count)
            ]  # fmt: skip
            Allergy.objects.bulk_create(rows)
        return self.scores("patients.allergy", count)

    def note(self, name: str = "sarah", count: int = 1, flags=(), **of_actor) -> list[int]:
        with self.cast.acting(name) as actor, tenancy.acting(replace(actor, **of_actor)):
            trail.read("patients.patient", [(1, self.cast.mr_doe.pk)] * count, flags=flags)
        return self.scores("patients.patient", count)

    def scores(self, resource: str, count: int) -> list[int]:
        with self.cast.acting("alma"):
            rows = LogEntry.entries.filter(resource=resource).order_by("-id")[:count]
            return [row.risk_score for row in rows][::-1]

    def test_an_act_like_any_other_has_none(self):
        assert self.write() == self.note() == [0]

    @pytest.mark.parametrize(("hour", "score"), [(1, 10), (5, 10), (6, 0), (20, 0), (21, 10)])
    def test_treatment_at_night(self, hour, score):
        self.clocks(hour)
        assert self.write() == self.note() == [score]

    def test_what_the_clinics_computer_does_at_night_is_usual(self):
        self.clocks(1)
        assert self.write(purpose=Purpose.OPERATIONS) == [0]
        assert self.note(purpose=Purpose.OPERATIONS) == [0]

    def test_in_an_emergency(self):
        self.clocks(1)
        assert self.write(purpose=Purpose.EMERGENCY) == [40]
        assert self.note(purpose=Purpose.EMERGENCY) == [40]

    def test_flags_count_and_no_score_is_above_a_hundred(self):
        assert self.write(flags=("seal_broken",)) == self.note(flags=["seal_broken"]) == [60]
        assert self.note(flags=["refused"]) == [30]
        alarming = {"flags": ("seal_broken", "refused"), "purpose": Purpose.EMERGENCY}
        assert self.write(**alarming) == self.note(**alarming) == [100]

    def test_in_bulk(self):
        """Of rows written in one transaction the fiftieth and those after it."""
        assert self.note(count=50) == [20] * 50
        assert self.note(count=49) == [0] * 49
        with self.cast.acting("alma"), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('app.written', '', true)")
        assert self.write(count=52) == [0] * 49 + [20] * 3
        with self.cast.acting("sarah"):
            Allergy.objects.filter(patient=self.cast.mr_doe).update(is_active=False)
        assert self.scores("patients.allergy", 52) == [20] * 52

    def test_a_list_of_the_api(self, api):
        program = api("sarah")
        for _ in range(2):  # the first is read the long way
            self.clocks(1)
            assert program.get("patients/").status_code == 200
            assert set(self.scores("patients.patient", 3)) == {10}
            self.clocks(12)
            assert program.get("patients/").status_code == 200
            assert set(self.scores("patients.patient", 3)) == {0}

    def test_a_zone_that_the_server_does_not_know_hinders_no_work(self):
        with self.cast.acting("alma"):
            Facility.objects.filter(pk=self.cast.harbor.pk).update(timezone="Mars/Olympus")
        assert self.write() == self.note() == [0]


@pytest.mark.parametrize("given", ["short", "a" * 65, "abcdefgh\n", "abcdefgh\nx", "abc defgh"])
def test_the_number_of_a_request_is_taken_from_nobody_who_writes_another(rf, given):
    request = rf.get("/", headers={"X-Request-ID": given})
    assert origin_of(request).request_id not in {given, given.strip()}


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "true"),
    [
        ("203.0.113.9", "10.0.0.1", [], "203.0.113.9"),
        ("203.0.113.9", "10.0.0.1", ["10.0.0.0/8"], "203.0.113.9"),
        ("10.0.0.7", "198.51.100.4", ["10.0.0.0/8"], "198.51.100.4"),
        ("10.0.0.7", "1.2.3.4, 198.51.100.4, 10.0.0.9", ["10.0.0.0/8"], "198.51.100.4"),
        ("10.0.0.7", "<script>", ["10.0.0.0/8"], "10.0.0.7"),
        ("10.0.0.7", "", ["10.0.0.0/8"], "10.0.0.7"),
    ],
)
def test_a_forwarded_address_counts_only_from_a_trusted_proxy(
    rf, settings, peer, forwarded, proxies, true
):
    settings.TRUSTED_PROXIES = proxies
    assert address_of(rf.get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)) == true


@pytest.mark.django_db(transaction=True)
class TestTheChain:
    """Sealing needs entries whose transactions are over, so these tests commit."""

    @pytest.fixture
    def clinic(self):
        from clinic.tests.people import make_cast

        with transaction.atomic():
            cast = make_cast()
        with tenancy.system(cast.harbor):
            for number in range(5):
                with transaction.atomic():
                    trail.note("test.act", object_pk=number)
            anchor = audit.anchor(cast.harbor.pk)
            assert anchor.sequence > 5
        return cast

    def verdict(self, cast):
        with tenancy.system(cast.harbor):
            return audit.verify(cast.harbor.pk)

    LAST = "(SELECT max(entry_id) FROM clinic_traillink)"
    A_MIDDLE = "(SELECT entry_id FROM clinic_traillink WHERE sequence = 4 LIMIT 1)"

    def test_an_honest_trail_is_intact(self, clinic):
        verdict = self.verdict(clinic)
        assert verdict.broken is None and verdict.links > 5 and verdict.unsealed == 0
        call_command("audit_verify", facility="harbor")

    def test_a_failed_sign_in_is_one_link_more_of_each_of_the_accounts_clinics(self, clinic):
        both = (clinic.harbor, clinic.austa)
        with tenancy.system(clinic.austa), transaction.atomic():
            staffing.assign(user=clinic.nina, role="nurse", facility=clinic.austa)
        before = {}
        for place in both:
            with tenancy.system(place):
                audit.anchor(place.pk)
                before[place] = audit.verify(place.pk).links
        accounts.note_failed_sign_in(sender=__name__, credentials={"email": clinic.nina.email})
        for place in both:
            with tenancy.system(place):
                audit.anchor(place.pk)
                verdict = audit.verify(place.pk)
            assert verdict.broken is None and verdict.unsealed == 0
            assert verdict.links == before[place] + 1

    def test_sealing_again_adds_nothing(self, clinic):
        with tenancy.system(clinic.harbor):
            assert audit.seal(clinic.harbor.pk) == 0

    @pytest.mark.parametrize(
        "column",
        [
            "actor_id = gen_random_uuid()",
            "patient_id = NULL",
            "timestamp = now()",
            "purpose = 'x'",
            "compliance_flags = '{x}'",
            "user_agent = 'x'",
            "remote_addr = '1.1.1.1'",
        ],
    )
    def test_an_edit_is_named(self, clinic, column):
        tamper(
            f"UPDATE clinic_logentry SET {column} WHERE id = (SELECT entry_id FROM clinic_traillink"
            " l JOIN clinic_logentry e ON e.id = l.entry_id WHERE e.resource ="
            " 'patients.accessgrant' LIMIT 1)"
        )
        assert "was altered" in self.verdict(clinic).broken
        with pytest.raises(CommandError, match="do not hold"):
            call_command("audit_verify", facility="harbor")

    def test_a_deletion_in_the_middle_is_named(self, clinic):
        tamper(f"DELETE FROM clinic_logentry WHERE id = {self.A_MIDDLE}")
        assert "was deleted" in self.verdict(clinic).broken

    def test_a_deletion_with_its_link_is_named(self, clinic):
        tamper(
            f"DELETE FROM clinic_logentry WHERE id = {self.A_MIDDLE}",
            "DELETE FROM clinic_traillink WHERE sequence = 4",
        )
        assert "link 4 is missing" in self.verdict(clinic).broken

    def test_a_cut_tail_is_named(self, clinic):
        tamper(
            f"DELETE FROM clinic_logentry WHERE id = {self.LAST}",
            "DELETE FROM clinic_traillink WHERE sequence = (SELECT max(sequence)"
            " FROM clinic_traillink)",
        )
        assert "the tail is cut" in self.verdict(clinic).broken

    def test_a_chain_written_anew_differs_from_its_anchor(self, clinic):
        tamper(
            f"UPDATE clinic_logentry SET purpose = 'x' WHERE id = {self.A_MIDDLE}",
            "DELETE FROM clinic_traillink",
        )
        with tenancy.system(clinic.harbor):
            audit.seal(clinic.harbor.pk)
        assert "anchor" in self.verdict(clinic).broken

    def test_a_forged_anchor_is_named(self, clinic):
        path = anchors.path_for(clinic.harbor.pk)
        path.write_text(path.read_text().replace('"sequence": ', '"sequence": 9'))
        assert "signature" in self.verdict(clinic).broken

    def test_an_entry_of_a_running_transaction_waits(self, clinic):
        """Links follow the order of sealing, so a late commit is sealed later and never lost."""
        import threading

        holding, done = threading.Event(), threading.Event()

        def slow():
            with tenancy.system(clinic.harbor), transaction.atomic():
                trail.note("test.slow")
                holding.set()
                done.wait(10)
            connection.close()

        thread = threading.Thread(target=slow)
        thread.start()
        holding.wait(10)
        with tenancy.system(clinic.harbor):
            with transaction.atomic():
                trail.note("test.quick")
            assert audit.seal(clinic.harbor.pk) == 0
            done.set()
            thread.join()
            settle()
            assert audit.seal(clinic.harbor.pk) == 2
        assert self.verdict(clinic).broken is None
