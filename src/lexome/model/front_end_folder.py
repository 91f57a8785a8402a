"""The front end of a model in its folder: weights and shape, beside what a family's model has.

`config.json` and `model.safetensors` stay those of a plain model, which `transformers` loads; what
the front end makes of features goes in there as `inputs_embeds`, added to the tokens' embeddings.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from lexome.errors import DamagedFileError
from lexome.files import read_json, write_json
from lexome.model.layers import BESIDE, FRONT_END
from lexome.model.storage import load_tensors, save_tensors

SHAPE, WEIGHTS = "lexome_front_end.json", "front_end.safetensors"
_FIX = "restore the file, or train the model again"


def save_front_end(folder: Path, front_end: Mapping[str, Tensor], dtype: torch.dtype) -> None:
    """Write the parameters of a front end, named as in the model, and their shape."""
    inner = front_end[f"{FRONT_END}inner.weight"]
    stored = {
        name.removeprefix(FRONT_END): tensor.detach().to("cpu", dtype).contiguous()
        for name, tensor in front_end.items()
    }
    save_tensors(folder / WEIGHTS, stored)
    write_json(folder / SHAPE, {"features": inner.shape[1] // len(BESIDE), "width": inner.shape[0]})


def front_end_features(folder: Path) -> int:
    """Return the width of the rows that the model of a folder reads; 0 without a front end."""
    if not (folder / SHAPE).is_file():
        return 0
    shape = read_json(folder / SHAPE)
    features = shape.get("features") if isinstance(shape, dict) else None
    if not isinstance(features, int) or features < 1:
        raise DamagedFileError(
            "this does not say how wide features are", where=str(folder / SHAPE), fix=_FIX
        )
    return features


def load_front_end(folder: Path, width: int) -> dict[str, Tensor]:
    """Return the parameters of the front end in a folder, by their names in the model, or none.

    Weights that are missing, torn, or do not fit the shape or the model's `width` are a
    `DamagedFileError`.
    """
    features = front_end_features(folder)
    if not features:
        return {}
    path = folder / WEIGHTS
    if not path.is_file():
        raise DamagedFileError(
            "the weights of the front end are missing", where=str(path), fix=_FIX
        )
    tensors = load_tensors(path)
    seen = len(BESIDE)
    wanted = {"inner.weight": (width, seen * features), "outer.weight": (width, seen * width)}
    if {name: tuple(tensor.shape) for name, tensor in tensors.items()} != wanted:
        raise DamagedFileError(f"the front end does not hold {wanted}", where=str(path), fix=_FIX)
    return {f"{FRONT_END}{name}": tensor for name, tensor in tensors.items()}
