"""From the token shards of a corpus to its index: one suffix array after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lexome.corpus.corpus import Corpus
from lexome.corpus.index.prefixes import Prefixes, prefix_length
from lexome.corpus.index.record import FOLDER, IndexRecord, IndexShard, record_path
from lexome.corpus.index.suffixes import divsufsort, memory, most_tokens, suffix_array
from lexome.corpus.manifest import TRAIN
from lexome.corpus.shards import TokenStream, write_shard
from lexome.errors import UsageError
from lexome.files import naming

SHARD_TOKENS = 1 << 28
LONGEST = 1 << 16
_CHUNK = 1 << 22

# Called with the tokens that are done and those of the whole split.
Told = Callable[[int, int], None]


def build(
    corpus: Corpus,
    split: str = TRAIN,
    *,
    shard_tokens: int = SHARD_TOKENS,
    longest: int = LONGEST,
    told: Told | None = None,
) -> IndexRecord:
    """Write the index of a split beside the corpus's shards, in place of one that is there.

    At most `shard_tokens` tokens are sorted at once, with `longest` more that the last spans
    among them end in; `build_memory` says what that takes. What is written is 4 to 4.5 bytes a
    token. A run that is stopped leaves no index, and a corpus that is as it was.

    Raises `UsageError` for parts without tokens, and `LexomeError` if pydivsufsort is missing, if
    memory does not suffice, or if the folder cannot be written.
    """
    if shard_tokens < 1 or longest < 1:
        raise UsageError("an index needs at least one token in a part", where="--shard-tokens")
    stream = corpus.stream(split)
    divsufsort()  # where it is missing, the index that is there stays
    vocab_size = corpus.manifest.tokenizer.vocab_size
    step = min(shard_tokens, most_tokens(vocab_size) - longest)
    _clear(record_path(corpus, split).parent)
    shards = []
    for number, first in enumerate(range(0, len(stream), step)):
        size = min(step, len(stream) - first)
        shards.append(_shard(corpus, stream, number, first, size, longest))
        if told:
            told(first + size, len(stream))
    record = IndexRecord(
        split=split,
        fingerprint=corpus.fingerprint,
        tokenizer=corpus.manifest.tokenizer.sha256,
        documents=corpus.manifest.documents.sha256,
        tokens=len(stream),
        vocab_size=vocab_size,
        longest=longest,
        shards=tuple(shards),
    )
    record.write(corpus)
    return record


def build_memory(corpus: Corpus, split: str = TRAIN, shard_tokens: int = SHARD_TOKENS) -> int:
    """Return the bytes of memory that building the index of a split takes at most, about."""
    vocab_size = corpus.manifest.tokenizer.vocab_size
    tokens = min(shard_tokens + LONGEST, len(corpus.stream(split)))
    return memory(tokens, vocab_size)


def _shard(
    corpus: Corpus, stream: TokenStream, number: int, first: int, size: int, longest: int
) -> IndexShard:
    vocab_size = corpus.manifest.tokenizer.vocab_size
    # A span that begins in this part may end behind it.
    stop = min(len(stream), first + size + longest)

    def chunks() -> Iterator[npt.NDArray[np.int64]]:
        for start in range(first, stop, _CHUNK):
            yield stream.read(start, min(stop, start + _CHUNK))

    length = prefix_length(size, vocab_size, longest)
    prefixes = Prefixes.count(stream, first, size, vocab_size, length)
    name = f"{FOLDER}/{stream.split}/{{}}-{number:05d}.npy"
    return IndexShard(
        first=first,
        prefix_length=length,
        prefixes=write_shard(corpus.folder, name.format("prefixes"), prefixes.starts),
        order=write_shard(
            corpus.folder, name.format("order"), suffix_array(chunks, vocab_size, size)
        ),
    )


def _clear(folder: Path) -> None:
    """Remove an index, its record first, and what a run that was killed left of one."""
    with naming(folder):
        if not folder.is_dir():
            return
        for path in (*folder.glob("*.json"), *folder.glob("*.npy"), *folder.glob(".*.part")):
            path.unlink()
