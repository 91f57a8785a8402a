"""How fast a corpus is indexed, and how long it takes to trace a text in it.

    python benchmarks/trace.py --tokens 20000000 --tokenizer bytes
    python benchmarks/trace.py --corpus corpus/letters

Prints a line of JSON: tokens a second of the whole build (in a process of its own, whose peak of
resident memory is given), bytes a token on disk, and the milliseconds that the maximal spans of
500 tokens take when the index is in memory, median and highest over texts: held-out ones, and
as many tokens as they stand in train. Beside wall time stands the processor's: it is the one to
trust where other programs are running.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lexome.corpus import Corpus, PrepareRequest, prepare
from lexome.corpus.index import SHARD_TOKENS, CorpusIndex
from prepare import write_text
from running import say

# About so many bytes of prose stand for a token.
_BYTES = {"bytes": 1.0, "bpe": 4.3}
_TEXT, _TEXTS = 500, 21


def synthetic(folder: Path, tokens: int, tokenizer: str) -> Path:
    """Prepare a corpus of made-up prose, of about so many tokens."""
    write_text(folder / "prose.txt", int(tokens * _BYTES[tokenizer]), seed=1)
    vocab_size = 8192 if tokenizer == "bpe" else None
    request = PrepareRequest(
        [folder / "prose.txt"],
        "text",
        {"separator": "blank_line"},
        tokenizer=tokenizer,
        vocab_size=vocab_size,
        validation=0.02,
    )
    return prepare(request, folder / "corpus").folder


def build(folder: Path, shard_tokens: int) -> None:
    """Build the index: the process that is measured."""
    start, used = time.perf_counter(), time.process_time()
    CorpusIndex.build(Corpus.open(folder), shard_tokens=shard_tokens)
    row = {
        "seconds": time.perf_counter() - start,
        "processor_seconds": time.process_time() - used,
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
    }
    print(json.dumps(row))


def texts(corpus: Corpus, split: str) -> list[np.ndarray]:
    """Return runs of 500 tokens from all over a split."""
    stream = corpus.stream(split)
    starts = np.linspace(0, len(stream) - _TEXT - 1, _TEXTS).astype(int).tolist()
    return [stream.read(start, start + _TEXT) for start in starts]


def milliseconds(index: CorpusIndex, asked: Sequence[np.ndarray]) -> dict[str, float]:
    """Return how long the spans of each text take, once they have been looked for before."""
    wall, used = [], []
    for text in asked:
        index.spans(text)
        start, start_used = time.perf_counter(), time.process_time()
        index.spans(text)
        wall.append(1e3 * (time.perf_counter() - start))
        used.append(1e3 * (time.process_time() - start_used))
    return {
        "median": round(statistics.median(wall), 1),
        "highest": round(max(wall), 1),
        "median_processor": round(statistics.median(used), 1),
        "highest_processor": round(max(used), 1),
    }


def measure(folder: Path, shard_tokens: int) -> None:
    """Build, ask, and print."""
    command = [sys.executable, __file__, "--build", str(folder), "--shard-tokens"]
    done = subprocess.run([*command, str(shard_tokens)], stdout=subprocess.PIPE, check=True)
    built = json.loads(done.stdout)
    corpus = Corpus.open(folder)
    index = CorpusIndex.open(corpus)
    tokens = index.record.tokens
    say(
        benchmark="trace",
        tokens=tokens,
        tokenizer=corpus.manifest.tokenizer.kind,
        vocab_size=corpus.manifest.tokenizer.vocab_size,
        shards=len(index.record.shards),
        tokens_per_s=round(tokens / built["seconds"]),
        tokens_per_processor_s=round(tokens / built["processor_seconds"]),
        bytes_per_token=round(index.record.bytes / tokens, 3),
        peak_rss_mb=built["peak_rss_mb"],
        held_out_ms=milliseconds(index, texts(corpus, "valid")),
        copied_ms=milliseconds(index, texts(corpus, "train")),
        load=round(os.getloadavg()[0], 2),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--tokens", type=int, default=100_000_000)
    parser.add_argument("--tokenizer", choices=sorted(_BYTES), default="bpe")
    parser.add_argument("--corpus", type=Path, help="a corpus that exists; its index is replaced")
    parser.add_argument("--shard-tokens", type=int, default=SHARD_TOKENS)
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.build:
        build(arguments.build, arguments.shard_tokens)
    elif arguments.corpus:
        measure(arguments.corpus, arguments.shard_tokens)
    else:
        with tempfile.TemporaryDirectory() as name:
            folder = synthetic(Path(name), arguments.tokens, arguments.tokenizer)
            measure(folder, arguments.shard_tokens)


if __name__ == "__main__":
    main()
