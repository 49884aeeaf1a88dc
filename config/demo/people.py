"""Who works and is cared for in the demo clinics."""

from dataclasses import dataclass

from clinic.security.permissions import Role

PASSWORD = "chartroom-demo"
TOTP_SECRET = "JBSWY3DPEHPK3PXP"


@dataclass(frozen=True)
class Person:
    """A member of staff; `specialty` for those who can be booked."""

    email: str
    first_name: str
    last_name: str
    role: Role
    department: str = ""
    specialty: str = ""
    title: str = ""
    room: str = ""
    npi: str = ""
    second_factor: bool = False


HARBOR = [
    Person("admin@harbor.demo", "Alma", "Whitfield", Role.ADMINISTRATOR, second_factor=True),
    Person(
        "sarah.smith@harbor.demo", "Sarah", "Smith", Role.PHYSICIAN, "Family medicine",
        "Family medicine", "Dr", "room 3", "1093817465", True,
    ),
    Person(
        "omar.reyes@harbor.demo", "Omar", "Reyes", Role.SPECIALIST, "Holistic care",
        "Acupuncture", "", "room 5", "", True,
    ),
    Person(
        "nurse@harbor.demo", "Nina", "Okafor", Role.NURSE, "Family medicine",
        "Nursing", "", "room 1", "", True,
    ),
    Person("frontdesk@harbor.demo", "Fred", "Lindqvist", Role.FRONT_DESK, "Reception"),
    Person(
        "pharmacist@harbor.demo", "Priya", "Raman", Role.PHARMACIST, "Pharmacy", second_factor=True
    ),
    Person("auditor@harbor.demo", "Aud", "Nilsen", Role.AUDITOR, "Compliance"),
]  # fmt: skip
AUSTA = [
    Person("admin@austa.demo", "Rita", "Monteiro", Role.ADMINISTRATOR, second_factor=True),
    Person(
        "lucia.prado@austa.demo", "Lúcia", "Prado", Role.PHYSICIAN, "Clínica geral",
        "Clínica geral", "Dra.", "sala 2", "", True,
    ),
]  # fmt: skip
