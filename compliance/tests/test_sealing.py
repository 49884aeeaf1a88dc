"""Sealing: no entry is left out, whoever commits when; one facility's fault is no other's."""

import logging
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from clinic.security import tenancy, trail
from clinic.tests.people import make_cast
from compliance import anchors, audit, chains, tasks
from compliance.tests.tampering import settle, tamper
from conftest import as_owner

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS = 3
WRITE = """INSERT INTO clinic_logentry (resource, object_pk, object_repr, action, changes_text,
    facility_id, purpose, user_agent, session_key, surface{columns})
    VALUES ('test.act', '', '', 3, '', %s, '', '', '', ''{values})"""


@pytest.fixture
def clinic(settings, tmp_path):
    settings.AUDIT_ANCHOR_URL = tmp_path.as_uri()
    with transaction.atomic():
        cast = make_cast()
    settle()
    return cast


def write(facility, count: int = 1) -> None:
    """Entries, each of a transaction of its own."""
    with tenancy.system(facility):
        for _ in range(count):
            with transaction.atomic():
                trail.note("test.act")
    settle()


def seal(facility) -> int:
    with tenancy.system(facility):
        return audit.seal(facility.pk)


def verdict(facility) -> audit.Verdict:
    with tenancy.system(facility):
        return audit.verify(facility.pk)


def is_whole(facility, links: int) -> bool:
    found = verdict(facility)
    return (found.links, found.unsealed, found.broken) == (links, 0, None)


class Writer:
    """A colleague at another connection, who begins, writes, commits and changes her mind."""

    def __init__(self, facility):
        self.raw = psycopg.connect(**connection.get_connection_params())
        with tenancy.system(facility) as actor:
            self.settings = tenancy.settings_of(actor)
        self.facility, self.written, self.committed = facility, 0, 0

    def write(self):
        if self.raw.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
            self.raw.execute(tenancy.APPLY_SQL, self.settings)
        self.raw.execute(WRITE.format(columns="", values=""), [self.facility.pk])
        self.written += 1

    def write_a_part(self):
        """After a part that was given up, each with a transaction number of its own."""
        for ending in ("ROLLBACK TO part", "RELEASE part"):
            self.write()
            self.raw.execute("SAVEPOINT part")
            self.write()
            self.raw.execute(ending)
        self.written -= 1

    def commit(self):
        self.raw.commit()
        self.committed, self.written = self.committed + self.written, 0

    def roll_back(self):
        self.raw.rollback()
        self.written = 0


DEEDS = st.sampled_from(["write", "write_a_part", "commit", "roll_back"])
STEPS = st.lists(st.one_of(st.just("seal"), st.tuples(st.integers(0, WRITERS - 1), DEEDS)),
                 max_size=25)  # fmt: skip


