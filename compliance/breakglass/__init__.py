"""Breaking the glass: a clinician opens a patient in an emergency, and the clinic reviews it.

`opening` is the ceremony, `finding` how she names the patient, `proof` how she shows again who she
is, `telling` who hears of it, `review` what the clinic makes of it.
"""

from compliance.breakglass.finding import Sought
from compliance.breakglass.opening import (
    LASTS,
    MORE,
    REVIEW_WITHIN,
    SHORTEST_REASON,
    TooOften,
    give_back,
    open,
    running,
    widen,
)
from compliance.breakglass.proof import Proof, has_passkey, is_fresh
from compliance.breakglass.review import escalate, review, seen_under, visible_to

__all__ = [
    "LASTS",
    "MORE",
    "REVIEW_WITHIN",
    "SHORTEST_REASON",
    "Proof",
    "Sought",
    "TooOften",
    "escalate",
    "give_back",
    "has_passkey",
    "is_fresh",
    "open",
    "review",
    "running",
    "seen_under",
    "visible_to",
    "widen",
]
