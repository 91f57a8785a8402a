"""Labels that a model which sees both sides says: a mask in each place, and all filled at once.

It is asked as it was trained: `begin source marker mask … mask end`, a mask for each token of the
answer. How many there are the label says, or, of one for each part of the source, the reference.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from lexome.generation.decoder import computing_in
from lexome.generation.features import PromptFeatures, beside
from lexome.generation.passes import equally_long
from lexome.languages.label import Classes, Scale
from lexome.languages.pair.tokenizer import Part
from lexome.model import Transformer

Floats = npt.NDArray[np.float64]
Choices = npt.NDArray[np.int64]


def places(coding: Classes | Scale, part: Part, reference: int) -> Choices:
    """Return the tokens that may stand in each place of an answer, [places, choices].

    `reference` is the number of tokens of the true answer.
    """
    if isinstance(coding, Classes) and coding.form == "several":
        present = part.offset + np.arange(len(coding.classes))
        return np.stack([present, present + len(coding.classes)], axis=1)
    count = reference if isinstance(coding, Classes) and coding.form == "each" else 1
    return np.tile(np.arange(part.offset, part.stop), (count, 1))


def fill(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    features: PromptFeatures,
    choices: Sequence[Choices],
    *,
    mask: int,
    end: int,
) -> list[Floats]:
    """Return the probabilities [places, choices] of what may stand in each place of each answer."""
    device = model.embedding.weight.device
    masked = [
        [*prompt, *[mask] * len(own), end] for prompt, own in zip(prompts, choices, strict=True)
    ]
    found: dict[int, Floats] = {}
    with computing_in(model, torch.float32):
        for numbers in equally_long(masked):
            tokens = torch.tensor([masked[number] for number in numbers], device=device)
            heard = beside(tokens, [features[number] for number in numbers], model)
            logits = model.head(model.trunk(tokens, features=heard)).double().cpu()
            for number, row in zip(numbers, logits, strict=True):
                first, own = len(prompts[number]), torch.from_numpy(choices[number])
                found[number] = row[first : first + len(own)].gather(1, own).softmax(-1).numpy()
    return [found[number] for number in range(len(prompts))]
