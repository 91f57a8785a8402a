"""Llama and its kin: rotary positions, RMS norms, gated feed-forward blocks, grouped queries.

Sources: Touvron et al. 2023, Dubey et al. 2024 (Llama); Yang et al. 2025 (Qwen3, which adds norms
of queries and keys and a head width of its own).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from lexome.model.config import TransformerConfig
from lexome.model.families.base import Family
from lexome.model.families.options import Options
from lexome.model.families.tensors import Entry, module

_ACTIVATIONS = {"silu": "swiglu", "gelu": "geglu"}
_NAMES = {"swiglu": "silu", "geglu": "gelu"}
_LAYER = "model.layers.{layer}"

_SHARED_TABLE = (
    Entry("model.embed_tokens.weight", ("embedding.weight",)),
    *module(f"{_LAYER}.input_layernorm", "layers.{layer}.attention_norm"),
    *module(f"{_LAYER}.self_attn.q_proj", "layers.{layer}.attention.query"),
    *module(f"{_LAYER}.self_attn.k_proj", "layers.{layer}.attention.key"),
    *module(f"{_LAYER}.self_attn.v_proj", "layers.{layer}.attention.value"),
    *module(f"{_LAYER}.self_attn.o_proj", "layers.{layer}.attention.output"),
    *module(f"{_LAYER}.post_attention_layernorm", "layers.{layer}.mlp_norm"),
    *module(f"{_LAYER}.mlp.gate_proj", "layers.{layer}.mlp.gate"),
    *module(f"{_LAYER}.mlp.up_proj", "layers.{layer}.mlp.up"),
    *module(f"{_LAYER}.mlp.down_proj", "layers.{layer}.mlp.down"),
    *module("model.norm", "final_norm"),
    Entry("lm_head.weight", ("head.unembedding.weight",)),
)


class Llama(Family):
    """`LlamaForCausalLM`."""

    name = "llama"
    architecture = "LlamaForCausalLM"
    attention = "causal"
    tied = False
    embedding_tensor = "model.embed_tokens.weight"
    unembedding_tensor = "lm_head.weight"
    table: ClassVar[Sequence[Entry]] = _SHARED_TABLE
    outside = (r".*\.rotary_emb\.inv_freq",)
    harmless = frozenset({"pretraining_tp"})

    def usual_mlp_width(self, width: int) -> int:
        return -(-8 * width // 3 // 64) * 64

    def usual(self, layers: int) -> dict[str, Any]:
        return {"norm": "rms", "norm_eps": 1e-5, "mlp": "swiglu", "rotary_base": 10_000.0}

    def hf_shape(self, config: TransformerConfig) -> dict[str, Any]:
        return {
            **self.hf_shared(config),
            "attention_bias": config.qkv_bias,
            "mlp_bias": config.mlp_bias,
        }

    def hf_shared(self, config: TransformerConfig) -> dict[str, Any]:
        """Return the keys that Llama and Qwen3 have in common."""
        return {
            "vocab_size": config.vocab_size,
            "max_position_embeddings": config.context,
            "hidden_size": config.width,
            "num_hidden_layers": config.layers,
            "num_attention_heads": config.heads,
            "num_key_value_heads": config.kv_heads,
            "head_dim": config.head_width,
            "intermediate_size": config.mlp_width,
            "hidden_act": _NAMES.get(config.mlp, config.mlp),
            "rms_norm_eps": config.norm_eps,
            "rope_parameters": {"rope_type": "default", "rope_theta": config.rotary_base},
            "attention_dropout": 0.0,
        }

    def read(self, options: Options) -> dict[str, Any]:
        read = self.read_shared(options, kv_heads=None, head_width=None)
        read["mlp_bias"] = options.flag("mlp_bias", False)
        # transformers refuses such a Llama even where head_dim says the width of a head.
        options.head_width(read["width"], read["heads"])
        return read

    def read_shared(
        self, options: Options, kv_heads: int | None, head_width: int | None
    ) -> dict[str, Any]:
        """Return the options that Llama and Qwen3 have in common, with their own defaults."""
        width, heads = options.size("hidden_size"), options.size("num_attention_heads")
        bias = options.flag("attention_bias", False)
        return {
            "norm": "rms",
            "vocab_size": options.size("vocab_size"),
            "context": options.size("max_position_embeddings"),
            "layers": options.size("num_hidden_layers"),
            "width": width,
            "heads": heads,
            "kv_heads": options.size("num_key_value_heads", kv_heads or heads),
            "head_width": options.size("head_dim", head_width or max(1, width // heads)),
            "mlp_width": options.size("intermediate_size"),
            "mlp": options.choice("hidden_act", "silu", _ACTIVATIONS),
            "norm_eps": options.number("rms_norm_eps", 1e-6),
            "rotary_base": options.rotary_base(),
            "qkv_bias": bias,
            "projection_bias": bias,
        }


class Qwen3(Llama):
    """`Qwen3ForCausalLM`: Llama with norms of queries and keys before the rotation."""

    name = "qwen3"
    architecture = "Qwen3ForCausalLM"
    harmless = frozenset({"sliding_window", "max_window_layers"})
    table = (
        *_SHARED_TABLE,
        Entry(f"{_LAYER}.self_attn.q_norm.weight", ("layers.{layer}.attention.query_norm.weight",)),
        Entry(f"{_LAYER}.self_attn.k_norm.weight", ("layers.{layer}.attention.key_norm.weight",)),
    )

    def usual_mlp_width(self, width: int) -> int:
        return 3 * width

    def usual(self, layers: int) -> dict[str, Any]:
        return {
            "norm": "rms",
            "norm_eps": 1e-6,
            "mlp": "swiglu",
            "rotary_base": 10_000.0,
            "qk_norm": "before_rotary",
        }

    def hf_shape(self, config: TransformerConfig) -> dict[str, Any]:
        return {
            **self.hf_shared(config),
            "attention_bias": config.qkv_bias,
            "use_sliding_window": False,
        }

    def read(self, options: Options) -> dict[str, Any]:
        read = self.read_shared(options, kv_heads=None, head_width=128)
        read["qk_norm"] = "before_rotary"
        options.require("use_sliding_window", False, None)
        for kind in options.names("layer_types") or ():
            if kind != "full_attention":
                options.refuse("layer_types", kind, "it knows full attention in this family")
        return read
