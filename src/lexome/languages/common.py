"""What most languages do alike, to inherit and to differ from where a language does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexome.errors import LexomeError, UsageError
from lexome.languages.base import Baseline, Document, TokenBaseline, Tokenizer, UnitCodes
from lexome.languages.options import changed

if TYPE_CHECKING:
    from lexome.languages.tokenizers import Coding


class Common:
    """Methods of a `Language`, a frozen dataclass whose fields are its reading options.

    What is left to write is `name`, `unit`, `suffixes`, `read`, `tokenizers` and `render`; `parse`
    where a person can type the content, and `baselines` to compare with. Content is a sequence
    with one item for each natural unit.
    """

    @classmethod
    def load_tokenizer(cls, folder: Path, described: Mapping[str, Any]) -> Tokenizer:
        """Return the tokenizer of a coding of this language, from what its folder says."""
        from lexome.languages.tokenizers import CodedTokenizer
        from lexome.languages.tokenizers.folder import read_arrays

        coding = cls.coding(described["kind"], described["settings"], read_arrays(folder))
        return CodedTokenizer(coding)

    @classmethod
    def coding(cls, kind: str, settings: Mapping[str, Any], arrays: Mapping[str, Any]) -> Coding:
        """Return the coding that was saved so; this language has none."""
        raise LexomeError(f"this language has no tokenizer of the kind {kind!r}")

    @property
    def run_units(self) -> int:
        """Return 64: text shares runs of ten words only where one was copied from the other."""
        return 64

    @property
    def standalone(self) -> bool:
        """Return false: a model may look at the document before."""
        return False

    @property
    def measures(self) -> Mapping[str, float]:
        """Return none."""
        return {}

    @property
    def options(self) -> Mapping[str, Any]:
        """Return the fields that are not as by default."""
        return changed(self)

    @property
    def option_files(self) -> Sequence[Path]:
        """Return none."""
        return ()

    def parse_behind(self, text: str, first: Any) -> Any:
        """Return what `parse` does: content does not depend on what stands before it."""
        return self.parse(text)

    def parse(self, text: str) -> Any:
        """Refuse: what cannot be typed can begin with a file."""
        raise UsageError("this language cannot be typed", fix="name a file with --from")

    def units(self, document: Document) -> int:
        """Return the length of the content."""
        return len(document.content)

    def cut(self, document: Document, start: int, stop: int) -> Document:
        """Return the items of the content, and their weights, from `start` to `stop`."""
        size = len(document.content)
        start, stop = min(max(start, 0), size), min(max(stop, 0), size)
        source = replace(document.source, offset=document.source.offset + start)
        weights = None if document.weights is None else document.weights[start:stop]
        content = document.content[start:stop]
        return replace(document, content=content, source=source, weights=weights)

    def split_key(self, document: Document) -> str:
        """Return the record: its pieces stay together."""
        return f"{document.source.file}#{document.source.record}"

    def augment(self, document: Document) -> Iterable[Document]:
        """Return none."""
        return ()

    def mirrored(self, codes: UnitCodes) -> UnitCodes | None:
        """Return `None`: backwards, it means something else."""
        return None

    def baselines(self, tokenizer: Tokenizer) -> Sequence[Baseline | TokenBaseline]:
        """Return none."""
        return ()

    def fidelity(self, tokenizer: Tokenizer, documents: Sequence[Document]) -> Mapping[str, float]:
        """Return nothing: nothing is lost."""
        return {}
