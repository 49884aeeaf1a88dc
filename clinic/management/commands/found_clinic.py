"""Opens a clinic with its first administrator."""

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from clinic import facilities, invitations, joining
from clinic.errors import Refused
from clinic.security import tenancy
from clinic.security.permissions import STAFF_ROLES, Role


class Command(BaseCommand):
    help = (
        "Open a clinic and invite its first administrator. The link of the invitation is printed, "
        "because there may be no mail server yet."
    )

    def add_arguments(self, parser):
        parser.add_argument("slug", help="its short name in addresses and commands")
        parser.add_argument("--name", required=True)
        parser.add_argument("--timezone", required=True, help="like America/Sao_Paulo")
        parser.add_argument("--language", default="en", help="en, pt-br or es")
        parser.add_argument("--administrator", required=True, metavar="EMAIL")
        parser.add_argument("--first-name", required=True)
        parser.add_argument("--last-name", required=True)
        parser.add_argument(
            "--also", metavar="ROLE", choices=sorted(STAFF_ROLES - {Role.ADMINISTRATOR}),
            help="like physician: her second role, where she works alone; a second link gives it, "
            "because nobody gives a role to herself",
        )  # fmt: skip

    def handle(self, *, slug, name, administrator, first_name, last_name, **options):
        roles = [Role.ADMINISTRATOR, *([Role(options["also"])] if options["also"] else [])]
        details = {key: options[key] for key in ("timezone", "language")}
        try:
            with transaction.atomic():
                facility = facilities.found(slug=slug, name=name, **details)
                inside = tenancy.system(facility, surface="command")
                with inside, translation.override(facility.language):
                    written = [
                        invitations.invite(
                            email=administrator, role=role, first_name=first_name,
                            last_name=last_name, by=None,
                        )
                        for role in roles
                    ]  # fmt: skip
        except Refused as refused:
            said = [f"{name}: {' '.join(map(str, it))}" for name, it in refused.fields.items()]
            raise CommandError(" ".join([str(refused.message), *said])) from refused
        self.stdout.write(
            _("%(name)s is open. Within 7 days %(email)s takes up the invitation here:")
            % {"name": name, "email": administrator}
        )
        for invitation in written:
            self.stdout.write(joining.link_of(invitation))
