"""How the learning rate moves: a multiple of its peak for every update."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from lexome.recipe import ScheduleRecipe


@dataclass(frozen=True)
class Schedule:
    """The multiple of the peak learning rate for each update from 0 to `steps` - 1.

    It rises over `warmup` updates, stays at 1, and from `decay_start` on comes down, so that one
    more update would be at `floor`. Neither end is at 0, which would waste an update. Sources:
    "wsd", Hu et al. 2024 (MiniCPM, https://arxiv.org/abs/2404.06395); "cosine", Loshchilov &
    Hutter 2017.
    """

    shape: str
    floor: float
    steps: int
    warmup: int
    decay_start: int

    @classmethod
    def of(cls, recipe: ScheduleRecipe, steps: int) -> Schedule:
        """Return the schedule of a recipe for a run of `steps` updates."""
        warmup = math.ceil(recipe.warmup * steps)
        start = warmup
        if recipe.name == "constant":
            start = steps
        elif recipe.name == "wsd":
            start = max(warmup, steps - math.floor(recipe.decay * steps))
        return cls(recipe.name, recipe.floor, steps, warmup, start)

    def ending(self, decay_start: int, steps: int) -> Schedule:
        """Return the schedule that begins to decay at `decay_start` and ends after `steps`."""
        return replace(self, decay_start=decay_start, steps=steps)

    def recipe(self, given: ScheduleRecipe) -> ScheduleRecipe:
        """Return the recipe of which `of` makes this schedule: `given`, with other shares at need.

        Only a "wsd" whose decay was moved needs other shares.
        """
        if Schedule.of(given, self.steps) == self:
            return given
        # Between the shares at which `of` rounds to another step: exact quotients might miss it.
        warmup = max(0.0, (self.warmup - 0.5) / self.steps)
        decay = (self.steps - self.decay_start + 0.25) / self.steps
        shares = {"warmup": warmup, "decay": min(decay, 1 - warmup)}
        return given.model_copy(update=shares)

    def __call__(self, step: int) -> float:
        if step < self.warmup:
            return (step + 1) / self.warmup
        if step < self.decay_start:
            return 1.0
        gone = (step + 1 - self.decay_start) / (self.steps + 1 - self.decay_start)
        falling = 0.5 * (1 + math.cos(math.pi * gone)) if self.shape == "cosine" else 1 - gone
        return self.floor + (1 - self.floor) * falling
