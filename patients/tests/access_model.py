"""A small reference model of who may see what, written apart from the product.

It keeps what people agreed to and did, with moments of its own clock, and answers from that alone;
`test_access_model.py` does the same things in the product and compares.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from clinic.security.permissions import (
    CARE_ROLES,
    CONFIDENTIAL_KINDS,
    ROLE_TABLE,
    SHARED,
    Category,
    Reach,
    Role,
)

Moment = datetime
PLAIN = {Category.VIEW, Category.APPOINTMENTS}  # no clinical content
ALONE = {*CONFIDENTIAL_KINDS, Category.SHARING}  # by a grant, whatever a role reaches
AT_HOME = {Role.PATIENT, Role.FAMILY_MEMBER}
MAJORITY, PRIVATE = 18, 12


@dataclass(frozen=True)
class Opening:
    """Parts of a patient that something opened to a person, each until its end (None: without)."""

    ends: dict[Category, Moment | None]
    at: Moment
    emergency: bool = False

    def opens(self, category: Category, now: Moment) -> bool:
        wanted = self.ends
        if category == Category.VIEW:
            return any(end is None or end > now for end in wanted.values())
        return category in wanted and (wanted[category] is None or wanted[category] > now)


@dataclass(frozen=True)
class Row:
    """A row of a chart, and how it is kept."""

    patient: str
    category: Category
    restricted: bool = False
    kind: Category | None = None
    author: str = ""
    in_summary: bool = False


@dataclass
class Model:
    """What is known. People and patients are named by words."""

    now: Moment
    zone: object
    roles: dict[tuple[str, Role], Moment] = field(default_factory=dict)  # held since
    born: dict[str, date] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)  # patient: person
    care: dict[tuple[str, str, str], Opening] = field(default_factory=dict)  # by way, patient, who
    home: dict[tuple[str, str], Opening] = field(default_factory=dict)
    blocked: set[tuple[str, str]] = field(default_factory=set)
    narrowed: bool = False

    # Ages
    def comes_of(self, patient: str, years: int) -> Moment:
        born = self.born[patient]
        try:
            day = born.replace(year=born.year + years)
        except ValueError:
            day = date(born.year + years, 3, 1)
        return datetime(day.year, day.month, day.day, tzinfo=self.zone)

    def is_minor(self, patient: str) -> bool:
        return self.now < self.comes_of(patient, MAJORITY)

    def private_of(self, patient: str) -> set[Category]:
        """What is a minor's own: no guardian opens it to anybody."""
        private = self.is_minor(patient) and self.comes_of(patient, PRIVATE) <= self.now
        return set(CONFIDENTIAL_KINDS) if private else set()

    def by_law(self, patient: str) -> dict[Category, Moment]:
        """What a guardian sees, and until when."""
        of_age, private = self.comes_of(patient, MAJORITY), self.comes_of(patient, PRIVATE)
        ends = dict.fromkeys((*SHARED, Category.ACCESS_LOG, Category.SHARING), of_age)
        ends |= dict.fromkeys(CONFIDENTIAL_KINDS, min(of_age, private))
        return {category: end for category, end in ends.items() if end > self.now}

    # Who may
    def held(self, person: str, at_home: bool) -> dict[Role, Moment]:
        return {
            role: since
            for (who, role), since in self.roles.items()
            if who == person and (role in AT_HOME) == at_home
        }

    def granted(self, person: str, at_home: bool, patient: str, category: Category) -> bool:
        openings = self.openings(person, at_home, patient)
        return any(opening.opens(category, self.now) for opening in openings)

    def openings(self, person: str, at_home: bool, patient: str) -> list[Opening]:
        """What counts of all that was ever opened to the person, in force or over."""
        held = self.held(person, at_home)
        if not held:
            return []
        readers = [since for role, since in held.items() if role in CARE_ROLES]
        since = min(readers or held.values())
        if at_home:
            openings = [self.home.get((patient, person))]
            if self.accounts.get(patient) == person:
                openings.append(self.home.get((patient, f"self:{person}")))
        else:
            openings = [o for (_w, p, who), o in self.care.items() if (p, who) == (patient, person)]
            if (patient, person) in self.blocked:
                openings = [o for o in openings if o.emergency]
        return [opening for opening in openings if opening and opening.at >= since]

    def until(self, person: str, patient: str, category: Category) -> Moment | None:
        """When somebody of the clinic, who sees that part now, sees it no more."""
        if category not in ALONE and self.wide(person, False, patient, category not in PLAIN):
            return None
        openings = self.openings(person, False, patient)
        ends = [o.ends[category] for o in openings if category in o.ends]
        return None if None in ends else max(ends)

    def wide(self, person: str, at_home: bool, patient: str, clinical: bool) -> bool:
        if (patient, person) in self.blocked and not at_home:
            return False
        return any(
            ROLE_TABLE[role].reach == Reach.FACILITY
            and (ROLE_TABLE[role].clinical or not clinical)
            and not (self.narrowed and role in {Role.PHYSICIAN, Role.NURSE})
            for role in self.held(person, at_home)
        )

    def sees(self, person: str, at_home: bool, patient: str, category: Category) -> bool:
        """Whether the person sees that part of the patient's chart."""
        clinical = category not in PLAIN
        roles = self.held(person, at_home)
        if not any(
            ROLE_TABLE[r].clinical if clinical else ROLE_TABLE[r].reach != Reach.NONE for r in roles
        ):
            return False
        if category not in ALONE and self.wide(person, at_home, patient, clinical):
            return True
        return self.granted(person, at_home, patient, category)

    def reads(self, person: str, at_home: bool, row: Row) -> bool:
        """Whether the person sees one row of a chart."""
        if not any(ROLE_TABLE[role].clinical for role in self.held(person, at_home)):
            return False
        wrote = row.author == person
        reached = (
            (
                self.wide(person, at_home, row.patient, clinical=True)
                and (not row.restricted or wrote)
            )
            or self.granted(person, at_home, row.patient, row.category)
            or (row.in_summary and self.granted(person, at_home, row.patient, Category.SUMMARY))
        )
        confided = row.kind is None or wrote or self.granted(person, at_home, row.patient, row.kind)
        return reached and confided

    def pass_time(self, days: int) -> None:
        """The clock goes on; told as everything having happened earlier."""
        back = timedelta(days=days)

        def earlier(opening: Opening) -> Opening:
            ends = {c: end and end - back for c, end in opening.ends.items()}
            return Opening(ends, opening.at - back, opening.emergency)

        self.roles = {key: since - back for key, since in self.roles.items()}
        self.born = {patient: born - back for patient, born in self.born.items()}
        self.care = {key: earlier(opening) for key, opening in self.care.items()}
        self.home = {key: earlier(opening) for key, opening in self.home.items()}
