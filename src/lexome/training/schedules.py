"""How the learning rate moves: a multiple of its peak for every step."""

from __future__ import annotations

import math

from lexome.recipe import ScheduleRecipe


def factor(recipe: ScheduleRecipe, step: int, steps: int) -> float:
    """Return the multiple of the peak learning rate for update `step` (from 0) of `steps`.

    The warm-up rises linearly and does not start at 0, which would waste a step; the decay ends
    at `recipe.floor` with the last update. Sources: "wsd", Hu et al. 2024 (MiniCPM); "cosine",
    Loshchilov & Hutter 2017.
    """
    warmup = math.ceil(recipe.warmup * steps)
    if step < warmup:
        return (step + 1) / warmup
    start = max(decay_start(recipe, steps), warmup)
    if step < start or recipe.name == "constant":
        return 1.0
    gone = (step + 1 - start) / (steps - start)
    falling = 0.5 * (1 + math.cos(math.pi * gone)) if recipe.name == "cosine" else 1 - gone
    return recipe.floor + (1 - recipe.floor) * falling


def decay_start(recipe: ScheduleRecipe, steps: int) -> int:
    """Return the first update of the decay; `steps` for a schedule that has none."""
    if recipe.name == "constant":
        return steps
    if recipe.name == "wsd":
        return steps - math.floor(recipe.decay * steps)
    return math.ceil(recipe.warmup * steps)
