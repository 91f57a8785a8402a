"""Named ways to write transcripts before they are compared: text in, text out.

A name is part of a figure: what it stands for never changes, and another way has another name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from lexome.errors import UsageError, nearest

_APOSTROPHES = str.maketrans("’‘ʼ＇", "''''")  # noqa: RUF001 - the ways to write one


@dataclass(frozen=True, slots=True)
class Normaliser:
    """A way to write transcripts, applied to references and hypotheses alike."""

    name: str
    apply: Callable[[str], str]


def english(text: str) -> str:
    """Return English words in lower case, single spaces between them.

    Compatible characters are one (Unicode NFKC), an apostrophe is kept inside a word ("don't") and
    nowhere else, and whatever is no letter, digit or accent parts words: "well-known" is two, as is
    "3.5". Numbers are not spelled out, and spellings are not mended.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())
    folded = folded.translate(_APOSTROPHES)
    kept = "".join(letter if letter == "'" or _in_words(letter) else " " for letter in folded)
    return " ".join(re.sub(r"(?<!\S)'+|'+(?!\S)|'{2,}", " ", kept).split())


def _in_words(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "LMN"


ENGLISH = Normaliser("lexome-en-1", english)
AS_WRITTEN = Normaliser("as-written", lambda text: " ".join(text.split()))

_KNOWN = {each.name: each for each in (ENGLISH, AS_WRITTEN)}


def normaliser(name: str) -> Normaliser:
    """Return the normaliser of a name; an unknown one is a `UsageError`."""
    if name not in _KNOWN:
        what = f"there is no normaliser {name!r}"
        raise UsageError(what, where="the normaliser", fix=nearest(name, _KNOWN))
    return _KNOWN[name]
