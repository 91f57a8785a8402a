"""The honesty of a run: what it says of facts that its corpus holds, and of some it does not."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lexome.errors import LexomeError
from lexome.evaluation.facts import Asked, Facts
from lexome.evaluation.honesty.abstained import Learned, known_change, learned, unknown_change
from lexome.evaluation.honesty.asked import (
    Said,
    known_figures,
    recall_figures,
    said_to,
    unknown_figures,
)
from lexome.evaluation.honesty.card import write_card
from lexome.evaluation.honesty.claims import VERDICTS, Judge, Verdict
from lexome.evaluation.honesty.corpus_says import CorpusSays, pretrained, tuned_on
from lexome.evaluation.honesty.names import name_figures, name_surprise
from lexome.evaluation.honesty.questions import (
    Questions,
    ToAsk,
    drawn,
    read_questions,
    subjects_of,
)
from lexome.evaluation.honesty.silence import silence, sure_and_right
from lexome.evaluation.honesty.texts import judged_texts
from lexome.evaluation.honesty.told import named
from lexome.evaluation.honesty.verdicts import verdict_counts, verdict_shares
from lexome.evaluation.metrics.bootstrap import Figure, Floats
from lexome.evaluation.metrics.calibration import reliability
from lexome.evaluation.progress import Told
from lexome.files import sha256, write_json
from lexome.generation.writer import write
from lexome.model.folder import WEIGHTS
from lexome.model.transformer import Transformer
from lexome.training import open_run
from lexome.training.run import MODEL, Run

NAME = "honesty.json"
FORMAT = 2
ALPHA, DELTA = 0.05, 0.05
# Examples of each verdict, and texts about known and unknown subjects.
_SHOWN = 6
_NAMED = 3  # facts with several objects
_TEXTS, _TEXTS_UNKNOWN = 16, 8


@dataclass(frozen=True)
class _Answers:
    """What a model says about subjects that its corpus has, and about those that it has not.

    `abstains` says whether it has learned to give no answer.
    """

    abstains: bool = False
    known: list[Said] = field(default_factory=list)
    unknown: list[Said] = field(default_factory=list)

    @property
    def all(self) -> list[Said]:
        return [*self.known, *self.unknown]


def evaluate_facts(
    run: Path,
    questions: Questions,
    *,
    says: CorpusSays | None = None,
    alpha: float = ALPHA,
    delta: float = DELTA,
    told: Told = lambda what, done, whole: None,
) -> dict[str, Any]:
    """Ask a run's model about facts; write and return honesty.json, and say it in the model card.

    `says` looks up what the training text has, where there is an index. On one half of the subjects
    a threshold of confidence is chosen at which at most `alpha` of the answers are wrong, but for
    `delta`; on the other half it is measured.

    A run that was tuned on pairs is asked in their form, and about nobody that they are about; what
    it learned to say where it knows nothing is no answer. Beside it its base is asked the same.
    """
    opened = open_run(run)
    taught = learned(tuned_on(opened))
    read = _left_to_ask(questions, says, taught)
    model = opened.model()
    answers = _answered(opened, model, read.asked, taught.abstention, told)
    base = pretrained(opened) if taught.abstention else None
    before = _Answers() if base is None else _answered(base, base.model(), read.asked, None, told)
    judge = Judge(read.facts, None if says is None else says.count)
    confidence, _ = sure_and_right(answers.all)
    expected = _expected(opened, model, answers)
    found = {
        "format": FORMAT,
        "weights": sha256(opened.folder / MODEL / WEIGHTS),
        "asked": _told(questions),
        "command": _command(run, questions),
        "abstention": taught.abstention,
        "taught": len(taught.subjects) + len(taught.prompts),
        "facts": {
            **_facts(answers, before, read.facts, judge),
            "untold": len(read.untold),
            "untold_facts": named(read.untold),
            "indexed": says is not None,
        },
        "unknown": {
            **_verdicts(answers.unknown, judge),
            "named": read.named,
            "unnamed": read.unnamed,
            "figures": [asdict(one) for one in _told_apart(answers, before, expected)],
        },
        "silence": silence(answers.all, confidence, before.all, alpha=alpha, delta=delta),
        "silence by names": None
        if expected is None
        else silence(answers.all, confidence * expected, alpha=alpha, delta=delta),
        "examples": [
            *_examples(answers.known, judge, True, taught.abstention),
            *_examples(answers.unknown, judge, False, taught.abstention),
        ],
        "texts": _texts(opened, model, read, judge),
    }
    write_json(opened.folder / NAME, found)
    write_card(opened.folder / MODEL, found)
    return found


def _left_to_ask(questions: Questions, says: CorpusSays | None, taught: Learned) -> ToAsk:
    """Return the questions about which nothing was taught; none about the known is an error."""
    read = read_questions(questions, says, taught.subjects, taught.prompts)
    if not read.asked.questions:
        but = ", or the run was tuned on questions about them" if taught.abstention else ""
        raise LexomeError(
            f"the training text names none of these subjects{but}",
            where=str(questions.facts),
            fix="ask for facts of the corpus that the run was trained on",
        )
    return read


def _facts(answers: _Answers, before: _Answers, facts: Facts, judge: Judge) -> dict[str, Any]:
    """Return how it stands with what the corpus says."""
    known = answers.known
    changed = known_change(known, before.known) if answers.abstains else []
    return {
        **_verdicts(known, judge),
        "duplicates": facts.duplicates,
        "conflicting": len(facts.conflicts),
        "conflicts": [f"{relation} of {subject}" for subject, relation in facts.conflicts[:_NAMED]],
        "figures": [asdict(one) for one in (*recall_figures(known), *changed)],
        "reliability": [asdict(one) for one in _reliability(known)],
        "relations": _by_relation(known),
    }


def _expected(run: Run, model: Transformer, answers: _Answers) -> Floats | None:
    """Return how probable the model finds the name in each question; `None` of a tuned run.

    That one has learned answers alone, and what it expects of a question says nothing.
    """
    if run.recipe.objective.of_pairs:
        return None
    questions = [one.question for one in answers.all]
    return np.exp(-name_surprise(model, run.tokenizer(), questions))


def _told_apart(answers: _Answers, before: _Answers, expected: Floats | None) -> list[Figure]:
    """Return whether subjects that the corpus has not are told from others, and how."""
    if not answers.unknown:
        return []
    found = unknown_figures(answers.known, answers.unknown)
    if expected is not None:
        here = len(answers.known)
        found += name_figures(answers.known, answers.unknown, expected[:here], expected[here:])
    return found + (unknown_change(answers.unknown, before.unknown) if answers.abstains else [])


def _texts(run: Run, model: Transformer, read: ToAsk, judge: Judge) -> dict[str, Any] | None:
    """Return texts about some subjects; what a tuned run writes to a beginning is an answer."""
    if run.recipe.objective.of_pairs:
        return None
    known, unknown = subjects_of(read.asked.questions), subjects_of(read.asked.absent)
    return judged_texts(
        partial(write, run.tokenizer(), run.language(), model),
        known[:_TEXTS],
        unknown[:_TEXTS_UNKNOWN],
        read.templates,
        judge,
    )


def _told(questions: Questions) -> dict[str, Any]:
    """Return what was asked, so that it can be asked again."""
    return {
        "facts": str(questions.facts),
        "templates": str(questions.templates),
        "unseen": None if questions.unseen is None else str(questions.unseen),
        "subjects": questions.subjects,
    }


def _command(run: Path, questions: Questions) -> str:
    """Return the command that asks the same again."""
    words = ["--facts", str(questions.facts), "--templates", str(questions.templates)]
    for name in ("unseen", "subjects"):
        if (value := getattr(questions, name)) is not None:
            words += [f"--{name}", str(value)]
    return shlex.join(("lexome", "evaluate", str(run), *words))


def _answered(
    run: Run, model: Transformer, asked: Asked, abstention: str | None, told: Told
) -> _Answers:
    known, unknown = (
        said_to(model, run.tokenizer(), questions, abstention, partial(told, what))
        for what, questions in (("facts", asked.questions), ("unknown subjects", asked.absent))
    )
    return _Answers(abstention is not None, known, unknown)


def _reliability(said: Sequence[Said]) -> list[Any]:
    given = [one for one in said if one.attempted]
    return list(reliability(*sure_and_right(given))) if given else []


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
    if not said.attempted:
        return "not attempted"
    return judge.verdict(said.question.subject, said.question.relation, said.answer)


def _examples(
    said: Sequence[Said], judge: Judge, known: bool, abstention: str | None
) -> list[dict[str, Any]]:
    """Return of each verdict a few answers, drawn by their questions, of a subject one at most."""
    found = []
    in_order = sorted(said, key=lambda one: drawn(one.question.prompt))
    for wanted in VERDICTS:
        first: dict[str, Said] = {}
        for one in in_order:
            if _verdict(one, judge) == wanted:
                first.setdefault(one.question.subject, one)
        for one in [*first.values()][:_SHOWN]:
            answer = one.answer if one.attempted else abstention
            found.append(_example(one, wanted, known, answer))
    return found


def _example(said: Said, verdict: Verdict, known: bool, answer: str | None) -> dict[str, Any]:
    question = said.question
    return {
        "subject": question.subject,
        "relation": question.relation,
        "known": known,
        "prompt": question.prompt,
        "answer": answer,
        "right": list(question.right),
        "confidence": said.confidence,
        "verdict": verdict,
    }
