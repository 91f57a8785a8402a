"""Using a trained model: sampling, the key-value cache, streaming, filling in."""

from __future__ import annotations

from lexome.generation.decoder import Decoder, computing_in
from lexome.generation.engine import Finish, Generated, generate
from lexome.generation.fill import MASK, Candidate, Filled, fill, fill_gap
from lexome.generation.settings import Settings
from lexome.generation.writer import Written, write

__all__ = [
    "MASK",
    "Candidate",
    "Decoder",
    "Filled",
    "Finish",
    "Generated",
    "Settings",
    "Written",
    "computing_in",
    "fill",
    "fill_gap",
    "generate",
    "write",
]
