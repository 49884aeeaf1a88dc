"""Reads the database and the clients' logs, and nothing else, and says what does not agree.

What it holds: nobody and no room is at two places at once; each acknowledged booking is there, as
its client was last told; nothing is there that no client asked for; each visit began once on the
trail; each message went out once, as what took them says; none was forgotten, reminders among them.
"""

import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import psycopg

TABLES = (
    "scheduling_appointment", "scheduling_takentime", "scheduling_message", "scheduling_hold",
    "clinic_logentry", "clinic_specialist", "clinic_user",
)  # fmt: skip
SHOWN = 5  # faults of a kind
DONE = {200, 201}
IN_TIME = timedelta(minutes=2)  # a part that was killed may come back as late
LATE = timedelta(seconds=30)  # the rounds of the worker


def main(logs: Path, delivered: Path) -> int:
    """Print each fault and the figures; answers how many faults there are."""
    lines = [json.loads(line) for log in sorted(logs.glob("*.jsonl")) for line in log.open()]
    sent = json.loads(delivered.read_text())
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as owner:
        for table in TABLES:  # the owner looks past the policies, and rolls that back
            owner.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        faults = [*check(owner, lines, sent)]
        owner.rollback()
    kinds: dict[str, list[str]] = defaultdict(list)
    for fault in faults:
        kinds[fault.partition(":")[0]].append(fault)
    for kind, told in kinds.items():
        print(f"FAULT {len(told)} × {kind}", *(one[:400] for one in told[:SHOWN]), sep="\n  ")
    print(f"{len(lines)} operations, {len(faults)} faults")
    return len(faults)


def check(owner, lines: list[dict], sent: dict) -> Iterator[str]:
    booked = {line["answer"]["id"]: line for line in lines if is_booking(line)}
    rows = visits_of(owner)
    ours = {pk: row for pk, row in rows.items() if row["series"] is None and row["by"] == "history"}
    yield from overlaps(rows)
    for pk in booked.keys() - ours.keys():
        yield f"acknowledged and lost: {booked[pk]}"
    for pk in ours.keys() - booked.keys():
        yield f"booked and never acknowledged: {ours[pk]}"
    yield from as_last_told(lines, ours)
    yield from once_on_the_trail(owner, ours)
    yield from messages(owner, ours, sent)
    yield from reminders(owner, lines, ours, sent)


def is_booking(line: dict) -> bool:
    return line["path"] == "appointments/" and line["status"] in DONE


def visits_of(owner) -> dict[str, dict]:
    found = owner.execute(
        "SELECT a.id::text, a.patient_id, s.user_id, a.room_id, a.start_datetime, a.end_datetime,"
        " a.buffer_before, a.buffer_after, a.status, a.is_overbooked, a.session_id, a.series,"
        " CASE WHEN u.email LIKE 'history@%%' THEN 'history' ELSE '' END"
        " FROM scheduling_appointment a JOIN clinic_specialist s ON s.id = a.specialist_id"
        " LEFT JOIN clinic_user u ON u.id = a.booked_by_id"
    )
    names = ("patient", "person", "room", "start", "end", "before", "after", "status", "over",
             "session", "series", "by")  # fmt: skip
    return {pk: dict(zip(names, row, strict=True)) for pk, *row in found}


def overlaps(rows: dict[str, dict]) -> Iterator[str]:
    """Whoever is at two places at once: reckoned from the rows, not asked of a constraint."""
    at: dict[tuple, list] = defaultdict(list)
    for pk, row in rows.items():
        if row["status"] == "Canceled" or row["over"] or row["session"]:
            continue
        start, end = row["start"], row["end"]
        at["patient", row["patient"]].append((start, end, pk))
        kept = (start - timedelta(minutes=row["before"]), end + timedelta(minutes=row["after"]), pk)
        for kind in ("person", "room"):
            if row[kind]:
                at[kind, row[kind]].append(kept)
    for who, spans in at.items():
        spans.sort()
        for (_start, end, one), (start, _end, other) in pairwise(spans):
            if start < end:
                yield f"{who} is at two places: {one} and {other}"


def as_last_told(lines: list[dict], rows: dict[str, dict]) -> Iterator[str]:
    last: dict[str, dict] = {}
    for line in lines:  # each client's are in their order, and a visit is one client's
        if line["status"] in DONE and line["path"] != "holds/":
            last[line["answer"]["id"]] = line["answer"]
    for pk, told in last.items():
        row = rows.get(pk)
        if row is None:
            continue  # told of above
        found = (row["status"], row["start"])
        if found != (told["status"], datetime.fromisoformat(told["start_datetime"])):
            yield f"not as it was told: {pk} {found} {told}"
    unanswered = Counter(line["operation"] for line in lines if line["status"] == 0)
    if unanswered:
        yield f"never answered: {dict(unanswered)}"


