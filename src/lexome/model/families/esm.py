"""ESM-2: a bidirectional model of proteins, layer norms before each block, rotary positions.

Masked inputs are zero, and the others are scaled by the share that is left (`token_dropout`).
Source: Lin et al. 2023, Evolutionary-scale prediction of atomic-level protein structure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lexome.errors import DamagedFileError, LexomeError
from lexome.languages.base import SpecialTokens
from lexome.model.config import TransformerConfig
from lexome.model.families.base import Family
from lexome.model.families.options import Options
from lexome.model.families.tensors import Entry, modern_norm_names, module

_LAYER = "esm.encoder.layer.{layer}"
_INVERSE_FREQUENCIES = "attention.self.rotary_embeddings.inv_freq"
# Releases of ESM-2 kept their rotary frequencies in fp16, which rounds by up to 2^-11.
_HALF_ROUNDING = 1e-3
_PAD = 1


class Esm(Family):
    """`EsmForMaskedLM` with rotary positions, without its contact head: no logit depends on it."""

    name = "esm"
    architecture = "EsmForMaskedLM"
    attention = "bidirectional"
    tied = True
    embedding_tensor = "esm.embeddings.word_embeddings.weight"
    unembedding_tensor = "lm_head.decoder.weight"
    outside = (
        r"esm\.contact_head\..*",
        r"esm\.pooler\..*",
        r".*\.inv_freq",
        r"esm\.embeddings\.(position_ids|position_embeddings\.weight)",
    )
    harmless = frozenset({"esmfold_config", "vocab_list"})
    table = (
        Entry("esm.embeddings.word_embeddings.weight", ("embedding.weight",)),
        *module("esm.embeddings.layer_norm", "embedding_norm"),
        *module(f"{_LAYER}.attention.LayerNorm", "layers.{layer}.attention_norm"),
        *module(f"{_LAYER}.attention.self.query", "layers.{layer}.attention.query"),
        *module(f"{_LAYER}.attention.self.key", "layers.{layer}.attention.key"),
        *module(f"{_LAYER}.attention.self.value", "layers.{layer}.attention.value"),
        *module(f"{_LAYER}.attention.output.dense", "layers.{layer}.attention.output"),
        *module(f"{_LAYER}.LayerNorm", "layers.{layer}.mlp_norm"),
        *module(f"{_LAYER}.intermediate.dense", "layers.{layer}.mlp.up"),
        *module(f"{_LAYER}.output.dense", "layers.{layer}.mlp.down"),
        *module("esm.encoder.emb_layer_norm_after", "final_norm"),
        *module("lm_head.dense", "head.transform"),
        *module("lm_head.layer_norm", "head.norm"),
        Entry("lm_head.decoder.weight", ("head.unembedding.weight",)),
        Entry("lm_head.bias", ("head.unembedding.bias",)),
    )

    def usual_mlp_width(self, width: int) -> int:
        return 4 * width

    def usual(self, layers: int) -> dict[str, Any]:
        return {**self._fixed(), "norm_eps": 1e-5, "rotary_base": 10_000.0}

    def _fixed(self) -> dict[str, Any]:
        return {
            "norm": "layer",
            "mlp": "gelu",
            "qkv_bias": True,
            "projection_bias": True,
            "mlp_bias": True,
            "head": "transform",
            "head_bias": True,
        }

    def hf_shape(self, config: TransformerConfig) -> dict[str, Any]:
        return {
            "vocab_size": config.vocab_size,
            "max_position_embeddings": config.context,
            "hidden_size": config.width,
            "num_hidden_layers": config.layers,
            "num_attention_heads": config.heads,
            "intermediate_size": config.mlp_width,
            "layer_norm_eps": config.norm_eps,
            "position_embedding_type": "rotary",
            "rope_theta": config.rotary_base,
            "emb_layer_norm_before": config.embedding_norm,
            "token_dropout": config.mask_dropout_token is not None,
            "mask_token_id": config.mask_dropout_token,
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
        }

    def token_ids(
        self, config: TransformerConfig, special: SpecialTokens | None
    ) -> dict[str, int | None]:
        ids = super().token_ids(config, special)
        mask = config.mask_dropout_token
        if special and mask is not None and special.mask != mask:
            raise LexomeError(
                f"the model drops token {mask} as masked, the tokenizer masks with {special.mask}",
                where="model.mask_dropout_token",
                fix="use the tokenizer that the model was trained with",
            )
        # transformers derives position numbers from the padding id, so it must be a number.
        pad = special.pad if special else min(_PAD, config.vocab_size - 1)
        return {**ids, "pad_token_id": pad, "mask_token_id": special.mask if special else mask}

    def read(self, options: Options) -> dict[str, Any]:
        width, heads = options.size("hidden_size"), options.size("num_attention_heads")
        options.choice("position_embedding_type", "absolute", {"rotary": None})
        for key in ("is_folding_model", "is_decoder", "add_cross_attention"):
            options.require(key, False, None)
        dropped = None
        if options.flag("token_dropout", False):
            dropped = options.token("mask_token_id")
            if dropped is None:
                options.refuse("mask_token_id", None, "token_dropout needs the mask token's id")
        read = {
            **self._fixed(),
            "vocab_size": options.size("vocab_size"),
            "context": options.size("max_position_embeddings"),
            "layers": options.size("num_hidden_layers"),
            "width": width,
            "heads": heads,
            "kv_heads": heads,
            "head_width": options.head_width(width, heads),
            "mlp_width": options.size("intermediate_size"),
            "norm_eps": options.number("layer_norm_eps", 1e-12),
            "rotary_base": options.number("rope_theta", 10_000.0),
            "embedding_norm": options.flag("emb_layer_norm_before", False),
            "mask_dropout_token": dropped,
        }
        options.require("hidden_act", "gelu", None)
        return read

    def rename(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        # transformers 5 saves this family's norms under the names that TensorFlow used.
        return modern_norm_names(tensors)

    def unpack(
        self, config: TransformerConfig, tensors: Mapping[str, Tensor], where: str
    ) -> dict[str, Tensor]:
        expected = _inverse_frequencies(config)
        for name, stored in tensors.items():
            if not name.endswith("inv_freq"):
                continue
            same = stored.shape == expected.shape and torch.allclose(
                stored.float(), expected, rtol=_HALF_ROUNDING, atol=0.0
            )
            if not same:
                raise DamagedFileError(
                    f"{name} holds other rotary frequencies than rope_theta gives",
                    where=where,
                    fix="use the config.json and the weights that were saved together",
                )
        return super().unpack(config, tensors, where)

    def beside(self, config: TransformerConfig) -> dict[str, Tensor]:
        """Return the rotary frequencies, and a contact head that knows nothing: all zeros."""
        layers = [_LAYER.format(layer=layer) for layer in range(config.layers)]
        frequencies = _inverse_frequencies(config)
        return {
            **{f"{layer}.{_INVERSE_FREQUENCIES}": frequencies.clone() for layer in layers},
            "esm.contact_head.regression.weight": torch.zeros(1, config.layers * config.heads),
            "esm.contact_head.regression.bias": torch.zeros(1),
        }


def _inverse_frequencies(config: TransformerConfig) -> Tensor:
    exponents = torch.arange(0, config.head_width, 2).float() / config.head_width
    return 1.0 / config.rotary_base**exponents
