"""The corpus of a task's pairs, and the model that is to be tuned on it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lexome import languages
from lexome.corpus import Corpus, PrepareObserver, PrepareRequest, prepare
from lexome.errors import UsageError, nearest
from lexome.finetuning.data import Base, PairData, pairs_language
from lexome.finetuning.duplicates import refuse_duplicates
from lexome.finetuning.tasks import Task
from lexome.languages.base import Language, Tokenizer
from lexome.languages.joint import Joint, JointTokenizer
from lexome.languages.label import Label
from lexome.languages.pair import BaseTokens, Pair, PairTokenizer
from lexome.languages.tokenizers import CodedTokenizer
from lexome.languages.tokenizers.folder import checksum
from lexome.model import TransformerConfig, read_config
from lexome.training import open_run
from lexome.training.run import FACTS
from lexome.training.start import base_folder

DUPLICATES = ("refuse", "keep")

# A class that a sample passed over could not be said: labels are learned from everything.
_ALL = 1 << 62


@dataclass(frozen=True)
class HeldOut:
    """What is kept for scoring: a share, files of its own, or what metadata say."""

    share: float = 0.1
    files: Sequence[str | Path] = ()
    where: Mapping[str, str] = field(default_factory=dict)


def open_base(folder: Path, language: str | None = None, source: str | None = None) -> Base:
    """Return what is known of a base: a run, or a Hugging Face folder.

    A folder that is no run does not say its language: it is `language`, by default text. Where
    the sources are in another one, `source`, nobody but the person knows: then it has to be said.
    """
    model = base_folder(folder)
    read_config(model)
    tokenizer = languages.load_tokenizer(model)
    options: Mapping[str, Mapping[str, Any]] = {}
    if (folder / FACTS).is_file():
        run = open_run(folder)
        name, options = run.facts["language"], _spoken(run.language())
    else:
        name = _language(folder, tokenizer, language, source)
    if isinstance(tokenizer, PairTokenizer):
        name = tokenizer.base_language
    return Base(folder, BaseTokens(tokenizer, name), options, checksum(model))


def _language(folder: Path, tokenizer: Tokenizer, language: str | None, source: str | None) -> str:
    """Return the language of a folder's tokens: as it says, as the person says, or text."""
    if isinstance(tokenizer, JointTokenizer):
        return Joint.name
    if isinstance(tokenizer, CodedTokenizer):
        return tokenizer.coding.language
    if language is None and source not in (None, "text"):
        raise UsageError(
            "this folder does not say which language its tokens are of",
            where=str(folder),
            fix=f"add --base-language {source}, or --base-language text",
        )
    return language or "text"


def _spoken(language: Language) -> Mapping[str, Mapping[str, Any]]:
    """Return the options of each language that a base knows, by its name."""
    if isinstance(language, Pair | Joint):
        parts = language.languages.values()
        return {name: chosen for one in parts for name, chosen in _spoken(one).items()}
    return {language.name: dict(language.options)}


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
    that then stands on both, in all that the model reads of it, is a `LexomeError`, unless
    `duplicates` is "keep".
    """
    held_out = held_out or HeldOut()
    if duplicates not in DUPLICATES:
        raise UsageError(
            f"duplicates cannot be {duplicates!r}",
            where="--duplicates",
            fix=nearest(duplicates, DUPLICATES),
        )
    pair, files = pairs_language(task, data, base)
    check_answers(pair, read_config(base_folder(base.folder)))
    validation: Sequence[str | Path] = ()
    if held_out.files:
        other, validation = pairs_language(task, replace(data, files=held_out.files), base)
        pair = _with_partners(pair, other)
    request = PrepareRequest(
        sources=files,
        language=pair.name,
        options=pair.options,
        sample_units=_ALL if _says_labels(pair) else None,
        validation=held_out.share,
        validation_files=validation,
        validation_where=held_out.where,
        seed=seed,
        workers=1,
    )
    corpus = prepare(request, folder, observer=observer, language=pair)
    if pair.silence and not corpus.manifest.train.made and observer is not None:
        observer.told(f"no pair of silence was drawn for a share of {pair.silence:g}: take more")
    if duplicates == "refuse":
        refuse_duplicates(corpus)
    return corpus


def _says_labels(pair: Pair) -> bool:
    return any(isinstance(one, Label) for one in pair.languages.values())


def check_answers(pair: Pair, config: TransformerConfig) -> None:
    """Raise `UsageError` where a model that sees both sides would have to write an answer."""
    target = pair.languages[pair.answering.name]
    if config.attention == "bidirectional" and not isinstance(target, Label):
        raise UsageError(
            f"a {config.family} model fills gaps and writes nothing, so its target can be a label "
            f"alone, not {target.name}",
            fix="start from a causal model, or choose the task labels",
        )


def _with_partners(pair: Pair, held_out: Pair) -> Pair:
    """Return a language that also knows the targets' files of what is held out."""
    if (held_out.form, held_out.columns, held_out.header) != (pair.form, pair.columns, pair.header):
        raise UsageError(
            f"the held-out files are read otherwise than those of training: as {held_out.form} "
            f"with {held_out.columns}, not as {pair.form} with {pair.columns}",
            where="--validation-files",
            fix="name both in one way, and the columns with --source and --target",
        )
    both = (*pair.target_files, *held_out.target_files)
    return replace(pair, partners=json.dumps([str(file) for file in both]))
