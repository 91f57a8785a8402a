"""What a tuned model said to held-out examples, not chosen by score, beside what is true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from lexome import languages
from lexome.corpus import Corpus
from lexome.errors import LexomeError
from lexome.finetuning.answering import Question, questions
from lexome.finetuning.finetune import PREDICTIONS
from lexome.finetuning.picture_scores import CATEGORY
from lexome.languages.base import Document, Source
from lexome.languages.pair import Pair, PairTokenizer
from lexome.report.data import Missing, finite
from lexome.report.gallery import MOST_BYTES, media
from lexome.report.heard import spectrogram
from lexome.report.reading import Lines, RunFiles, command, read_lines
from lexome.report.task_data import Example, Examples, Side
from lexome.report.tuning import pair_of
from lexome.training.run import MODEL

EXAMPLES = 20
LONGEST = 1_200


def examples(run: RunFiles, scored: Mapping[str, Any]) -> Examples | Missing:
    """Return `EXAMPLES` of the answers, evenly spaced over the held-out examples.

    `scored` is what task.json says of the same answers.
    """
    again = command("evaluate", str(run.folder))
    lines = read_lines(run.folder / PREDICTIONS, again)
    if isinstance(lines, Missing):
        return lines
    if not lines.values:
        return Missing(f"{PREDICTIONS} holds no answer that can be read.", again)
    details = scored.get("details")
    details = details if isinstance(details, Mapping) else {}
    chosen = evenly(len(lines.values), EXAMPLES)
    kept = [lines.values[number] for number in chosen]
    teller = Teller(run, str(scored.get("split", "")), kept)
    judged = _judged(details, len(lines.values))
    found = []
    for number, line in zip(chosen, kept, strict=True):
        one = replace(teller.example(line), sure=_sure(line, details))
        found.append(replace(one, judged=judged[number]) if judged else one)
    return Examples(tuple(found), _note(lines, len(found), teller))


def evenly(count: int, wanted: int) -> list[int]:
    """Return `wanted` of the numbers below `count`, or all, evenly spaced, first and last kept."""
    kept = min(count, wanted)
    return [round(number * (count - 1) / max(kept - 1, 1)) for number in range(kept)]


class Teller:
    """Tells examples of a run in words, pictures and sound.

    What its predictions do not hold, a picture that was asked about, say, is looked up in the
    corpus, for `lines` alone; beyond `MOST_BYTES` of media examples are told in words.
    """

    def __init__(self, run: RunFiles, split: str, lines: Sequence[Mapping[str, Any]]) -> None:
        self._run, self._split = run, split
        self._places = {str(line.get("place", "")) for line in lines}
        self._bytes = 0
        self.left_out = 0

    def example(self, line: Mapping[str, Any]) -> Example:
        """Return one line of the predictions as an example."""
        place = str(line.get("place", ""))
        question = None if "source" in line and "answer" in line else self._asked.get(place)
        if "answer" in line:
            answer, reference = _told(line["answer"]), _told(line.get("reference"))
            equal = None if _is_number(line["answer"]) else answer == reference
        else:
            answer = self._shown(self._pair_role("answering"), line.get("ids"))
            reference = Side("")
            if question is not None:
                reference = self._shown(self._pair_role("answering"), question.reference)
            equal = None
        source = Side(_cut(str(line["source"]))) if "source" in line else self._source(question)
        return Example(
            place,
            source,
            answer,
            reference,
            equal,
            sure=None,
            ended=line.get("finish") == "end",
            wanted=question.metadata.get(CATEGORY, "") if question else "",
        )

    @cached_property
    def _pair(self) -> Pair | None:
        return pair_of(self._run)

    @cached_property
    def _tokenizer(self) -> PairTokenizer | None:
        try:
            found = languages.load_tokenizer(self._run.folder / MODEL)
        except LexomeError:
            return None
        return found if isinstance(found, PairTokenizer) else None

    @cached_property
    def _asked(self) -> dict[str, Question]:
        """Return the examples of the corpus that the lines are of, by their place."""
        corpus = self._run.corpus
        if not isinstance(corpus, Corpus) or self._split not in ("train", "valid"):
            return {}
        try:
            return {
                one.place: one
                for one in questions(corpus, self._split)
                if one.place in self._places
            }
        except LexomeError:
            return {}

    def _pair_role(self, which: str) -> str:
        return getattr(self._pair, which).name if self._pair else ""

    def _source(self, question: Question | None) -> Side:
        if question is None:
            return Side("")
        if question.features is not None and self._tokenizer and self._tokenizer.frame:
            steps, bands = self._tokenizer.frame.steps, self._tokenizer.frame.bands
            ids = np.array(question.prompt)
            rows = question.features[ids == self._tokenizer.frame.token]
            return self._within(Side("", spectrogram(rows.reshape(len(rows) * steps, bands))))
        return self._shown(self._pair_role("asking"), question.prompt)

    def _shown(self, role: str, ids: object) -> Side:
        """Return what ids of a role's language stand for; those of other languages are none."""
        pair, tokenizer = self._pair, self._tokenizer
        if pair is None or tokenizer is None or not isinstance(ids, list | tuple):
            return Side("")
        known = [one for one in ids if isinstance(one, int) and 0 <= one < tokenizer.vocab_size]
        part = tokenizer.part(role)
        try:
            content = part.tokenizer.decode(part.own(np.array(known, np.int64)))
            rendering = pair.languages[role].render(Document(content, Source("example")))
        except LexomeError as error:
            return Side(f"cannot be shown: {error.what}")
        shown = tuple(media(rendering))
        return self._within(Side("" if shown else _cut(rendering.text), shown))

    def _within(self, side: Side) -> Side:
        """Return a side, without its media where the page would grow too large."""
        size = sum(len(one.data) for one in side.media)
        if self._bytes + size > MOST_BYTES:
            self.left_out += 1
            return Side(side.text or "not shown: this page would grow too large")
        self._bytes += size
        return side


def _told(value: object) -> Side:
    """Return an answer that stands in a file: a text, a number, or several labels."""
    if isinstance(value, list):
        return Side(_cut(", ".join(map(str, value)) or "none of them"))
    return Side(f"{value:.4g}" if isinstance(value, float) else _cut(str(value)))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} […]"


def _sure(line: Mapping[str, Any], details: Mapping[str, Any]) -> float | None:
    """Return the probability of an answer that is one of several classes."""
    known = [finite(one) for one in line.get("probabilities") or ()]
    shares = [one for one in known if one is not None]
    if "confusion" not in details or not shares or len(shares) != len(known):
        return None
    return max(shares)


def _judged(details: Mapping[str, Any], count: int) -> list[str]:
    """Return what each made picture was taken for; nothing unless there is one for each."""
    judged = details.get("judged")
    return list(map(str, judged)) if isinstance(judged, list) and len(judged) == count else []


def _note(lines: Lines, shown: int, teller: Teller) -> str:
    count = len(lines.values)
    chosen = "all that there are" if shown == count else f"evenly spaced over all {count:,}"
    note = f"{shown} held-out examples, {chosen}, not chosen by score."
    if teller.left_out:
        note += f" {teller.left_out} are not shown: more media make the page too large."
    if lines.broken:
        note += f" Lines of {PREDICTIONS} that could not be read: {lines.broken:,}."
    return note
