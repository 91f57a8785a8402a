"""Which of some names stand in a text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property

from lexome.languages.swapping import Phrase, Phrases


class Named:
    """Finds names in texts, as whole words, in any case; a name without a letter is in none."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = defaultdict[Phrase, set[str]](set)
        for name in names:
            phrase = Phrase.of(name.strip())
            if phrase.words:
                self._names[phrase].add(name)

    def of(self, text: str) -> frozenset[str]:
        """Return who of them stands in a text."""
        found = {phrase for _, _, phrase in self._phrases.every(text)}
        return frozenset(name for phrase in found for name in self._names[phrase])

    @cached_property
    def _phrases(self) -> Phrases:
        return Phrases([*self._names])
