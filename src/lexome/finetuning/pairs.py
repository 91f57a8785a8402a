"""The corpus of a task's pairs, and the model that is to be tuned on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lexome import languages
from lexome.corpus import Corpus, PrepareObserver, PrepareRequest, prepare
from lexome.errors import LexomeError
from lexome.finetuning.data import Base, PairData, pairs_language
from lexome.finetuning.tasks import Task
from lexome.languages.pair import BaseTokens
from lexome.training import open_run
from lexome.training.run import FACTS
from lexome.training.start import base_folder


@dataclass(frozen=True)
class HeldOut:
    """What is kept for scoring: a share, files of its own, or what metadata say."""

    share: float = 0.1
    files: Sequence[str | Path] = ()
    where: Mapping[str, str] = field(default_factory=dict)


def open_base(folder: Path, language: str | None = None) -> Base:
    """Return what is known of a base: a run, or a Hugging Face folder.

    A folder that is no run does not say its language: it is `language`, by default text.
    """
    tokenizer = languages.load_tokenizer(base_folder(folder))
    if (folder / FACTS).is_file():
        run = open_run(folder)
        name, options = run.facts["language"], dict(run.facts["options"])
        if name == "pair":
            name, options = _base_language(tokenizer), {}
    else:
        name, options = language or "text", {}
    return Base(folder, BaseTokens(tokenizer, name), options)


def prepare_pairs(
    task: Task,
    data: PairData,
    base: Base,
    folder: Path,
    *,
    held_out: HeldOut | None = None,
    seed: int = 0,
    duplicates: str = "refuse",
    observer: PrepareObserver | None = None,
) -> Corpus:
    """Make, or open, the corpus of a task's pairs in `folder`.

    Pairs with one source stand on one side of the split, unless the sides are named. An example
    that then stands on both is refused, unless `duplicates` is "keep".
    """
    held_out = held_out or HeldOut()
    pair, files = pairs_language(task, data, base)
    validation: Sequence[str | Path] = ()
    if held_out.files:
        other = PairData(**{**vars(data), "files": held_out.files})
        validation = pairs_language(task, other, base)[1]
    request = PrepareRequest(
        sources=files,
        language=pair.name,
        options=pair.options,
        validation=held_out.share,
        validation_files=validation,
        validation_where=held_out.where,
        seed=seed,
        workers=1,
    )
    corpus = prepare(request, folder, observer=observer, language=pair)
    leak = corpus.manifest.leak
    if duplicates == "refuse" and leak.exact_duplicates:
        first = f", the first: {leak.examples[0].source}" if leak.examples else ""
        raise LexomeError(
            f"{leak.exact_duplicates} held-out examples are also in training{first}",
            where=str(folder),
            fix="take them out of one side, or say --duplicates keep to score with them",
        )
    return corpus


def _base_language(tokenizer: Any) -> str:
    return str(tokenizer.base_language)
