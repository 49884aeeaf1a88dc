"""Finding, registering and reading patients.

`FindPage` and `ChartPage` show what patients knows; the apps above extend them with theirs, and the
topmost is the one that has the address.
"""

from patients.admin.chart import ChartPage
from patients.admin.find import FindForm, FindPage
from patients.admin.identity import PatientAdmin

__all__ = ["ChartPage", "FindForm", "FindPage", "PatientAdmin"]
