"""Loads the demo clinics, once."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from clinic.models import Facility, User
from clinic.security import keyring, tenancy
from config.demo import clinics, days, emergencies, patients, people
from patients.models import Patient
from records.demo_letters import Form


class Command(BaseCommand):
    help = "Loads Harbor Family Clinic and Clínica Austa with fictional people and charts."

    def handle(self, **options):
        if not (settings.DEBUG or settings.EMBEDDED):
            raise CommandError(
                "The demo is not loaded where DEBUG and the embedded database are off."
            )
        with tenancy.platform(), transaction.atomic():
            present = set(Facility.objects.values_list("slug", flat=True))
        if not present:
            keyring.create(None)
        for slug, load in (("harbor", self.load_harbor), ("austa", self.load_austa)):
            if slug in present:
                self.stdout.write(f"{slug}: already there")
                continue
            with transaction.atomic():
                load()
            self.stdout.write(f"{slug}: loaded")

    def load_harbor(self):
        facility = clinics.found(clinics.HARBOR)
        with tenancy.system(facility, surface="demo"):
            specialists = clinics.employ(facility, people.HARBOR)
            kinds = clinics.open_doors(facility, specialists)
            john, jane, _jimmy = patients.doe_family(facility)
            physician = specialists["Sarah"].user
            patients.chart_of_john(john, physician)
            patients.write_record(john, physician)
            patients.bring_letters(john, "en", [Form.SCAN, Form.PHOTO, Form.PDF], physician)
            patients.import_charts(facility, patients.AT_HARBOR)
            others = Patient.objects.exclude(pk__in=[jane.pk]).order_by("created_at")
            strangers = list(others.reverse()[:2])  # to Omar, who sees his own patients only
            patients.fill_the_day(
                facility, list(specialists.values()), kinds, others, strangers=strangers
            )
            days.give_rooms(facility, list(specialists.values()))
            days.close_once(facility)
            days.let_wait(facility, kinds[2], jane)
            days.take_medicines(facility, john)
            patients.admit(specialists["Omar"], [john, jane])
            emergencies.happened(
                facility, by=specialists["Omar"].user, to=strangers,
                reviewer=User.objects.get(email="admin@harbor.demo"),
            )  # fmt: skip

    def load_austa(self):
        facility = clinics.found(clinics.AUSTA)
        with tenancy.system(facility, surface="demo"):
            specialists = clinics.employ(facility, people.AUSTA)
            kinds = clinics.open_doors(facility, specialists)
            ana = patients.enrol(
                facility, "ana.souza@austa.demo", first_name="Ana", last_name="Souza",
                date_of_birth=patients.date(1974, 7, 21), gender="female", cpf="529.982.247-25",
                phone="+55 17 95555-0134", preferred_language="pt-br",
            )  # fmt: skip
            doctor = specialists["Lúcia"].user
            patients.bring_letters(ana, "pt", [Form.PDF, Form.SCAN, Form.FAX], doctor)
            patients.import_charts(facility, patients.AT_AUSTA)
            everyone = Patient.objects.order_by("created_at")
            patients.fill_the_day(facility, list(specialists.values()), kinds, everyone)
            days.give_rooms(facility, list(specialists.values()))
            days.close_once(facility)
