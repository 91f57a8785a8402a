"""Small models of every family, made by `transformers` and by lexome, with weights that matter."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn

from lexome.model import Transformer, families
from lexome.model.config import TransformerConfig

VOCABULARY, LAYERS, WIDTH, HEADS, CONTEXT = 61, 4, 48, 4, 96
EPS = 1e-3  # so large that a norm with another epsilon would show


@dataclass(frozen=True)
class Peer:
    """One variant of a family: the keys of its `config.json` and our options that mean the same."""

    family: str
    theirs: dict[str, Any] = field(default_factory=dict)
    ours: dict[str, Any] = field(default_factory=dict)

    @property
    def causal(self) -> bool:
        return families.get(self.family).attention == "causal"

    @property
    def auto_class(self) -> Any:
        causal, masked = transformers.AutoModelForCausalLM, transformers.AutoModelForMaskedLM
        return causal if self.causal else masked

    def hf_model(self, seed: int = 0) -> Any:
        """Return a model that `transformers` made, in evaluation mode."""
        keys = {**_SHAPES[self.family], **_EPS[self.family], **self.theirs}
        config = transformers.AutoConfig.for_model(self.family, **keys)
        model = self.auto_class.from_config(config, attn_implementation="eager")
        scatter(model, seed)
        return model.eval()

    def config(self) -> TransformerConfig:
        """Return our config of the same model."""
        options = {"norm_eps": EPS, **_OURS.get(self.family, {}), **self.ours}
        return families.get(self.family).config(
            VOCABULARY, CONTEXT, LAYERS, WIDTH, HEADS, **options
        )

    def model(self, seed: int = 0) -> Transformer:
        """Return our model."""
        model = Transformer(self.config())
        scatter(model, seed)
        return model


@torch.no_grad()
def scatter(model: nn.Module, seed: int) -> None:
    """Fill a model with weights that are far from any usual start: every one changes the logits."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.ndim > 1:
            deviation = 0.3 if "emb" in name or "wte" in name else 1.2 / parameter.shape[-1] ** 0.5
            parameter.copy_(deviation * noise)
        elif name.lower().endswith("weight"):
            parameter.copy_(1 + 0.3 * noise)
        else:
            parameter.copy_(0.3 * noise)


def tokens(length: int, rows: int = 2, seed: int = 1) -> Tensor:
    """Return random ids [rows, length] without those that a family treats in its own way."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(4, VOCABULARY, (rows, length), generator=generator)


def edit(folder: Path, **keys: Any) -> None:
    """Set keys of a folder's config.json."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))


