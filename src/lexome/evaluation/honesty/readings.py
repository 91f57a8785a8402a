"""The forms in which a content is looked up in a corpus: as written, mirrored, in other keys.

A tokenizer cuts content from where it begins. Where its tokens have one length, as k-mers do, the
same passage of a longer document may be cut in as many ways, and each is looked up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from lexome import languages
from lexome.errors import UsageError
from lexome.evaluation.strands import READINGS
from lexome.languages.base import Document, Ids, Language, Source, Tokenizer
from lexome.languages.variants import Mirroring

AS_WRITTEN, MIRRORED = READINGS
_SEMITONES = 6


@runtime_checkable
class Transposing(Protocol):
    """A language that can train on its documents moved up and down, by an option."""

    @property
    def transpose(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Reading:
    """A form of a content as `ids` [T]; `borders` [T + 1] are where its tokens begin and end.

    Borders are in natural units of the content as it was given: of a mirrored form they fall.
    """

    name: str
    ids: Ids
    borders: npt.NDArray[np.int64]


def readings(language: Language, tokenizer: Tokenizer, ids: Ids) -> list[Reading]:
    """Return the forms of what `ids` [T] stand for, the first one as written.

    A string is encoded anew, as the documents of a corpus are: a model may spell it otherwise.
    What a language's augmentation makes of a document is in a corpus already, so that its other
    forms are then left out.
    """
    is_string = isinstance(tokenizer.decode(ids[:0]), str)
    written = [_reading(tokenizer, AS_WRITTEN, ids)]
    formed = isinstance(language, Mirroring | Transposing)
    if not is_string and not formed:
        return written
    document = Document(tokenizer.decode(ids), Source("traced"))
    if is_string and not tokenizer.lossy:
        written = _cut(language, tokenizer, AS_WRITTEN, document)
    for name, form in _other_forms(language, document):
        written += _cut(language, tokenizer, name, form)
    return written


def _other_forms(language: Language, document: Document) -> Iterator[tuple[str, Document]]:
    if next(iter(language.augment(document)), None) is not None:
        return
    if isinstance(language, Mirroring):
        yield MIRRORED, language.mirror(document)
    if isinstance(language, Transposing):
        try:
            options = {**language.options, "transpose": _SEMITONES}
            moved = languages.get(language.name, **options)
        except UsageError:  # it has a form that cannot be transposed
            return
        for form in moved.augment(document):
            yield f"transposed {form.metadata['transposed']}", form


def _cut(language: Language, tokenizer: Tokenizer, name: str, document: Document) -> list[Reading]:
    """Return a form with its tokens cut from its first unit on, from its second, and so on."""
    (ids,) = tokenizer.encode([document.content])
    found = [_reading(tokenizer, name, ids)]
    size = language.units(document)
    for first in range(1, _token_units(tokenizer, document.content, ids)):
        (ids,) = tokenizer.encode([language.cut(document, first, size).content])
        found.append(_reading(tokenizer, name, ids, first))
    return found


def _reading(tokenizer: Tokenizer, name: str, ids: Ids, first: int = 0) -> Reading:
    borders = first + np.concatenate([[0], np.cumsum(tokenizer.unit_lengths[ids])])
    return Reading(name, ids, borders[-1] - borders if name == MIRRORED else borders)


def _token_units(tokenizer: Tokenizer, content: Any, ids: Ids) -> int:
    """Return the units of a token of a string where they are as good as all alike, else 1."""
    lengths = tokenizer.unit_lengths[ids]
    if not isinstance(content, str) or not len(lengths):
        return 1
    longest = int(lengths.max())
    return longest if np.median(lengths) == longest else 1
