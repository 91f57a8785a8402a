"""Text normalisation that suits any script: counted, and the same however the stream is cut.

Normal forms are those of Unicode Standard Annex 15. Nothing here adds or takes away a line end,
so lines stay where they are in the file.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Form = Literal["keep", "nfc", "nfkc"]
Invisible = Literal["keep", "remove"]
QuotationMarks = Literal["keep", "straight"]
WhiteSpace = Literal["keep", "single"]
TrailingBlanks = Literal["keep", "remove"]

# Control characters that are no white space, and format characters that say nothing about the
# text: soft hyphens, word joiners, byte order marks inside, the deprecated ones, annotation marks.
# Not here, for they carry meaning: joiners and non-joiners (Persian, Indic scripts, emoji), the
# zero-width space (words of Khmer and Thai), marks of direction, variation selectors, emoji tags;
# nor NUL, which the option `invalid` is for.
_INVISIBLE = re.compile(
    "[\x01-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u2060\ufeff\u206a-\u206f\ufff9-\ufffb\U000e0001]"
)
_STRAIGHT = dict.fromkeys("‘’‚‛", "'") | dict.fromkeys("“”„‟", '"')  # noqa: RUF001
_CURLY = re.compile(f"[{''.join(_STRAIGHT)}]")
_BLANK = r"[^\S\r\n]"
_NOT_SINGLE = re.compile(rf"{_BLANK}{{2,}}|[^\S\r\n ]")
_TRAILING = re.compile(rf"{_BLANK}+(?=[\r\n])")

# Where a text may be cut so that the parts normalise as the whole does: behind a LF, before a space
# that begins a run, and between two letters that never join what stands before them and are not
# looked at from the other side (lower case has a last sigma): ASCII, ideographs, kana, Hangul.
_LONE = "[A-Za-z0-9\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]"
_LAST_CUT = re.compile(rf"(?s:.*)(?:(?<=\n)|(?<={_LONE})(?={_LONE})|(?<=\S)(?= ))")

# The names under which changes are counted.
COUNTED = (
    "invisible_removed",
    "unicode_changed",
    "lowercased",
    "quotation_marks_changed",
    "white_space_changed",
    "trailing_blanks_removed",
)

_Step = Callable[[str], tuple[str, int]]


@dataclass(frozen=True)
class Normalisation:
    """What is made uniform; by default nothing.

    - `invisible`: control and format characters that carry no meaning in any script.
    - `unicode`: the normal form NFC, or NFKC, which also replaces compatibility characters.
    - `lowercase`: the full mapping of Unicode, whatever the language.
    - `quotation_marks`: curly ones become `'` and `"`.
    - `white_space`: a run of blanks within a line, of whatever kind, becomes one space.
    - `trailing_blanks`: blanks before a line end.
    """

    unicode: Form = "keep"
    invisible: Invisible = "keep"
    lowercase: bool = False
    quotation_marks: QuotationMarks = "keep"
    white_space: WhiteSpace = "keep"
    trailing_blanks: TrailingBlanks = "keep"

    def __call__(self, text: str) -> str:
        """Return the text normalised; doing it twice changes nothing more."""
        return Normaliser(self).whole(text)

    def steps(self) -> Mapping[str, _Step]:
        """Return what is done, in order, by the name under which it is counted.

        What goes first makes what comes next final: a mark may join its letter when the soft
        hyphen between them is gone, and NFKC makes capitals of mathematical letters.
        """
        steps: dict[str, _Step] = {}
        if self.unicode != "keep":
            steps["unicode_changed"] = self._to_form
        if self.lowercase:
            steps["lowercased"] = self._to_lower
        if self.quotation_marks == "straight":
            steps["quotation_marks_changed"] = _straighten
        if self.white_space == "single":
            steps["white_space_changed"] = lambda text: _NOT_SINGLE.subn(" ", text)
        if self.trailing_blanks == "remove":
            steps["trailing_blanks_removed"] = lambda text: _TRAILING.subn("", text)
        return steps

    def _to_form(self, text: str) -> tuple[str, int]:
        form: Literal["NFC", "NFKC"] = "NFC" if self.unicode == "nfc" else "NFKC"
        if text.isascii() or unicodedata.is_normalized(form, text):
            return text, 0
        changed = unicodedata.normalize(form, text)
        return changed, _characters_changed(form, text, changed)

    def _to_lower(self, text: str) -> tuple[str, int]:
        lower = text.lower()
        if lower == text:
            return text, 0
        count = sum(n for letter, n in Counter(text).items() if letter.lower() != letter)
        # Small letters join marks that capitals do not: ǰ has no capital.
        return (lower if self.unicode == "keep" else self._to_form(lower)[0]), count


class Normaliser:
    """Normalises what is read, whole or as a stream, and counts what it changes.

    `counts` has, by name: the characters replaced, joined or moved (`unicode_changed`), removed
    (`invisible_removed`), lowercased and straightened; the runs of blanks made one space, and
    the lines that lost trailing blanks.
    """

    def __init__(self, normalisation: Normalisation) -> None:
        self._remove = normalisation.invisible == "remove"
        self._steps = normalisation.steps()
        names = (*(["invisible_removed"] if self._remove else []), *self._steps)
        self.counts = dict.fromkeys(names, 0)

    def whole(self, text: str) -> str:
        """Return a whole text normalised."""
        return self._apply(self._visible(text))

    def stream(self, chunks: Iterable[str]) -> Iterator[str]:
        """Yield the text normalised: the same text, and counts, for any chunks.

        Held in memory is what follows the last place that is safe to cut, mostly a word.
        """
        if not self.counts:
            yield from chunks
            return
        held: list[str] = []
        before = ""
        for chunk in map(self._visible, chunks):
            # A cut looks one character back.
            stop = 0
            if match := _LAST_CUT.match(before + chunk):
                stop = match.end() - len(before)
                yield self._apply("".join((*held, chunk[:stop])))
                held = []
            held.append(chunk[stop:])
            before = chunk[-1:] or before
        if rest := "".join(held):
            yield self._apply(rest)

    def _visible(self, text: str) -> str:
        """Remove what carries no meaning: character by character, so chunks do not matter."""
        if not self._remove:
            return text
        text, count = _INVISIBLE.subn("", text)
        self.counts["invisible_removed"] += count
        return text

    def _apply(self, text: str) -> str:
        for name, step in self._steps.items():
            text, count = step(text)
            self.counts[name] += count
        return text


def _straighten(text: str) -> tuple[str, int]:
    return _CURLY.subn(lambda match: _STRAIGHT[match.group()], text)


def _characters_changed(form: Literal["NFC", "NFKC"], text: str, changed: str) -> int:
    """Return how many characters were replaced, joined to others or moved.

    The figure of a text is the sum of the figures of its parts.
    """
    counted = Counter(text)
    alone = {letter: unicodedata.normalize(form, letter) for letter in counted}
    replaced = sum(n for letter, n in counted.items() if alone[letter] != letter)
    joined = sum(n * len(alone[letter]) for letter, n in counted.items()) - len(changed)
    full: Literal["NFD", "NFKD"] = "NFD" if form == "NFC" else "NFKD"
    spelled = text.translate({ord(letter): unicodedata.normalize(full, letter) for letter in alone})
    ordered = unicodedata.normalize(full, text)
    if spelled == ordered:
        return replaced + joined
    moved = sum(one != other for one, other in zip(spelled, ordered, strict=True))
    return replaced + joined + moved
