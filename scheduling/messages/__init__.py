"""Messages about visits, free times and doses: planned, put into words, sent once, answered.

`people` says who is told and by which ways, `quiet` when, `planning` makes rows of `Message`,
`words` what they say, `sending` hands them over, `replies` takes answers and what the services
report, `overseeing` is what staff see and do about those that failed.
"""

from scheduling.messages.planning import offered, plan_dose

__all__ = ["offered", "plan_dose"]
