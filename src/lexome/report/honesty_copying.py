"""What copying.json says: how near samples come to training, beside what nobody copied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lexome.corpus import Corpus
from lexome.corpus.index.record import record_path
from lexome.corpus.manifest import TRAIN
from lexome.errors import LexomeError, UsageError
from lexome.evaluation.honesty.copied import FORMAT, NAME
from lexome.evaluation.honesty.copying import check_comparable
from lexome.report.data import Media, Missing, finite
from lexome.report.gallery import Shown
from lexome.report.honesty_reading import (
    Kind,
    count_at,
    number_at,
    object_at,
    objects_at,
    of_these_weights,
    text_at,
)
from lexome.report.reading import RunFiles, command, missing, read_object

_KIND = Kind(NAME, FORMAT, "compared samples of")
_CERTAIN = 0.05


@dataclass(frozen=True, slots=True)
class NearSample:
    """A sample that is flagged, and what it is near to.

    `parts` are what stands before the span that was found, the span, and what stands behind, for
    what is read; `media` show the sample and `matched` what it matches, for what is seen.
    """

    number: int
    value: float
    limit: float
    parts: tuple[str, ...]
    text: str
    reading: str
    count: int | None
    place: str
    unit: int | None
    media: tuple[Media, ...]
    matched: tuple[Media, ...]


@dataclass(frozen=True, slots=True)
class CopyMeasure:
    """A measure of nearness: how many samples it flags, with a 95 % interval, and the whole set.

    `flagged` is `None`, and `reason` says why, where nobody can say what is usual. `auc` is how
    often a sample is nearer than a held-out item, with its interval; `test` says it in words.
    """

    name: str
    unit: str
    samples: int
    held_out: int
    median: float | None
    median_held_out: float | None
    most_held_out: float | None
    level: float
    flagged: int | None
    low: float | None
    high: float | None
    limit: float | None
    reason: str
    auc: tuple[float, float | None, float | None] | None
    test: str
    near: tuple[NearSample, ...]


@dataclass(frozen=True, slots=True)
class Copied:
    """How near samples come to the training data; `command` measures it again."""

    command: str
    unit: str
    samples: int
    sample_tokens: int
    held_out: int
    notes: tuple[str, ...]
    measures: tuple[CopyMeasure, ...]


def copied(run: RunFiles) -> Copied | Missing | None:
    """Return how near a run's samples come to training; `None` where that cannot be measured.

    That is a run whose answers have sources, or that does not write.
    """
    path, again = run.folder / NAME, _command(run)
    if not path.is_file():
        return _unmeasured(run, again)
    found = read_object(path, again)
    if isinstance(found, Missing):
        return found
    if isinstance(found.get("command"), str):
        again = found["command"]
    return of_these_weights(run, _KIND, found, again, lambda: _copied(run, found, again))


def _unmeasured(run: RunFiles, again: str) -> Missing | None:
    writes = isinstance(run.config, Missing) or run.config.attention == "causal"
    if run.tuned is not None or not writes:
        return None
    if isinstance(run.corpus, Corpus):
        try:
            check_comparable(run.corpus)
        except UsageError:
            return None
        except LexomeError as error:
            return missing(error)
    return Missing("Its samples were not compared with what it was trained on.", again)


def _command(run: RunFiles) -> str:
    """Return the command that compares a run's samples, the index of its corpus made first."""
    measures = command("evaluate", str(run.folder), "--copying")
    if isinstance(run.corpus, Corpus) and not record_path(run.corpus, TRAIN).is_file():
        return f"{command('index', str(run.corpus.folder))} && {measures}"
    return measures


def _copied(run: RunFiles, found: Mapping[str, Any], again: str) -> Copied:
    held_out = object_at(found, "held_out")
    near = [(text_at(one, "measure"), one) for one in objects_at(found, "flagged")]
    shown = _Media(run)
    measures = tuple(
        _measure(one, tuple(shown.near(own) for name, own in near if name == one.get("name")))
        for one in objects_at(found, "measures")
    )
    return Copied(
        again,
        str(run.fact("unit") or "unit"),
        count_at(found, "samples"),
        count_at(found, "sample_tokens"),
        count_at(held_out, "items"),
        tuple(_notes(found, held_out)),
        measures,
    )


