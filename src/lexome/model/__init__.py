"""One Transformer, its presets, its ledger, its adapters, and the way to and from folders."""

from __future__ import annotations

from lexome.model.adapter_folder import load_adapter, save_adapter
from lexome.model.adapters import (
    METHODS,
    TARGETS,
    Method,
    attach,
    merged,
    trained_parameters,
    trained_share,
)
from lexome.model.config import TransformerConfig
from lexome.model.folder import load_model, read_config, save_model
from lexome.model.growth import grown
from lexome.model.ledger import Ledger, ledger_of
from lexome.model.presets import PRESETS, Preset, depth, preset
from lexome.model.transformer import Transformer

__all__ = [
    "METHODS",
    "PRESETS",
    "TARGETS",
    "Ledger",
    "Method",
    "Preset",
    "Transformer",
    "TransformerConfig",
    "attach",
    "depth",
    "grown",
    "ledger_of",
    "load_adapter",
    "load_model",
    "merged",
    "preset",
    "read_config",
    "save_adapter",
    "save_model",
    "trained_parameters",
    "trained_share",
]
