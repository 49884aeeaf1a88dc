"""The small logistic model that says how likely a sentence answers; fitted offline.

`model.json` holds the coefficients and how they came about; benchmarks/answers.py fits them anew.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MODEL = Path(__file__).with_name("model.json")


@dataclass(frozen=True)
class Logistic:
    """A weight for each feature, and what stands without any."""

    weights: Mapping[str, float]
    constant: float

    def logit(self, features: Mapping[str, float]) -> float:
        """Return the logarithm of the odds; a feature that is not given counts as 0."""
        return self.constant + sum(
            weight * features.get(name, 0.0) for name, weight in self.weights.items()
        )


@dataclass(frozen=True)
class Model:
    """`first` chooses whom to compare by meaning, `order` finds the best sentence among them.

    `sure` says how likely that best one answers; from `threshold` on it is given as the answer.
    """

    first: Logistic
    order: Logistic
    sure: Logistic
    threshold: float

    @classmethod
    def load(cls, path: Path = MODEL) -> Model:
        """Read the fitted model."""
        held = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            *(Logistic(**held[part]) for part in ("first", "order", "sure")), held["threshold"]
        )


def probability(logit: float) -> float:
    """Return the probability that these logarithmic odds mean."""
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))
