"""How much of a text stands in another that was cut into documents elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from lexome.corpus.ngrams import Hashes, Wanted, ngram_hashes
from lexome.evaluation.metrics.bootstrap import Bools, Floats

# Bytes that are searched at once.
_BLOCK = 1 << 20


def shares_read(texts: Sequence[str], read: Iterable[str], run: int) -> Floats:
    """Return of each text which share of its letters stands in what was `read`; [texts].

    A letter does where its whole line is one that was read, or where `run` letters in a row around
    it were, a power of two; letters are bytes in UTF-8 without white space. White space says
    nothing, nor where a document ends: what separates documents differs, and may be dropped with
    the border. A text without letters has a share of 0.
    """
    lines = [_lines(text) for text in texts]
    hashes = [_hashes(b"".join(own), run) for own in lines]
    wanted = Wanted(np.unique(np.concatenate([np.zeros(0, np.uint64), *hashes])))
    known_lines, known = _known(frozenset(one for own in lines for one in own), wanted, read, run)
    shares = np.zeros(len(texts))
    for number, (own, runs) in enumerate(zip(lines, hashes, strict=True)):
        if own:
            by_line = np.repeat([one in known_lines for one in own], [len(one) for one in own])
            by_run = _covered(known[wanted.hashes.searchsorted(runs)], len(by_line), run)
            shares[number] = (by_line | by_run).mean()
    return shares


def _known(
    lines: frozenset[bytes], wanted: Wanted, read: Iterable[str], run: int
) -> tuple[set[bytes], Bools]:
    """Return which of the lines, and which of the wanted runs, stand in what was read."""
    found, known = set[bytes](), np.zeros(len(wanted.hashes), np.bool_)

    def letters() -> Iterator[bytes]:
        for text in read:
            own = _lines(text)
            found.update(lines.intersection(own))
            yield from own

    for block in _blocks(letters(), run):
        indices, _ = wanted.among(_hashes(block, run))
        known[indices] = True
    return found, known


def _blocks(parts: Iterable[bytes], run: int) -> Iterator[bytes]:
    """Yield what the parts make up, in blocks that share all but one letter of a run."""
    waiting, size = list[bytes](), 0
    for part in parts:
        waiting.append(part)
        size += len(part)
        if size >= _BLOCK:
            whole = b"".join(waiting)
            yield whole
            waiting, size = [whole[-(run - 1) :]], run - 1
    yield b"".join(waiting)


def _lines(text: str) -> list[bytes]:
    """Return the lines of a text without white space; those of white space alone are left out."""
    bare = ("".join(line.split()) for line in text.splitlines())
    return [line.encode("utf-8", "surrogatepass") for line in bare if line]


def _hashes(letters: bytes, run: int) -> Hashes:
    if len(letters) < run:
        return np.zeros(0, np.uint64)
    return ngram_hashes(np.frombuffer(letters, np.uint8), run)


def _covered(begins: Bools, letters: int, run: int) -> Bools:
    """Return which letters lie in one of the runs that begin where `begins` says."""
    steps = np.zeros(letters + 1, np.int64)
    at = np.flatnonzero(begins)
    steps[at] += 1
    steps[at + run] -= 1
    return np.asarray(steps[:-1].cumsum() > 0)
