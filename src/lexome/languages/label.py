"""Labels as a language: a closed one, whose words are classes, or the steps of a scale.

A label is what a source is given: the class of a sequence, several classes at once, a class for
each of its parts, or a number. Each becomes tokens, so that a model that says them is trained, and
scored, as any other model is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from lexome.errors import LexomeError, UsageError
from lexome.languages.base import (
    Document,
    Rendering,
    Skipped,
    TokenizerTrainer,
    UnitCodes,
)
from lexome.languages.common import Common
from lexome.languages.tokenizers import CodedTokenizer, Codes
from lexome.languages.tokenizers.coded import Arrays

NAME = "label"
Form = Literal["class", "several", "each", "number"]

_DEFAULT_BINS = 32
_LEAST_BINS = 2


@dataclass(frozen=True)
class Label(Common):
    """Labels; the natural unit is the label.

    `form` says what a source is given, and so what content is:

    - `class`: one of a closed set, a `str`.
    - `several`: any number of a closed set, a sorted tuple of `str`; typed with `separator`.
    - `each`: one for each part of the source, a tuple of `str` in their order; typed with
      `separator`, or one character each where that is empty.
    - `number`: a real number, a `float`.
    """

    name: ClassVar[str] = NAME
    unit: ClassVar[str] = "label"
    suffixes: ClassVar[Sequence[str]] = ()

    form: Form = "class"
    separator: str = ","

    @classmethod
    def coding(
        cls, kind: str, settings: Mapping[str, Any], arrays: Mapping[str, Any]
    ) -> Classes | Scale:
        """Return the coding that was saved so."""
        if kind == Scale.kind:
            return Scale(tuple(float(value) for value in settings["centres"]))
        return Classes(settings["form"], tuple(map(str, settings["classes"])))

    def read(self, path: Path) -> Iterator[Document | Skipped]:
        """Refuse: labels stand beside their sources."""
        raise UsageError("labels are no files of their own", where=str(path))

    def tokenizers(self) -> Mapping[str, TokenizerTrainer]:
        return {"scale": ScaleTrainer()} if self.form == "number" else {"classes": self._classes()}

    def _classes(self) -> TokenizerTrainer:
        assert self.form != "number"
        return ClassesTrainer(self.form)

    def parse(self, text: str) -> Any:
        """Return the label that a text names; a number that is none is a `LexomeError`."""
        text = text.strip()
        if self.form == "number":
            return _number(text)
        if self.form == "class":
            return text
        parts = text.split(self.separator) if self.separator else list(text)
        names = tuple(name for part in parts if (name := part.strip()))
        return tuple(sorted(set(names))) if self.form == "several" else names

    def gathered(self, values: Sequence[Any]) -> Any:
        """Return the label that a list of values names, as JSON and Parquet hold several."""
        if self.form in ("class", "number"):
            raise LexomeError(
                f"this is a list of {len(values)} values, where one is needed",
                fix="choose form=several or form=each, or give one value",
            )
        names = tuple(name for value in values if (name := str(value).strip()))
        return tuple(sorted(set(names))) if self.form == "several" else names

    def units(self, document: Document) -> int:
        """Return how many labels there are: for one class and for a number, 1; for none, 0."""
        if self.form == "number":
            return 1
        return int(bool(document.content)) if self.form == "class" else len(document.content)

    def render(self, document: Document) -> Rendering:
        content = document.content
        text = content if isinstance(content, str) else _written(content, self.separator)
        return Rendering(text, text.encode("utf-8"), "text/plain; charset=utf-8", ".txt")


@dataclass(frozen=True)
class Classes:
    """A token for each class; of `several`, one for its presence and one for its absence.

    Several classes are said one after another in the order of `classes`, each as there or not, so
    that the probability of each can be read where it is said.
    """

    form: Literal["class", "several", "each"]
    classes: tuple[str, ...]

    language: ClassVar[str] = NAME
    kind: ClassVar[str] = "classes"
    lossy: ClassVar[bool] = False
    arrays: ClassVar[Arrays] = {}

    @property
    def names(self) -> Sequence[str]:
        """Return the classes; of several, behind them `not` and each one's name."""
        absent = [f"not {name}" for name in self.classes] if self.form == "several" else []
        return [*self.classes, *absent]

    @property
    def unit_lengths(self) -> npt.NDArray[np.int64]:
        """Return 1 for a class that is there."""
        present = np.ones(len(self.classes), np.int64)
        return np.concatenate([present, np.zeros(len(self.names) - len(present), np.int64)])

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"form": self.form, "classes": list(self.classes)}

    @cached_property
    def _numbers(self) -> Mapping[str, int]:
        return {name: number for number, name in enumerate(self.classes)}

    def encode(self, content: Any) -> Codes:
        """Return the codes of a label; a class that was not in training is a `LexomeError`."""
        said = [self._number(name) for name in ([content] if self.form == "class" else content)]
        codes = np.array(said, np.int64)
        if self.form != "several":
            return codes
        order = np.arange(len(self.classes))
        return np.where(np.isin(order, codes), order, order + len(order))

    def _number(self, name: str) -> int:
        if name not in self._numbers:
            shown = ", ".join(self.classes[:10]) + (", …" if len(self.classes) > 10 else "")
            raise LexomeError(
                f"the label {name!r} does not occur in training, which has {shown}",
                fix="correct the label, add examples of it, or leave these records out",
            )
        return self._numbers[name]

    def decode(self, codes: Codes) -> Any:
        """Return the label of any codes: of one class the first, "" for none."""
        names = [self.classes[code] for code in codes.tolist() if code < len(self.classes)]
        if self.form == "class":
            return names[0] if names else ""
        return tuple(sorted(set(names))) if self.form == "several" else tuple(names)

    def unit_codes(self, codes: Codes) -> UnitCodes:
        """Return the number of each class that is there."""
        return codes[codes < len(self.classes)].astype(np.uint32)


