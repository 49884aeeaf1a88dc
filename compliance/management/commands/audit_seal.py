from django.core.management.base import BaseCommand

from compliance import audit, chains


class Command(BaseCommand):
    help = "Chains what is settled on the trail and anchors the heads outside the database."

    def add_arguments(self, parser):
        parser.add_argument("--facility", metavar="SLUG", help="one facility; all where left out")

    def handle(self, *, facility, **options):
        for name, facility_id in chains.named(facility):
            with chains.inside(facility_id):
                anchor = audit.anchor(facility_id)
            said = f"anchored at link {anchor.sequence}" if anchor else "nothing new"
            self.stdout.write(f"{name}: {said}")
