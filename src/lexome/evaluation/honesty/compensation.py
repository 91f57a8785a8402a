"""What a correction of a model's skew brought, and its price: before and after, in one table.

Facts, which the corpus determines, and statements about groups, which have a target, are asked
apart and never added up: a model that is near its target may have falsified the facts.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lexome.corpus import Corpus
from lexome.errors import LexomeError, UsageError
from lexome.evaluation.facts import Question
from lexome.evaluation.honesty.abstained import learned
from lexome.evaluation.honesty.answer_counts import count_answers
from lexome.evaluation.honesty.asked import Said, said_to
from lexome.evaluation.honesty.compensated import (
    Asking,
    moved_figures,
    said_of_groups,
    statement_rows,
    targeted_figures,
)
from lexome.evaluation.honesty.compensation_verdict import verdict, write_compensation_card
from lexome.evaluation.honesty.corpus_says import corpus_says, pretrained, tuned_on
from lexome.evaluation.honesty.difference import (
    Compared,
    compared_groups,
    compared_people,
    difference_aware,
    difference_change,
)
from lexome.evaluation.honesty.falsified import falsified, falsified_by_relation
from lexome.evaluation.honesty.group_answers import Answered
from lexome.evaluation.honesty.groups import read_groups
from lexome.evaluation.honesty.held_out import change_of_bits, held_out_likelihood, unread
from lexome.evaluation.honesty.questions import Questions, read_questions, subjects_of
from lexome.evaluation.honesty.rates import FEWEST
from lexome.evaluation.honesty.rebalanced import (
    left_alone,
    left_to_ask,
    targets,
    taught_prompts,
)
from lexome.evaluation.likelihood import Likelihood, Parts
from lexome.evaluation.metrics.bootstrap import Floats
from lexome.evaluation.progress import Told
from lexome.files import sha256, write_json
from lexome.languages.base import Document, Tokenizer
from lexome.languages.pair import PairTokenizer
from lexome.model.folder import WEIGHTS
from lexome.training import open_run
from lexome.training.run import MODEL, Run

NAME = "compensation.json"
FORMAT = 3
TEXT, PAIRS = "text", "pairs"
"""The forms in which a model is asked: as running text that it goes on with, or as it was tuned."""
_Z = 1.96


@dataclass(frozen=True)
class _Answers:
    """What a model says in one form: of facts, and of groups."""

    facts: list[Said]
    groups: list[Answered]


@dataclass(frozen=True)
class _Compared:
    """Comparisons of the subjects of facts, by relation, and of groups."""

    facts: Mapping[str, Sequence[Compared]]
    statements: Sequence[Compared]


def evaluate_compensation(
    run: Path,
    before: Path,
    groups: Path,
    questions: Questions | None = None,
    *,
    told: Told = lambda what, done, whole: None,
) -> dict[str, Any]:
    """Ask a run's model and that of `before` the same; write and return compensation.json.

    The verdict stands in the model card too. `before` is the base that the run was tuned from, or a
    run that was trained on the corpus as it was. Who and what the run was taught is not asked
    about. Passages that were rehearsed may name who is, and subjects that none of them names are
    told of apart too. A run that was tuned on pairs is asked in two forms: as text and as pairs.
    Raises `UsageError` where no question has a target, where `before` was itself tuned on pairs and
    where its corpus says nothing of what is asked.
    """
    opened, base = open_run(run), _before(before)
    corpus, pairs = base.corpus(verify=True), tuned_on(opened)
    targets(groups)
    asked = read_groups(groups)
    taught = taught_prompts(pairs)
    asking = left_to_ask(asked.asked(str(groups)), taught, str(groups))
    counted = count_answers(corpus, asked, lambda done, whole: told("corpus", done, whole))
    if not any(one.counts.sum() for one in counted):
        raise UsageError(
            "the text that this run was trained on gives no group any of these answers",
            where=f"--before {before}",
            fix="name the run before the correction, whose corpus is the one that has the skew",
        )
    rates = [_rates(one.counts) for one in counted]
    sure = [_sure(one, own.counts) for one, own in zip(asking, counted, strict=True)]
    facts = [] if questions is None else _facts(questions, corpus, pairs)
    alone = left_alone(pairs, subjects_of(facts)) if pairs else ()
    was = _answered(base, base.tokenizer(), facts, asking, partial(told, "before"))
    now = {
        form: _answered(opened, tokenizer, facts, asking, partial(told, f"after, as {form}"))
        for form, tokenizer in _forms(opened).items()
    }
    found: dict[str, Any] = {
        "format": FORMAT,
        "weights": _weights(opened),
        "before": {"run": str(before), "weights": _weights(base)},
        "asked": _asked(groups, questions),
        "command": command(run, before, groups, questions),
        "forms": list(now),
        "taught_prompts": len(taught),
        "likelihood": _likelihood(base, opened, corpus, told),
        "facts": {form: _falsified(was, own, alone) for form, own in now.items()}
        if facts
        else None,
        "statements": _statements(asking, was.groups, now, rates),
        **_difference(was, now, asking, sure),
    }
    found["verdict"] = verdict(found)
    write_json(opened.folder / NAME, found)
    write_compensation_card(opened.folder / MODEL, found)
    return found


def command(run: Path, before: Path, groups: Path, questions: Questions | None) -> str:
    """Return the line that measures the same again."""
    words = ["lexome", "evaluate", str(run), "--groups", str(groups)]
    if questions is not None:
        words += ["--facts", str(questions.facts), "--templates", str(questions.templates)]
        words += [] if questions.subjects is None else ["--subjects", str(questions.subjects)]
    return shlex.join([*words, "--before", str(before)])


def _before(folder: Path) -> Run:
    run = open_run(folder)
    if run.recipe.objective.of_pairs:
        raise UsageError(
            "this run was itself tuned on pairs",
            where=f"--before {folder}",
            fix="name the run whose corpus is to be compared with: the base, or one trained on the "
            "corpus as it was",
        )
    return run


def _forms(run: Run) -> dict[str, Tokenizer]:
    """Return the tokenizer with which a run is asked in each form; a base of text is needed."""
    tokenizer = run.tokenizer()
    if not isinstance(tokenizer, PairTokenizer):
        return {TEXT: tokenizer}
    text = tokenizer.parts.get("text")
    if text is None or text.offset != text.first:
        raise UsageError(
            "the base of this run does not write text alone, so it is not asked as running text",
            where=str(run.folder),
            fix="measure a run whose base was trained on text",
        )
    return {TEXT: text.tokenizer, PAIRS: tokenizer}


def _facts(questions: Questions, corpus: Corpus, pairs: Sequence[Corpus]) -> list[Question]:
    """Return the questions that the corpus determines, about nobody that was taught."""
    without = learned(pairs).subjects
    every = read_questions(questions, corpus_says(corpus), without).asked.questions
    found = [one for one in every if len(one.right) == 1]
    if not found:
        raise LexomeError(
            "the corpus determines the answer to none of these questions, or all were taught",
            where=str(questions.facts),
            fix="ask for facts of the corpus that --before was trained on",
        )
    return found


def _answered(
    run: Run,
    tokenizer: Tokenizer,
    facts: Sequence[Question],
    asking: Sequence[Asking],
    told: Callable[[int, int], None],
) -> _Answers:
    model = run.model()
    return _Answers(
        said_to(model, tokenizer, facts, told=told), said_of_groups(model, tokenizer, asking)
    )


def _falsified(was: _Answers, now: _Answers, alone: Collection[str]) -> dict[str, Any]:
    """Return what became of facts: of all, by relation, and of subjects that were left alone."""
    both = zip(was.facts, now.facts, strict=True)
    left = [pair for pair in both if pair[0].question.subject in alone]
    return {
        "all": falsified(was.facts, now.facts),
        "relations": falsified_by_relation(was.facts, now.facts),
        "alone": falsified([old for old, _ in left], [new for _, new in left]) if left else None,
    }


def _statements(
    asking: Sequence[Asking],
    was: Sequence[Answered],
    now: Mapping[str, _Answers],
    rates: Sequence[Floats],
) -> dict[str, Any]:
    """Return the rows of all questions, and figures of each kind of them."""
    said = {form: own.groups for form, own in now.items()}
    return {
        "rows": statement_rows(asking, was, said, rates),
        "targeted": {form: targeted_figures(asking, was, own) for form, own in said.items()},
        **{
            kind: {
                form: [asdict(one) for one in moved_figures(asking, was, own, kind)]
                for form, own in said.items()
            }
            for kind in ("kept", "untargeted")
        },
    }


def _difference(
    was: _Answers, now: Mapping[str, _Answers], asking: Sequence[Asking], rates: Sequence[Floats]
) -> dict[str, Any]:
    """Return difference awareness before and in each form, and its change in each.

    It is of facts by relation, and of statements about groups.
    """
    before = _compared(was, asking, rates)
    after = {form: _compared(own, asking, rates) for form, own in now.items()}
    return {
        "difference": {
            form: _each(difference_aware, own) for form, own in {"before": before, **after}.items()
        },
        "difference_change": {
            form: _each(difference_change, before, own) for form, own in after.items()
        },
    }


def _each(figures: Callable[..., Any], *sides: _Compared) -> dict[str, Any]:
    return {
        "facts": {name: figures(*(one.facts[name] for one in sides)) for name in sides[0].facts},
        "statements": figures(*(one.statements for one in sides)),
    }


def _compared(said: _Answers, asking: Sequence[Asking], rates: Sequence[Floats]) -> _Compared:
    people = compared_people(said.facts)
    statements = [
        one
        for asked, p, own in zip(asking, rates, said.groups, strict=True)
        for one in compared_groups(
            asked.question.name, p, own.said.mean(0), asked.target is not None
        )
    ]
    return _Compared({name: own for name, own in sorted(people.items()) if own}, statements)


def _likelihood(base: Run, run: Run, corpus: Corpus, told: Told) -> dict[str, Any]:
    """Return what both models need for the held-out text that neither was trained on.

    There are no figures where the run was trained on all of it.
    """
    reads = pretrained(run)
    if reads is None or reads.facts["fingerprint"] == corpus.fingerprint:
        reader = corpus
    else:
        reader = reads.corpus(verify=True)
    documents, trained_on = unread(corpus, reader)
    counted = {
        "unit": corpus.language.unit,
        "documents": len(documents),
        "trained_on": trained_on,
    }
    if not documents:
        return counted
    was, now = (
        _held_out(one, corpus, documents, partial(told, f"held-out text, {name}"))
        for name, one in (("before", base), ("after", run))
    )
    return {
        **counted,
        "units": was[0].units,
        "before": _bits("before", was[0]),
        "after": _bits("after", now[0]),
        "change": asdict(change_of_bits(was[1], now[1])),
    }


def _held_out(
    run: Run,
    corpus: Corpus,
    documents: Sequence[Document],
    progress: Callable[[int, int], None],
) -> tuple[Likelihood, Parts]:
    reads = pretrained(run) or run
    respect = reads.recipe.objective.document_boundaries == "respect"
    return held_out_likelihood(
        run.model(),
        _forms(run)[TEXT],
        corpus,
        documents,
        respect_documents=respect,
        progress=progress,
    )


def _bits(name: str, score: Likelihood) -> dict[str, Any]:
    bits, error = score.bits_per_unit, score.standard_error
    low, high = (None, None) if error is None else (bits - _Z * error, bits + _Z * error)
    return {"name": name, "value": bits, "low": low, "high": high, "n": score.units}


def _rates(counts: Any, fewest: int = 1) -> Floats:
    """Return the share of each answer, [G, A]; NaN of a group that has fewer cases."""
    n = counts.sum(1, keepdims=True)
    return np.where(n >= fewest, counts / np.maximum(n, 1), np.nan)


def _sure(asked: Asking, counts: Any) -> Floats:
    """Return the rates that say whether groups differ; what a target says needs no cases."""
    return _rates(counts, FEWEST if asked.target is None else 1)


def _weights(run: Run) -> str:
    return sha256(run.folder / MODEL / WEIGHTS)


def _asked(groups: Path, questions: Questions | None) -> dict[str, Any]:
    tables = {"facts": None, "templates": None, "subjects": None}
    if questions is None:
        return {"groups": str(groups), **tables}
    return {
        "groups": str(groups),
        "facts": str(questions.facts),
        "templates": str(questions.templates),
        "subjects": questions.subjects,
    }
