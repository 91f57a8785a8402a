"""What the three forms of music have in common: the methods that the language hands on to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from lexome.errors import DamagedFileError, LexomeError
from lexome.languages.base import (
    Baseline,
    Document,
    Rendering,
    Skipped,
    Source,
    TokenBaseline,
    Tokenizer,
    TokenizerTrainer,
)
from lexome.languages.sources import file_name, open_bytes

Invalid = Literal["error", "skip"]

# No score of our formats is larger; a packed file that is, was made to fill the memory.
LARGEST_FILE = 1 << 26
BROKEN, EMPTY, SILENT = "broken", "empty", "no notes"


class Form(Protocol):
    """How files become documents of one kind, with its unit and tokenizers; see `Language`."""

    unit: ClassVar[str]
    suffixes: ClassVar[Sequence[str]]
    run_units: ClassVar[int]

    @property
    def measures(self) -> Mapping[str, float]: ...
    def read(self, path: Path, data: bytes) -> Iterator[Document | Skipped]:
        """Yield the documents of a file whose unpacked bytes are `data`."""
        ...

    def tokenizers(self) -> Mapping[str, TokenizerTrainer]: ...
    def parse(self, text: str) -> Any: ...
    def units(self, content: Any) -> int: ...
    def part(self, content: Any, start: int, stop: int) -> Any:
        """Return the content from unit `start` to unit `stop`, both inside it."""
        ...

    def transposed(self, content: Any, semitones: int) -> Any | None:
        """Return the content in another key; `None` where that is not possible."""
        ...

    def baselines(self, tokenizer: Tokenizer) -> Sequence[Baseline | TokenBaseline]: ...
    def fidelity(
        self, tokenizer: Tokenizer, documents: Sequence[Document]
    ) -> Mapping[str, float]: ...
    def render(self, content: Any) -> Rendering: ...


def file_bytes(path: Path) -> bytes:
    """Return what a file holds, unpacked; more than 64 MiB is a `LexomeError`."""
    with open_bytes(path) as stream:
        data = stream.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise LexomeError(
            f"the file holds more than {LARGEST_FILE >> 20} MiB",
            where=file_name(path),
            fix="no score is so large: part it, or leave it out",
        )
    return data


def documents(
    found: Iterable[Document | Skipped], path: Path, invalid: Invalid
) -> Iterator[Document | Skipped]:
    """Yield what is found; a file that turns out to be broken is an error, or skipped."""
    try:
        yield from found
    except (DamagedFileError, LexomeError) as error:
        if invalid == "error":
            raise
        place = error.where or file_name(path)
        yield Skipped(Source(file_name(path)), BROKEN, f"{error.what} ({place})")