@dataclass(frozen=True)
class Scale:
    """A token for each step of a scale; `centres` rise. A number is said as the nearest one."""

    centres: tuple[float, ...]

    language: ClassVar[str] = NAME
    kind: ClassVar[str] = "scale"
    lossy: ClassVar[bool] = True
    arrays: ClassVar[Arrays] = {}

    @property
    def names(self) -> Sequence[str]:
        """Return the centres, with the digits that tell them apart."""
        return [repr(centre) for centre in self.centres]

    @property
    def unit_lengths(self) -> npt.NDArray[np.int64]:
        """Return 1 for each."""
        return np.ones(len(self.centres), np.int64)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"centres": list(self.centres)}

    def encode(self, content: float) -> Codes:
        """Return the code of the nearest centre."""
        return np.array([int(np.abs(np.array(self.centres) - content).argmin())], np.int64)

    def decode(self, codes: Codes) -> float:
        """Return the first centre; of no code, not a number."""
        return self.centres[int(codes[0])] if len(codes) else math.nan

    def unit_codes(self, codes: Codes) -> UnitCodes:
        """Return the codes."""
        return codes.astype(np.uint32)


@dataclass(frozen=True)
class ClassesTrainer:
    """Collects the classes of the training labels, in the order of their names."""

    form: Literal["class", "several", "each"]
    needs_sample: bool = True
    option_names: Sequence[str] = ()

    def with_options(self, options: Mapping[str, int]) -> ClassesTrainer:
        return self

    def train(self, contents: Iterable[Any], vocab_size: int | None) -> CodedTokenizer:
        """Return the tokenizer; a single class, which says nothing, is a `LexomeError`."""
        found: set[str] = set()
        for content in contents:
            found.update([content] if self.form == "class" else content)
        if len(found) < (1 if self.form == "several" else 2):
            raise LexomeError(
                f"the training labels hold {len(found)} different classes: nothing to tell apart",
                fix="check which column holds the label, or add examples of another class",
            )
        return CodedTokenizer(Classes(self.form, tuple(sorted(found))))


@dataclass(frozen=True)
class ScaleTrainer:
    """Lays the steps of a scale so that the training numbers fill them about evenly.

    A regression that is said as a class keeps the order of its numbers by what is made of it: the
    mean of the centres, each times its probability (Torgo & Gama 1996).
    """

    bins: int = _DEFAULT_BINS
    needs_sample: bool = True
    option_names: Sequence[str] = ("bins",)

    def with_options(self, options: Mapping[str, int]) -> ScaleTrainer:
        bins = options.get("bins", self.bins)
        if bins < _LEAST_BINS:
            raise UsageError(f"a scale has {_LEAST_BINS} bins or more, not {bins}")
        return ScaleTrainer(bins)

    def train(self, contents: Iterable[float], vocab_size: int | None) -> CodedTokenizer:
        """Return the tokenizer: each centre is the mean of an equal share of the numbers."""
        numbers = np.sort(np.fromiter(contents, np.float64))
        parts = np.array_split(numbers, min(self.bins, len(numbers)))
        centres = np.unique(np.array([part.mean() for part in parts if len(part)]))
        if len(centres) < _LEAST_BINS:
            raise LexomeError(
                "the training numbers are all equal: there is nothing to predict",
                fix="check which column holds the number",
            )
        return CodedTokenizer(Scale(tuple(centres.tolist())))


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise LexomeError(f"{text!r} is not a number", fix="write numbers like 0.25 or -3e-4")
    return number


def _written(content: Any, separator: str) -> str:
    return f"{content:g}" if isinstance(content, float) else separator.join(content)
