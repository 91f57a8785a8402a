"""Words of a text in any script: what stands whole between what is no letter, mark or digit."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby

# Scripts that put no space between words, by how Unicode names their letters.
_UNSPACED = (
    *("CJK UNIFIED", "CJK COMPATIBILITY IDEOGRAPH", "HIRAGANA", "KATAKANA", "HALFWIDTH KATAKANA"),
    *("THAI", "LAO", "KHMER", "MYANMAR"),
)


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text in order, so that two spellings of a word are equal.

    Case is folded and what Unicode composes is composed. A word ends before an apostrophe:
    "women's" is "women" and "s". Where a script puts no space between words, which are its words
    only a dictionary knows; there each letter is one, with its marks, so that a term of several is
    found wherever they follow each other.
    """
    return tuple(word for _, _, word in placed_words(text))


def placed_words(text: str, place: int = 0) -> Iterator[tuple[int, int, str]]:
    """Yield where each word from `place` on starts and stops, and the word as `words_of` has it."""
    runs, letters = _patterns()
    for found in runs.finditer(text, place):
        run = found.group()
        if run.isascii():
            yield found.start(), found.end(), run.lower()
            continue
        for part in letters.finditer(run):
            start = found.start() + part.start()
            yield start, start + len(part.group()), composed(part.group()).casefold()


def composed(text: str) -> str:
    """Return a text in the normal form C of Unicode, in which accents have one spelling."""
    return unicodedata.normalize("NFC", text)


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the patterns of runs and of the words in one.

    A run is of letters, digits, and the marks that scripts put at letters: Python counts
    the vowel signs of Devanagari or Thai, which are marks, as ends of words.
    """
    kinds = [(code, unicodedata.category(chr(code))) for code in range(sys.maxunicode + 1)]
    marks = _ranges(code for code, kind in kinds if kind.startswith("M"))
    letters = (code for code, kind in kinds if kind in ("Lo", "Lm"))
    unspaced = _ranges(
        code for code in letters if unicodedata.name(chr(code), "").startswith(_UNSPACED)
    )
    return (
        re.compile(f"\\w+(?:[{marks}]+\\w*)*"),
        re.compile(f"[{unspaced}][{marks}]*|[^{unspaced}]+"),
    )


def _ranges(codes: Iterable[int]) -> str:
    """Return rising code points as they stand in a set of a regular expression."""
    runs = [
        [code for _, code in run]
        for _, run in groupby(enumerate(codes), key=lambda pair: pair[1] - pair[0])
    ]
    return "".join(f"{chr(run[0])}-{chr(run[-1])}" for run in runs)
