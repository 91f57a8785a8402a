"""What a tuned model said to held-out examples, not chosen by score, beside what is true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal

from lexome import languages
from lexome.corpus import Corpus
from lexome.errors import LexomeError
from lexome.finetuning.answering import Question, original_contents, questions
from lexome.finetuning.evaluate import PREDICTIONS
from lexome.finetuning.paired import Pairs
from lexome.finetuning.picture_scores import CATEGORY
from lexome.languages.base import Document, Source
from lexome.languages.pair import Pair, PairTokenizer
from lexome.report.data import Missing, finite
from lexome.report.gallery import MOST_BYTES, media
from lexome.report.reading import Lines, RunFiles, command, read_lines
from lexome.report.task_data import Example, Examples, Side
from lexome.report.tuning import pair_of
from lexome.training.run import MODEL

_Key = tuple[str, int]
_Who = Literal["asking", "answering"]

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
    places = [str(line.get("place", "")) for line in lines.values]
    numbers, judged = numbered(places), _judged(details, len(places))
    teller = Teller(run, str(scored.get("split", "")), {places[at] for at in chosen})
    found = []
    for at in chosen:
        line = lines.values[at]
        one = replace(teller.example(line, numbers[at]), sure=_sure(line, details))
        found.append(replace(one, judged=judged[at]) if judged else one)
    return Examples(tuple(found), _note(lines, len(found), teller))


def evenly(count: int, wanted: int) -> list[int]:
    """Return `wanted` of the numbers below `count`, or all, evenly spaced, first and last kept."""
    kept = min(count, wanted)
    return [round(number * (count - 1) / max(kept - 1, 1)) for number in range(kept)]


class Teller:
    """Tells examples of a run in words, pictures and sound.

    What its predictions do not hold, a picture that was asked about, say, is looked up in the
    corpus, for the examples at `places` alone; beyond `MOST_BYTES` of media they are not shown.
    """

    def __init__(self, run: RunFiles, split: str, places: Set[str]) -> None:
        self._run, self._split, self._places = run, split, places
        self._bytes = 0
        self.left_out = 0

    def example(self, line: Mapping[str, Any], number: int) -> Example:
        """Return one line of the predictions, the `number`-th of its place, as an example."""
        place = str(line.get("place", ""))
        known = "source" in line and "answer" in line
        question = None if known else self._asked.get((place, number))
        equal = None
        if "answer" in line:
            answer, reference = _told(line["answer"]), _told(line.get("reference"))
            equal = None if isinstance(line["answer"], float) else answer == reference
        else:
            answer = self._decoded("answering", line.get("ids"))
            reference = self._decoded("answering", question.reference) if question else Side("")
        if "source" in line:
            source = Side(_cut(str(line["source"])))
        else:
            source = self._source(place, number)
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
    def _asked(self) -> dict[_Key, Question]:
        """Return the examples of the corpus by place, and which of those of one place it is."""
        if not isinstance(self._run.corpus, Corpus) or self._split not in ("train", "valid"):
            return {}
        try:
            every = questions(Pairs.of(self._run.corpus), self._split)
            found = [one for one in every if one.place in self._places]
        except LexomeError:
            return {}
        numbers = numbered([one.place for one in found])
        return {(one.place, number): one for one, number in zip(found, numbers, strict=True)}

    @cached_property
    def _heard(self) -> dict[_Key, Any] | str:
        """Return the recordings that were read as frames, from their files, or why there is none.

        Frames of sound cannot be turned back into sound.
        """
        assert isinstance(self._run.corpus, Corpus)
        try:
            found = original_contents(Pairs.of(self._run.corpus), list(self._asked.values()))
        except LexomeError as error:
            return f"cannot be heard here: {error.what} ({error.where})"
        return dict(zip(self._asked, found, strict=True))

    def _source(self, place: str, number: int) -> Side:
        question = self._asked.get((place, number))
        if question is None:
            return Side("")
        if question.features is None:
            return self._decoded("asking", question.prompt)
        if isinstance(self._heard, str):
            return Side(self._heard)
        return self._rendered("asking", self._heard[place, number])

    def _decoded(self, who: _Who, ids: object) -> Side:
        """Return what ids of a role's language stand for; those of other languages are none."""
        pair, tokenizer = self._pair, self._tokenizer
        if pair is None or tokenizer is None or not isinstance(ids, list | tuple):
            return Side("")
        known = [one for one in ids if isinstance(one, int) and 0 <= one < tokenizer.vocab_size]
        try:
            content = tokenizer.said(_role(pair, who), known)
        except LexomeError as error:
            return Side(f"cannot be shown: {error.what}")
        return self._rendered(who, content)

    def _rendered(self, who: _Who, content: Any) -> Side:
        """Return content as a person sees or hears it, or in words where it is read."""
        assert self._pair is not None
        language = self._pair.languages[_role(self._pair, who)]
        try:
            rendering = language.render(Document(content, Source("example")))
        except LexomeError as error:
            return Side(f"cannot be shown: {error.what}")
        shown = tuple(media(rendering))
        self._bytes += sum(len(one.data) for one in shown)
        if shown and self._bytes > MOST_BYTES:
            self.left_out += 1
            return Side("not shown: this page would grow too large")
        return Side("" if shown else _cut(rendering.text), shown)


def numbered(places: Sequence[str]) -> list[int]:
    """Return of each place how many equal ones stand before it: pieces of one recording."""
    seen: Counter[str] = Counter()
    found = []
    for place in places:
        found.append(seen[place])
        seen[place] += 1
    return found


def _role(pair: Pair, who: _Who) -> str:
    return pair.asking.name if who == "asking" else pair.answering.name


def _told(value: object) -> Side:
    """Return an answer that stands in a file: a text, a number, or several labels."""
    if isinstance(value, list):
        return Side(_cut(", ".join(map(str, value)) or "none of them"))
    return Side(f"{value:.4g}" if isinstance(value, float) else _cut(str(value)))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} […]"


def _sure(line: Mapping[str, Any], details: Mapping[str, Any]) -> float | None:
    """Return the probability of an answer that is one of several classes."""
    shares = line.get("probabilities")
    if "confusion" not in details or not isinstance(shares, list):
        return None
    known = [share for one in shares if (share := finite(one)) is not None]
    return max(known) if known and len(known) == len(shares) else None


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
