"""What a model sees and must say: the tensors of some rows, however they were made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Array = npt.NDArray[Any]

_MOST_PLACED = 0.75


class Example(NamedTuple):
    """What the model sees and what it must say, [B, T] each.

    `weights` is 0 where nothing is predicted; `segments` numbers the documents of each row where
    attention may not cross their borders, else it is `None`; `features` [B, T, F] are what a front
    end reads beside the inputs, `None` where there is none. `places` [N] are the positions, counted
    over all rows, at which the loss is computed; `None` where that is everywhere.
    """

    inputs: Tensor
    labels: Tensor
    weights: Tensor
    segments: Tensor | None
    features: Tensor | None = None
    places: Tensor | None = None

    def rows(self, rows: slice) -> Example:
        """Return some rows of the example, its loss everywhere."""
        return self._replace(places=None)._each(lambda tensor: tensor[rows])

    def placed(self) -> Example:
        """Return the example with its loss computed only where something is predicted.

        Where that is nearly everywhere, it stays as it is: choosing has its price too.
        """
        predicted = torch.count_nonzero(self.weights)
        if predicted > _MOST_PLACED * self.weights.numel():
            return self
        # Two at least: a compiled graph takes one place as another case than any other number.
        order = torch.argsort(self.weights.flatten() == 0, stable=True)
        return self._replace(places=order[: max(int(predicted), 2)])

    def to(self, device: torch.device) -> Example:
        """Return the example on a device."""
        found = self._each(lambda tensor: tensor.to(device, non_blocking=True))
        if found.places is not None:
            # Their number is another one in each batch, and not worth a graph of its own.
            torch._dynamo.mark_dynamic(found.places, 0)
        return found

    def _each(self, change: Callable[[Tensor], Tensor]) -> Example:
        return Example(
            change(self.inputs),
            change(self.labels),
            change(self.weights),
            None if self.segments is None else change(self.segments),
            None if self.features is None else change(self.features),
            None if self.places is None else change(self.places),
        )


def segments(inputs: Array, begin: int) -> Array:
    """Return for each position of each row the number of its document in the row, [B, T]."""
    return np.cumsum(inputs == begin, axis=1, dtype=np.int32)


def tensors(
    inputs: Array,
    labels: Array,
    weights: Array,
    numbered: Array | None,
    features: Array | None = None,
) -> Example:
    """Return arrays [B, T] as an example."""
    return Example(
        torch.from_numpy(np.ascontiguousarray(inputs)),
        torch.from_numpy(np.ascontiguousarray(labels)),
        torch.from_numpy(np.ascontiguousarray(weights, dtype=np.float32)),
        None if numbered is None else torch.from_numpy(numbered),
        None if features is None else torch.from_numpy(np.ascontiguousarray(features)),
    )
