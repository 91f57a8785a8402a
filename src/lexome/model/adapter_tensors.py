"""Names and layouts of an adapter's tensors: from our attached model to `peft` and back.

`peft` calls the factors of a module `lora_A.weight` [rank, in] and `lora_B.weight` [out, rank],
also where the module's own weight is transposed. Where a family keeps several of our maps in one
module, their adapters are one of a higher rank: A stands below A, and B fills the blocks of a
matrix that is zero elsewhere. Rows of a grown vocabulary are stored as `peft` does after
`resize_token_embeddings`: embedding and unembedding whole, under their own names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lexome.model.adapters import effective, low_rank_maps
from lexome.model.assembly import parameter_shapes
from lexome.model.config import TransformerConfig
from lexome.model.families import get
from lexome.model.families.tensors import Entry
from lexome.model.transformer import Transformer

_PREFIX = "base_model.model."

PER_TOKEN = ("embedding.weight", "head.unembedding.weight", "head.unembedding.bias")
"""Our names of the parameters that have a row for each token."""


@dataclass(frozen=True)
class AdaptedModule:
    """A module `theirs` of a family with the adapted maps of ours in it: name and output rows.

    `pattern` matches the names of this module in every layer; `rows` are all its outputs.
    """

    theirs: str
    pattern: str
    parts: tuple[tuple[str, slice], ...]
    rows: int
    transposed: bool

    @property
    def names(self) -> tuple[str, str]:
        """Return what the file calls the factors A and B."""
        return f"{_PREFIX}{self.theirs}.lora_A.weight", f"{_PREFIX}{self.theirs}.lora_B.weight"


def adapted_modules(config: TransformerConfig, targets: Sequence[str]) -> list[AdaptedModule]:
    """Return the modules of a model's family that hold the maps that `targets` names."""
    shapes = parameter_shapes(config)
    found = []
    for entry in get(config.family).table:
        maps = [name.removesuffix(".weight") for name in entry.ours]
        if entry.theirs.endswith(".weight") and any(m.rpartition(".")[2] in targets for m in maps):
            pattern = r"\d+".join(re.escape(p) for p in _module(entry).split("{layer}"))
            found += [
                _adapted(entry.at(layer), pattern, targets, shapes)
                for layer in range(config.layers)
            ]
    return found


def pack_factors(modules: Sequence[AdaptedModule], model: Transformer) -> dict[str, Tensor]:
    """Return the factors of an attached model as `peft` stores them, on the CPU."""
    maps = low_rank_maps(model)
    packed = {}
    for module in modules:
        parts = [maps[name] for name, _ in module.parts]
        rank = parts[0].rank
        joined = parts[0].factor_b.new_zeros(module.rows, len(parts) * rank)
        for part, rows, columns in _blocks(module, rank):
            joined[rows, columns] = maps[part].factor_b.detach()
        name_a, name_b = module.names
        packed[name_a] = torch.cat([part.factor_a.detach() for part in parts]).cpu()
        packed[name_b] = joined.cpu()
    return packed


def unpack_factors(
    modules: Sequence[AdaptedModule], tensors: Mapping[str, Tensor], rank: int
) -> dict[str, Tensor]:
    """Return our factors by parameter name; raise `ValueError` where a module mixes its maps.

    `tensors` have the names and the shapes that `pack_factors` gives them.
    """
    factors = {}
    for module in modules:
        name_a, name_b = module.names
        left = tensors[name_b].clone()
        for part, rows, columns in _blocks(module, rank):
            factors[f"{part}.factor_a"] = tensors[name_a][columns]
            factors[f"{part}.factor_b"] = tensors[name_b][rows, columns]
            left[rows, columns] = 0
        if left.any():
            raise ValueError(f"{name_b} is not zero outside the blocks of its maps")
    return factors


def pack_vocabulary(model: Transformer) -> dict[str, Tensor]:
    """Return embedding, unembedding and its bias, all rows, as `peft` stores them, on the CPU."""
    return {
        name: effective(model, ours).detach().cpu().clone()
        for name, ours in vocabulary_names(model.config)
    }


def vocabulary_names(config: TransformerConfig) -> Iterator[tuple[str, str]]:
    """Yield the file's names of the tensors with a row for each token, with our names of them."""
    shapes = parameter_shapes(config)
    for entry in get(config.family).table:
        if entry.ours[0] in PER_TOKEN and entry.ours[0] in shapes:
            for name in (entry.theirs, *entry.copies):
                yield f"{_PREFIX}{name}", entry.ours[0]


def _module(entry: Entry) -> str:
    return entry.theirs.removesuffix(".weight")


def _adapted(
    entry: Entry, pattern: str, targets: Sequence[str], shapes: Mapping[str, torch.Size]
) -> AdaptedModule:
    parts, start = [], 0
    for name in entry.ours:
        stop = start + shapes[name][0]
        part = name.removesuffix(".weight")
        if part.rpartition(".")[2] in targets:
            parts.append((part, slice(start, stop)))
        start = stop
    return AdaptedModule(_module(entry), pattern, tuple(parts), start, entry.transposed)


def _blocks(module: AdaptedModule, rank: int) -> Iterator[tuple[str, slice, slice]]:
    """Yield each adapted map's name with its rows and its columns in the joined B."""
    for number, (part, rows) in enumerate(module.parts):
        yield part, rows, slice(number * rank, (number + 1) * rank)
