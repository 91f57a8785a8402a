"""Names and layouts of weights: from lexome's Transformer to a Hugging Face family and back.

A family is a table of `Entry`. Each says which tensor of the family holds which parameters of
ours: one alone, or several joined along their first dimension; stored as they are, or transposed
(GPT-2's `Conv1D`). Both directions read the same table, so they cannot disagree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lexome.errors import DamagedFileError

Shapes = Mapping[str, torch.Size]


@dataclass(frozen=True)
class Entry:
    """One tensor `theirs` of a family, and our parameters that it holds, in order.

    `{layer}` in a name stands for each layer's number. `copies` are further names under which
    the family stores the same tensor.
    """

    theirs: str
    ours: tuple[str, ...]
    transposed: bool = False
    copies: tuple[str, ...] = ()

    def at(self, layer: int) -> Entry:
        """Return the entry of one layer."""

        def numbered(name: str) -> str:
            return name.replace("{layer}", str(layer))

        return replace(
            self,
            theirs=numbered(self.theirs),
            ours=tuple(numbered(name) for name in self.ours),
            copies=tuple(numbered(name) for name in self.copies),
        )


def module(theirs: str, *ours: str, transposed: bool = False) -> tuple[Entry, Entry]:
    """Return the entries of a module's weight and bias; a table may name biases a model lacks."""
    return (
        Entry(f"{theirs}.weight", tuple(f"{name}.weight" for name in ours), transposed),
        Entry(f"{theirs}.bias", tuple(f"{name}.bias" for name in ours)),
    )


def modern_norm_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return `tensors` with a norm's `gamma` and `beta` called weight and bias."""
    names = {"gamma": "weight", "beta": "bias"}
    return {
        re.sub(r"(?<=LayerNorm\.)(gamma|beta)$", lambda found: names[found[0]], name): tensor
        for name, tensor in tensors.items()
    }


def pack(
    table: Sequence[Entry], parameters: Mapping[str, Tensor], layers: int
) -> dict[str, Tensor]:
    """Return the family's tensors, contiguous and sharing no memory, from our `parameters`."""
    shapes = {name: parameter.shape for name, parameter in parameters.items()}
    packed: dict[str, Tensor] = {}
    for entry in _expand(table, shapes, layers):
        joined = torch.cat([parameters[name] for name in entry.ours])
        joined = joined.T if entry.transposed else joined
        for name in (entry.theirs, *entry.copies):
            packed[name] = joined.clone(memory_format=torch.contiguous_format)
    return packed


def unpack(
    table: Sequence[Entry],
    tensors: Mapping[str, Tensor],
    shapes: Shapes,
    layers: int,
    outside: Sequence[str],
    where: str,
) -> dict[str, Tensor]:
    """Return our parameters, of the given `shapes`, from the family's `tensors`.

    `outside` are patterns of tensors that belong to the folder and not to the language model.
    A tensor that is missing, not expected, of another shape, or that differs from its copy raises
    `DamagedFileError` with every name concerned.
    """
    problems: list[str] = []
    left = {name for name in tensors if not any(re.fullmatch(p, name) for p in outside)}
    unpacked: dict[str, Tensor] = {}
    for entry in _expand(table, shapes, layers):
        names = [name for name in (entry.theirs, *entry.copies) if name in tensors]
        left -= set(names)
        if not names:
            problems.append(f"missing: {entry.theirs}")
            continue
        tensor = tensors[names[0]]
        for copy in names[1:]:
            if not torch.equal(tensors[copy], tensor):
                problems.append(f"{copy} differs from {names[0]}, with which it is tied")
        expected = _stored_shape(entry, shapes)
        if tensor.shape != expected:
            problems.append(f"{names[0]} is {tuple(tensor.shape)}, not {tuple(expected)}")
            continue
        tensor = tensor.T if entry.transposed else tensor
        parts = torch.split(tensor, [shapes[name][0] for name in entry.ours])
        unpacked.update(zip(entry.ours, parts, strict=True))
    problems += [f"not expected: {name}" for name in sorted(left)]
    if problems:
        raise DamagedFileError(
            "the weights do not fit the model that config.json describes:\n    "
            + "\n    ".join(problems),
            where=where,
            fix="use the config.json and the weights that were saved together",
        )
    return unpacked


def _expand(table: Sequence[Entry], shapes: Shapes, layers: int) -> Iterator[Entry]:
    """Yield the table's entries, layer by layer, without the parameters that the model lacks."""
    for entry in table:
        repeated = "{layer}" in entry.theirs
        for layer in range(layers if repeated else 1):
            numbered = entry.at(layer)
            if all(name in shapes for name in numbered.ours):
                yield numbered


def _stored_shape(entry: Entry, shapes: Shapes) -> torch.Size:
    first = shapes[entry.ours[0]]
    joined = (sum(shapes[name][0] for name in entry.ours), *first[1:])
    return torch.Size(reversed(joined) if entry.transposed else joined)
