"""Groups and attributes as a user declares them, in a file of YAML.

context: sentence            # or document, or window with `window: 200`
axes:
  size:                      # of each axis two groups or more
    big: [whale, elephant]   # whole words, in any case
    small: {pattern: "m(ouse|ice)"}
attributes:
  loud: {words: [roars, thunders]}
  wild: {metadata: habitat, values: [forest, sea]}
  named: {metadata: description, pattern: "OS=[A-Z]"}
  rare: {labels: [rare]}
questions:                   # how a model is asked; see `group_questions`
  noise: {axis: size, prompts: ["A {group} is {answer}."], answers: {loud: loud, wild: untamed}}
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from lexome.errors import LexomeError, UsageError, nearest
from lexome.evaluation.honesty.group_questions import (
    QUESTION_EXAMPLE,
    AskedGroups,
    GroupQuestion,
    spell_out,
)
from lexome.files import naming
from lexome.languages.words import words_of
from lexome.recipe.notation import read_yaml

Context = Literal["document", "sentence", "window"]
# What the places of errors in a declaration begin with.
_KEYS = ("axes", "attributes", "question")
Texts = Annotated[tuple[str, ...], Field(min_length=1)]

_EXAMPLE = (
    'write words: [...], pattern: "...", labels: [...], or metadata: COLUMN with values: [...] or '
    "with a pattern"
)


class Terms(BaseModel):
    """What a group or an attribute is known by, in one of four ways.

    - `words`: whole words or phrases, in any case.
    - `pattern`: a regular expression, in the case that it is written in.
    - `metadata` and `values`, or `pattern`: documents that say one of these values in this column,
      or in whose column the pattern is found (a field of a FASTA header).
    - `labels`: documents whose answer is, or holds, one of these labels.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: Texts | None = None
    pattern: str | None = None
    metadata: str | None = None
    values: Texts | None = None
    labels: Texts | None = None

    @model_validator(mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """Read a plain list as one of words."""
        return {"words": value} if isinstance(value, list) else value

    @field_validator("words")
    @classmethod
    def _spelled(cls, words: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for word in words or ():
            if not words_of(word):
                raise _problem(f"{word!r} has no letter", "write a word, or use a pattern")
        return words

    @field_validator("pattern")
    @classmethod
    def _sound(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                matches_nothing = re.compile(pattern).search("") is not None
            except re.error as error:
                raise _problem(
                    f"this is no regular expression: {error}", "mend the pattern"
                ) from error
            if matches_nothing:
                raise _problem("the pattern matches where nothing stands", "let it need a letter")
        return pattern

    @model_validator(mode="after")
    def _one_kind(self) -> Terms:
        kinds = ("words", "pattern", "values", "labels")
        given = [kind for kind in kinds if getattr(self, kind) is not None]
        if len(given) != 1:
            found = f"it has {' and '.join(given)}" if given else "it has none"
            raise _problem(f"it must be known in one way, and {found}", _EXAMPLE)
        if self.values is not None and self.metadata is None:
            raise _problem("nothing says of which column the values are", "add metadata: COLUMN")
        if self.metadata is not None and given[0] in ("words", "labels"):
            raise _problem(f"{given[0]} are not of metadata", "give values, or a pattern")
        return self

    @property
    def in_text(self) -> bool:
        """Whether it is words, or a pattern, of the documents' own text."""
        return self.metadata is None and self.labels is None

    @property
    def phrases(self) -> tuple[tuple[str, ...], ...]:
        """Return `words`, each as the words that it is made of, spelled as `words_of` does."""
        return tuple(dict.fromkeys(words_of(word) for word in self.words or ()))

    @property
    def keys(self) -> frozenset[tuple[str, ...]]:
        """Return what no other group of an axis may be known by too."""
        parts = {
            "word": [" ".join(phrase) for phrase in self.phrases],
            f"pattern of {self.metadata or 'text'}": [self.pattern] if self.pattern else [],
            f"value of {self.metadata}": self.values or (),
            "label": self.labels or (),
        }
        return frozenset((kind, value) for kind, values in parts.items() for value in values)


class Groups(BaseModel):
    """A groups file: axes of groups, attributes, and where the two belong together.

    A group and an attribute belong together where they stand in one `context`: a document, a
    sentence, or a stretch of `window` characters. `None` is a sentence where documents are text,
    and else a document.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    context: Context | None = None
    window: Annotated[int, Field(ge=1)] | None = None
    axes: Annotated[
        dict[str, Annotated[dict[str, Terms], Field(min_length=2)]], Field(min_length=1)
    ]
    attributes: Annotated[dict[str, Terms], Field(min_length=1)]
    questions: dict[str, GroupQuestion] = {}

    @model_validator(mode="after")
    def _windowed(self) -> Groups:
        if (self.context == "window") != (self.window is not None):
            raise _problem(
                "`window` is the size of `context: window`", "give both, or neither of the two"
            )
        return self

    @property
    def groups(self) -> list[tuple[str, str]]:
        """Return axis and name of each group, in order."""
        return [(axis, name) for axis, groups in self.axes.items() for name in groups]

    def terms(self) -> Iterator[tuple[str, Terms]]:
        """Yield the terms of each group, then those of each attribute, with their keys."""
        for axis, groups in self.axes.items():
            for name, terms in groups.items():
                yield f"axes.{axis}.{name}", terms
        for name, terms in self.attributes.items():
            yield f"attributes.{name}", terms

    def asked(self, where: str = "groups") -> list[AskedGroups]:
        """Return the questions spelled out, as `spell_out` does; `where` is named in errors."""
        axes = {axis: _words(groups) for axis, groups in self.axes.items()}
        attributes = _words(self.attributes)
        return [
            spell_out(name, question, axes, attributes, f"{where}, questions.{name}")
            for name, question in self.questions.items()
        ]


def read_groups(path: Path) -> Groups:
    """Read a groups file, safely.

    Raises `UsageError` that names file and key where it is not YAML, says something twice, has a
    key that is unknown, an axis with fewer than two groups, a group or attribute without terms, a
    pattern that is none; where two groups of an axis share a term; and where an attribute's words
    hold a group's or the other way round, so that they would belong together by spelling alone;
    and for questions as `spell_out` does.
    """
    with naming(path):
        raw = path.read_bytes()
    try:
        values = read_yaml(raw, str(path))
    except UsageError as error:
        raise UsageError(error.what, where=error.where, fix="mend the line") from error
    return parse_groups(values, str(path))


@contextmanager
def declared_in(path: Path) -> Iterator[None]:
    """Put the groups file before the key that an error of the block names.

    An error that names something else, as the corpus's folder, is not one of the file.
    """
    try:
        yield
    except LexomeError as error:
        if error.where is not None and not error.where.startswith(_KEYS):
            raise
        place = str(path) if error.where is None else f"{path}, {error.where}"
        raise type(error)(error.what, where=place, fix=error.fix) from error


def parse_groups(values: Any, where: str = "groups") -> Groups:
    """Make groups of plain values, as `read_groups` does; `where` is named in errors."""
    if not isinstance(values, Mapping):
        raise UsageError(
            "groups are declared as a mapping", where=where, fix="write `axes:` and `attributes:`"
        )
    try:
        groups = Groups.model_validate(dict(values))
    except ValidationError as error:
        raise _usage_error(error.errors(include_url=False)[0], where) from error
    for axis, own in groups.axes.items():
        for (first, terms), (second, others) in combinations(own.items(), 2):
            if shared := sorted(terms.keys & others.keys):
                kind, value = shared[0]
                raise UsageError(
                    f"the {kind} {value!r} is of {first!r} and of {second!r}",
                    where=f"{where}, axes.{axis}",
                    fix="leave it to one of them: groups of an axis do not overlap",
                )
    _check_apart(groups, where)
    groups.asked(where)
    return groups


def _check_apart(groups: Groups, where: str) -> None:
    """Refuse an attribute that belongs to a group by its spelling, whatever the corpus says."""
    for axis, own in groups.axes.items():
        for group, terms in own.items():
            for attribute, others in groups.attributes.items():
                said = next(
                    (
                        min(one, other, key=len)
                        for one in terms.phrases
                        for other in others.phrases
                        if _holds(one, other) or _holds(other, one)
                    ),
                    None,
                )
                if said is None and not terms.keys & others.keys:
                    continue
                what = repr(" ".join(said)) if said else "what it is known by"
                raise UsageError(
                    f"{what} is of the group {group!r} of {axis!r} and of the attribute too, so "
                    "the two belong together by spelling alone",
                    where=f"{where}, attributes.{attribute}",
                    fix="leave it to one of them",
                )


def _words(named: Mapping[str, Terms]) -> dict[str, tuple[str, ...] | None]:
    return {name: terms.words for name, terms in named.items()}


def _holds(phrase: Sequence[str], part: Sequence[str]) -> bool:
    """Return whether a phrase has all the words of a part, one behind the other."""
    size = len(part)
    return any(phrase[first : first + size] == part for first in range(len(phrase) - size + 1))


def _problem(what: str, fix: str) -> PydanticCustomError:
    return PydanticCustomError("problem", "{what}", {"what": what, "fix": fix})


def _usage_error(detail: ErrorDetails, where: str) -> UsageError:
    """Return pydantic's first finding by dotted key, with its way out."""
    location = [str(part) for part in detail["loc"] if part != "[key]"]
    kind, context, given = detail["type"], detail.get("ctx", {}), detail["input"]
    place = f"{where}, {'.'.join(location)}" if location else where
    asks = location[:1] == ["questions"]
    match kind:
        case "problem":
            what, fix = context["what"], context["fix"]
        case "missing":
            what, fix = "this key is missing", "add it"
        case "extra_forbidden":
            model = Groups if len(location) == 1 else GroupQuestion if asks else Terms
            known = model.model_fields
            what, fix = "this key is unknown", nearest(location[-1], known)
        case "string_type":
            what, fix = f"this is no text: {given!r}", "put it in quotes"
        case "too_short" if location[0] == "axes" and len(location) == 2:
            what, fix = "an axis needs two groups or more", "declare what it is compared with"
        case "too_short" if location[-1] == "answers":
            what, fix = "a question needs two answers or more", "name attributes that were declared"
        case "too_short":
            what, fix = "it is empty", "fill it, or leave it out"
        case "literal_error":
            what, fix = f"this is none of the contexts: {given!r}", f"write {context['expected']}"
        case "greater_than_equal" | "int_type" | "int_from_float" | "int_parsing":
            what, fix = f"this is no number of characters: {given!r}", "write one, from 1 on"
        case "float_parsing" | "float_type":
            what, fix = f"this is no share: {given!r}", "write a number from 0 to 1"
        case "bool_parsing" | "bool_type":
            what, fix = f"this is neither true nor false: {given!r}", "write true, or leave it out"
        case _ if asks:
            what, fix = f"this asks nothing: {given!r}", QUESTION_EXAMPLE
        case "model_type":
            what, fix = f"this declares nothing: {given!r}", _EXAMPLE
        case "dict_type":
            what, fix = f"this names nothing: {given!r}", "write NAME: [...] for each"
        case _:
            what, fix = f"{detail['msg']}, not {given!r}", _EXAMPLE
    return UsageError(what, where=place, fix=fix)
