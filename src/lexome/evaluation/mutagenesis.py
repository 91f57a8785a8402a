"""In-silico mutagenesis: every substitution at every position, scored one by one."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lexome.errors import LexomeError, UsageError, nearest
from lexome.evaluation.progress import Progress
from lexome.evaluation.variants import Method, Score, score_variants
from lexome.languages.base import Document, Language, Skipped, Tokenizer
from lexome.languages.variants import Mutable, Substitution, Variant
from lexome.model.transformer import Transformer

_REGIONS = "write FILE, FILE:RECORD or FILE:RECORD:START-STOP, positions from 1"


@dataclass(frozen=True, slots=True)
class MutagenesisMap:
    """The scores of all substitutions of a stretch of a record, in nats.

    `scores` [symbols, positions] is 0 for the wild type and above 0 where the model finds the
    change likelier than it; `positions` [positions] are from 1, `wild_type` is the stretch itself,
    one symbol a position.
    """

    record: str
    symbols: str
    positions: npt.NDArray[np.int64]
    wild_type: str
    scores: npt.NDArray[np.float64]
    methods: tuple[Method, ...]


class Region(NamedTuple):
    """Positions `start` to `stop` (both in, from 1) of a record; `None`: the first one, its end."""

    path: Path
    record: str | None
    start: int = 1
    stop: int | None = None


def parse_region(text: str) -> Region:
    """Return the region that `FILE[:RECORD[:START-STOP]]` names, as samtools writes regions.

    Names of files and records may have colons. Raises `LexomeError` if there is no such file, and
    `UsageError` for a stretch that is none.
    """
    parts = text.split(":")
    known = [count for count in range(len(parts), 0, -1) if Path(":".join(parts[:count])).is_file()]
    if not known:
        raise LexomeError("no such file", where=text, fix=_REGIONS)
    path, names = Path(":".join(parts[: known[0]])), parts[known[0] :]
    span = re.fullmatch(r"([0-9,]+)-([0-9,]+)", names[-1]) if len(names) > 1 else None
    if span is None:
        return Region(path, ":".join(names) or None)
    start, stop = (int(number.replace(",", "")) for number in span.groups())
    if not 1 <= start <= stop:
        raise UsageError(f"{names[-1]!r} is no stretch of a record", where=text, fix=_REGIONS)
    return Region(path, ":".join(names[:-1]), start, stop)


def find_record(language: Language, region: Region) -> Document:
    """Return the record that a region names, or the piece of it that holds the stretch."""
    names: list[str] = []
    for document in mutable(language).records(region.path):
        if isinstance(document, Skipped):
            continue
        names.append(document.source.record)
        first = document.source.offset
        last = first + language.units(document)
        named = region.record in (None, document.source.record)
        if named and first < region.start and (region.stop or region.start) <= last:
            return document
    if region.record is None or region.record in names:
        what = f"the stretch {region.start}-{region.stop or ''} is not in the record"
        raise LexomeError(what, where=str(region.path), fix=_REGIONS)
    what = f"there is no record {region.record!r}"
    raise LexomeError(what, where=str(region.path), fix=f"{nearest(region.record, names)}")


def mutagenesis_map(
    model: Transformer,
    tokenizer: Tokenizer,
    language: Language,
    region: Region,
    *,
    flank: int,
    method: Method | None = None,
    both_strands: bool = True,
    progress: Progress | None = None,
) -> MutagenesisMap:
    """Return the map of a region; its options are those of `score_variants`.

    Raises `UsageError` for a language whose symbols do not replace each other.
    """
    document = find_record(language, region)
    first = region.start - 1 - document.source.offset
    last = language.units(document)
    if region.stop is not None:
        last = min(region.stop - document.source.offset, last)
    known = mutable(language)
    asked: deque[Substitution] = deque()

    def variants() -> Iterator[Variant]:
        for substitution in known.substitutions(document, first, last, flank=flank):
            asked.append(substitution)
            yield substitution.variant

    scores = np.zeros((len(known.symbols), last - first))
    wild_type = [""] * (last - first)
    methods: set[Method] = set()
    for score in score_variants(
        model, tokenizer, language, variants(), method=method, both_strands=both_strands
    ):
        assert isinstance(score, Score)
        substitution = asked.popleft()
        place = substitution.position - region.start
        scores[known.symbols.index(substitution.symbol), place] = score.nats
        wild_type[place] = substitution.wild_type
        methods.add(score.method)
        if progress is not None:
            progress(place + 1, last - first)
    positions = np.arange(region.start, region.start + last - first)
    return MutagenesisMap(
        document.source.record,
        known.symbols,
        positions,
        "".join(wild_type),
        scores,
        tuple(sorted(methods)),
    )


def mutable(language: Language) -> Mutable:
    """Return a language as one that knows variants; else raise `UsageError`."""
    if isinstance(language, Mutable):
        return language
    raise UsageError(
        f"{language.name} has no files of variants",
        where="the run's language",
        fix="score runs of dna or protein; `lexome evaluate` scores the others",
    )
