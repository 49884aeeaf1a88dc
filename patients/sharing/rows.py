"""What the page of who sees a record is made of: people in rows, categories in cells."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from clinic.security.permissions import CONFIDENTIAL_KINDS, SHARED, Category
from patients.models import CareRelationship, Consent, FamilyMember, Patient

PLAIN = tuple(category for category in SHARED if category not in CONFIDENTIAL_KINDS)


def last_moment_of(end: datetime | None) -> datetime | None:
    """What ends with the day is told by that day, not by the midnight after it."""
    return end and end - timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Cell:
    """Whether one category is open to one person; `is_private`: it is a minor's own, and whether it
    is open is not told."""

    category: Category
    is_open: bool = False
    until: datetime | None = None
    can_change: bool = False
    is_private: bool = False

    @property
    def label(self) -> str:
        return str(self.category.label)

    @property
    def last_moment(self) -> datetime | None:
        return last_moment_of(self.until)


@dataclass(frozen=True)
class Row:
    """A person, and what is open to her. `standing` is the consent that holds, `of` the family
    member or the relationship."""

    pk: UUID
    name: str
    role: str
    cells: list[Cell]
    until: datetime | None = None
    reason: str = ""
    is_pending: bool = False
    standing: Consent | None = None
    was_guardian: bool = False
    of: FamilyMember | CareRelationship | None = None

    @property
    def last_moment(self) -> datetime | None:
        return last_moment_of(self.until)

    @property
    def plain(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.category in PLAIN]

    @property
    def confidential(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.category not in PLAIN]

    @property
    def open(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.is_open]


@dataclass(frozen=True)
class Grid:
    """Everybody who sees something, by why she does; who asks to, and who is blocked."""

    patient: Patient
    family: list[Row] = field(default_factory=list)
    invited: list[Row] = field(default_factory=list)
    care_team: list[Row] = field(default_factory=list)
    referrals: list[Row] = field(default_factory=list)
    emergencies: list[Row] = field(default_factory=list)
    asking: list[CareRelationship] = field(default_factory=list)
    blocked: list[CareRelationship] = field(default_factory=list)
    minor_until: datetime | None = None
    private_from: dict[Category, int] = field(default_factory=dict)

    @property
    def former_guardians(self) -> list[Row]:
        """Of somebody who came of age: who saw the record before, and sees nothing now."""
        return [row for row in self.family if row.was_guardian]

    @property
    def private_by_age(self) -> list[tuple[int, str]]:
        """“Private from 12: HIV, mental health”, the youngest age first."""
        named: dict[int, list[str]] = {}
        for category in SHARED:
            if category in self.private_from:
                named.setdefault(self.private_from[category], []).append(str(category.label))
        return [(years, ", ".join(names)) for years, names in sorted(named.items())]

    def row(self, pk: UUID) -> Row | None:
        return next((row for row in (*self.family, *self.invited) if row.pk == pk), None)
