"""Features of prompts: what a front end reads beside their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lexome.errors import UsageError
from lexome.model.transformer import Transformer

PromptFeatures = Sequence[npt.NDArray[np.floating[Any]] | None]
"""For each prompt a row [F] for each of its first tokens, zeros where no frame stands.

What a prompt has beyond its rows, and a prompt of `None`, has no features.
"""


def beside(tokens: Tensor, features: PromptFeatures, model: Transformer) -> Tensor | None:
    """Return the features [B, T, F] of prompts [B, T]; `None` where no prompt has any.

    Raises `UsageError` for rows that the model's front end cannot read.
    """
    given = [(row, one) for row, one in enumerate(features) if one is not None and len(one)]
    if not given:
        return None
    width = model.config.features
    whole = torch.zeros(*tokens.shape, width)
    for row, one in given:
        if one.ndim != 2 or one.shape[1] != width or len(one) > tokens.shape[1]:
            raise UsageError(
                f"features {one.shape} do not fit a prompt of {tokens.shape[1]} tokens and a model "
                f"that reads {width} numbers at each",
                where=f"features {row + 1}",
                fix="make them with the tokenizer that the model was trained with",
            )
        whole[row, : len(one)] = torch.from_numpy(one.astype(np.float32))
    return whole.to(tokens.device)
