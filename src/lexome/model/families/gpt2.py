"""GPT-2: learned positions, layer norms before each block, biases everywhere, tied matrices.

Source: Radford et al. 2019, Language Models are Unsupervised Multitask Learners.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from lexome.model.config import TransformerConfig
from lexome.model.families.base import Family
from lexome.model.families.options import Options
from lexome.model.families.tensors import Entry, module

_ACTIVATIONS = {
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu": "gelu",
    "relu2": "relu_squared",
}
_NAMES = {"gelu_tanh": "gelu_new", "gelu": "gelu", "relu_squared": "relu2"}
_LAYER = "transformer.h.{layer}"


class GPT2(Family):
    """`GPT2LMHeadModel`; its linear maps are stored transposed, with Q, K and V in one."""

    name = "gpt2"
    architecture = "GPT2LMHeadModel"
    attention = "causal"
    tied = True
    embedding_tensor = "transformer.wte.weight"
    unembedding_tensor = "lm_head.weight"
    outside = (r"transformer\.h\.\d+\.attn\.(bias|masked_bias)",)
    harmless = frozenset(
        (
            "n_ctx",
            "resid_pdrop",
            "embd_pdrop",
            "attn_pdrop",
            "reorder_and_upcast_attn",
            "summary_type",
            "summary_use_proj",
            "summary_activation",
            "summary_proj_to_labels",
            "summary_first_dropout",
        )
    )
    table = (
        Entry("transformer.wte.weight", ("embedding.weight",)),
        Entry("transformer.wpe.weight", ("position_embedding.weight",)),
        *module(f"{_LAYER}.ln_1", "layers.{layer}.attention_norm"),
        *module(
            f"{_LAYER}.attn.c_attn",
            "layers.{layer}.attention.query",
            "layers.{layer}.attention.key",
            "layers.{layer}.attention.value",
            transposed=True,
        ),
        *module(f"{_LAYER}.attn.c_proj", "layers.{layer}.attention.output", transposed=True),
        *module(f"{_LAYER}.ln_2", "layers.{layer}.mlp_norm"),
        *module(f"{_LAYER}.mlp.c_fc", "layers.{layer}.mlp.up", transposed=True),
        *module(f"{_LAYER}.mlp.c_proj", "layers.{layer}.mlp.down", transposed=True),
        *module("transformer.ln_f", "final_norm"),
        Entry("lm_head.weight", ("head.unembedding.weight",)),
    )

    def usual_mlp_width(self, width: int) -> int:
        return 4 * width

    def usual(self, layers: int) -> dict[str, Any]:
        return {
            "positions": "learned",
            "norm": "layer",
            "norm_eps": 1e-5,
            "mlp": "gelu_tanh",
            "qkv_bias": True,
            "projection_bias": True,
            "mlp_bias": True,
        }

    def hf_shape(self, config: TransformerConfig) -> dict[str, Any]:
        return {
            "vocab_size": config.vocab_size,
            "n_positions": config.context,
            "n_embd": config.width,
            "n_layer": config.layers,
            "n_head": config.heads,
            "n_inner": config.mlp_width,
            "activation_function": _NAMES.get(config.mlp, config.mlp),
            "layer_norm_epsilon": config.norm_eps,
            "resid_pdrop": 0.0,
            "embd_pdrop": 0.0,
            "attn_pdrop": 0.0,
        }

    def read(self, options: Options) -> dict[str, Any]:
        width, heads = options.size("n_embd"), options.size("n_head")
        options.require("scale_attn_weights", True)
        options.require("scale_attn_by_inverse_layer_idx", False, None)
        options.require("add_cross_attention", False, None)
        read = {
            **self.usual(1),
            "vocab_size": options.size("vocab_size"),
            "context": options.size("n_positions"),
            "layers": options.size("n_layer"),
            "width": width,
            "heads": heads,
            "kv_heads": heads,
            "head_width": options.head_width(width, heads),
            "mlp_width": options.size("n_inner", self.usual_mlp_width(width)),
            "mlp": options.choice("activation_function", "gelu_new", _ACTIVATIONS),
            "norm_eps": options.number("layer_norm_epsilon", 1e-5),
        }
        return read

    def rename(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        # OpenAI's own releases were saved without the head, so without its prefix.
        if any(name.startswith("transformer.") for name in tensors):
            return tensors
        heads = ("lm_head.",)
        return {
            name if name.startswith(heads) else f"transformer.{name}": tensor
            for name, tensor in tensors.items()
        }