_LLAMA_SHAPE = {
    "vocab_size": VOCABULARY,
    "max_position_embeddings": CONTEXT,
    "hidden_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "intermediate_size": 80,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
_SHAPES: dict[str, dict[str, Any]] = {
    "gpt2": {
        "vocab_size": VOCABULARY,
        "n_positions": CONTEXT,
        "n_embd": WIDTH,
        "n_layer": LAYERS,
        "n_head": HEADS,
        "bos_token_id": 1,
        "eos_token_id": 2,
    },
    "llama": _LLAMA_SHAPE,
    "qwen3": {**_LLAMA_SHAPE, "head_dim": 16},
    "nanochat": _LLAMA_SHAPE,
    # Windows of 8 to each side, much shorter than the sequences of the tests.
    "modernbert": {**_LLAMA_SHAPE, "local_attention": 16, "cls_token_id": 1, "sep_token_id": 2},
    "esm": {**_LLAMA_SHAPE, "position_embedding_type": "rotary", "mask_token_id": 3},
    "bert": {**_LLAMA_SHAPE, "type_vocab_size": 2},
}
_EPS: dict[str, dict[str, float]] = {
    "gpt2": {"layer_norm_epsilon": EPS},
    "llama": {"rms_norm_eps": EPS},
    "qwen3": {"rms_norm_eps": EPS},
    "nanochat": {"rms_norm_eps": EPS},
    "modernbert": {"norm_eps": EPS},
    "esm": {"layer_norm_eps": EPS},
    "bert": {"layer_norm_eps": EPS},
}
_WINDOWS = (0, 8, 8, 0)
_OURS: dict[str, dict[str, Any]] = {
    "llama": {"mlp_width": 80},
    "qwen3": {"mlp_width": 80, "head_width": 16},
    "nanochat": {"mlp_width": 80},
    "modernbert": {"mlp_width": 80, "attention_windows": _WINDOWS},
    "esm": {"mlp_width": 80},
    "bert": {"mlp_width": 80},
}
_ALL_BIASES = {"qkv_bias": True, "projection_bias": True, "mlp_bias": True}

PEERS: dict[str, Peer] = {
    "gpt2-tied": Peer("gpt2"),
    "gpt2-untied": Peer(
        "gpt2",
        {"tie_word_embeddings": False, "n_inner": 80, "activation_function": "gelu"},
        {"tied": False, "mlp_width": 80, "mlp": "gelu"},
    ),
    "gpt2-relu2": Peer("gpt2", {"activation_function": "relu2"}, {"mlp": "relu_squared"}),
    "llama-tied": Peer("llama", {"tie_word_embeddings": True}, {"tied": True}),
    "llama-untied-grouped": Peer("llama", {"num_key_value_heads": 2}, {"kv_heads": 2}),
    "llama-biases": Peer(
        "llama",
        {
            "attention_bias": True,
            "mlp_bias": True,
            "num_key_value_heads": 1,
            "head_dim": 8,
            "hidden_act": "gelu",
            "rope_parameters": {"rope_type": "default", "rope_theta": 500_000.0},
        },
        {
            **_ALL_BIASES,
            "kv_heads": 1,
            "head_width": 8,
            "mlp": "geglu",
            "rotary_base": 500_000.0,
        },
    ),
    "qwen3-tied-grouped": Peer(
        "qwen3",
        {"tie_word_embeddings": True, "num_key_value_heads": 2},
        {"tied": True, "kv_heads": 2},
    ),
    "qwen3-untied": Peer(
        "qwen3",
        {"num_key_value_heads": 4, "attention_bias": True},
        {"qkv_bias": True, "projection_bias": True},
    ),
    "nanochat-untied": Peer("nanochat"),
    "nanochat-tied-grouped": Peer(
        "nanochat",
        {"tie_word_embeddings": True, "num_key_value_heads": 2, "attention_bias": True},
        {"tied": True, "kv_heads": 2, "qkv_bias": True, "projection_bias": True},
    ),
    "nanochat-uncapped": Peer(
        "nanochat",
        {"final_logit_softcapping": None, "head_dim": 16, "hidden_act": "gelu"},
        {"logit_softcap": None, "head_width": 16, "mlp": "gelu"},
    ),
    "modernbert-tied": Peer("modernbert"),
    "modernbert-untied-biases": Peer(
        "modernbert",
        {
            "tie_word_embeddings": False,
            "attention_bias": True,
            "mlp_bias": True,
            "norm_bias": True,
            "classifier_bias": True,
        },
        {
            **_ALL_BIASES,
            "tied": False,
            "norm": "layer",
            "head_norm": "layer",
            "head_transform_bias": True,
        },
    ),
    "modernbert-global": Peer(
        "modernbert",
        {"layer_types": ["full_attention"] * LAYERS, "decoder_bias": False},
        {"attention_windows": (), "local_rotary_base": None, "head_bias": False},
    ),
    "esm-tied-dropout": Peer("esm", {"token_dropout": True}, {"mask_dropout_token": 3}),
    "esm-untied": Peer(
        "esm",
        {"tie_word_embeddings": False, "emb_layer_norm_before": True, "rope_theta": 5_000.0},
        {"tied": False, "embedding_norm": True, "rotary_base": 5_000.0},
    ),
    "bert-tied": Peer("bert"),
    "bert-untied": Peer("bert", {"tie_word_embeddings": False}, {"tied": False}),
}
