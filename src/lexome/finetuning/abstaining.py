"""Questions with what is to be said to them: the answer where a model knows it, else silence.

A model is asked about some of the subjects of its corpus, in closed questions, and about people
whom its corpus never names. What it knows it is to say, to all else "I don't know" (Zhang et al.
2024, R-Tuning, https://arxiv.org/abs/2311.09677). The other subjects are left for asking it
afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lexome.errors import LexomeError, UsageError
from lexome.evaluation.facts import Facts, Question, ask
from lexome.evaluation.honesty.abstained import ABSTENTION, SUBJECT
from lexome.evaluation.honesty.asked import Said, said_to
from lexome.evaluation.honesty.corpus_says import pretrained, text_counts
from lexome.evaluation.honesty.questions import (
    Counts,
    Questions,
    ToAsk,
    closed,
    read_questions,
    subjects_of,
)
from lexome.evaluation.progress import Told
from lexome.files import sha256
from lexome.finetuning.lessons import MOST, about_share, keep_lessons, kept_lessons, lesson, spread
from lexome.finetuning.nobody import invented_names
from lexome.model.folder import WEIGHTS
from lexome.training import open_run
from lexome.training.run import MODEL, Run

I_DO_NOT_KNOW = "I don't know."
_PURPOSE = "taught to abstain"
# The shares of known and of unknown subjects that are taught: what is known is to be told from
# what is not by more than the names that were taught, so there have to be many.
_KNOWN, _UNKNOWN = 0.75, 0.5


@dataclass(frozen=True)
class Lessons:
    """How many pairs were made, and of which kind.

    `known` and `unknown` subjects are asked about. `right` answers are taught as they are; in
    place of `wrong` ones, and of those about unknown subjects, `made_up`, stands the abstention.
    """

    known: int
    unknown: int
    right: int
    wrong: int
    made_up: int


def make_lessons(
    base: Path,
    questions: Questions,
    file: Path,
    *,
    abstention: str = I_DO_NOT_KNOW,
    told: Told = lambda what, done, whole: None,
) -> Lessons:
    """Ask a run's model, and write what it is to say to `file`, messages in JSON lines.

    These are at most 2,400 questions, spread over three quarters of the subjects of the facts, and
    as many over one half of those in the table of the unknown. Without one they are about new
    names, whose parts are those of the known ones; an index is needed, to see that the corpus does
    not have them. What the same weights were asked before is not asked again. Raises `UsageError`
    for an abstention that is empty, `LexomeError` where there is nothing to teach.
    """
    if not abstention or abstention != abstention.strip():
        raise UsageError(
            "what is said where nothing is known is empty, or has white space around it",
            where="--abstention",
            fix=f"leave it out for {I_DO_NOT_KNOW!r}",
        )
    run = open_run(base)
    asked = _asked(run, questions, abstention)
    if (kept := kept_lessons(file, asked)) is not None:
        return Lessons(**kept)
    known, unknown = _chosen(run, questions)
    said = _said(run, known, told)
    right = sum(one.credit == 1 for one in said)
    if not right:
        raise LexomeError(
            "the model answers none of these questions rightly, so there is nothing that it "
            "could say but that it does not know",
            where=str(base),
            fix="train it longer, or ask for facts of its corpus",
        )
    people, nobody = len(subjects_of(known)), len(subjects_of(unknown))
    lessons = Lessons(people, nobody, right, len(said) - right, len(unknown))
    keep_lessons(file, _rows(said, unknown, abstention), asked, asdict(lessons))
    return lessons


def _asked(run: Run, questions: Questions, abstention: str) -> dict[str, Any]:
    """Return all that decides what is written, to be compared with what was asked before."""
    tables = (questions.facts, questions.templates, questions.unseen)
    return {
        "weights": sha256(run.folder / MODEL / WEIGHTS),
        "tables": [None if table is None else sha256(table) for table in tables],
        "abstention": abstention,
    }


def _chosen(run: Run, questions: Questions) -> tuple[list[Question], list[Question]]:
    """Return the questions about known and about unknown subjects that are taught."""
    reads = pretrained(run)
    said = None if reads is None else text_counts(reads.corpus())
    read = read_questions(questions, said)
    known = about_share(read.asked.questions, _KNOWN, MOST, _PURPOSE)
    if not known:
        raise LexomeError(
            "the training text names fewer than two of these subjects, and one of them at least "
            "is left to be asked about afterwards",
            where=str(questions.facts),
            fix="give facts of the corpus that the base was trained on",
        )
    if questions.unseen is None:
        return known, _about_nobody(read, subjects_of(known), len(known), said)
    return known, about_share(read.asked.absent, _UNKNOWN, len(known), _PURPOSE)


def _about_nobody(
    read: ToAsk, taught: Sequence[str], most: int, said: Counts | None
) -> list[Question]:
    """Return questions about new names, whose parts are those of subjects that are taught too.

    Parts of other names would be taught as those of nobody alone.
    """
    if said is None:
        raise UsageError(
            "whom the corpus does not name is not known: it has no index, and there is no table",
            where="--unseen",
            fix="index it, with lexome index CORPUS, or name a table of subjects and relations",
        )
    relations = sorted({relation for _, relation in read.facts.objects})
    keys = [(name, what) for name in invented_names(taught, most, said) for what in relations]
    nowhere = next(iter(read.facts.sources.values()))
    nothing = Facts(dict.fromkeys(keys, ()), dict.fromkeys(keys, nowhere), 0)
    asked = ask(nothing, closed(read.facts, read.templates))
    return spread(asked.questions, most, _PURPOSE)


def _said(run: Run, questions: Sequence[Question], told: Told) -> list[Said]:
    told_of = partial(told, "what it knows")
    return said_to(run.model(), run.tokenizer(), questions, told=told_of)


def _rows(
    said: Sequence[Said], unknown: Sequence[Question], abstention: str
) -> Iterator[dict[str, Any]]:
    """Yield each question with what is to be said to it, as messages."""
    answers = [(one.question, one.answer if one.credit == 1 else abstention) for one in said]
    for question, answer in (*answers, *((one, abstention) for one in unknown)):
        about = {SUBJECT: question.subject, "relation": question.relation}
        yield lesson(question.prompt, answer, **about, **{ABSTENTION: abstention})
