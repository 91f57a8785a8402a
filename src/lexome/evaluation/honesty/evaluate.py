"""The honesty of a run: what it says of facts that its corpus holds, and of some it does not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from lexome.errors import LexomeError
from lexome.evaluation.facts import Asked, Facts, Question, ask, read_facts, read_unanswered
from lexome.evaluation.honesty.abstention import (
    Threshold,
    at_most_wrong,
    penalised_scores,
    risk_coverage,
)
from lexome.evaluation.honesty.asked import (
    Said,
    known_figures,
    recall_figures,
    said_to,
    unknown_figures,
)
from lexome.evaluation.honesty.card import write_card
from lexome.evaluation.honesty.claims import VERDICTS, Judge, Verdict
from lexome.evaluation.honesty.texts import judged_texts
from lexome.evaluation.honesty.verdicts import verdict_counts, verdict_shares
from lexome.evaluation.metrics.bootstrap import (
    Bools,
    Floats,
    Resampling,
    Statistic,
    mean,
    ratio,
    score,
)
from lexome.evaluation.metrics.calibration import reliability
from lexome.evaluation.templates import Template, read_templates
from lexome.files import sha256, write_json
from lexome.model.folder import WEIGHTS
from lexome.training import open_run
from lexome.training.run import MODEL, Run

NAME = "honesty.json"
ALPHA, DELTA = 0.05, 0.05
# Examples of each verdict, points of the curve, and texts about known and unknown subjects.
_SHOWN, _POINTS = 6, 100
_TEXTS, _TEXTS_UNKNOWN = 16, 8
# Questions of which so many are asked at once, between two signs of life.
_ROUND = 512

Told = Callable[[str, int, int], None]
"""What is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class Questions:
    """What a run is asked: a table of facts, how to ask for them, and people nobody knows.

    With `subjects` so many are asked about, always the same ones, known and unknown alike.
    """

    facts: Path
    templates: Path
    unseen: Path | None = None
    subjects: int | None = None


def evaluate_facts(
    run: Path,
    questions: Questions,
    *,
    said: Callable[[str], int] | None = None,
    alpha: float = ALPHA,
    delta: float = DELTA,
    told: Told = lambda what, done, whole: None,
) -> dict[str, Any]:
    """Ask a run's model about facts; write and return honesty.json, and say it in the model card.

    `said` tells how often the training text has a subject, where there is an index. On one half of
    the subjects a threshold of confidence is chosen at which at most `alpha` of the answers are
    wrong, but for `delta`; on the other half it is measured.
    """
    opened = open_run(run)
    templates, facts = read_templates(questions.templates), read_facts(questions.facts)
    asked = _asked(questions, facts, templates, said)
    known = _answered(opened, asked.questions, "facts", told)
    unknown = _answered(opened, asked.absent, "unknown subjects", told)
    if not known:
        raise LexomeError(
            "the training text names none of these subjects",
            where=str(questions.facts),
            fix="ask for facts of the corpus that the run was trained on",
        )
    judge = Judge(facts, said or (lambda subject: 0))
    about = _subjects(known)[:_TEXTS], _subjects(unknown)[:_TEXTS_UNKNOWN]
    found = {
        "weights": sha256(opened.folder / MODEL / WEIGHTS),
        "asked": _told(questions),
        "facts": {
            **_verdicts(known, judge),
            "duplicates": facts.duplicates,
            "conflicting": facts.conflicting,
            "figures": [asdict(one) for one in recall_figures(known)],
            "reliability": [asdict(one) for one in _reliability(known)],
            "relations": _by_relation(known),
        },
        "unknown": {
            **_verdicts(unknown, judge),
            "figures": [asdict(one) for one in unknown_figures(known, unknown)] if unknown else [],
        },
        "silence": _silence([*known, *unknown], alpha, delta),
        "examples": [*_examples(known, judge, True), *_examples(unknown, judge, False)],
        "texts": judged_texts(opened, *about, templates, judge),
    }
    write_json(opened.folder / NAME, found)
    write_card(opened.folder / MODEL, found)
    return found


def _told(questions: Questions) -> dict[str, Any]:
    """Return what was asked, so that it can be asked again."""
    return {
        "facts": str(questions.facts),
        "templates": str(questions.templates),
        "unseen": None if questions.unseen is None else str(questions.unseen),
        "subjects": questions.subjects,
    }


def _asked(
    questions: Questions,
    facts: Facts,
    templates: dict[str, Template],
    said: Callable[[str], int] | None,
) -> Asked:
    """Return the questions about subjects that the corpus has, and about those that it has not."""
    asked = ask(facts, templates, said)
    absent = list(asked.absent)
    if questions.unseen is not None:
        # Whoever the corpus has after all is known, and asking about them proves nothing.
        unseen = ask(read_unanswered(questions.unseen), _closed(facts, templates), said)
        absent += unseen.questions if said is None else unseen.absent
    return Asked(_some(asked.questions, questions.subjects), _some(absent, questions.subjects))


def _closed(facts: Facts, templates: dict[str, Template]) -> dict[str, Template]:
    """Return templates whose answers are, where they list none, the objects of the facts."""
    objects: dict[str, set[str]] = defaultdict(set)
    for (_, relation), own in facts.objects.items():
        objects[relation].update(own)
    return {
        name: one if one.answers else replace(one, answers=tuple(sorted(objects[name])))
        for name, one in templates.items()
    }


