"""Dropout that a resumed run repeats: its random numbers follow from seed and step alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from lexome.model import Transformer
from lexome.training.parallel import World


class Dropout:
    """The dropout of a model while it trains; the model in use has none.

    With a rate of 0 the model is left as it is. Every worker draws its own numbers, so with
    dropout the number of workers and of micro-batches changes what is dropped, though not how much.
    """

    def __init__(self, model: Transformer, rate: float, seed: int, world: World) -> None:
        self._seed = seed
        self._rank = world.rank
        self._rate = rate
        self._live = torch.zeros((), device=world.device)
        if rate:
            model.set_dropout(self._live)

    @contextmanager
    def drawn(self, step: int) -> Iterator[None]:
        """Drop inside the block, as the step's own random numbers say."""
        if not self._rate:
            yield
            return
        mixed = np.random.SeedSequence((self._seed, step, self._rank)).generate_state(1, np.uint64)
        torch.manual_seed(int(mixed[0]) >> 1)
        self._live.fill_(self._rate)
        try:
            yield
        finally:
            self._live.zero_()
