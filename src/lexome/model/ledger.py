"""The parameter ledger: what a model's weights are for, counted matrix by matrix.

The table is the well-known one of GPT-3's 175 billion weights, for any config: keys, queries and
values are counted a matrix per head, output and feed-forward maps a matrix per layer. What the
table leaves out is stated below it, and the sum is checked against the module as it is built.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lexome.errors import UsageError, nearest
from lexome.model.config import TransformerConfig
from lexome.model.folder import read_config
from lexome.model.presets import PRESETS, preset
from lexome.model.transformer import Transformer

Factors = tuple[tuple[str, int], ...]
_BYTES_FP32, _BYTES_BF16 = 4, 2


@dataclass(frozen=True)
class Row:
    """One line: a kind of weight, the factors of its count by name, and its matrices."""

    name: str
    factors: Factors
    matrices: int

    @property
    def weights(self) -> int:
        """The number of weights: the product of the factors."""
        return math.prod(size for _, size in self.factors)

    @property
    def formula(self) -> str:
        """The factors by name, as `d_embed × n_vocab`."""
        return " × ".join(name for name, _ in self.factors)

    @property
    def numbers(self) -> str:
        """The factors as numbers, as `12,288 × 50,257`."""
        return " × ".join(f"{size:,}" for _, size in self.factors)

    def to_dict(self) -> dict[str, Any]:
        """Return the line as plain JSON values."""
        return {
            "name": self.name,
            "formula": self.formula,
            "numbers": self.numbers,
            "weights": self.weights,
            "matrices": self.matrices,
        }


@dataclass(frozen=True)
class LeftOut:
    """What the table does not count: how many parameters, and what they are."""

    name: str
    parameters: int
    what: str


@dataclass(frozen=True)
class Ledger:
    """The table, what it leaves out, and the true count of the module.

    `total + left_out_total - shared == parameters` for every model. `parameters` counts the
    module as built on the meta device, a shared matrix once. `flops_per_token` are those of
    training, forward and backward, at the full context.
    """

    model: str
    family: str
    rows: tuple[Row, ...]
    left_out: tuple[LeftOut, ...]
    shared: int
    parameters: int
    flops_per_token: int

    @property
    def total(self) -> int:
        """The weights of the table."""
        return sum(row.weights for row in self.rows)

    @property
    def matrices(self) -> int:
        """The matrices of the table."""
        return sum(row.matrices for row in self.rows)

    @property
    def left_out_total(self) -> int:
        """The parameters that the table leaves out."""
        return sum(item.parameters for item in self.left_out)

    @property
    def bytes_fp32(self) -> int:
        """The memory of the parameters in fp32, in bytes."""
        return _BYTES_FP32 * self.parameters

    @property
    def bytes_bf16(self) -> int:
        """The memory of the parameters in bf16, in bytes."""
        return _BYTES_BF16 * self.parameters

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        return {
            "model": self.model,
            "family": self.family,
            "rows": [row.to_dict() for row in self.rows],
            "total": self.total,
            "matrices": self.matrices,
            "left_out": [
                {"name": item.name, "parameters": item.parameters, "what": item.what}
                for item in self.left_out
            ],
            "shared_by_tying": self.shared,
            "parameters": self.parameters,
            "bytes": {"fp32": self.bytes_fp32, "bf16": self.bytes_bf16},
            "training_flops_per_token": self.flops_per_token,
        }

    def lines(self) -> list[str]:
        """Return the ledger as lines of plain text, in columns."""
        title = f"{self.model} ({self.family})" if self.model != self.family else self.family
        return [
            title,
            "",
            *self._table(),
            "",
            "Keys, queries and values count as a matrix for each head, the maps after them as one",
            "for each layer. What the table leaves out, and the true count of the module as built:",
            "",
            *self._difference(),
            "",
            f"In memory: {_size(self.bytes_fp32)} in fp32, {_size(self.bytes_bf16)} in bf16",
            f"Training at the full context: {self.flops_per_token:,} FLOPs per token",
        ]

    def _table(self) -> list[str]:
        rows = [
            (row.name, row.numbers, "=", f"{row.weights:,}", f"({row.formula})")
            for row in self.rows
        ]
        total = ("Total", "", "", f"{self.total:,}", f"weights in {self.matrices:,} matrices")
        return _sum(rows, total, number=3)

    def _difference(self) -> list[str]:
        rows = [("", "the table", f"{self.total:,}", "")]
        rows += [("+", item.name, f"{item.parameters:,}", item.what) for item in self.left_out]
        if self.shared:
            tying = "the unembedding is the embedding, one matrix"
            rows.append(("−", "tying", f"{self.shared:,}", tying))
        else:
            rows.append(("", "tying", "0", "the unembedding is a matrix of its own"))
        return _sum(rows, ("", "the module", f"{self.parameters:,}", "parameters"), number=2)

    def render(self) -> str:
        """Return the ledger as one text."""
        return "\n".join(self.lines())


def ledger(config: TransformerConfig, model: str | None = None) -> Ledger:
    """Return the ledger of a config; `model` is the name that stands above it.

    The module is built on the meta device: no memory is taken, whatever the size.
    """
    with torch.device("meta"):
        module = Transformer(config)
    parameters = sum(parameter.numel() for parameter in module.parameters())
    return Ledger(
        model=model or config.family,
        family=config.family,
        rows=tuple(_rows(config)),
        left_out=tuple(_left_out(config, module)),
        shared=config.vocab_size * config.width if config.tied else 0,
        parameters=parameters,
        flops_per_token=training_flops_per_token(config),
    )


def ledger_of(name_or_folder: str) -> Ledger:
    """Return the ledger of a preset or of a Hugging Face folder (its config.json is enough).

    Raises `UsageError` where there is neither.
    """
    if name_or_folder in PRESETS:
        return ledger(preset(name_or_folder), name_or_folder)
    folder = Path(name_or_folder)
    if folder.is_dir():
        return ledger(read_config(folder), name_or_folder)
    raise UsageError(
        f"{name_or_folder!r} is neither a preset nor a folder",
        where="ledger",
        fix=nearest(name_or_folder, PRESETS),
    )


def multiplied_weights(config: TransformerConfig) -> int:
    """Return the number of weights that every token is multiplied with, the head included."""
    multiplied = sum(row.weights for row in _rows(config) if row.name != "Embedding")
    return multiplied + (config.width**2 if config.head == "transform" else 0)


def training_flops_per_token(config: TransformerConfig) -> int:
    """Return the floating-point operations that training spends on one token of a full context.

    Six for each weight that multiplies (two forward, four backward; the embedding is a look-up),
    and twelve for each head's width and each key in sight. The masked half of causal attention
    is counted, as is the custom. Source: Chowdhery et al. 2022, PaLM, appendix B.
    """
    windows = config.attention_windows or (0,) * config.layers
    in_sight = sum(min(config.context, 2 * w + 1) if w else config.context for w in windows)
    return 6 * multiplied_weights(config) + 12 * config.heads * config.head_width * in_sight


def _rows(config: TransformerConfig) -> Iterator[Row]:
    """Yield the table's lines in their usual order."""
    embed, vocab = ("d_embed", config.width), ("n_vocab", config.vocab_size)
    heads, layers = ("n_heads", config.heads), ("n_layers", config.layers)
    shared = heads if config.kv_heads == config.heads else ("n_kv_heads", config.kv_heads)
    query = ("d_query", config.head_width)  # a value is as wide as a query in every family
    neurons = ("n_neurons", config.mlp_width)
    per_query, per_shared = config.heads * config.layers, config.kv_heads * config.layers
    yield Row("Embedding", (embed, vocab), 1)
    yield Row("Key", (query, embed, shared, layers), per_shared)
    yield Row("Query", (query, embed, heads, layers), per_query)
    yield Row("Value", (query, embed, shared, layers), per_shared)
    yield Row("Output", (embed, query, heads, layers), config.layers)
    yield Row("Up-projection", (neurons, embed, layers), config.layers)
    if config.gated:
        yield Row("Gate", (neurons, embed, layers), config.layers)
    yield Row("Down-projection", (embed, neurons, layers), config.layers)
    yield Row("Unembedding", (vocab, embed), 1)


