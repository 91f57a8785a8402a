"""ModernBERT: a bidirectional model with local and global layers, each with its rotary base.

The first layer has no norm before its attention, the feed-forward block is gated by GELU, and a
dense layer with a norm stands before the unembedding. Source: Warner et al. 2024.
"""

from __future__ import annotations

from typing import Any

from lexome.model.config import TransformerConfig
from lexome.model.families.base import Family
from lexome.model.families.options import Options
from lexome.model.families.tensors import Entry, module

_LAYER = "model.layers.{layer}"
_GLOBAL_EVERY = 3
_GLOBAL_BASE, _LOCAL_BASE = 160_000.0, 10_000.0
_WINDOW = 64


class ModernBert(Family):
    """`ModernBertForMaskedLM`; Q, K and V are one matrix, and so are gate and up-projection."""

    name = "modernbert"
    architecture = "ModernBertForMaskedLM"
    attention = "bidirectional"
    tied = True
    embedding_tensor = "model.embeddings.tok_embeddings.weight"
    unembedding_tensor = "decoder.weight"
    outside = (r".*_inv_freq",)
    harmless = frozenset(
        (
            "initializer_cutoff_factor",
            "embedding_dropout",
            "mlp_dropout",
            "classifier_pooling",
            "deterministic_flash_attn",
            "reference_compile",
            "sparse_prediction",
            "sparse_pred_ignore_index",
            "repad_logits_with_grad",
            "position_embedding_type",
            "layer_norm_eps",
        )
    )
    table = (
        Entry("model.embeddings.tok_embeddings.weight", ("embedding.weight",)),
        *module("model.embeddings.norm", "embedding_norm"),
        *module(f"{_LAYER}.attn_norm", "layers.{layer}.attention_norm"),
        *module(
            f"{_LAYER}.attn.Wqkv",
            "layers.{layer}.attention.query",
            "layers.{layer}.attention.key",
            "layers.{layer}.attention.value",
        ),
        *module(f"{_LAYER}.attn.Wo", "layers.{layer}.attention.output"),
        *module(f"{_LAYER}.mlp_norm", "layers.{layer}.mlp_norm"),
        *module(f"{_LAYER}.mlp.Wi", "layers.{layer}.mlp.gate", "layers.{layer}.mlp.up"),
        *module(f"{_LAYER}.mlp.Wo", "layers.{layer}.mlp.down"),
        *module("model.final_norm", "final_norm"),
        *module("head.dense", "head.transform"),
        *module("head.norm", "head.norm"),
        *module("decoder", "head.unembedding"),
    )

    def usual_mlp_width(self, width: int) -> int:
        return 3 * width // 2

    def usual(self, layers: int) -> dict[str, Any]:
        windows = tuple(_WINDOW if layer % _GLOBAL_EVERY else 0 for layer in range(layers))
        local = any(windows)
        return {
            **self._fixed(),
            "norm": "layer_no_bias",
            "head_norm": "layer_no_bias",
            "norm_eps": 1e-5,
            "rotary_base": _GLOBAL_BASE,
            "local_rotary_base": _LOCAL_BASE if local else None,
            "attention_windows": windows if local else (),
            "head_transform_bias": False,
            "head_bias": True,
        }

    def _fixed(self) -> dict[str, Any]:
        return {
            "embedding_norm": True,
            "first_attention_norm": False,
            "mlp": "geglu",
            "head": "transform",
        }

    def hf_shape(self, config: TransformerConfig) -> dict[str, Any]:
        windows = config.attention_windows or (0,) * config.layers
        return {
            "vocab_size": config.vocab_size,
            "max_position_embeddings": config.context,
            "hidden_size": config.width,
            "num_hidden_layers": config.layers,
            "num_attention_heads": config.heads,
            "intermediate_size": config.mlp_width,
            "hidden_activation": "gelu",
            "classifier_activation": "gelu",
            "norm_eps": config.norm_eps,
            "norm_bias": config.norm == "layer",
            "attention_bias": config.qkv_bias,
            "mlp_bias": config.mlp_bias,
            "classifier_bias": config.head_transform_bias,
            "decoder_bias": config.head_bias,
            "local_attention": 2 * (max(windows) or _WINDOW),
            "layer_types": ["sliding_attention" if w else "full_attention" for w in windows],
            "rope_parameters": {
                "full_attention": {"rope_type": "default", "rope_theta": config.rotary_base},
                "sliding_attention": {
                    "rope_type": "default",
                    "rope_theta": config.local_rotary_base or _LOCAL_BASE,
                },
            },
            "attention_dropout": 0.0,
            "embedding_dropout": 0.0,
            "mlp_dropout": 0.0,
        }

    def token_ids(self, config: TransformerConfig, special: Any) -> dict[str, int | None]:
        ids = super().token_ids(config, special)
        return {**ids, "cls_token_id": ids["bos_token_id"], "sep_token_id": ids["eos_token_id"]}

    def read(self, options: Options) -> dict[str, Any]:
        width, heads = options.size("hidden_size"), options.size("num_attention_heads")
        layers = options.size("num_hidden_layers")
        norm = "layer" if options.flag("norm_bias", False) else "layer_no_bias"
        bias = options.flag("attention_bias", False)
        options.require("hidden_activation", "gelu")
        options.require("classifier_activation", "gelu")
        read = {
            **self._fixed(),
            "vocab_size": options.size("vocab_size"),
            "context": options.size("max_position_embeddings"),
            "layers": layers,
            "width": width,
            "heads": heads,
            "kv_heads": heads,
            "head_width": options.head_width(width, heads),
            "mlp_width": options.size("intermediate_size"),
            "norm": norm,
            "head_norm": norm,
            "norm_eps": options.number("norm_eps", 1e-5),
            "qkv_bias": bias,
            "projection_bias": bias,
            "mlp_bias": options.flag("mlp_bias", False),
            "head_transform_bias": options.flag("classifier_bias", False),
            "head_bias": options.flag("decoder_bias", True),
            **self._read_windows(options, layers),
        }
        return read

    def _read_windows(self, options: Options, layers: int) -> dict[str, Any]:
        window = options.size("local_attention", 2 * _WINDOW) // 2
        every = options.size("global_attn_every_n_layers", _GLOBAL_EVERY)
        usual = ["sliding_attention" if i % every else "full_attention" for i in range(layers)]
        kinds = options.names("layer_types") or usual
        for kind in kinds:
            if kind not in ("full_attention", "sliding_attention"):
                options.refuse("layer_types", kind, "it knows full and sliding attention")
        rotations = options.table("rope_parameters")
        global_base = options.number("global_rope_theta", _GLOBAL_BASE)
        local_base = options.number("local_rope_theta", _LOCAL_BASE)
        options.require("rope_scaling", None)
        full = options.plain_rotation(
            "rope_parameters.full_attention", rotations.get("full_attention"), global_base
        )
        sliding = options.plain_rotation(
            "rope_parameters.sliding_attention", rotations.get("sliding_attention"), local_base
        )
        local = "sliding_attention" in kinds
        windows = tuple(window if kind == "sliding_attention" else 0 for kind in kinds)
        return {
            "rotary_base": full,
            "local_rotary_base": sliding if local else None,
            "attention_windows": windows if local else (),
        }
