from django.core.management.base import BaseCommand, CommandError

from compliance import chains


class Command(BaseCommand):
    help = "Chains what is settled on the trail and anchors the heads outside the database."

    def add_arguments(self, parser):
        parser.add_argument("--facility", metavar="SLUG", help="one facility; all where left out")

    def handle(self, *, facility, **options):
        try:
            for name, anchor in chains.sealed(facility):
                said = f"anchored at link {anchor.sequence}" if anchor else "nothing new"
                self.stdout.write(f"{name}: {said}")
        except chains.NotSealed as failed:
            raise CommandError(str(failed)) from failed
