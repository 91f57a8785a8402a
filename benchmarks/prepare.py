"""How fast `lexome.corpus.prepare` is beside the raw `tokenizers`, and how much memory it takes.

    python benchmarks/prepare.py --size-mb 64 --rounds 3
    python benchmarks/prepare.py --memory

The first measures, in turns within one run, the time of the whole of `prepare` (reading,
splitting, encoding, writing, checksums, the leak check) with a tokenizer that exists, and the time
of `tokenizers.Tokenizer.encode_batch` alone over the same documents, which lie in memory, on the
same cores. The second prepares 2 GB (half of it one text file that is one document, half
of it JSON lines) and samples the resident memory of all the processes together.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import tokenizers

from lexome import corpus
from lexome.corpus import PrepareObserver, PrepareRequest, Progress

_BATCH = 1000


def paragraphs(size: int, seed: int) -> Iterator[str]:
    """Yield `size` bytes of made-up prose: words as frequent as Zipf's law says, in sentences."""
    generator = np.random.default_rng(seed)
    letters = np.array(list("etaoinshrdlcumwfgypbvk"))
    lengths = generator.integers(2, 11, 30_000)
    words = np.array(["".join(generator.choice(letters, length)) for length in lengths])
    odds = 1 / np.arange(2, len(words) + 2)
    cumulative = np.cumsum(odds / odds.sum())
    while size > 0:
        chosen = words[np.searchsorted(cumulative, generator.random(300))].tolist()
        for place in generator.integers(0, len(chosen), 30).tolist():
            chosen[place] = chosen[place].capitalize() + ","
        text = " ".join(chosen) + "."
        size -= len(text) + 2
        yield text


def write_text(path: Path, size: int, seed: int) -> None:
    """Write paragraphs with an empty line between two, so that each may be a document."""
    with path.open("w") as stream:
        for text in paragraphs(size, seed):
            stream.write(text + "\n\n")


def write_json_lines(path: Path, size: int, seed: int) -> None:
    """Write paragraphs as JSON lines."""
    with path.open("w") as stream:
        for text in paragraphs(size, seed):
            stream.write(json.dumps({"text": text}) + "\n")


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds that `work` takes, and the processor seconds, children included."""
    start, used = time.perf_counter(), os.times()
    work()
    after = os.times()
    return time.perf_counter() - start, sum(after[:4]) - sum(used[:4])


def speed(size_mb: int, rounds: int, vocab_size: int) -> dict[str, object]:
    """Return both throughputs and their ratio, measured in turns.

    The ratio of processor seconds is the one to trust where other programs are running.
    """
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "source.txt"
        write_text(source, size_mb * 10**6, seed=1)
        options = {"separator": "blank_line"}
        trained = folder / "trained"
        corpus.prepare(
            PrepareRequest([source], "text", options, tokenizer="bpe", vocab_size=vocab_size),
            trained,
        )
        raw = tokenizers.Tokenizer.from_file(str(trained / "tokenizer" / "tokenizer.json"))
        documents = source.read_text().strip().split("\n\n")
        megabytes = source.stat().st_size / 1e6
        ours: list[tuple[float, float]] = []
        theirs: list[tuple[float, float]] = []

        def encode() -> None:
            for start in range(0, len(documents), _BATCH):
                raw.encode_batch(documents[start : start + _BATCH], add_special_tokens=False)

        for number in range(rounds):
            request = PrepareRequest(
                [source], "text", options, tokenizer_folder=trained / "tokenizer"
            )
            theirs.append(timed(encode))
            ours.append(timed(partial(corpus.prepare, request, folder / f"corpus{number}")))
    return {
        "cores": len(os.sched_getaffinity(0)),
        "load_before": round(load, 2),
        "megabytes": round(megabytes, 1),
        "prepare_mb_per_s": [round(megabytes / wall, 2) for wall, _ in ours],
        "encode_batch_mb_per_s": [round(megabytes / wall, 2) for wall, _ in theirs],
        "ratio": _spread([other[0] / mine[0] for mine, other in zip(ours, theirs, strict=True)]),
        "ratio_of_processor_seconds": _spread(
            [other[1] / mine[1] for mine, other in zip(ours, theirs, strict=True)]
        ),
    }


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 3),
        "lowest": round(min(values), 3),
        "highest": round(max(values), 3),
    }


class _Printed(PrepareObserver):
    def __init__(self) -> None:
        self._told = 0.0

    def advanced(self, progress: Progress) -> None:
        if time.monotonic() - self._told > 5 or progress.done == progress.total:
            self._told = time.monotonic()
            print(f"{progress.stage}: {progress.done:,} of {progress.total:,}", file=sys.stderr)


def prepare_apart(folder: Path) -> None:
    """Prepare what lies in `folder`: the process whose memory is watched."""
    request = PrepareRequest([folder / "in"], "text", tokenizer="bpe", vocab_size=8192)
    corpus.prepare(request, folder / "corpus", observer=_Printed())


def memory(size_mb: int) -> dict[str, object]:
    """Return the largest sum of resident memory over the process and all that it started."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        write_text(folder / "in" / "one.txt", size_mb * 10**6 // 2, seed=1)
        write_json_lines(folder / "in" / "many.jsonl", size_mb * 10**6 // 2, seed=2)
        size = sum(path.stat().st_size for path in (folder / "in").iterdir())
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, __file__, "--apart", name])
        peaks = {"sum": 0, "one": 0, "processes": 0}
        watcher = threading.Thread(target=_watch, args=(process, peaks))
        watcher.start()
        status = process.wait()
        watcher.join()
        seconds = time.perf_counter() - start
        if status:
            raise SystemExit(f"prepare failed with status {status}")
        manifest = corpus.Corpus.open(folder / "corpus", verify=True).manifest
    return {
        "megabytes": round(size / 1e6, 1),
        "units": manifest.train.units + manifest.valid.units,
        "documents": manifest.train.documents + manifest.valid.documents,
        "seconds": round(seconds, 1),
        "processes": peaks["processes"],
        "peak_rss_sum_mb": round(peaks["sum"] / 1e6, 1),
        "peak_rss_one_mb": round(peaks["one"] / 1e6, 1),
    }


def _watch(process: subprocess.Popen[bytes], peaks: dict[str, int]) -> None:
    parent = psutil.Process(process.pid)
    while process.poll() is None:
        sizes = []
        try:
            for member in (parent, *parent.children(recursive=True)):
                sizes.append(member.memory_info().rss)
        except psutil.NoSuchProcess:
            pass
        if sizes:
            peaks["sum"] = max(peaks["sum"], sum(sizes))
            peaks["one"] = max(peaks["one"], *sizes)
            peaks["processes"] = max(peaks["processes"], len(sizes))
        time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--size-mb", type=int, help="size of the input (64; 2000 with --memory)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--vocab-size", type=int, default=8192)
    parser.add_argument("--memory", action="store_true", help="measure memory instead of speed")
    parser.add_argument("--apart", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.apart:
        prepare_apart(arguments.apart)
    elif arguments.memory:
        print(json.dumps(memory(arguments.size_mb or 2000), indent=2))
    else:
        result = speed(arguments.size_mb or 64, arguments.rounds, arguments.vocab_size)
        print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
