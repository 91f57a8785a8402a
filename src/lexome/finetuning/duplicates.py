"""Examples that stand on both sides of a split, counted over what the model reads of them.

A lossy tokenizer makes examples equal that are written otherwise: two recordings of one code, two
numbers of one step. To the model they are one example, so they count, but another remedy helps.
"""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

from lexome.corpus import Corpus
from lexome.corpus.manifest import TRAIN, VALID
from lexome.errors import LexomeError
from lexome.languages.base import Skipped
from lexome.languages.pair import Pair
from lexome.languages.pair.language import as_bytes
from lexome.languages.pair.turns import Turns


def refuse_duplicates(corpus: Corpus) -> None:
    """Raise `LexomeError` if held-out examples are in training too, and say in which way."""
    leak = corpus.manifest.leak
    if not (count := leak.exact_duplicates):
        return
    first = f", the first: {leak.examples[0].source}" if leak.examples else ""
    written = equal_as_written(corpus)
    remedies = ["take them out of one side"] if written else []
    if written < count:
        remedies.append(
            "let the model read more of them (--source-tokenizer, --source-option), "
            "keep those that are alike on one side (--group)"
        )
    raise LexomeError(
        f"{count} held-out examples are also in training{first}; {written} of them are written "
        f"alike, {count - written} are alike only in the tokens that the model reads",
        where=str(corpus.folder),
        fix=f"{', '.join(remedies)}, or say --duplicates keep to score with them",
    )


def equal_as_written(corpus: Corpus) -> int:
    """Return how many held-out examples say, as they are read, what one of training says.

    The files are read again: a corpus keeps tokens alone.
    """
    pair = corpus.language
    assert isinstance(pair, Pair)
    sides = {
        (row["file"], row["record"], row["line"], row["offset"]): split
        for split in (TRAIN, VALID)
        for row in corpus.rows(split)
        if not row["augmented"]
    }
    found: dict[str, list[bytes]] = {TRAIN: [], VALID: []}
    for file in dict.fromkeys(file for file, *_ in sides):
        for entry in pair.read(Path(file)):
            if isinstance(entry, Skipped):
                continue
            source = entry.source
            place = (source.file, source.record, source.line, source.offset)
            if (side := sides.get(place)) is not None:
                found[side].append(_digest(entry.content))
    known = set(found[TRAIN])
    return sum(one in known for one in found[VALID])


def _digest(turns: Turns) -> bytes:
    digest = blake2b(digest_size=16)
    for turn in turns:
        digest.update(turn.role.encode() + b"\0" + as_bytes(turn.content) + b"\0")
    return digest.digest()
