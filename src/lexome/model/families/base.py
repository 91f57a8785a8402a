"""What a family is: a shape with usual options, a `config.json`, and a table of weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from lexome.errors import DamagedFileError, LexomeError
from lexome.languages.base import SpecialTokens
from lexome.model.config import TransformerConfig
from lexome.model.families.options import Options
from lexome.model.families.tensors import Entry, pack, unpack
from lexome.model.transformer import Transformer


class Family(ABC):
    """One Hugging Face family that the Transformer can express.

    `outside` are patterns of tensors that such a folder may hold beside the language model
    (poolers, next-sentence heads, buffers): they change no logit and are left out on loading.
    `harmless` are keys of `config.json` that change no logit.
    """

    name: ClassVar[str]
    architecture: ClassVar[str]
    attention: ClassVar[Literal["causal", "bidirectional"]]
    tied: ClassVar[bool]
    embedding_tensor: ClassVar[str]
    unembedding_tensor: ClassVar[str]
    table: ClassVar[Sequence[Entry]]
    outside: ClassVar[Sequence[str]] = ()
    harmless: ClassVar[frozenset[str]] = frozenset()

    def config(
        self,
        vocab_size: int,
        context: int,
        layers: int,
        width: int,
        heads: int,
        *,
        kv_heads: int | None = None,
        mlp_width: int | None = None,
        head_width: int | None = None,
        tied: bool | None = None,
        **options: Any,
    ) -> TransformerConfig:
        """Return a shape with the family's usual options; `options` are `TransformerConfig`'s.

        Raises `LexomeError` if the family cannot express what is asked.
        """
        if head_width is None and width % heads:
            raise LexomeError(
                f"a width of {width} does not divide into {heads} heads",
                where="model.heads",
                fix="choose a width that is a multiple of the number of heads",
            )
        usual: dict[str, Any] = {
            "family": self.name,
            "vocab_size": vocab_size,
            "context": context,
            "layers": layers,
            "width": width,
            "heads": heads,
            "kv_heads": kv_heads or heads,
            "head_width": head_width or width // heads,
            "mlp_width": mlp_width or self.usual_mlp_width(width),
            "attention": self.attention,
            "tied": self.tied if tied is None else tied,
        }
        known = {field.name for field in fields(TransformerConfig)}
        if unknown := sorted(set(options) - known):
            raise LexomeError(
                f"the Transformer has no option {unknown[0]!r}",
                where=f"model.{unknown[0]}",
                fix=f"the options are {', '.join(sorted(known - set(usual)))}",
            )
        config = TransformerConfig(**{**usual, **self.usual(layers), **options})
        self.check(config)
        return config

    def check(self, config: TransformerConfig) -> None:
        """Raise `LexomeError` unless a folder of this family gives `config` back unchanged."""
        again = self.from_hf(self._hf_options(config), where="model")
        for field in fields(TransformerConfig):
            wanted, found = getattr(config, field.name), getattr(again, field.name)
            if wanted != found:
                raise LexomeError(
                    f"the family {self.name} cannot express {field.name} = {wanted!r} here, "
                    f"only {found!r}",
                    where=f"model.{field.name}",
                    fix=f"set {field.name} to {found!r}, or choose another family",
                )

    def to_hf(
        self, config: TransformerConfig, special: SpecialTokens | None = None
    ) -> dict[str, Any]:
        """Return a complete `config.json` for `transformers`; dropout is zero, as in our model."""
        self.check(config)
        return {
            "architectures": [self.architecture],
            "model_type": self.name,
            "dtype": "float32",
            **self._hf_options(config),
            **self.token_ids(config, special),
        }

    def _hf_options(self, config: TransformerConfig) -> dict[str, Any]:
        return {
            **self.hf_shape(config),
            "tie_word_embeddings": config.tied,
            "initializer_range": config.initializer_range,
        }

    def token_ids(
        self, config: TransformerConfig, special: SpecialTokens | None
    ) -> dict[str, int | None]:
        """Return the ids of special tokens as the family's `config.json` names them."""
        return {
            "bos_token_id": special.begin if special else None,
            "eos_token_id": special.end if special else None,
            "pad_token_id": special.pad if special else None,
        }

    def pack(self, model: Transformer, dtype: torch.dtype) -> dict[str, Tensor]:
        """Return the tensors of `model.safetensors` on the CPU; a tied matrix is there once."""
        parameters = {
            name: parameter.detach().to("cpu", dtype)
            for name, parameter in model.named_parameters()
        }
        return pack(self.table, parameters, model.config.layers) | self.beside(model.config)

    def unpack(
        self, config: TransformerConfig, tensors: Mapping[str, Tensor], where: str
    ) -> dict[str, Tensor]:
        """Return our parameters from the tensors of a folder; see `tensors.unpack`."""
        with torch.device("meta"):
            shapes = {name: p.shape for name, p in Transformer(config).named_parameters()}
        table = list(self.table)
        if config.tied:
            table = [self._with_tied_copy(entry) for entry in table]
        return unpack(table, self.rename(tensors), shapes, config.layers, self.outside, where)

    def _with_tied_copy(self, entry: Entry) -> Entry:
        if entry.theirs != self.embedding_tensor:
            return entry
        return Entry(entry.theirs, entry.ours, copies=(self.unembedding_tensor,))

    def rename(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Return tensors under today's names: older releases wrote some of them differently."""
        return tensors

    def beside(self, config: TransformerConfig) -> dict[str, Tensor]:
        """Return tensors that `transformers` expects beside the language model."""
        return {}

    @abstractmethod
    def usual_mlp_width(self, width: int) -> int:
        """Return the family's usual feed-forward width."""

    @abstractmethod
    def usual(self, layers: int) -> dict[str, Any]:
        """Return the family's usual options for `TransformerConfig`."""

    @abstractmethod
    def hf_shape(self, config: TransformerConfig) -> dict[str, Any]:
        """Return what decides the logits, as keys of the family's `config.json`."""

    @abstractmethod
    def read(self, options: Options) -> dict[str, Any]:
        """Return the `TransformerConfig` options that a `config.json` of the family says."""

    def from_hf(self, values: Mapping[str, Any], where: str = "config.json") -> TransformerConfig:
        """Return the config that a `config.json` describes.

        Raises `LexomeError` naming the first key that the Transformer cannot express.
        """
        options = Options(values, where)
        read = {
            "family": self.name,
            "attention": self.attention,
            "tied": options.flag("tie_word_embeddings", self.tied),
            "initializer_range": options.number("initializer_range", 0.02),
            **self.read(options),
        }
        options.close(self.harmless)
        try:
            return TransformerConfig(**read)
        except LexomeError as error:
            # The shape is at odds with itself: the file is to be named, not an argument.
            raise DamagedFileError(error.what, where=where, fix=error.fix) from error
