"""The training loss: weighted cross-entropy of a whole batch, and the z-loss beside it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lexome.model import Transformer
from lexome.recipe import Recipe
from lexome.training.example import Example
from lexome.training.preference import PreferenceLosses


class Losses(nn.Module):
    """A model together with its loss, as the one function that is compiled and differentiated.

    Calling it returns two scalars: what is minimised, and the cross-entropy alone. Both are sums
    over the example's tokens, divided by `total`, the weight of the *whole* batch. So the parts of
    a batch add up exactly to the batch, however unequal their weights are.

    The z-loss is `z_loss` times the squared logarithm of the softmax's denominator, which keeps
    logits from drifting (PaLM, Chowdhery et al. 2022, section 5).
    """

    def __init__(self, model: Transformer, z_loss: float = 0.0) -> None:
        super().__init__()
        self.model = model
        self.z_loss = z_loss

    def forward(self, example: Example, total: Tensor) -> tuple[Tensor, Tensor]:
        places = example.places
        logits = self.model(
            example.inputs, example.segments, features=example.features, places=places
        )
        logits = logits.flatten(0, -2).float()  # [B·T, V], or [N, V] at N places
        labels, weights = example.labels.flatten(), example.weights.flatten() / total
        if places is not None:
            labels, weights = labels.index_select(0, places), weights.index_select(0, places)
        nats = F.cross_entropy(logits, labels, reduction="none")
        cross_entropy = (nats * weights).sum()
        if not self.z_loss:
            return cross_entropy, cross_entropy.detach()
        squared = torch.logsumexp(logits, dim=-1).square()
        return cross_entropy + self.z_loss * (squared * weights).sum(), cross_entropy.detach()


def make_losses(model: Transformer, recipe: Recipe) -> Losses | PreferenceLosses:
    """Return a model with the loss of the recipe's objective."""
    if recipe.objective.name == "preference":
        return PreferenceLosses(model, recipe.objective.beta)
    return Losses(model, recipe.optimizer.z_loss)