def _left_out(config: TransformerConfig, module: Transformer) -> Iterator[LeftOut]:
    """Yield what the module has beside the table's matrices, counted from its parameters."""
    counts: dict[str, int] = {}
    for name, parameter in module.named_parameters():
        kind = _kind(name, parameter.ndim)
        counts[kind] = counts.get(kind, 0) + parameter.numel()
    described = {
        "positions": f"{config.context:,} × {config.width:,} (n_context × d_embed)",
        "token types": f"{config.token_types:,} × {config.width:,} (n_types × d_embed)",
        "head transform": f"{config.width:,} × {config.width:,} (d_embed × d_embed)",
        "biases": "one for each output of a map that has them",
        "norms": "their scales, and shifts where they have them",
    }
    for kind, what in described.items():
        if counts.get(kind):
            yield LeftOut(kind, counts[kind], what)


def _kind(name: str, dimensions: int) -> str:
    if dimensions < 2:
        return "norms" if "norm" in name else "biases"
    for prefix, kind in (
        ("position_embedding.", "positions"),
        ("token_type_embedding.", "token types"),
        ("head.transform.", "head transform"),
    ):
        if name.startswith(prefix):
            return kind
    return "in the table"


def _sum(rows: Sequence[tuple[str, ...]], total: tuple[str, ...], number: int) -> list[str]:
    """Return rows and their total, ruled off, in columns; column `number` is flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, total, strict=True)]
    rule = tuple("─" * widths[i] if i == number else "" for i in range(len(widths)))
    return [
        "  ".join(
            cell.rjust(width) if i == number else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (*rows, rule, total)
    ]


def _size(count: int) -> str:
    for scale, unit in ((1e9, "GB"), (1e6, "MB")):
        if count >= scale:
            return f"{count / scale:,.2f} {unit}"
    return f"{count / 1e3:,.1f} kB"
