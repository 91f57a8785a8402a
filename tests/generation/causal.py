"""Small causal models with weights that matter, as `transformers` and as lexome have them."""

from __future__ import annotations

from typing import Any

import torch
import transformers

from lexome.model import Transformer, families

VOCABULARY, CONTEXT = 61, 48

_ROTARY = {
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "max_position_embeddings": CONTEXT,
}
SHAPES: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2": ("gpt2", {"n_embd": 48, "n_layer": 3, "n_head": 4, "n_positions": CONTEXT}),
    "llama": ("llama", _ROTARY),
    "llama-grouped-biased": (
        "llama",
        {**_ROTARY, "num_key_value_heads": 2, "attention_bias": True, "mlp_bias": True},
    ),
    "llama-tied": ("llama", {**_ROTARY, "tie_word_embeddings": True}),
    "qwen3": ("qwen3", {**_ROTARY, "num_key_value_heads": 2, "head_dim": 12}),
    "nanochat": ("nanochat", {**_ROTARY, "num_key_value_heads": 2}),
}


def pair(name: str) -> tuple[Any, Transformer]:
    """Return the same model twice: made by `transformers`, and ours with its weights."""
    family, keys = SHAPES[name]
    config = transformers.AutoConfig.for_model(family, vocab_size=VOCABULARY, **keys)
    config.pad_token_id = config.bos_token_id = config.eos_token_id = None
    theirs = transformers.AutoModelForCausalLM.from_config(config).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in theirs.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(noise * 0.2 + (1.0 if parameter.ndim == 1 else 0.0))
    known = families.get(family)
    model = Transformer(known.from_hf(theirs.config.to_dict()))
    model.load_state_dict(known.unpack(model.config, theirs.state_dict(), name), strict=False)
    return theirs, model


def model_of(name: str) -> Transformer:
    """Return ours alone."""
    return pair(name)[1]


def alone(model: Transformer, prompt: list[int], steps: int) -> list[int]:
    """Return the greedy continuation without any cache: the whole text anew for each token."""
    ids = list(prompt)
    with torch.no_grad():
        for _ in range(steps):
            ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
    return ids[len(prompt) :]