def _notes(found: Mapping[str, Any], held_out: Mapping[str, Any]) -> list[str]:
    """Return what a reader has to know of what was compared."""
    asked = object_at(found, "asked")
    files = asked.get("files")
    if isinstance(files, list) and files:
        notes = [f"The samples are the documents of {', '.join(map(str, files))}."]
    else:
        drawn = f"temperature {number_at(asked, 'temperature'):g}, seed {count_at(asked, 'seed')}"
        notes = [f"The samples were drawn from nothing, at {drawn}, and none was chosen."]
    if text_at(held_out, "kind") == "stretches":
        notes.append(
            "Few documents are held out: their stretches from behind the beginnings are the "
            "held-out items."
        )
    else:
        notes.append("The held-out items are the beginnings of documents, as samples are.")
    if lead := count_at(held_out, "lead"):
        notes.append(
            f"Documents begin alike: the first {lead:,} tokens of samples are left out, and with "
            f"them {count_at(found, 'short'):,} whole samples."
        )
    if duplicates := count_at(held_out, "duplicate_tokens"):
        notes.append(
            f"Held out, but left out here as duplicates of training data: {duplicates:,} tokens."
        )
    if empty := count_at(found, "empty"):
        notes.append(f"Samples that are empty, and not counted: {empty:,}.")
    if skipped := count_at(found, "skipped"):
        notes.append(f"Entries of the files that could not be read: {skipped:,}.")
    return notes


def _measure(values: Mapping[str, Any], near: tuple[NearSample, ...]) -> CopyMeasure:
    is_judged = values.get("flagged") is not None
    share = object_at(values, "share") if is_judged else {}
    whole = object_at(values, "set")
    return CopyMeasure(
        name=text_at(values, "name"),
        unit=text_at(values, "unit"),
        samples=count_at(values, "samples"),
        held_out=count_at(values, "held_out"),
        median=finite(values.get("median")),
        median_held_out=finite(values.get("median_held_out")),
        most_held_out=finite(values.get("most_held_out")),
        level=number_at(values, "level"),
        flagged=count_at(values, "flagged") if is_judged else None,
        low=finite(share.get("low")),
        high=finite(share.get("high")),
        limit=number_at(values, "limit") if is_judged else None,
        reason="" if is_judged else text_at(values, "reason"),
        auc=_auc(whole),
        test=_tested(whole),
        near=near,
    )


def _auc(whole: Mapping[str, Any]) -> tuple[float, float | None, float | None] | None:
    found = whole.get("auc")
    if not isinstance(found, Mapping) or (value := finite(found.get("value"))) is None:
        return None
    return value, finite(found.get("low")), finite(found.get("high"))


def _tested(whole: Mapping[str, Any]) -> str:
    """Return in plain words what the test of Mann and Whitney says of all samples together."""
    auc, p = _auc(whole), finite(whole.get("p"))
    if auc is None or p is None:
        return (
            "The samples as a whole cannot be tested: it takes samples and held-out items of one "
            "size."
        )
    value, low, high = auc
    span = "" if low is None or high is None or low == high else f" ({low:.1%} to {high:.1%})"
    counted = f"{count_at(whole, 'samples'):,} samples and {count_at(whole, 'held_out'):,}"
    drawn = (
        f"Of a sample and a held-out item, drawn at random, the sample is the nearer one in "
        f"{value:.1%} of cases{span}, ties counted half; 50% would be no difference"
    )
    chance = "less than one in ten thousand" if p < 1e-4 else f"{p:.2%}"
    return (
        f"{drawn}. "
        + (
            "As a whole the samples are nearer to training than held-out items are: "
            if p <= _CERTAIN
            else "As a whole the samples are not shown to be nearer than held-out items: "
        )
        + f"chance alone would favour the samples as much in {chance} of such comparisons "
        f"(Mann–Whitney test, {counted} held-out items of one size)."
    )


class _Media:
    """Shows flagged samples, and what they match, of languages that are seen."""

    def __init__(self, run: RunFiles) -> None:
        self._run = run
        self._shown = Shown(run)

    def near(self, values: Mapping[str, Any]) -> NearSample:
        ids = values.get("ids")
        media = self._shown.pictures([one for one in ids or () if isinstance(one, int)])
        around = values.get("around")
        parts = tuple(map(str, around)) if isinstance(around, list) and not media else ()
        if parts and len(parts) != 3:
            raise ValueError("a flagged sample is not in three parts")
        document = values.get("document")
        return NearSample(
            number=count_at(values, "number"),
            value=number_at(values, "value"),
            limit=number_at(values, "limit"),
            parts=parts,
            text=str(values.get("text", "")),
            reading=str(values.get("reading", "")),
            count=count_at(values, "count") if "count" in values else None,
            place=text_at(values, "place"),
            unit=count_at(values, "unit") if "unit" in values else None,
            media=media,
            matched=self._matched(document) if media and isinstance(document, int) else (),
        )

    def _matched(self, document: int) -> tuple[Media, ...]:
        """Return the pictures of a training document."""
        corpus = self._run.corpus
        if not isinstance(corpus, Corpus):
            return ()
        stream = corpus.stream(TRAIN)
        starts = [*stream.document_starts.tolist(), len(stream)]
        if not 0 <= document < len(starts) - 1:
            raise ValueError(f"training has no document {document}")
        special = corpus.tokenizer.special
        ids = stream.read(starts[document], starts[document + 1]).tolist()
        return self._shown.pictures([one for one in ids if one not in (special.begin, special.end)])
