"""Words of a text in any script: what stands whole between what is no letter, mark or digit."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import groupby


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text in order, so that two spellings of a word are equal.

    Case is folded and what Unicode composes is composed. A word ends before an apostrophe:
    "women's" is "women" and "s".
    """
    return tuple(word for _, _, word in placed_words(text))


def placed_words(text: str, place: int = 0) -> Iterator[tuple[int, int, str]]:
    """Yield where each word from `place` on starts and stops, and the word as `words_of` has it."""
    for found in _word().finditer(text, place):
        yield found.start(), found.end(), composed(found.group()).casefold()


def composed(text: str) -> str:
    """Return a text in the normal form C of Unicode, in which accents have one spelling."""
    return unicodedata.normalize("NFC", text)


@cache
def _word() -> re.Pattern[str]:
    """Return the pattern of a word: letters, digits and the marks that scripts put at letters.

    Python counts the vowel signs of Devanagari or Thai, which are marks, as ends of words.
    """
    codes = range(sys.maxunicode + 1)
    marks = [code for code in codes if unicodedata.category(chr(code)).startswith("M")]
    runs = [
        [code for _, code in run]
        for _, run in groupby(enumerate(marks), key=lambda pair: pair[1] - pair[0])
    ]
    ranges = "".join(f"{chr(run[0])}-{chr(run[-1])}" for run in runs)
    return re.compile(f"\\w+(?:[{ranges}]+\\w*)*")
