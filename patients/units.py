"""Units as a person reads them. What is kept is the unit as it came, mostly UCUM (ucum.org)."""

from django.utils.translation import gettext_lazy as _

READABLE = {
    "mm[Hg]": "mmHg",
    "/min": _("per min"),
    "{beats}/min": _("per min"),
    "{breaths}/min": _("per min"),
    "Cel": "°C",
    "[degF]": "°F",
    "kg/m2": "kg/m²",
    "m2": "m²",
    "{score}": "",
    "{nominal}": "",
    "{#}": "",
    "1": "",
    "a": _("years"),
    "10*3/uL": "10³/mm³",
    "10*6/uL": "10⁶/mm³",
    "mL/min/{1.73_m2}": "mL/min/1.73 m²",
    "mL/min": "mL/min",
}

# What people write for the units of UCUM that ranges are kept in.
UCUM = {
    "mmHg": "mm[Hg]",
    "bpm": "/min",
    "{beats}/min": "/min",
    "{breaths}/min": "/min",
    "per min": "/min",
    "°C": "Cel",
    "C": "Cel",
    "kg/m²": "kg/m2",
}


def ucum_unit(unit: str) -> str:
    """The UCUM code of a vital sign's unit; any other unit as it came."""
    return UCUM.get(unit.strip(), unit.strip())


def readable_unit(unit: str) -> str:
    """The unit without the marks of a computer: `mm[Hg]` reads mmHg, `{score}` reads nothing.

    Micro is written out, because a µ is read as an m.
    """
    if unit in READABLE:
        return str(READABLE[unit])
    if unit.startswith("ug"):
        return str(_("micrograms")) + unit[2:]
    return unit.replace("[", "").replace("]", "").replace("{", "").replace("}", "")
