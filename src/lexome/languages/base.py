"""What a language is: documents, tokenizers, rendering. Nothing above this floor knows which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.integer[Any]]
UnitCodes = npt.NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document comes from; every error, split, trace and skip names it.

    `offset` is where the content starts inside the record, in the language's natural units.
    """

    file: str
    record: str = ""
    line: int | None = None
    offset: int = 0

    def __str__(self) -> str:
        line = f", line {self.line}" if self.line is not None else ""
        record = f", record {self.record!r}" if self.record else ""
        return f"{self.file}{record}{line}"


@dataclass(frozen=True, slots=True)
class Document:
    """One piece of content of a language, with its source and what is declared about it.

    `weights`, where a language gives them, holds one loss weight in [0, 1] for each natural
    unit of the content (soft-masked bases, say); `None` means that every unit weighs 1. `made`
    names what augmentation made without any data: it is no form of the document before it.
    """

    content: Any
    source: Source
    metadata: Mapping[str, str] = field(default_factory=dict)
    weights: npt.NDArray[np.float32] | None = None
    made: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that was read and left out: counted by `reason` in the manifest, never silent."""

    source: Source
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """A further way to look at a document: a picture of a recording, sound made from a score."""

    name: str
    data: bytes
    media_type: str
    suffix: str


@dataclass(frozen=True, slots=True)
class Rendering:
    """What a person reads, hears or sees: `text` for a terminal; `data` and its kind for a file.

    `views` show the same to other senses, for pages and players.
    """

    text: str
    data: bytes
    media_type: str
    suffix: str
    views: Sequence[View] = ()


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """The ids of the tokens that stand for no content."""

    pad: int
    begin: int
    end: int
    mask: int

    @property
    def ids(self) -> tuple[int, int, int, int]:
        """Return all four."""
        return self.pad, self.begin, self.end, self.mask


class TextStream(Protocol):
    """What tokens stand for in writing, as they come one by one."""

    def push(self, ids: Iterable[int]) -> str:
        """Return the characters that `ids` complete; an open one is kept for the next call."""
        ...

    def finish(self) -> str:
        """Return what is left."""
        ...


class Tokenizer(Protocol):
    """Turns a document's content into token ids and back.

    `unit_lengths[id]` is the number of natural units that a token stands for (0 for special
    tokens), so token offsets are `cumsum(unit_lengths[ids])` for every tokenizer. Where
    it is `lossy`, as a codec is, what comes back is near what went in, and `Language.fidelity`
    says how near.
    """

    kind: str
    special: SpecialTokens
    unit_lengths: npt.NDArray[np.int64]
    lossy: bool

    @property
    def vocab_size(self) -> int: ...

    @property
    def overlapping(self) -> bool:
        """Whether a token also spells units that its neighbours stand for, as k-mers may."""
        ...

    def encode(self, contents: Sequence[Any]) -> list[Ids]:
        """Encode contents to ids, no special tokens added; content that looks like one is text."""
        ...

    def decode(self, ids: Ids) -> Any:
        """Return the content that `ids` stand for; special tokens stand for nothing."""
        ...

    def unit_codes(self, ids: Ids) -> UnitCodes:
        """Return a number for each natural unit that `ids` stand for: equal units, equal numbers.

        [sum of `unit_lengths[ids]`]
        """
        ...

    def token_label(self, token: int) -> str:
        """Return a short printable name of a token, for pages and tables."""
        ...

    def text_stream(self) -> TextStream:
        """Return what writes ids down as they are generated, for a terminal."""
        ...

    def save(self, folder: Path) -> None:
        """Write the files from which `load` and plain `transformers` build the same tokenizer."""
        ...


class TokenizerTrainer(Protocol):
    """Makes a tokenizer of one kind, from a sample of contents where it needs one."""

    @property
    def needs_sample(self) -> bool: ...

    @property
    def option_names(self) -> Sequence[str]: ...

    def with_options(self, options: Mapping[str, int]) -> TokenizerTrainer:
        """Return a trainer with some of its `option_names` set; a bad value is a `UsageError`."""
        ...

    def train(self, contents: Iterable[Any], vocab_size: int | None) -> Tokenizer: ...


class Baseline(Protocol):
    """A simple model of a language, fitted on the training split, that a likelihood must beat."""

    name: str

    def bits(self, train: Sequence[Document], test: Sequence[Document]) -> float:
        """Return the total bits that the baseline, fitted on `train`, needs for `test`."""
        ...


@runtime_checkable
class TokenBaseline(Protocol):
    """A baseline of tokens: what is left to compare with where a codec's tokens have no spelling.

    A document is its ids, without begin and end.
    """

    name: str

    def token_bits(self, train: Sequence[Ids], test: Sequence[Ids]) -> float:
        """Return the total bits that the baseline, fitted on `train`, needs for `test`."""
        ...


class Language(Protocol):
    """A kind of data that reads like a language, with its reading options bound in.

    `options` rebuilds the language: `languages.get(name, **options)`.
    """

    name: ClassVar[str]

    @property
    def suffixes(self) -> Sequence[str]:
        """Return the file suffixes that it reads, in lower case, with their dots."""
        ...

    @property
    def unit(self) -> str:
        """Return the natural unit: what `units` counts, in the singular."""
        ...

    @property
    def run_units(self) -> int:
        """Return the natural units, a power of two, that two works share by copying only."""
        ...

    @property
    def standalone(self) -> bool:
        """Return whether a document is a short work of its own, to be begun from nothing."""
        ...

    @property
    def measures(self) -> Mapping[str, float]:
        """Return further measures of a likelihood that the field knows, by name.

        Each is a factor: "bits per second" of sound is the rate times the bits per sample.
        """
        ...

    @property
    def options(self) -> Mapping[str, Any]: ...

    @property
    def option_files(self) -> Sequence[Path]:
        """Return the files that options name: they too decide what is read."""
        ...

    def read(self, path: Path) -> Iterator[Document | Skipped]:
        """Yield the documents of one file in order, streaming; what is left out is `Skipped`."""
        ...

    def tokenizers(self) -> Mapping[str, TokenizerTrainer]:
        """Return the tokenizers that suit this language by name; the first one is the default."""
        ...

    def parse(self, text: str) -> Any:
        """Return content from what a person types (a prompt); raise `LexomeError` if it is not."""
        ...

    def parse_behind(self, text: str, first: Any) -> Any:
        """Return content of what a person types behind a gap.

        `first` is the content of what stands before all gaps, `None` if nothing does.
        """
        ...

    def units(self, document: Document) -> int:
        """Return the size of a document in natural units: bytes, bases, residues."""
        ...

    def cut(self, document: Document, start: int, stop: int) -> Document:
        """Return the part of a document from unit `start` to unit `stop`."""
        ...

    def split_key(self, document: Document) -> str:
        """Return what may not stand on both sides of the split.

        Documents with one key stay together.
        """
        ...

    def augment(self, document: Document) -> Iterable[Document]:
        """Return further training documents that mean the same (the other DNA strand, say)."""
        ...

    def mirrored(self, codes: UnitCodes) -> UnitCodes | None:
        """Return `Tokenizer.unit_codes` read backwards in the way that means the same.

        For DNA that is the other strand; `None` where there is no such way.
        """
        ...

    def baselines(self, tokenizer: Tokenizer) -> Sequence[Baseline | TokenBaseline]:
        """Return the simple models that a likelihood of this tokenizer's tokens must beat."""
        ...

    def fidelity(self, tokenizer: Tokenizer, documents: Sequence[Document]) -> Mapping[str, float]:
        """Return what a lossy tokenizer keeps of `documents`, in the field's figures, by name."""
        ...

    def render(self, document: Document) -> Rendering: ...


@runtime_checkable
class Unspoken(Protocol):
    """A language in which there is content that says nothing, as a recording of a room does."""

    def unspoken(self, like: Any, random: np.random.Generator) -> tuple[str, Any]:
        """Return the name of such a content, and one that is as long as another."""
        ...


@runtime_checkable
class Sheet(Protocol):
    """A language that shows many documents at one look, as pictures can be."""

    def sheet(self, renderings: Sequence[Rendering]) -> View:
        """Return one view of what `render` made of one or more documents."""
        ...
