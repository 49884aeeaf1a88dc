"""What an import did not keep: each resource type and field, counted from what was read."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from records.fhir.element import Element, printable

Label = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something about one resource, such as `Observation/12`, at a path."""

    resource: str
    path: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class FieldLoss:
    """A field, with all below it, of which `lost` values of `present` were not kept."""

    path: str
    lost: int
    present: int


@dataclass(frozen=True, kw_only=True)
class Reduction:
    """A field of which `values` were kept, but not all of what they say; `how` tells what was."""

    path: str
    values: int
    how: str


@dataclass(frozen=True, kw_only=True)
class TypeLoss:
    """A resource type: how many there were, how many were kept, and what of those was not."""

    type: str
    present: int
    kept: int
    fields: tuple[FieldLoss, ...] = ()
    reduced: tuple[Reduction, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LossReport:
    """All that did not reach the chart.

    `dangling` are references that lead nowhere, `set_aside` resources that must not be kept, and
    `doubts` values that could not be read or are hard to believe.
    """

    types: tuple[TypeLoss, ...] = ()
    dangling: tuple[Note, ...] = ()
    set_aside: tuple[Note, ...] = ()
    doubts: tuple[Note, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Tally:
    """Counts for one resource type while a bundle is gone through."""

    present: int = 0
    kept: int = 0
    leaves: Counter[Label] = field(default_factory=Counter)
    kept_leaves: Counter[Label] = field(default_factory=Counter)
    reduced: Counter[tuple[Label, str]] = field(default_factory=Counter)

    def count(self, resource: Element, *, kept: bool) -> None:
        self.present += 1
        if not kept:
            return
        self.kept += 1
        for path, label, _value in resource.leaves():
            self.leaves[label] += 1
            self.kept_leaves[label] += path in resource.marks.kept
            if how := resource.marks.reduced.get(path):
                self.reduced[(label, str(how))] += 1

    def result(self, kind: str) -> TypeLoss:
        return TypeLoss(
            type=kind,
            present=self.present,
            kept=self.kept,
            fields=tuple(self._losses(kind)),
            reduced=tuple(
                Reduction(path=_dotted(kind, label), values=values, how=how)
                for (label, how), values in sorted(self.reduced.items())
            ),
        )

    def _losses(self, kind: str) -> Iterator[FieldLoss]:
        """The fields not kept; one of which nothing was kept stands for all below it."""
        kept_below: Counter[Label] = Counter()
        for label, count in self.kept_leaves.items():
            for depth in range(1, len(label) + 1):
                kept_below[label[:depth]] += count
        lost: defaultdict[Label, list[int]] = defaultdict(lambda: [0, 0])
        for label, present in self.leaves.items():
            if missing := present - self.kept_leaves[label]:
                depths = range(1, len(label))
                top = next(
                    (label[:depth] for depth in depths if not kept_below[label[:depth]]), label
                )
                lost[top][0] += missing
                lost[top][1] += present
        for label, (missing, present) in sorted(lost.items()):
            yield FieldLoss(path=_dotted(kind, label), lost=missing, present=present)


def combined(reports: Iterable[LossReport]) -> LossReport:
    """One report over several bundles."""
    reports = list(reports)
    types: defaultdict[str, list[TypeLoss]] = defaultdict(list)
    for report in reports:
        for loss in report.types:
            types[loss.type].append(loss)
    return LossReport(
        types=tuple(_combined_type(kind, losses) for kind, losses in sorted(types.items())),
        dangling=tuple(note for report in reports for note in report.dangling),
        set_aside=tuple(note for report in reports for note in report.set_aside),
        doubts=tuple(note for report in reports for note in report.doubts),
    )


def _combined_type(kind: str, losses: list[TypeLoss]) -> TypeLoss:
    lost: Counter[str] = Counter()
    present: Counter[str] = Counter()
    reduced: Counter[tuple[str, str]] = Counter()
    for loss in losses:
        for item in loss.fields:
            lost[item.path] += item.lost
            present[item.path] += item.present
        for reduction in loss.reduced:
            reduced[(reduction.path, reduction.how)] += reduction.values
    return TypeLoss(
        type=kind,
        present=sum(loss.present for loss in losses),
        kept=sum(loss.kept for loss in losses),
        fields=tuple(FieldLoss(path=p, lost=lost[p], present=present[p]) for p in sorted(lost)),
        reduced=tuple(
            Reduction(path=path, values=values, how=how)
            for (path, how), values in sorted(reduced.items())
        ),
    )


def _dotted(kind: str, label: Label) -> str:
    return printable(".".join((kind, *label)))