def once_on_the_trail(owner, rows: dict[str, dict]) -> Iterator[str]:
    found = owner.execute(
        "SELECT object_pk, count(*) FROM clinic_logentry WHERE resource = 'scheduling.appointment'"
        " AND action = 0 GROUP BY object_pk"
    )
    begun = dict(found)
    for pk in rows:
        if begun.get(pk) != 1:
            yield f"begun {begun.get(pk, 0)} times on the trail: {pk}"


def messages(owner, rows: dict[str, dict], sent: dict) -> Iterator[str]:
    """`sent` is what the services out there took: of texts the reference, of letters the name."""
    found = list(
        owner.execute(
            "SELECT id::text, appointment_id::text, kind, channel, status, reference, expires_at"
            " FROM scheduling_message WHERE appointment_id IS NOT NULL AND channel <> 'portal'"
        )
    )
    for name, taken in (("sms", Counter(sent["sms"])), ("email", Counter(sent["email"]))):
        for what, times in taken.items():
            if times > 1 and name == "sms":
                yield f"a text went out {times} times: {what}"
        told = {reference: pk for pk, _v, _k, by, state, reference, _e in found
                if by == name and state == "sent"}  # fmt: skip
        if name == "sms":
            for what in taken.keys() - told.keys():
                yield f"a text went out and nobody knows of it: {what}"
            for what in told.keys() - taken.keys():
                yield f"a text is said to be sent and was not: {what}"
    letters = " ".join(sent["email"])
    for pk, _visit, kind, by, state, _reference, _expires in found:
        if by == "email" and state == "sent" and pk not in letters:
            yield f"a letter is said to be sent and was not: {pk} {kind}"
        if state in {"waiting", "sending", "failed"} and kind != "reminder":
            yield f"a message is {state}: {pk} {kind} by {by}"
    booked = Counter((visit, by) for _pk, visit, kind, by, state, *_ in found
                     if kind == "booked" and state == "sent")  # fmt: skip
    for (visit, by), times in booked.items():
        if times > 1:
            yield f"told {times} times of one booking: {visit} by {by}"
    told_of = {visit for _pk, visit, kind, _by, state, *_ in found
               if kind in {"booked", "moved"} and state == "sent"}  # fmt: skip
    for pk, row in rows.items():
        if row["status"] != "Canceled" and pk not in told_of:
            yield f"nobody was told of a booking: {pk}"
    print(f"{sum(booked.values())} told of bookings")


def reminders(owner, lines: list[dict], rows: dict[str, dict], sent: dict) -> Iterator[str]:
    """Each visit that stands was reminded of once by each way, so many hours before its start, if
    it was as it is in good time before that moment; none was reminded of too early, or of a time
    that it never had."""
    found = owner.execute(
        "SELECT appointment_id::text, key, channel, sent_at FROM scheduling_message"
        " WHERE kind = 'reminder' AND channel <> 'portal' AND status = 'sent'"
    )
    gone = Counter()
    times, changed = defaultdict(set), {}
    for line in lines:
        if line["status"] in DONE and line["path"] != "holds/":
            pk = line["answer"]["id"]
            times[pk].add(datetime.fromisoformat(line["answer"]["start_datetime"]))
            changed[pk] = datetime.fromtimestamp(line["at"], UTC)
    for pk, key, by, sent_at in found:
        _visit, _pk, _reminder, hours, stamp, *_ = key.split(":")
        start = datetime.fromtimestamp(int(stamp), UTC)
        gone[pk, int(hours), start, by] += 1
        if start not in times[pk]:
            yield f"reminded of a time it never had: {pk} {start}"
        if sent_at < start - timedelta(hours=int(hours)):
            yield f"reminded too early: {pk} {start} at {sent_at}"
    for what, count in gone.items():
        if count > 1:
            yield f"reminded {count} times: {what}"
    until, due = datetime.fromtimestamp(sent["until"], UTC), 0
    for pk, row in rows.items():
        for hours in sent["reminded"] if row["status"] != "Canceled" else ():
            moment = row["start"] - timedelta(hours=hours)
            if changed[pk] + IN_TIME < moment < until - LATE:
                for by in ("sms", "email"):
                    due += 1
                    if not gone[pk, hours, row["start"], by]:
                        yield f"not reminded: {pk} {hours} hours before {row['start']} by {by}"
    print(f"{sum(gone.values())} reminders went out, {due} of them due for certain")


if __name__ == "__main__":
    sys.exit(1 if main(Path(sys.argv[1]), Path(sys.argv[2])) else 0)
