"""Using a trained model: sampling, beam search, streaming, filling in, answers of a closed set."""

from __future__ import annotations

from lexome.generation.answers import AnswerDistribution, Question, answer_distribution
from lexome.generation.beams import Beam, beam_search
from lexome.generation.decoder import Decoder, computing_in
from lexome.generation.engine import Generated, generate
from lexome.generation.fill import MASK, Candidate, Filled, fill, fill_gap
from lexome.generation.rows import Finish
from lexome.generation.settings import Settings
from lexome.generation.writer import Written, write

__all__ = [
    "MASK",
    "AnswerDistribution",
    "Beam",
    "Candidate",
    "Decoder",
    "Filled",
    "Finish",
    "Generated",
    "Question",
    "Settings",
    "Written",
    "answer_distribution",
    "beam_search",
    "computing_in",
    "fill",
    "fill_gap",
    "generate",
    "write",
]
