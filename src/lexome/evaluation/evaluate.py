"""The evaluation of a run: its likelihood beside the simple baselines, on the same data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from lexome.corpus import Corpus
from lexome.corpus.manifest import TRAIN, VALID
from lexome.corpus.shards import TokenStream
from lexome.evaluation.likelihood import (
    POSITIONS,
    Likelihood,
    default_stride,
    likelihood,
    pseudo_likelihood,
)
from lexome.evaluation.parts import score_parts
from lexome.evaluation.progress import Told
from lexome.evaluation.strands import READINGS, averaged, mirrored_stream
from lexome.files import sha256, write_json
from lexome.languages.base import (
    Baseline,
    Document,
    Ids,
    Source,
    TokenBaseline,
    Tokenizer,
)
from lexome.model.folder import WEIGHTS
from lexome.model.transformer import Transformer
from lexome.training import open_run
from lexome.training.run import MODEL

NAME = "evaluation.json"

_OVERLAP = (
    "The tokens of this model overlap: those beside a hidden one spell nearly all of it, so "
    "a score near 0 says nothing about what the model has learned."
)


def evaluate(
    run: Path,
    *,
    split: str = "valid",
    stride: int | None = None,
    positions: int = POSITIONS,
    baselines: bool = True,
    both_strands: bool = False,
    told: Told | None = None,
) -> dict[str, Any]:
    """Score a run's model on a split of its corpus; write and return evaluation.json.

    `stride` is for next-token models, `positions` for masked ones: see
    `likelihood.likelihood` and `likelihood.pseudo_likelihood`. With `baselines`, those of the
    language are fitted on the training split and score the same documents. With `both_strands`,
    the score is the mean of both readings of each document, and `readings` says what each is; a
    language with one reading is a `UsageError`. A corpus with a byte that has changed is a
    `DamagedFileError`.
    """
    told = told or _silent
    opened = open_run(run)
    corpus, model = opened.corpus(verify=True), opened.model()
    respect = opened.recipe.objective.document_boundaries == "respect"

    def score_stream(stream: TokenStream) -> Likelihood:
        return score_split(
            model,
            corpus,
            split,
            stream=stream,
            stride=stride,
            positions=positions,
            respect_documents=respect,
            told=told,
        )

    streams = [corpus.stream(split)]
    if both_strands:
        streams.append(mirrored_stream(corpus, split))
    readings = [score_stream(stream) for stream in streams]
    score = averaged(*readings) if both_strands else readings[0]
    causal = model.config.attention == "causal"
    found = {
        "weights": sha256(opened.folder / MODEL / WEIGHTS),
        "split": split,
        "stride": (stride or default_stride(model.config.context)) if causal else None,
        **_scored(corpus, score),
        "baselines": score_baselines(corpus, split, told) if baselines else [],
    }
    if both_strands:
        found["readings"] = dict(zip(READINGS, map(model_figures, readings), strict=True))
    if corpus.manifest.parts and split == VALID:
        beside_parts = (lambda part: score_baselines(part, VALID, told)) if baselines else None
        found["parts"] = score_parts(corpus, score_stream, beside_parts)
    write_json(opened.folder / NAME, found)
    return found


def _scored(corpus: Corpus, score: Likelihood) -> dict[str, Any]:
    return {
        "unit": corpus.language.unit,
        "units": score.units,
        "tokens": score.tokens,
        "definition": score.definition,
        "measures": dict(corpus.language.measures),
        "warnings": _warnings(score, corpus.tokenizer),
        "model": model_figures(score),
    }


def is_current(found: Mapping[str, Any], run: Path) -> bool:
    """Return whether an evaluation scored the weights that the run has now.

    A run that goes on after it was scored ends with others. Raises `LexomeError` if the run has
    no weights.
    """
    return bool(found.get("weights") == sha256(Path(run) / MODEL / WEIGHTS))


def score_split(
    model: Transformer,
    corpus: Corpus,
    split: str,
    *,
    stream: TokenStream | None = None,
    stride: int | None = None,
    positions: int = POSITIONS,
    respect_documents: bool = False,
    told: Told | None = None,
) -> Likelihood:
    """Return the likelihood, or for a masked model the pseudo-likelihood, of a split.

    `stream` stands in for the tokens of the split, where its documents are read in another way.
    """
    tell = told or _silent

    def progress(done: int, total: int) -> None:
        tell("evaluate", done, total)

    stream = corpus.stream(split) if stream is None else stream
    tokenizer = corpus.tokenizer
    if model.config.attention == "causal":
        return likelihood(
            model,
            tokenizer,
            stream,
            stride=stride,
            respect_documents=respect_documents,
            progress=progress,
        )
    return pseudo_likelihood(
        model,
        tokenizer,
        stream,
        positions=positions,
        respect_documents=respect_documents,
        progress=progress,
    )


def score_baselines(corpus: Corpus, split: str, told: Told | None = None) -> list[dict[str, Any]]:
    """Return name, bits per unit and note of each baseline of the language on a split.

    They are fitted on the documents of the training split without those made by augmentation, and
    score what the model does: all documents of `split`.
    """
    tell = told or _silent
    train, test = Documents(corpus, TRAIN), Documents(corpus, split, augmented=True)
    units = corpus.manifest.side(split).units
    found: list[dict[str, Any]] = []
    known = corpus.language.baselines(corpus.tokenizer)
    for number, baseline in enumerate(known):
        tell(f"baseline {baseline.name}", number, len(known))
        if isinstance(baseline, TokenBaseline):
            bits = baseline.token_bits(DocumentIds(train), DocumentIds(test))
        else:
            bits = baseline.bits(train, test)
        line: dict[str, Any] = {"name": baseline.name, "bits_per_unit": bits / units}
        if note := _note(baseline):
            line["note"] = note
        found.append(line)
    tell("baselines", len(known), len(known))
    return found


def model_figures(score: Likelihood) -> dict[str, Any]:
    """Return the figures of a model as evaluation.json has them."""
    found: dict[str, Any] = {
        "bits_per_unit": score.bits_per_unit,
        "nats_per_token": score.nats_per_token,
        "perplexity_per_unit": score.perplexity_per_unit,
        "kind": score.kind,
    }
    if score.standard_error is not None:
        found["standard_error"] = score.standard_error
    return found


class Documents(Sequence[Document]):
    """The documents of a split, each decoded when it is asked for: memory stays flat.

    Documents made by augmentation are left out unless `augmented` is true. A document names its
    place in the split only.
    """

    def __init__(self, corpus: Corpus, split: str, *, augmented: bool = False) -> None:
        self._corpus = corpus
        self._split = split
        spans = [
            (row["first_token"], row["tokens"])
            for row in corpus.rows(split)
            if augmented or not row["augmented"]
        ]
        self._spans = np.array(spans, np.int64).reshape(-1, 2)

    def __len__(self) -> int:
        return len(self._spans)

    @overload
    def __getitem__(self, place: int) -> Document: ...

    @overload
    def __getitem__(self, place: slice) -> list[Document]: ...

    def __getitem__(self, place: int | slice) -> Document | list[Document]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        source = Source(f"{self._split} split", str(place))
        return Document(self._corpus.tokenizer.decode(self.ids(place)), source)

    def ids(self, place: int) -> Ids:
        """Return the ids of a document, without begin and end."""
        first, tokens = self._spans[place].tolist()
        return self._corpus.stream(self._split).read(first + 1, first + tokens - 1)


class DocumentIds(Sequence[Ids]):
    """The ids of documents, each read when it is asked for."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def __len__(self) -> int:
        return len(self._documents)

    @overload
    def __getitem__(self, place: int) -> Ids: ...

    @overload
    def __getitem__(self, place: slice) -> list[Ids]: ...

    def __getitem__(self, place: int | slice) -> Ids | list[Ids]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        return self._documents.ids(place)


def _warnings(score: Likelihood, tokenizer: Tokenizer) -> list[str]:
    return [_OVERLAP] if score.kind == "pseudo-likelihood" and tokenizer.overlapping else []


def _note(baseline: Baseline | TokenBaseline) -> str:
    return str(getattr(baseline, "note", ""))


def _silent(label: str, done: int, total: int) -> None:
    """Tell nobody."""
