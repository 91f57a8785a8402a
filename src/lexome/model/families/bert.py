"""BERT: a bidirectional model with norms after each block, learned positions and token types.

Only the language model is expressed: the pooler and the next-sentence head are left out.
Source: Devlin et al. 2018.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from lexome.model.config import TransformerConfig
from lexome.model.families.base import Family
from lexome.model.families.options import Options
from lexome.model.families.tensors import Entry, modern_norm_names, module

_LAYER = "bert.encoder.layer.{layer}"
_HEAD = "cls.predictions"


class Bert(Family):
    """`BertForMaskedLM`."""

    name = "bert"
    architecture = "BertForMaskedLM"
    attention = "bidirectional"
    tied = True
    embedding_tensor = "bert.embeddings.word_embeddings.weight"
    unembedding_tensor = f"{_HEAD}.decoder.weight"
    outside = (
        r"bert\.pooler\..*",
        r"cls\.seq_relationship\..*",
        r"bert\.embeddings\.(position_ids|token_type_ids)",
    )
    harmless = frozenset(
        (
            "directionality",
            "pooler_fc_size",
            "pooler_num_attention_heads",
            "pooler_num_fc_layers",
            "pooler_size_per_head",
            "pooler_type",
        )
    )
    table = (
        Entry("bert.embeddings.word_embeddings.weight", ("embedding.weight",)),
        Entry("bert.embeddings.position_embeddings.weight", ("position_embedding.weight",)),
        Entry("bert.embeddings.token_type_embeddings.weight", ("token_type_embedding.weight",)),
        *module("bert.embeddings.LayerNorm", "embedding_norm"),
        *module(f"{_LAYER}.attention.self.query", "layers.{layer}.attention.query"),
        *module(f"{_LAYER}.attention.self.key", "layers.{layer}.attention.key"),
        *module(f"{_LAYER}.attention.self.value", "layers.{layer}.attention.value"),
        *module(f"{_LAYER}.attention.output.dense", "layers.{layer}.attention.output"),
        *module(f"{_LAYER}.attention.output.LayerNorm", "layers.{layer}.attention_norm"),
        *module(f"{_LAYER}.intermediate.dense", "layers.{layer}.mlp.up"),
        *module(f"{_LAYER}.output.dense", "layers.{layer}.mlp.down"),
        *module(f"{_LAYER}.output.LayerNorm", "layers.{layer}.mlp_norm"),
        *module(f"{_HEAD}.transform.dense", "head.transform"),
        *module(f"{_HEAD}.transform.LayerNorm", "head.norm"),
        Entry(f"{_HEAD}.decoder.weight", ("head.unembedding.weight",)),
        Entry(f"{_HEAD}.decoder.bias", ("head.unembedding.bias",), copies=(f"{_HEAD}.bias",)),
    )

    def usual_mlp_width(self, width: int) -> int:
        return 4 * width

    def usual(self, layers: int) -> dict[str, Any]:
        return {**self._fixed(), "norm_eps": 1e-12, "mlp": "gelu", "token_types": 2}

    def _fixed(self) -> dict[str, Any]:
        return {
            "positions": "learned",
            "norm": "layer",
            "norm_order": "post",
            "embedding_norm": True,
            "final_norm": False,
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
            "type_vocab_size": config.token_types,
            "hidden_size": config.width,
            "num_hidden_layers": config.layers,
            "num_attention_heads": config.heads,
            "intermediate_size": config.mlp_width,
            "hidden_act": config.mlp,
            "layer_norm_eps": config.norm_eps,
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
        }

    def read(self, options: Options) -> dict[str, Any]:
        width, heads = options.size("hidden_size"), options.size("num_attention_heads")
        # The head's activation follows hidden_act too, and ours is the exact GELU.
        options.require("hidden_act", "gelu")
        options.require("position_embedding_type", "absolute", None)
        for key in ("is_decoder", "add_cross_attention"):
            options.require(key, False, None)
        read = {
            **self._fixed(),
            "vocab_size": options.size("vocab_size"),
            "context": options.size("max_position_embeddings"),
            "token_types": options.size("type_vocab_size", 2),
            "layers": options.size("num_hidden_layers"),
            "width": width,
            "heads": heads,
            "kv_heads": heads,
            "head_width": options.head_width(width, heads),
            "mlp_width": options.size("intermediate_size"),
            "mlp": "gelu",
            "norm_eps": options.number("layer_norm_eps", 1e-12),
        }
        return read

    def rename(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        # The first releases named the norms' parameters as TensorFlow did.
        return modern_norm_names(tensors)

    def unpack(
        self, config: TransformerConfig, tensors: Mapping[str, Tensor], where: str
    ) -> dict[str, Tensor]:
        # Untied, transformers keeps a second bias that no logit depends on.
        if not config.tied and f"{_HEAD}.decoder.bias" in tensors:
            tensors = {name: t for name, t in tensors.items() if name != f"{_HEAD}.bias"}
        return super().unpack(config, tensors, where)
