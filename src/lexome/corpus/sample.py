"""The tokenizer of a corpus: one that exists, or one trained on a sample of the training split."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lexome import languages
from lexome.corpus.manifest import TRAIN, VALID, TokenizerRecord, folder_sha256
from lexome.corpus.reading import Routed
from lexome.corpus.request import PrepareRequest
from lexome.errors import LexomeError, UsageError, nearest
from lexome.languages.base import Document, Language, Tokenizer, TokenizerTrainer
from lexome.languages.features import frame_token
from lexome.languages.prompts import AnswersPrompts
from lexome.languages.swapping import Swap

# Counting characters is quick, and a rare one is worth a look at everything. Merges of byte-pair
# encoding hardly change beyond some megabytes, while its trainer holds the sample in memory.
_SAMPLE_UNITS = {"characters": 1 << 28}
_DEFAULT_SAMPLE_UNITS = 1 << 24
_EXCERPT = 1 << 16
_HELD_OUT = 256


@dataclass
class Sample:
    """Excerpts of the training split, spread evenly: the same for the same documents.

    The split's units are parted into as many stretches as there is room for excerpts, and the
    first units of each stretch are taken. A split that is small enough is taken whole. With `swap`
    the twins of what is taken are in the sample too, and not counted.
    `units` and `documents` count what was taken, once `contents` has been read to its end.
    """

    language: Language
    train_units: int
    most_units: int
    swap: Swap | None = None
    units: int = 0
    documents: int = 0

    def contents(self, routed: Iterable[Routed]) -> Iterator[Any]:
        """Yield the contents of the sample from all the documents of the corpus, in order."""
        place = 0
        for item in routed:
            if item.split != TRAIN:
                continue
            taken = 0
            for start, stop in self._stretches(place, item.units):
                whole = stop - start == item.units
                part = item.document if whole else self.language.cut(item.document, start, stop)
                size = item.units if whole else self.language.units(part)
                if size:
                    taken += size
                    yield from self._with_twin(part)
            self.units += taken
            self.documents += bool(taken)
            place += item.units
            if place >= self.train_units:
                return

    def _with_twin(self, part: Document) -> Iterator[Any]:
        yield part.content
        twin = None if self.swap is None else self.swap.twin(part)
        if twin is not None and twin.document is not None:
            yield twin.document.content

    def _stretches(self, place: int, units: int) -> Iterator[tuple[int, int]]:
        """Yield what to take of a document that begins at `place`, from 0 to `units`."""
        if self.train_units <= self.most_units:
            yield 0, units
            return
        excerpt = min(_EXCERPT, self.most_units)
        count = self.most_units // excerpt
        first = place * count // self.train_units
        last = min((place + units - 1) * count // self.train_units, count - 1)
        for number in range(first, last + 1):
            begin = number * self.train_units // count
            start, stop = max(begin, place), min(begin + excerpt, place + units)
            if start < stop:
                yield start - place, stop - place


def held_out(routed: Iterable[Routed], seed: int) -> list[Document]:
    """Return some of the validation documents, drawn evenly (Vitter 1985, algorithm R).

    No more than `_HELD_OUT` documents, the same ones for the same documents and seed.
    """
    random, chosen = np.random.default_rng(seed), list[Document]()
    documents = (item.document for item in routed if item.split == VALID)
    for number, document in enumerate(documents):
        if number < _HELD_OUT:
            chosen.append(document)
        elif (place := int(random.integers(number + 1))) < _HELD_OUT:
            chosen[place] = document
    return chosen


def make_tokenizer(
    request: PrepareRequest,
    language: Language,
    train_units: int,
    documents: Callable[[], Iterable[Routed]],
    folder: Path,
    swap: Swap | None = None,
) -> tuple[Tokenizer, TokenizerRecord]:
    """Make or load the tokenizer that is asked for and save it in `folder`.

    `documents` gives all the documents of the corpus, and is called where a sample is needed.
    """
    sample = Sample(language, train_units, _most_units(request, language), swap)
    if request.tokenizer_folder is not None:
        tokenizer = languages.load_tokenizer(Path(request.tokenizer_folder))
    else:
        trainer = _trainer(request, language)
        contents = sample.contents(documents()) if trainer.needs_sample else ()
        tokenizer = trainer.train(contents, request.vocab_size)
    _check_said(tokenizer)
    tokenizer.save(folder)
    record = TokenizerRecord(
        kind=tokenizer.kind,
        vocab_size=tokenizer.vocab_size,
        sha256=folder_sha256(folder),
        given=request.tokenizer_folder is not None,
        sample_units=sample.units,
        sample_documents=sample.documents,
    )
    return tokenizer, record


def _check_said(tokenizer: Tokenizer) -> None:
    """Raise `UsageError` for a tokenizer of frames alone: a model of it has nothing to say."""
    if frame_token(tokenizer) is None or isinstance(tokenizer, AnswersPrompts):
        return
    raise UsageError(
        f"{tokenizer.kind!r} makes frames, which a model reads and cannot say: there is nothing "
        "to learn in them alone",
        where="--tokenizer",
        fix="choose another tokenizer; frames are for pairs, which `lexome finetune` makes",
    )


def _kind(request: PrepareRequest, offered: Mapping[str, TokenizerTrainer]) -> str:
    return request.tokenizer or next(iter(offered), "")


def _most_units(request: PrepareRequest, language: Language) -> int:
    if request.sample_units is not None:
        return request.sample_units
    return _SAMPLE_UNITS.get(_kind(request, language.tokenizers()), _DEFAULT_SAMPLE_UNITS)


def _trainer(request: PrepareRequest, language: Language) -> TokenizerTrainer:
    offered = language.tokenizers()
    if not offered:
        raise UsageError(
            f"the language {language.name!r} makes no tokenizer of its own",
            fix="name one that exists with --tokenizer-folder",
        )
    kind = _kind(request, offered)
    if kind not in offered:
        raise UsageError(
            f"the language {language.name!r} has no tokenizer {kind!r}", fix=nearest(kind, offered)
        )
    trainer = offered[kind]
    options = request.tokenizer_options
    if options and not trainer.option_names:
        others = [name for name, other in offered.items() if other.option_names]
        raise UsageError(
            f"the tokenizer {kind!r} has no options, so {', '.join(sorted(options))} means nothing",
            fix=" or ".join(["leave the options out", *(f"choose {name!r}" for name in others)]),
        )
    if strange := sorted(options.keys() - set(trainer.option_names)):
        raise UsageError(
            f"{strange[0]!r} is not an option of the tokenizer {kind!r}",
            fix=nearest(strange[0], trainer.option_names),
        )
    return trainer.with_options(options) if options else trainer


def check_trainable(request: PrepareRequest, language: Language) -> None:
    """Raise at once what is wrong with the tokenizer that is asked for, before anything is read."""
    if request.tokenizer_folder is None:
        trainer = _trainer(request, language)
        if not trainer.needs_sample:
            trainer.train((), request.vocab_size)
    elif not Path(request.tokenizer_folder).is_dir():
        raise LexomeError(
            "there is no tokenizer here",
            where=str(request.tokenizer_folder),
            fix="name a folder that `lexome prepare` or `lexome train` wrote",
        )
