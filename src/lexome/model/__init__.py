"""One Transformer, its presets and its ledger, and the way to and from Hugging Face folders."""

from __future__ import annotations

from lexome.model.config import TransformerConfig
from lexome.model.folder import load_model, read_config, save_model
from lexome.model.ledger import Ledger, ledger_of
from lexome.model.presets import PRESETS, Preset, depth, preset
from lexome.model.transformer import Transformer

__all__ = [
    "PRESETS",
    "Ledger",
    "Preset",
    "Transformer",
    "TransformerConfig",
    "depth",
    "ledger_of",
    "load_model",
    "preset",
    "read_config",
    "save_model",
]
