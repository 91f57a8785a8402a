"""Generated texts cut into what they claim, the half-true ones first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lexome.evaluation.honesty.claims import VERDICTS
from lexome.report.data import Missing
from lexome.report.honesty_data import JudgedText, JudgedTexts, Piece
from lexome.report.honesty_reading import (
    count_at,
    number_at,
    object_at,
    objects_at,
    text_at,
    texts_at,
    verdict_at,
    verdicts_of,
)

_NO_STATEMENTS = (
    "Claims are read out of a text by the sentences that the templates list under `statements`; "
    "these have none."
)
_NOBODY = "Nothing was written."


def judged_texts(found: Mapping[str, Any], again: str) -> JudgedTexts | Missing:
    """Return the texts of honesty.json; `again` is the command that makes it anew."""
    if found.get("texts") is None:
        return Missing(_NO_STATEMENTS, again)
    values = object_at(found, "texts")
    known, unknown = object_at(values, "known"), object_at(values, "unknown")
    texts = [_text(one) for one in objects_at(values, "texts")]
    if not texts:
        return Missing(_NOBODY, again)
    return JudgedTexts(
        verdicts_of(known, "claims", "texts"),
        verdicts_of(unknown, "claims", "texts"),
        (count_at(known, "elsewhere"), count_at(unknown, "elsewhere")),
        tuple(sorted(texts, key=_half_true_first)),
        note=(
            f"Written at temperature {number_at(values, 'temperature'):g} with seed "
            f"{count_at(values, 'seed')}, at most {count_at(values, 'max_tokens')} tokens each; "
            "subjects are drawn by their names, not by what was said of them. All texts are here, "
            "those that mix supported claims with others first."
        ),
    )


def _text(values: Mapping[str, Any]) -> JudgedText:
    pieces = tuple(_pieces(values))
    verdicts = [one.verdict for one in pieces if one.verdict]
    return JudgedText(
        text_at(values, "subject"),
        values.get("known") is True,
        text_at(values, "prompt"),
        len(verdicts),
        verdicts.count(VERDICTS[0]),
        pieces,
    )


def _pieces(values: Mapping[str, Any]) -> Iterator[Piece]:
    """Yield the text in order: what claims something, and what stands between."""
    text, about, place = text_at(values, "text"), text_at(values, "subject"), 0
    for claim in objects_at(values, "claims"):
        start, stop = count_at(claim, "start"), count_at(claim, "stop")
        if not place <= start < stop <= len(text):
            raise ValueError("a claim is not inside its text, behind the one before")
        if start > place:
            yield Piece(text[place:start])
        subject = text_at(claim, "subject")
        yield Piece(
            text[start:stop],
            verdict_at(claim, "verdict"),
            subject,
            text_at(claim, "relation"),
            text_at(claim, "object"),
            texts_at(claim, "right"),
            elsewhere=subject != about,
        )
        place = stop
    if place < len(text):
        yield Piece(text[place:])


def _half_true_first(text: JudgedText) -> int:
    return 0 if 0 < text.supported < text.claims else 1