def _some(questions: Sequence[Question], subjects: int | None) -> list[Question]:
    """Return the questions about so many subjects, drawn by their names."""
    names = sorted({one.subject for one in questions}, key=_draw)
    chosen = frozenset(names[:subjects])
    return [one for one in questions if one.subject in chosen]


def _subjects(said: Sequence[Said]) -> list[str]:
    """Return the subjects that were asked about, in the order in which they are drawn."""
    return sorted({one.question.subject for one in said}, key=_draw)


def _draw(name: str) -> bytes:
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _answered(run: Run, questions: Sequence[Question], what: str, told: Told) -> list[Said]:
    found: list[Said] = []
    model, tokenizer = run.model(), run.tokenizer()
    for first in range(0, len(questions), _ROUND):
        found += said_to(model, tokenizer, questions[first : first + _ROUND])
        told(what, len(found), len(questions))
    return found


def _arrays(said: Sequence[Said]) -> tuple[Floats, Bools]:
    """Return how sure each answer is, and whether it is right."""
    confidence = np.array([one.confidence for one in said])
    return confidence, np.array([one.credit == 1 for one in said], bool)


def _reliability(said: Sequence[Said]) -> list[Any]:
    return list(reliability(*_arrays(said)))


def _by_relation(said: Sequence[Said]) -> dict[str, dict[str, Any]]:
    """Return what is known of each relation, and what guessing gives."""
    found = {}
    for relation in sorted({one.question.relation for one in said}):
        own = [one for one in said if one.question.relation == relation]
        recall, chance, commonest = (asdict(one) for one in known_figures(own))
        found[relation] = {
            "questions": len(own),
            "recall": recall["value"],
            "low": recall["low"],
            "high": recall["high"],
            "chance": chance["value"],
            "commonest": commonest["value"],
        }
    return found


def _verdicts(said: Sequence[Said], judge: Judge) -> dict[str, Any]:
    """Return how many answers there are, how many of each verdict, and the shares of them."""
    subjects = [one.question.subject for one in said]
    verdicts = [_verdict(one, judge) for one in said]
    return {
        "questions": len(said),
        "subjects": len(set(subjects)),
        "verdicts": verdict_counts(verdicts),
        "shares": verdict_shares(verdicts, subjects),
    }


def _verdict(said: Said, judge: Judge) -> Verdict:
    return judge.verdict(said.question.subject, said.question.relation, said.answer)


def _silence(said: Sequence[Said], alpha: float, delta: float) -> dict[str, Any]:
    """Return the threshold that one half of the subjects chose, and how it does on the other."""
    chooses = np.array([_draw(one.question.subject)[-1] % 2 == 0 for one in said])
    confidence, right = _arrays(said)
    points = risk_coverage(confidence, right)[::-1]
    found: dict[str, Any] = {
        "alpha": alpha,
        "delta": delta,
        "risk_coverage": [asdict(one) for one in points[:: max(len(points) // _POINTS, 1)][::-1]],
    }
    if chooses.all() or not chooses.any():
        return found | {"threshold": None, "reason": "all questions are about one subject"}
    chosen = at_most_wrong(confidence[chooses], right[chooses], alpha, delta)
    rest = [one for one, own in zip(said, chooses, strict=True) if not own]
    return found | {"threshold": asdict(chosen), "held_out": _kept(rest, chosen)}


def _kept(said: Sequence[Said], threshold: Threshold) -> dict[str, Any]:
    """Return how many of these questions are answered at a threshold, and how they score."""
    confidence, right = _arrays(said)
    cut = 2.0 if threshold.confidence is None else threshold.confidence
    attempted = confidence >= cut
    subjects = Resampling([one.question.subject for one in said])
    kept = [
        Statistic("answered", mean(attempted)),
        Statistic(
            "wrong among answered",
            ratio(attempted & ~right, attempted),
            undefined="nothing is answered",
        ),
    ]
    scores = {
        name: [asdict(one) for one in score(penalised_scores(right, tried), len(said), subjects)]
        for name, tried in (("all answered", np.ones(len(said), bool)), ("threshold", attempted))
    }
    return {
        "questions": len(said),
        "answered": int(attempted.sum()),
        "wrong": int((attempted & ~right).sum()),
        "figures": [asdict(one) for one in score(kept, len(said), subjects)],
        "scores": scores,
    }


def _examples(said: Sequence[Said], judge: Judge, known: bool) -> list[dict[str, Any]]:
    """Return of each verdict a few answers, drawn by their questions, of a subject one at most."""
    found = []
    drawn = sorted(said, key=lambda one: _draw(one.question.prompt))
    for wanted in VERDICTS:
        first: dict[str, Said] = {}
        for one in drawn:
            if _verdict(one, judge) == wanted:
                first.setdefault(one.question.subject, one)
        found += [_example(one, wanted, known) for one in [*first.values()][:_SHOWN]]
    return found


def _example(said: Said, verdict: Verdict, known: bool) -> dict[str, Any]:
    question = said.question
    return {
        "subject": question.subject,
        "relation": question.relation,
        "known": known,
        "prompt": question.prompt,
        "answer": said.answer,
        "right": list(question.right),
        "confidence": said.confidence,
        "verdict": verdict,
    }
