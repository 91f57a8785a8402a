"""What is asked of `prepare`, and how it tells what it is doing."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from lexome.errors import UsageError, nearest
from lexome.languages.base import Language
from lexome.languages.sources import file_name

SplitChoice = Literal["document", "tail"]
Stage = Literal["group", "scan", "tokenizer", "encode", "leak check"]


@dataclass(frozen=True)
class PrepareRequest:
    """Everything that decides what a corpus holds, and the number of workers, which does not.

    - `sources`: files, folders and glob patterns, see `languages.sources.find_files`.
    - `language`, `options`: which language reads them, and its reading options.
    - `tokenizer`: a kind that the language offers (by default its first), made with `vocab_size`
      and `tokenizer_options` (`k` and `stride` of k-mers); or `tokenizer_folder`: one that exists.
    - `sample_units`: a tokenizer that learns from a sample looks at no more natural units than
      this; by default 16 Mi, and 256 Mi for characters.
    - `split`: `document` keeps documents with one split key together and draws keys by a hash
      until about `validation` of the natural units are chosen; `tail` takes the last
      `validation` of them. With `validation_files`, these are the validation split instead; with
      `validation_where`, the documents whose metadata have all of these values.
    - `workers`: processes, by default one for each core that this process may use.
    - `licence`: what the sources may be used for, in words.
    - `swap`, `swap_except`: files of pairs of terms, and of names (`languages.swap_files`). Beside
      each training document that holds a term stands its twin with the terms exchanged, unless it
      has one of the names.
    """

    sources: Sequence[str | Path]
    language: str
    options: Mapping[str, Any] = field(default_factory=dict)
    tokenizer: str | None = None
    vocab_size: int | None = None
    tokenizer_options: Mapping[str, int] = field(default_factory=dict)
    tokenizer_folder: str | Path | None = None
    sample_units: int | None = None
    validation: float = 0.1
    validation_files: Sequence[str | Path] = ()
    validation_where: Mapping[str, str] = field(default_factory=dict)
    split: SplitChoice = "document"
    seed: int = 0
    workers: int | None = None
    licence: str = ""
    swap: Path | None = None
    swap_except: Path | None = None

    def __post_init__(self) -> None:
        if isinstance(self.sources, str | Path) or isinstance(self.validation_files, str | Path):
            raise UsageError("sources and validation files are lists", fix="put it in brackets")
        if self.validation_files and self.validation_where:
            raise UsageError(
                "two things say what is held out: validation files and metadata",
                fix="name one of them",
            )
        if not 0 < self.validation < 1:
            raise UsageError(
                f"the validation fraction must lie between 0 and 1, not {self.validation}",
                fix="leave it out for 0.1",
            )
        if self.split not in get_args(SplitChoice):
            raise UsageError(
                f"there is no split {self.split!r}", fix=nearest(self.split, get_args(SplitChoice))
            )
        for name in ("vocab_size", "sample_units", "workers"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} must be at least 1, not {value}")
        made = self.tokenizer or self.vocab_size or self.tokenizer_options
        if self.tokenizer_folder is not None and made:
            raise UsageError(
                "a tokenizer that exists has its kind, size and options already",
                fix="name either a tokenizer folder, or a kind with size and options",
            )
        if self.swap_except is not None and self.swap is None:
            raise UsageError(
                "names are left alone where terms are swapped, and none are",
                where="--swap-except",
                fix="add --swap PAIRS, or leave the names out",
            )

    @property
    def processes(self) -> int:
        """Return the number of workers: as asked, else one for each usable core."""
        if self.workers:
            return self.workers
        # Only Linux knows which cores a process may use.
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1

    @property
    def swap_files(self) -> tuple[Path, ...]:
        """Return the files that say what is swapped."""
        return tuple(path for path in (self.swap, self.swap_except) if path is not None)

    def identity(self, language: Language) -> dict[str, Any]:
        """Return what decides the corpus, as JSON; two requests with one identity are the same."""
        folder = self.tokenizer_folder
        return {
            "sources": [file_name(Path(source)) for source in self.sources],
            "language": language.name,
            "options": dict(language.options),
            "tokenizer": self.tokenizer,
            "vocab_size": self.vocab_size,
            "tokenizer_options": dict(self.tokenizer_options),
            "tokenizer_folder": None if folder is None else file_name(Path(folder)),
            "sample_units": self.sample_units,
            "validation": self.validation,
            "validation_files": [file_name(Path(source)) for source in self.validation_files],
            # Corpora that were made before there was such a choice do not name it.
            **({"validation_where": dict(where)} if (where := self.validation_where) else {}),
            "split": self.split,
            "seed": self.seed,
            "licence": self.licence,
            **({"swap": [file_name(path) for path in files]} if (files := self.swap_files) else {}),
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stage is: `done` of `total`, counted in `unit` ("byte", "base", "token").

    `documents` and `tokens` are those written so far; they stay when the stage changes.
    """

    stage: Stage
    done: int
    total: int
    unit: str
    documents: int = 0
    tokens: int = 0


class PrepareObserver:
    """Hears what `prepare` is doing; override what is wanted."""

    def advanced(self, progress: Progress) -> None:
        """Hear how far it is; the first call of each stage has `done` 0, or what was kept."""

    def told(self, message: str) -> None:
        """Hear of a decision that was made for the user, or of work that was found done."""
