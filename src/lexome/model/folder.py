"""A model as a Hugging Face folder: `config.json`, `model.safetensors`, tokenizer and card.

Plain `transformers` loads what `save_model` writes and gives the same logits, and `load_model`
reads what `transformers` saves, for every family in `lexome.model.families`. Nothing is pickled.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lexome.errors import DamagedFileError, LexomeError, nearest
from lexome.files import naming, read_json, write_json, write_text
from lexome.languages.base import SpecialTokens, Tokenizer
from lexome.model import families
from lexome.model.assembly import assembled
from lexome.model.config import TransformerConfig
from lexome.model.front_end import parted
from lexome.model.front_end_folder import front_end_features, load_front_end, save_front_end
from lexome.model.storage import load_tensors, replacing, save_tensors
from lexome.model.transformer import Transformer

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


def save_model(
    folder: Path,
    model: Transformer,
    *,
    special: SpecialTokens | None = None,
    tokenizer: Tokenizer | None = None,
    card: str | None = None,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write `model` as a Hugging Face folder, whole or not at all; a front end lies beside it.

    `special` are the ids that `config.json` names (the tokenizer's, if there is one); `card` is
    the text of README.md; `dtype` is the type of the stored weights. An existing model folder is
    replaced; any other folder that is not empty is refused.
    """
    plain, front_end = parted(model)
    family = families.get(plain.config.family)
    special = tokenizer.special if special is None and tokenizer is not None else special
    config = family.to_hf(plain.config, special)
    config["dtype"] = str(dtype).removeprefix("torch.")
    with replacing(folder, CONFIG, "a model") as part:
        save_tensors(part / WEIGHTS, family.pack(plain, dtype))
        if front_end:
            save_front_end(part, front_end, dtype)
        if tokenizer is not None:
            with naming(folder):
                tokenizer.save(part)
        write_json(part / CONFIG, config)
        if family.attention == "causal":
            write_json(part / "generation_config.json", _generation_config(config))
        write_text(part / "README.md", card if card is not None else model_card(model))


def load_model(
    folder: Path,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Transformer:
    """Return the model of a Hugging Face folder, its parameters of type `dtype` on `device`.

    Raises `LexomeError` where the folder is no model, its family or an option is unknown, or its
    weights are pickled; `DamagedFileError` where weights are torn or do not fit `config.json`.
    """
    config = read_config(folder)
    tensors = _weights(folder)
    plain = replace(config, features=0)
    state = families.get(config.family).unpack(plain, tensors, str(folder))
    state |= load_front_end(folder, config.width)
    state = {
        name: tensor.to(device, dtype).clone(memory_format=torch.contiguous_format)
        for name, tensor in state.items()
    }
    return assembled(config, state)


def read_config(folder: Path) -> TransformerConfig:
    """Return the config of a Hugging Face folder; weights are not needed."""
    path = folder / CONFIG
    if not path.is_file():
        raise LexomeError(
            "this is not a model folder: it has no config.json",
            where=str(folder),
            fix="name a Hugging Face folder, such as the model/ folder of a run",
        )
    values = read_json(path)
    if not isinstance(values, dict):
        raise DamagedFileError(
            "config.json does not hold an object", where=str(path), fix="restore the file"
        )
    name = values.get("model_type")
    if name not in families.FAMILIES:
        raise LexomeError(
            f"the Transformer cannot express the family {name!r}",
            where=f"{path}, key model_type",
            fix=nearest(str(name), families.FAMILIES),
        )
    config = families.get(name).from_hf(values, str(path))
    return replace(config, features=front_end_features(folder))


def model_card(model: Transformer) -> str:
    """Return a short model card: family, shape and number of parameters."""
    config = model.config
    parameters = sum(parameter.numel() for parameter in model.parameters())
    task = "text-generation" if config.attention == "causal" else "fill-mask"
    return (
        f"---\nlibrary_name: transformers\npipeline_tag: {task}\n---\n\n"
        f"# A {config.family} model trained with lexome\n\n"
        f"| | |\n|---|---|\n"
        f"| parameters | {parameters:,} |\n"
        f"| layers | {config.layers} |\n"
        f"| width | {config.width} |\n"
        f"| heads | {config.heads} ({config.kv_heads} for keys and values) |\n"
        f"| context | {config.context:,} tokens |\n"
        f"| vocabulary | {config.vocab_size:,} tokens |\n"
    )


def _generation_config(config: dict[str, Any]) -> dict[str, Any]:
    keys = ("bos_token_id", "eos_token_id", "pad_token_id")
    return {"do_sample": True, **{key: config[key] for key in keys}}


def _weights(folder: Path) -> dict[str, Tensor]:
    """Return all tensors of a folder, from one file or from the shards of an index."""
    if (folder / WEIGHTS).is_file():
        return load_tensors(folder / WEIGHTS)
    if (folder / INDEX).is_file():
        return _load_shards(folder)
    if any(any(folder.glob(pattern)) for pattern in _PICKLED):
        raise LexomeError(
            "the weights are pickled, and a pickle can run any code when it is read",
            where=str(folder),
            fix="ask for model.safetensors, or save the model again with transformers",
        )
    raise LexomeError(
        "the folder has a config.json but no model.safetensors",
        where=str(folder),
        fix="put the weights beside config.json",
    )


def _load_shards(folder: Path) -> dict[str, Tensor]:
    index = read_json(folder / INDEX)
    shards = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(shards, dict) or not all(isinstance(n, str) for n in shards.values()):
        raise DamagedFileError(
            "the index has no weight_map of file names",
            where=str(folder / INDEX),
            fix="restore the file",
        )
    tensors: dict[str, Tensor] = {}
    for name in sorted(set(shards.values())):
        path = folder / name
        if path.parent != folder or not path.is_file():
            raise DamagedFileError(
                f"the index names a shard {name!r} that is not in the folder",
                where=str(folder / INDEX),
                fix="restore the missing file",
            )
        tensors.update(load_tensors(path))
    return tensors
