"""How near is nearer than usual: a rare quantile of what was measured on some held-out items.

Where there are enough items, 999 for one case in a thousand, ranks alone say it: the chance that a
new item is beyond the largest of n is at most 1 / (n + 1), whatever the tail, if new items are like
the held-out ones (conformal prediction: Vovk and others, "Algorithmic learning in a random world",
2005).

Where there are fewer, the far end is taken to be a power law. It fits distances near zero, where
its exponent is the dimension of the data; the longest matches of random sequences have a lighter
tail, so that for them it errs on the side of silence. Its index is that of the largest values
(Hill, "A simple general approach to inference about the tail of a distribution", 1975), the upper
end of a 95 % bound, and quantiles follow from it (Weissman, "Estimation of parameters and large
quantiles based on the k largest observations", 1978). None is below the largest value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lexome.evaluation.metrics.bootstrap import Floats, Ints
from lexome.evaluation.metrics.extra import part

FEWEST = 100
"""Fewer items say nothing of one in a thousand: of 100, ten are at the far end."""

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Tail:
    """The far end of some `values`, falling, of items that have `size` units in all.

    From `start` on, which `beyond` values exceed, it falls with the power 1 / `index`.
    """

    values: Floats
    size: int
    beyond: int
    start: float
    index: float

    def quantile(self, chance: float, size: int) -> float:
        """Return what the value of an item of `size` units exceeds with at most `chance`.

        A larger item has so many more places at which its value may be reached: chances add up.
        """
        count = len(self.values)
        # How many of the items would be beyond, if they were as large.
        share = chance * self.size / size
        rank = int(share * (count + 1) / count)
        if rank >= 1:
            return float(self.values[min(rank, count) - 1])
        reached = float(self.start * (self.beyond / share) ** self.index)
        return max(reached, float(self.values[0]))


def tail(values: Floats, sizes: Ints, *, step: float) -> Tail | None:
    """Return the far end of `values` of items of `sizes`, [N]; `None` for too few items.

    What is below 1 counts as 1. `step` is how far apart values lie that can be told apart: 1 for
    counts, else 0. As many items as the root of their number are at the far end.
    """
    if len(values) < FEWEST:
        return None
    values = np.maximum(values, 1.0)
    apart = _apart(values, step)[::-1]
    beyond = round(len(values) ** 0.5)
    start = float(apart[beyond])
    excess = float(np.log(apart[:beyond] / start).mean())
    bound = 2 * beyond / part("scipy.stats").chi2.ppf(1 - _CONFIDENCE, 2 * beyond)
    falling = np.sort(values)[::-1]
    return Tail(falling, int(sizes.sum()), beyond, start, excess * float(bound))


def _apart(values: Floats, step: float) -> Floats:
    """Return values, rising, of which equal ones are spread evenly up to the next step."""
    rising = np.sort(values)
    first = rising.searchsorted(rising, "left")
    equal = rising.searchsorted(rising, "right") - first
    return np.asarray(rising + step * (np.arange(len(rising)) - first + 0.5) / equal)
