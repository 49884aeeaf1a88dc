from django.core.management.base import BaseCommand, CommandError

from compliance import audit, chains


class Command(BaseCommand):
    help = "Verifies the trail's chains against themselves and their anchors."

    def add_arguments(self, parser):
        parser.add_argument("--facility", metavar="SLUG", help="one facility; all where left out")

    def handle(self, *, facility, **options):
        broken = 0
        for name, facility_id in chains.named(facility):
            with chains.inside(facility_id):
                verdict = audit.verify(facility_id)
            if verdict.broken:
                broken += 1
                self.stderr.write(f"{name}: BROKEN, {verdict.broken}")
            else:
                self.stdout.write(
                    f"{name}: intact, {verdict.links} links, {verdict.unsealed} not yet sealed"
                )
        if broken:
            raise CommandError(f"{broken} of the chains do not hold.")
