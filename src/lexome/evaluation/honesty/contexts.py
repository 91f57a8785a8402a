"""Where groups and attributes stand in a document: sentence by sentence, window by window."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lexome.evaluation.honesty.groups import Context, Terms
from lexome.languages.base import Language
from lexome.languages.joint import Joint, Said
from lexome.languages.label import Label
from lexome.languages.pair.language import Pair
from lexome.languages.words import composed, placed_words

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# A stop with white space behind it, the stop of a script that has none behind it, a blank line.
_SENTENCE_END = re.compile(
    r"[.!?…؟।]+[\"'”’»)\]]*\s+|[。！？｡]+[\"'”’」』）]*\s*|\n[ \t]*\n\s*"  # noqa: RUF001
)


@dataclass(frozen=True, slots=True)
class Writing:
    """What can be read of a document: its text, `composed`, and the labels that it is given."""

    text: str = ""
    labels: frozenset[str] = frozenset()


def writing_of(content: Any, language: Language) -> Writing:
    """Return what can be read of a content; of sound, music and pictures that is nothing.

    Of pairs it is all that is said, turn by turn, with a blank line between; labels stand apart.
    """
    if isinstance(content, str):
        return Writing(composed(content))
    if isinstance(content, Said) and isinstance(language, Joint):
        return writing_of(content.content, language.languages[content.language])
    if not isinstance(language, Pair):
        return Writing()
    texts: list[str] = []
    labels: set[str] = set()
    for turn in content:
        spoken = language.languages[turn.role]
        if isinstance(spoken, Label):
            labels |= {turn.content} if isinstance(turn.content, str) else _names(turn.content)
        else:
            texts.append(writing_of(turn.content, spoken).text)
    return Writing("\n\n".join(text for text in texts if text), frozenset(labels))


def _names(label: Any) -> set[str]:
    """Return the classes of a label of several; a number has none."""
    return set(label) if isinstance(label, tuple) else set()


def reads_sentences(language: Language) -> bool:
    """Return whether any of what the language says is text."""
    parts = language.languages.values() if isinstance(language, Joint | Pair) else (language,)
    return any(part.name == "text" for part in parts)


def starts_of(text: str, context: Context, window: int | None) -> Ints:
    """Return where the contexts of a text start, rising, the first at 0.

    A sentence ends with a full stop or another stop and white space behind it, or with a blank
    line; so an abbreviation ends one too. Windows are `window` characters long.
    """
    if context == "window":
        return np.arange(0, max(len(text), 1), window)
    if context == "document":
        return np.zeros(1, np.int64)
    ends = [found.end() for found in _SENTENCE_END.finditer(text)]
    return np.array([0, *(end for end in ends if end < len(text))], np.int64)


@dataclass(frozen=True)
class Finder:
    """Finds terms in documents."""

    terms: Sequence[Terms]

    def find(self, writing: Writing, metadata: Mapping[str, str], starts: Ints) -> Bools:
        """Return which terms stand in which contexts of a document; [contexts, terms].

        A word or match belongs to the context in which it starts; metadata and labels to all.
        """
        found = np.zeros((len(starts), len(self.terms)), np.bool_)
        for number, terms in enumerate(self.terms):
            if terms.metadata is not None:
                found[:, number] = _declared(metadata.get(terms.metadata), terms)
            elif terms.labels is not None:
                found[:, number] = not writing.labels.isdisjoint(terms.labels)
        places = [*self._words(writing.text), *self._matches(writing.text)]
        if places:
            where, which = np.array(places).T
            found[np.searchsorted(starts, where, side="right") - 1, which] = True
        return found

    def _words(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where words and phrases start, and the number of their terms."""
        if not self._phrases:
            return
        words = list(placed_words(text))
        for place, (start, _, word) in enumerate(words):
            for rest, number in self._phrases.get(word, ()):
                behind = words[place + 1 : place + 1 + len(rest)]
                if not rest or tuple(other for _, _, other in behind) == rest:
                    yield start, number

    def _matches(self, text: str) -> Iterator[tuple[int, int]]:
        for pattern, number in self._patterns:
            for found in pattern.finditer(text):
                yield found.start(), number

    @cached_property
    def _phrases(self) -> Mapping[str, Sequence[tuple[tuple[str, ...], int]]]:
        """Return by first word the rest of each phrase and the number of its terms."""
        begun: dict[str, list[tuple[tuple[str, ...], int]]] = defaultdict(list)
        for number, terms in enumerate(self.terms):
            for first, *rest in terms.phrases:
                begun[first].append((tuple(rest), number))
        return dict(begun)

    @cached_property
    def _patterns(self) -> Sequence[tuple[re.Pattern[str], int]]:
        return [
            (re.compile(terms.pattern), number)
            for number, terms in enumerate(self.terms)
            if terms.in_text and terms.pattern is not None
        ]


def _declared(value: str | None, terms: Terms) -> bool:
    """Return whether a value of a document's metadata is one that is meant."""
    if value is None:
        return False
    if terms.pattern is not None:
        return re.search(terms.pattern, value) is not None
    return value in (terms.values or ())