class TestNoneIsLeftOut:
    def test_however_writers_commit_and_roll_back(self, clinic, monkeypatch):
        """Whatever their order, also where a batch ends between the entries of a transaction."""
        monkeypatch.setattr(audit, "BATCH", 2)
        facility = clinic.harbor
        links, writers = seal(facility), [Writer(facility) for _ in range(WRITERS)]

        @settings(max_examples=60, deadline=None,
                  suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
        @example([(0, "write"), (1, "write"), (1, "commit"), "seal", (0, "commit"), "seal"])
        @example([(0, "write"), (1, "write"), (1, "commit"), "seal", (0, "roll_back"), "seal"])
        @example([(0, "write"), (1, "write"), (0, "write"), (0, "commit"), "seal", (1, "commit")])
        @given(STEPS)
        def in_any_order(steps):
            for step in steps:
                if step == "seal":
                    seal(facility)
                else:
                    who, deed = step
                    getattr(writers[who], deed)()
            for writer in writers:
                writer.commit()
            settle()
            seal(facility)
            assert is_whole(facility, links + sum(writer.committed for writer in writers))

        try:
            in_any_order()
        finally:
            for writer in writers:
                writer.raw.close()

    def test_while_two_seal_and_others_write(self, clinic):
        facility = clinic.harbor
        links = seal(facility)

        def write_some(_):
            try:
                write(facility, 20)
            finally:
                connection.close()

        def seal_often(_):
            try:
                with tenancy.system(facility):
                    for _ in range(20):
                        audit.anchor(facility.pk)
            finally:
                connection.close()

        with ThreadPoolExecutor(5) as people:
            work = [people.submit(job, 0) for job in [write_some] * 3 + [seal_often] * 2]
        for done in work:
            done.result()
        settle()
        seal_often(0)
        assert is_whole(facility, links + 60)
        kept = [anchor.sequence for anchor in anchors.kept(facility.pk)]
        assert kept == sorted(set(kept)) and kept[-1] == links + 60

    def test_nor_where_the_database_was_restored_on_another_server(self, clinic, monkeypatch):
        """Which counts transactions anew: old entries have numbers that are still to come."""
        monkeypatch.setattr(audit, "BATCH", 3)
        facility = clinic.harbor
        write(facility, 5)
        tamper("UPDATE clinic_logentry SET xid = (xid::text::bigint + 1000000)::text::xid8")
        write(facility, 4)
        links = seal(facility)
        for _ in range(3):
            write(facility, 4)
            assert seal(facility) == 4
        assert is_whole(facility, links + 12)

    def test_nor_where_it_has_counted_past_them_meanwhile(self, clinic):
        facility = clinic.harbor
        ahead = "(pg_current_xact_id()::text::bigint + 40)::text::xid8"
        tamper(f"UPDATE clinic_logentry SET xid = {ahead}")
        settle()
        links = seal(facility)
        write(facility, 60)
        assert seal(facility) == 60 and is_whole(facility, links + 60)

    def test_nor_by_stating_another_transaction(self, clinic):
        """Else whoever runs SQL as the runtime role could write an entry that is never sealed."""
        with tenancy.system(clinic.harbor):
            for number in ("'3'", "'9000000000'", "NULL"):
                with pytest.raises(Exception, match="row-level security"), transaction.atomic():
                    connection.cursor().execute(
                        WRITE.format(columns=", xid", values=f", {number}"),
                        [clinic.harbor.pk],
                    )

    def test_sealing_is_no_part_of_another_transaction(self, clinic):
        refused = pytest.raises(RuntimeError, match="durable")
        with tenancy.system(clinic.harbor), transaction.atomic(), refused:
            audit.seal(clinic.harbor.pk)


@pytest.mark.parametrize("chain", ["harbor", "platform"])
def test_what_is_sealed_is_not_walked_again(clinic, chain):
    """The policies let the index serve: the statement begins after the link that is the last."""
    place = clinic.harbor.pk if chain == "harbor" else tenancy.PLATFORM
    with chains.inside(place), transaction.atomic(), connection.cursor() as cursor:
        values = WRITE.format(columns="", values="").replace("VALUES (", "SELECT ")[:-1]
        owner = None if place == tenancy.PLATFORM else place
        cursor.execute(f"{values} FROM generate_series(1, 3000)", [owner])
    settle()
    with chains.inside(place):
        assert audit.seal(place) >= 3000
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ANALYZE clinic_logentry, clinic_traillink")
    with chains.inside(place):
        with CaptureQueriesContext(connection) as asked:
            assert audit.seal(place) == 0
        (statement,) = [q["sql"] for q in asked if "jsonb_build_array" in q["sql"]]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {statement}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "trail_sealing" in plan and "Index Cond" in plan and "ROW(xid, id) >" in plan, plan


class TestEachOnItsOwn:
    @pytest.fixture(autouse=True)
    def anchored(self, clinic):
        tasks.seal_trails()
        for facility in (clinic.harbor, clinic.austa):
            write(facility)
        self.clinic = clinic

    def anchored_at(self, facility) -> int:
        return anchors.kept(facility.pk)[-1].sequence

    @pytest.mark.parametrize("broken", ["harbor", "austa"])
    def test_a_forged_anchor_is_told_and_keeps_nobody_else(self, caplog, broken):
        """Whichever comes first."""
        here = getattr(self.clinic, broken)
        there = self.clinic.austa if broken == "harbor" else self.clinic.harbor
        before = self.anchored_at(there)
        with open(anchors.path_for(here.pk), "a") as file:
            file.write('{"sequence": 99999}\n')
        for attempt in (1, 2):
            with pytest.raises(chains.NotSealed, match=f"{broken}: .*cannot be read"):
                tasks.seal_trails()
            assert self.anchored_at(there) == before + attempt
            write(there)
        told = [record.levelno for record in caplog.records if broken in record.getMessage()]
        assert told == [logging.ERROR] * 2
        with pytest.raises(CommandError, match=f"{broken}: "):
            call_command("audit_seal")
        assert is_whole(there, before + 3)

    def test_the_entries_are_chained_although_the_anchor_cannot_be_kept(self):
        harbor = self.clinic.harbor
        anchors.path_for(harbor.pk).write_text("anything\n")
        with pytest.raises(chains.NotSealed):
            tasks.seal_trails()
        assert verdict(harbor).unsealed == 0 and "cannot be read" in verdict(harbor).broken

    def test_a_line_that_was_cut_off_stops_nobody(self, caplog):
        harbor = self.clinic.harbor
        before = self.anchored_at(harbor)
        with open(anchors.path_for(harbor.pk), "a") as file:
            file.write('{"sequence": 99999, "dig')
        assert verdict(harbor).broken is None
        tasks.seal_trails()
        assert "not written to its end" in caplog.text
        assert self.anchored_at(harbor) == before + 1 and is_whole(harbor, before + 1)

    def test_nor_does_it_hide_a_cut_tail(self):
        harbor = self.clinic.harbor
        tasks.seal_trails()
        with open(anchors.path_for(harbor.pk), "a") as file:
            file.write('{"sequence": 99999, "dig')
        last = f"facility_id = '{harbor.pk}' AND sequence = {self.anchored_at(harbor)}"
        tamper(
            "DELETE FROM clinic_logentry WHERE id ="
            f" (SELECT entry_id FROM clinic_traillink WHERE {last})",
            f"DELETE FROM clinic_traillink WHERE {last}",
        )
        assert "the tail is cut" in verdict(harbor).broken
        tasks.seal_trails()
        assert "the tail is cut" in verdict(harbor).broken
        write(harbor, 2)
        tasks.seal_trails()
        assert "differs from its anchor" in verdict(harbor).broken
