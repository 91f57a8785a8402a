"""The scores of a mixture, part by part: bits per byte and bits per note have no common mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from lexome.corpus import Corpus
from lexome.corpus.manifest import MixedPart
from lexome.corpus.shards import TokenStream
from lexome.errors import LexomeError
from lexome.evaluation.likelihood import Likelihood


class ScoreStream(Protocol):
    """Scores a stream of the mixture's tokens."""

    def __call__(self, stream: TokenStream) -> Likelihood: ...


class ScoreBaselines(Protocol):
    """Scores the baselines of a corpus on its validation split."""

    def __call__(self, corpus: Corpus) -> list[dict[str, Any]]: ...


def score_parts(
    corpus: Corpus, score: ScoreStream, baselines: ScoreBaselines | None
) -> list[dict[str, Any]]:
    """Return what evaluation.json says of each part of a mixture's validation split.

    The baselines of a part are fitted on the corpus that it came from; where that is gone, or
    another one now, `note` says so.
    """
    found = []
    for part in corpus.manifest.parts:
        stream = corpus.stream("valid").part(part.valid_start, part.valid_stop)
        known = score(stream)
        line: dict[str, Any] = {
            "name": Path(part.corpus).name,
            "language": part.language,
            "unit": part.unit,
            "units": known.units,
            "tokens": known.tokens,
            "bits_per_unit": known.bits_per_unit,
            "standard_error": known.standard_error,
            "baselines": [],
        }
        if baselines is not None:
            try:
                line["baselines"] = baselines(_source(part))
            except LexomeError as error:
                line["note"] = f"no baselines: {error.what} ({error.where})"
        found.append(line)
    return found


def _source(part: MixedPart) -> Corpus:
    corpus = Corpus.open(Path(part.corpus))
    if corpus.fingerprint != part.fingerprint:
        raise LexomeError("this corpus has changed since it was mixed", where=part.corpus)
    return corpus
