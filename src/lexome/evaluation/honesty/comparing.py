"""Samples beside held-out items, by how near they are to training: one by one, and as a set."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lexome.evaluation.honesty.exceedance import FEWEST, Tail, tail
from lexome.evaluation.honesty.rates import wilson
from lexome.evaluation.metrics.bootstrap import (
    Bools,
    Floats,
    Ints,
    Resampling,
    Statistic,
    score,
)
from lexome.evaluation.metrics.extra import part
from lexome.evaluation.metrics.ranking import area_under_roc


@dataclass(frozen=True)
class Near:
    """How near to training some items are, [N]: more is nearer.

    `sizes` [N] is how large each is: a larger one has more places that may be near. `windows` is
    the nearness of pieces that all have one size, of those items that are as large, and
    `documents` are those that they are of: pieces of one document are alike.
    """

    values: Floats
    sizes: Ints
    windows: Floats
    documents: Ints


@dataclass(frozen=True)
class Compared:
    """One measure of nearness, of samples and of held-out items.

    A sample of less than `size` counts as one of `size`, and a held-out item of more does: then no
    sample has a larger chance than `level` to be flagged, if samples are what held-out items are.
    `step` is how far apart values lie that can be told apart: 1 for counts, else 0. `window` is
    the size of the windows.
    """

    name: str
    unit: str
    step: float
    size: int
    window: int
    samples: Near
    held_out: Near

    def limits(self, level: float) -> Floats | None:
        """Return what held-out items as large as each sample exceed with a chance of `level`.

        [samples]; `None` where the held-out items are too few to say.
        """
        usual = self._usual
        if usual is None:
            return None
        sizes = np.maximum(self.samples.sizes, self.size).tolist()
        known = {one: usual.quantile(level, one) for one in set(sizes)}
        return np.array([known[one] for one in sizes], np.float64)

    def flags(self, level: float) -> Bools:
        """Return which samples are nearer than that, [samples]; none where nobody can say."""
        limits = self.limits(level)
        if limits is None:
            return np.zeros(len(self.samples.values), np.bool_)
        return np.asarray(self.samples.values > limits)

    def as_json(self, level: float) -> dict[str, Any]:
        """Return the figures of the measure: samples flagged, and the test of the whole set."""
        usual, count = self._usual, len(self.held_out.values)
        found: dict[str, Any] = {
            "name": self.name,
            "unit": self.unit,
            "level": level,
            "samples": len(self.samples.values),
            "held_out": count,
            "median": _median(self.samples.values),
            "median_held_out": _median(self.held_out.values),
            "most_held_out": float(self.held_out.values.max()) if count else None,
            "set": self._set(),
        }
        if usual is None:
            reason = f"{count:,} held-out items do not say what one in {1 / level:,.0f} would be"
            return found | {
                "flagged": None,
                "reason": f"{reason}: it takes {FEWEST} or more",
            }
        flagged = int(self.flags(level).sum())
        low, high = wilson(flagged, len(self.samples.values))
        return found | {
            "flagged": flagged,
            "share": {"low": float(low), "high": float(high)},
            "limit": usual.quantile(level, self.size),
            "tail": {"items": count, "beyond": usual.beyond, "index": usual.index},
        }

    @property
    def _usual(self) -> Tail | None:
        sizes = np.minimum(self.held_out.sizes, self.size)
        return tail(self.held_out.values, sizes, step=self.step)

    def _set(self) -> dict[str, Any]:
        """Return the test of Mann and Whitney (1947) that samples are nearer, with its effect.

        Documents are drawn again, with all their windows; of one document alone, windows are.
        """
        samples, held_out = self.samples.windows, self.held_out.windows
        found: dict[str, Any] = {
            "window": self.window,
            "samples": len(samples),
            "held_out": len(held_out),
        }
        if not len(samples) or not len(held_out):
            return found | {"p": None, "auc": None}
        clusters = self.held_out.documents
        if len(np.unique(clusters)) == 1:
            clusters = np.arange(len(held_out))
        values = np.concatenate([samples, held_out])
        is_sample = np.arange(len(values)) < len(samples)
        area = Statistic("samples nearer than held-out items", area_under_roc(values, is_sample))
        together = [*(f"sample {n}" for n in range(len(samples))), *map(str, clusters.tolist())]
        (figure,) = score([area], len(values), Resampling(together))
        return found | {"p": nearer(samples, held_out, clusters), "auc": asdict(figure)}


def nearer(samples: Floats, held_out: Floats, clusters: Ints) -> float:
    """Return the p-value of samples [M] being nearer than held-out items [N] of `clusters` [N].

    That of Mann and Whitney, or where items of a cluster are alike, the larger one by the variance
    of the area under the curve over clusters (Obuchowski 1997, Nonparametric analysis of clustered
    ROC curve data), by Student's t.
    """
    stats = part("scipy.stats")
    plain = float(
        stats.mannwhitneyu(samples, held_out, alternative="greater", method="asymptotic").pvalue
    )
    _, numbers, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    if sizes.max() == 1:
        return plain
    of_samples = _placed(samples, held_out)  # how many held-out items each is nearer than
    of_items = 1 - _placed(held_out, samples)
    area, many = float(of_samples.mean()), len(sizes)
    sums = np.bincount(numbers, of_items - area)
    variance = (sums**2).sum() * many / (many - 1) / len(held_out) ** 2
    if len(samples) > 1:
        variance += of_samples.var(ddof=1) / len(samples)
    if not variance:
        return plain
    clustered = float(stats.t.sf((area - 0.5) / np.sqrt(variance), many - 1))
    return max(plain, clustered)


def _placed(values: Floats, others: Floats) -> Floats:
    """Return the share of others that each value is above, equal ones as half; [values]."""
    ordered = np.sort(others)
    below, not_above = (ordered.searchsorted(values, side) for side in ("left", "right"))
    return np.asarray((below + not_above) / 2 / len(others))


def _median(values: Floats) -> float | None:
    return float(np.median(values)) if len(values) else None
