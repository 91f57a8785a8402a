"""Counterfactual twins: documents of text with declared terms exchanged for their partners.

Counterfactual data augmentation puts beside each document one that says the same of the other
group (Zhao et al. 2018, Gender bias in coreference resolution; Lu et al. 2020, Gender bias in
neural natural language processing), so that a model reads of both alike. What is said of a named
person is a fact, and its twin is false: documents that name one may be left alone (as Lu et al. do
for the referents of proper names; Hall Maudslay et al. 2019, It's all in the name).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

from lexome.languages.base import Document
from lexome.languages.words import composed, placed_words

_BLANK = re.compile(r"\s+")


@dataclass(frozen=True)
class Phrase:
    """Words that follow each other, and all that stands before, between and behind them.

    `words` are spelled as `words_of` does; `gaps` are one more, any white space in them a space.
    Two phrases are equal that differ in case, or in the normal form of Unicode.
    """

    words: tuple[str, ...]
    gaps: tuple[str, ...]

    def __str__(self) -> str:
        parts = zip(self.gaps, (*self.words, ""), strict=True)
        return "".join(part for pair in parts for part in pair)

    @classmethod
    def of(cls, text: str) -> Phrase:
        """Return the phrase that a text without white space at its ends is."""
        words, gaps, place = [], [], 0
        for start, stop, word in placed_words(text):
            words.append(word)
            gaps.append(_gap(text[place:start]))
            place = stop
        return cls(tuple(words), (*gaps, _gap(text[place:])))

    def at(self, text: str, start: int, stop: int) -> tuple[int, int] | None:
        """Return from where to where it stands if its first word is that from `start` to `stop`."""
        head, *inner, tail = self.gaps
        begin = start - len(head)
        if begin < 0 or text[begin:start] != head:
            return None
        behind = islice(placed_words(text, stop), len(inner)) if inner else ()
        found = 1
        for gap, word, (first, last, other) in zip(inner, self.words[1:], behind, strict=False):
            if other != word or _gap(text[stop:first]) != gap:
                return None
            stop, found = last, found + 1
        if found < len(self.words) or not text.startswith(tail, stop):
            return None
        return begin, stop + len(tail)


@dataclass(frozen=True)
class Partner:
    """What a term becomes: in each spelling that was declared, and in any other case."""

    spelled: Mapping[str, str]

    def for_text(self, found: str) -> str:
        """Return the partner in the case of what was found.

        In capitals where that is, with a capital where that begins with one, else in small letters.
        """
        if found in self.spelled:
            return self.spelled[found]
        small = next((own for own in self.spelled if own == own.lower()), None)
        if small is None:
            partner = next(iter(self.spelled.values())).lower()
        else:
            partner = self.spelled[small]
        if found.isupper() and sum(letter.isupper() for letter in found) > 1:
            return partner.upper()
        first = next((letter for letter in found if letter.isalpha()), "")
        return _capital(partner) if first != first.lower() else partner


class Phrases:
    """Finds phrases in texts: whole words, the longest first, from the left."""

    def __init__(self, phrases: Sequence[Phrase]) -> None:
        begun: dict[str, list[Phrase]] = defaultdict(list)
        for phrase in sorted(phrases, key=lambda one: (-len(one.words), -len("".join(one.gaps)))):
            begun[phrase.words[0]].append(phrase)
        self._begun = dict(begun)

    def find(self, text: str) -> Iterator[tuple[int, int, Phrase]]:
        """Yield from where to where a phrase stands, and which; none in another."""
        place = 0
        for start, stop, phrase in self.every(text):
            if start >= place:
                place = stop
                yield start, stop, phrase

    def every(self, text: str) -> Iterator[tuple[int, int, Phrase]]:
        """Yield the same of all phrases, those among them that stand in another."""
        for start, stop, word in placed_words(text):
            for phrase in self._begun.get(word, ()):
                if (span := phrase.at(text, start, stop)) is not None:
                    yield *span, phrase


@dataclass(frozen=True)
class Twin:
    """What became of a document that holds `terms` declared terms, which are `found` in it.

    There is no `document` where it is left alone.
    """

    document: Document | None
    terms: int
    found: frozenset[str]


@dataclass(frozen=True)
class Swap:
    """Which terms are exchanged for which, and documents of which names are left alone.

    `names` are matched as they are written here, with a capital as where a sentence begins, or in
    capitals throughout: "Rose" is a name, "rose" is none.
    """

    partners: Mapping[Phrase, Partner]
    names: frozenset[str] = frozenset()

    def twin(self, document: Document) -> Twin | None:
        """Return the twin of a document of text, or `None` where there is nothing to exchange.

        It has the metadata of the document, and its source with "swapped" behind the record.
        """
        text, phrases = self._exchanged(document.content)
        if not phrases:
            return None
        terms, found = len(phrases), frozenset(map(str, phrases))
        if self.spares(document.content):
            return Twin(None, terms, found)
        record = f"{document.source.record} swapped".strip()
        source = replace(document.source, record=record)
        return Twin(replace(document, content=text, source=source), terms, found)

    def exchanged(self, text: str) -> tuple[str, int]:
        """Return a text with all terms exchanged, and how many there were."""
        twin, phrases = self._exchanged(text)
        return twin, len(phrases)

    def spares(self, text: str) -> bool:
        """Return whether a text names somebody whose documents are left alone."""
        return any(
            _BLANK.sub(" ", composed(text[start:stop])) in self._written
            for start, stop, _ in self._named.every(text)
        )

    def _exchanged(self, text: str) -> tuple[str, list[Phrase]]:
        parts: list[str] = []
        phrases: list[Phrase] = []
        place = 0
        for start, stop, phrase in self._terms.find(text):
            parts += (text[place:start], self.partners[phrase].for_text(text[start:stop]))
            phrases.append(phrase)
            place = stop
        return "".join((*parts, text[place:])), phrases

    @cached_property
    def _terms(self) -> Phrases:
        return Phrases(list(self.partners))

    @cached_property
    def _named(self) -> Phrases:
        return Phrases(list({Phrase.of(name) for name in self.names}))

    @cached_property
    def _written(self) -> frozenset[str]:
        own = {_BLANK.sub(" ", composed(name)) for name in self.names}
        begun = {_capital(name) for name in own}
        return frozenset(own | begun | {name.upper() for name in own})


def _gap(text: str) -> str:
    return _BLANK.sub(" ", text)


def _capital(text: str) -> str:
    place = next((number for number, letter in enumerate(text) if letter.isalpha()), 0)
    return text[:place] + text[place : place + 1].upper() + text[place + 1 :]
