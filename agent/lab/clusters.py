"""Whether a correlation lives between groups of points and not inside them (Simpson's paradox)."""

from __future__ import annotations

import math
from collections.abc import Sequence

STRONG = 0.5
"""A weaker correlation makes no claim that clusters could carry."""
KEPT = 0.5
"""Share of the correlation that has to be left inside the clusters."""
GAP = 0.25
"""A hole this wide, as a share of the range, parts two clusters."""
LEAST = 3
"""Points a cluster must have."""


def pearson(x: Sequence[float], y: Sequence[float]) -> float:
    """Correlation coefficient; 0 where one side does not vary."""
    mx, my = math.fsum(x) / len(x), math.fsum(y) / len(y)
    sxy = math.fsum((a - mx) * (b - my) for a, b in zip(x, y, strict=True))
    sxx = math.fsum((a - mx) ** 2 for a in x)
    syy = math.fsum((b - my) ** 2 for b in y)
    return sxy / math.sqrt(sxx * syy) if sxx > 0 and syy > 0 else 0.0


def carried_by_clusters(
    x: Sequence[float], y: Sequence[float], groups: Sequence[str] = ()
) -> tuple[float, float] | None:
    """(whole, within) where most of the correlation is lost inside the clusters, else None.

    Without given groups the points are parted at the widest hole along their common direction.
    """
    whole = pearson(x, y)
    if abs(whole) < STRONG:
        return None
    labels = list(groups) or part(x, y, whole)
    if len(set(labels)) < 2:
        return None
    within = pearson(_centred(x, labels), _centred(y, labels))
    return (whole, within) if within * math.copysign(1, whole) < KEPT * abs(whole) else None


def part(x: Sequence[float], y: Sequence[float], sign: float) -> list[str]:
    """Two clusters, or one where no hole is wide enough."""
    a, b = _standard(x), _standard(y)
    along = [u + math.copysign(1, sign) * v for u, v in zip(a, b, strict=True)]
    order = sorted(along)
    reach = order[-1] - order[0]
    inner = range(LEAST, len(order) - LEAST + 1)
    if not inner or reach <= 0:
        return ["all"] * len(x)
    cut = max(inner, key=lambda place: order[place] - order[place - 1])
    if order[cut] - order[cut - 1] < GAP * reach:
        return ["all"] * len(x)
    middle = (order[cut] + order[cut - 1]) / 2
    return ["low" if value < middle else "high" for value in along]


def _standard(values: Sequence[float]) -> list[float]:
    mean = math.fsum(values) / len(values)
    spread = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values)) or 1.0
    return [(v - mean) / spread for v in values]


def _centred(values: Sequence[float], labels: Sequence[str]) -> list[float]:
    sums: dict[str, list[float]] = {}
    for value, label in zip(values, labels, strict=True):
        sums.setdefault(label, []).append(value)
    means = {label: math.fsum(found) / len(found) for label, found in sums.items()}
    return [value - means[label] for value, label in zip(values, labels, strict=True)]
