"""The Hugging Face families that the Transformer can express, by name."""

from __future__ import annotations

from lexome.errors import UsageError, nearest
from lexome.model.families.base import Family
from lexome.model.families.bert import Bert
from lexome.model.families.esm import Esm
from lexome.model.families.gpt2 import GPT2
from lexome.model.families.llama import Llama, Qwen3
from lexome.model.families.modernbert import ModernBert
from lexome.model.families.nanochat import NanoChat

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (GPT2(), Llama(), Qwen3(), NanoChat(), ModernBert(), Esm(), Bert())
}


def get(name: str) -> Family:
    """Return a family by its Hugging Face `model_type`; an unknown one is a `UsageError`."""
    if name not in FAMILIES:
        raise UsageError(
            f"no model family is called {name!r}",
            where="model.family",
            fix=nearest(name, FAMILIES),
        )
    return FAMILIES[name]


__all__ = ["FAMILIES", "Family", "get"]
