"""The letters of DNA: how each is read, what is wrong with it, and what stands opposite."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from lexome.errors import LexomeError

CORE = "ACGTN"
# Codes for two or three bases (NC-IUB 1984, https://iupac.qmul.ac.uk/misc/naseq.html).
AMBIGUOUS = "RYSWKMBDHV"

AmbiguousPolicy = Literal["keep", "n", "error"]
RnaPolicy = Literal["error", "convert"]

_COMPLEMENT = str.maketrans("ACGTRYSWKMBDHVN", "TGCAYRSWMKVHDBN")
# The same by ASCII code; [128].
OPPOSITE = np.array([ord(chr(code).translate(_COMPLEMENT)) for code in range(128)], np.uint8)


def reverse_complement(bases: str) -> str:
    """Return the other strand, read in its own direction; IUPAC codes are complemented too."""
    return bases[::-1].translate(_COMPLEMENT)


def reading_table(iupac: AmbiguousPolicy, rna: RnaPolicy) -> bytes:
    """Return the letter that each byte is read as; 0 stands for a letter that is not allowed."""
    read_as = {letter: letter for letter in CORE}
    if iupac != "error":
        read_as |= {letter: letter if iupac == "keep" else "N" for letter in AMBIGUOUS}
    if rna == "convert":
        read_as["U"] = "T"
    table = bytearray(256)
    for letter, base in read_as.items():
        table[ord(letter)] = table[ord(letter.lower())] = ord(base)
    return bytes(table)


def lower_case(letters: bytes) -> npt.NDArray[np.bool_]:
    """Return which of the letters are in lower case; a sign has no case."""
    codes = np.frombuffer(letters, np.uint8)
    masked: npt.NDArray[np.bool_] = (codes >= ord("a")) & (codes <= ord("z"))
    return masked


def count_letters(sequence: bytes, letters: str) -> int:
    """Return how many of `sequence` are in `letters`, in either case."""
    either = (letters + letters.lower()).encode("ascii")
    return len(sequence) - len(sequence.translate(None, either))


def is_like_protein(bases: bytes) -> bool:
    """Return whether most letters stand for several bases, as in no sequence that was ever read.

    Of a protein spelled in letters that are all IUPAC codes, two in three do; in primers and
    motifs, hardly more than one in three.
    """
    return 2 * count_letters(bases, AMBIGUOUS) > len(bases)


def refusal(letter: str, where: str) -> LexomeError:
    """Return the error for a letter that is not allowed: what it is, and the way out."""
    upper = letter.upper()
    if letter in "-.":
        what, fix = f"{letter!r} is a gap, so this is an alignment", "take the gaps out"
    elif upper == "U":
        what, fix = f"{letter!r} is RNA, not DNA", "to read U as T, choose --option rna=convert"
    elif upper in AMBIGUOUS:
        what = f"{letter!r} stands for several bases"
        fix = "choose --option iupac=keep or --option iupac=n"
    elif upper in "EFILPQZJOX*":
        what = f"{letter!r} is not a base; this looks like a protein"
        fix = "use the language 'protein' for it"
    else:
        what, fix = f"{letter!r} is not a base", "correct the file"
    return LexomeError(
        what,
        where=where,
        fix=f"{fix}; or choose --option illegal=skip to leave such documents out, "
        "--option illegal=n for N",
    )
