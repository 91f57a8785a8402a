"""What a corpus says: suffix arrays over its token shards count and find any span of tokens."""

from __future__ import annotations

from lexome.corpus.index.build import SHARD_TOKENS, build_memory
from lexome.corpus.index.index import CorpusIndex, Span
from lexome.corpus.index.places import Place

__all__ = ["SHARD_TOKENS", "CorpusIndex", "Place", "Span", "build_memory"]
