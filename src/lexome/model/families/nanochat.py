"""NanoChat: RMS norms without weights, also after the embedding and on rotated queries and keys.

Rotations run the other way round than in Llama, the feed-forward block is a squared ReLU, and the
logits are capped softly. Source: the nanochat project (Karpathy 2025).
"""

from __future__ import annotations

from typing import Any

from lexome.model.config import TransformerConfig
from lexome.model.families.base import Family
from lexome.model.families.options import Options
from lexome.model.families.tensors import Entry, module

_ACTIVATIONS = {"relu2": "relu_squared", "gelu": "gelu", "gelu_new": "gelu_tanh"}
_NAMES = {ours: theirs for theirs, ours in _ACTIVATIONS.items()}
_LAYER = "model.layers.{layer}"


class NanoChat(Family):
    """`NanoChatForCausalLM`."""

    name = "nanochat"
    architecture = "NanoChatForCausalLM"
    attention = "causal"
    tied = False
    embedding_tensor = "model.embed_tokens.weight"
    unembedding_tensor = "lm_head.weight"
    table = (
        Entry("model.embed_tokens.weight", ("embedding.weight",)),
        *module(f"{_LAYER}.self_attn.q_proj", "layers.{layer}.attention.query"),
        *module(f"{_LAYER}.self_attn.k_proj", "layers.{layer}.attention.key"),
        *module(f"{_LAYER}.self_attn.v_proj", "layers.{layer}.attention.value"),
        *module(f"{_LAYER}.self_attn.o_proj", "layers.{layer}.attention.output"),
        *module(f"{_LAYER}.mlp.fc1", "layers.{layer}.mlp.up"),
        *module(f"{_LAYER}.mlp.fc2", "layers.{layer}.mlp.down"),
        Entry("lm_head.weight", ("head.unembedding.weight",)),
    )

    def usual_mlp_width(self, width: int) -> int:
        return 4 * width

    def usual(self, layers: int) -> dict[str, Any]:
        return {
            **self._fixed(),
            "norm_eps": 1e-6,
            "mlp": "relu_squared",
            "rotary_base": 10_000.0,
            "logit_softcap": 15.0,
        }

    def _fixed(self) -> dict[str, Any]:
        return {
            "norm": "rms_plain",
            "embedding_norm": True,
            "rotary_reversed": True,
            "qk_norm": "after_rotary",
        }

    def hf_shape(self, config: TransformerConfig) -> dict[str, Any]:
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
            "final_logit_softcapping": config.logit_softcap,
            "attention_bias": config.qkv_bias,
            "attention_dropout": 0.0,
        }

    def read(self, options: Options) -> dict[str, Any]:
        width, heads = options.size("hidden_size"), options.size("num_attention_heads")
        bias = options.flag("attention_bias", False)
        capped = options.take("final_logit_softcapping", 15.0) is not None
        read = {
            **self._fixed(),
            "vocab_size": options.size("vocab_size"),
            "context": options.size("max_position_embeddings"),
            "layers": options.size("num_hidden_layers"),
            "width": width,
            "heads": heads,
            "kv_heads": options.size("num_key_value_heads", heads),
            "head_width": options.size("head_dim", max(1, width // heads)),
            "mlp_width": options.size("intermediate_size"),
            "mlp": options.choice("hidden_act", "relu2", _ACTIVATIONS),
            "norm_eps": options.number("rms_norm_eps", 1e-6),
            "rotary_base": options.rotary_base(),
            "logit_softcap": options.number("final_logit_softcapping", 15.0) if capped else None,
            "qkv_bias": bias,
            "projection_bias": bias,
        }
        return read
