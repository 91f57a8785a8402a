"""From documents to token shards on disk, and from shards to batches."""

from __future__ import annotations

from lexome.corpus.batches import (
    Batch,
    Batches,
    BatchSource,
    EvaluationWindow,
    evaluation_windows,
)
from lexome.corpus.corpus import Corpus
from lexome.corpus.manifest import Manifest
from lexome.corpus.mix import mix
from lexome.corpus.packing import PackedBatches
from lexome.corpus.prepare import prepare
from lexome.corpus.request import PrepareObserver, PrepareRequest, Progress
from lexome.corpus.shards import TokenStream

__all__ = [
    "Batch",
    "BatchSource",
    "Batches",
    "Corpus",
    "EvaluationWindow",
    "Manifest",
    "PackedBatches",
    "PrepareObserver",
    "PrepareRequest",
    "Progress",
    "TokenStream",
    "evaluation_windows",
    "mix",
    "prepare",
]
