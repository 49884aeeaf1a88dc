import os, datetime as dt
from django.utils import timezone
from clinic.models import LogEntry
from clinic.security import tenancy
from e2e.conftest import DESK, PHONE
from e2e.test_portal_pages import PAGES, address
from e2e.test_portal_day import show, wait_until_read
import pytest
OUT="/tmp/w/portal/shots"; os.makedirs(OUT, exist_ok=True)
@pytest.fixture(scope="session")
def past(clinic, django_db_blocker):
    c=clinic.cast
    from django.db import transaction
    with django_db_blocker.unblock(), tenancy.system(c.harbor), transaction.atomic():
        n=0
        for w in range(1,8):
            for k,(name,purpose) in enumerate([("sarah","treatment")]*(w%4+1)+[("nina","treatment")]*(w%3)+[("jane","family")]*(w%2)):
                n+=1
                LogEntry.entries.create(actor=c.people[name], facility=c.harbor, resource="records.document" if k%2 else "patients.medication", object_pk=str(n), action=3, patient_id=c.mr_doe.pk, purpose=purpose, cid=f"old{n}", timestamp=timezone.now()-dt.timedelta(days=7*w-k%3), additional_data={"how":"list"}, changes_text="", object_repr="")
        LogEntry.entries.create(actor=c.people["nina"], facility=c.harbor, resource="patients.allergy", object_pk="x", action=3, patient_id=c.mr_doe.pk, purpose="emergency", cid="emer", timestamp=timezone.now()-dt.timedelta(days=2), additional_data={"how":"detail"}, changes_text="", object_repr="")
@pytest.mark.timeout(500)
def test_shots(sign_in, clinic, past):
    only=os.environ.get("ONLY","").split(",") if os.environ.get("ONLY") else None
    first=sign_in("john"); wait_until_read(first)
    first.goto("/portal/ask/"); first.get_by_label("Your question").fill("What dose of amlodipine do I take?" if 0 else os.environ.get("Q","When is the next colonoscopy?")); first.get_by_role("button",name="Ask").click(); first.wait_for_url("**/portal/ask/*-*/"); answer=first.url
    first.goto("/portal/documents/"); first.locator(".cr-item-title a").first.click(); first.wait_for_url("**/documents/*-*/"); doc=first.url
    first.goto("/portal/visits/book/"); first.get_by_role("button", name="See free times").click(); first.locator(".p-days a").nth(2).click(); first.locator(".cr-slot").nth(3).click(); first.get_by_role("button", name="Continue").click(); first.wait_for_url("**slot=*"); conf=first.url
    pages={n:address(n,clinic) for n in PAGES}|{"answer":answer,"document":doc,"confirm":conf}
    for w,t in ((DESK,"light"),(PHONE,"light"),(DESK,"dark"),(PHONE,"dark")):
        page=sign_in("john",width=w,theme=t)
        for n,a in pages.items():
            if only and n not in only: continue
            page.goto(a)
            page.screenshot(path=f"{OUT}/{n}-{w}-{t}.png", full_page=True)
        page.goto("/portal/"); show(page,"Jimmy Doe")
        page.screenshot(path=f"{OUT}/child-{w}-{t}.png", full_page=True)
        page.goto("/portal/record/"); page.screenshot(path=f"{OUT}/childrecord-{w}-{t}.png", full_page=True)
        page.goto("/portal/documents/"); page.screenshot(path=f"{OUT}/childdocs-{w}-{t}.png", full_page=True)
        page.locator(".p-switch > summary").click(); page.screenshot(path=f"{OUT}/menu-{w}-{t}.png"); page.keyboard.press("Escape")
        page.get_by_role("button", name="Back to my record").click(); page.wait_for_load_state()
