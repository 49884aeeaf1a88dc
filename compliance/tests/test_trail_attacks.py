"""The trail under attack: written however, never changed, chained, anchored."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.utils import DatabaseError

from clinic import accounts, staffing
from clinic.middleware import address_of
from clinic.models import LogEntry
from clinic.security import tenancy, trail
from compliance import anchors, audit
from conftest import as_owner
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
            Allergy.objects.filter(patient=cast.mr_doe).delete()
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

    def test_bulk_reading_raises_the_risk(self, cast):
        pairs = [(cast.mr_doe.pk, cast.mr_doe.pk)] * trail.BULK
        with cast.acting("sarah"):
            trail.read("patients.patient", pairs, how="list")
        with cast.acting("alma"):
            assert entries_about(cast.mr_doe).reads().first().risk_score >= 20


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

    def tamper(self, *statements: str) -> None:
        """As the owner with the trail's triggers lifted and policies passed by."""
        with as_owner(), transaction.atomic(), connection.cursor() as cursor:
            for table in ("clinic_logentry", "clinic_traillink"):
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only")
                cursor.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
            for statement in statements:
                cursor.execute(statement)
                assert cursor.rowcount > 0
            for table in ("clinic_logentry", "clinic_traillink"):
                cursor.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
                cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")

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
        self.tamper(
            f"UPDATE clinic_logentry SET {column} WHERE id = (SELECT entry_id FROM clinic_traillink"
            " l JOIN clinic_logentry e ON e.id = l.entry_id WHERE e.resource ="
            " 'patients.accessgrant' LIMIT 1)"
        )
        assert "was altered" in self.verdict(clinic).broken
        with pytest.raises(CommandError, match="do not hold"):
            call_command("audit_verify", facility="harbor")

    def test_a_deletion_in_the_middle_is_named(self, clinic):
        self.tamper(f"DELETE FROM clinic_logentry WHERE id = {self.A_MIDDLE}")
        assert "was deleted" in self.verdict(clinic).broken

    def test_a_deletion_with_its_link_is_named(self, clinic):
        self.tamper(
            f"DELETE FROM clinic_logentry WHERE id = {self.A_MIDDLE}",
            "DELETE FROM clinic_traillink WHERE sequence = 4",
        )
        assert "link 4 is missing" in self.verdict(clinic).broken

    def test_a_cut_tail_is_named(self, clinic):
        self.tamper(
            f"DELETE FROM clinic_logentry WHERE id = {self.LAST}",
            "DELETE FROM clinic_traillink WHERE sequence = (SELECT max(sequence)"
            " FROM clinic_traillink)",
        )
        assert "the tail is cut" in self.verdict(clinic).broken

    def test_a_chain_written_anew_differs_from_its_anchor(self, clinic):
        self.tamper(
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
            assert audit.seal(clinic.harbor.pk) == 2
        assert self.verdict(clinic).broken is None
