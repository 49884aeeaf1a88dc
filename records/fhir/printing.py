"""The loss report as a text that a person reads."""

from collections.abc import Iterator, Sequence

from django.utils.translation import gettext as _

from records.fhir.loss import LossReport, Note

MOST_NOTES = 50


def as_text(report: LossReport) -> str:
    """The report as tables; of long lists of notes, the first fifty and how many more there are."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: LossReport) -> Iterator[str]:
    rows = [(loss.type, loss.present, loss.kept, loss.present - loss.kept) for loss in report.types]
    yield from _table((_("Resource type"), _("in the file"), _("kept"), _("not kept")), rows)
    lost = [
        (field.path, field.lost, field.present) for loss in report.types for field in loss.fields
    ]
    if lost:
        yield ""
        yield _("Fields not kept, of the resources that were kept")
        yield from _table((_("Field"), _("values lost"), _("of")), lost)
    reduced = [(item.path, item.values, item.how) for loss in report.types for item in loss.reduced]
    if reduced:
        yield ""
        yield _("Fields kept in part")
        yield from _table((_("Field"), _("values"), _("what was kept")), reduced)
    yield from _notes(_("References that lead nowhere"), report.dangling)
    yield from _notes(_("Resources set aside"), report.set_aside)
    yield from _notes(_("Values to look at"), report.doubts)


def _notes(title: str, notes: Sequence[Note]) -> Iterator[str]:
    if not notes:
        return
    yield ""
    yield title
    for note in notes[:MOST_NOTES]:
        yield f"  {note.resource}  {note.path}: {note.reason}"
    if len(notes) > MOST_NOTES:
        yield "  " + _("and %(more)d more") % {"more": len(notes) - MOST_NOTES}


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    """Text to the left, numbers to the right."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numeric = [all(isinstance(cell, int) for cell in column) for column in zip(*rows, strict=True)]
    for row in cells:
        aligned = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        )
        yield "  " + "  ".join(aligned).rstrip()
