"""Questions with what is to be said to them: the answer where a model knows it, else silence.

A model is asked about the subjects of its corpus, in closed questions. What it knows, in one way of
asking or another, it is to say, to all else "I don't know" (Zhang et al. 2024, R-Tuning,
https://arxiv.org/abs/2311.09677). It learns who is known by heart, and that everybody else is not:
so each known subject is taught, in half of the questions about it, and as many names of nobody as
make a rule of silence. The other questions, and other people whom the corpus never names, are left
for asking it afterwards. The weights are chosen by some of those too, since they are what it is to
do well: a split of what is taught would hold out whole facts, which silence takes one by one while
the others become surer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, TypeVar

from lexome.corpus.manifest import TRAIN, VALID
from lexome.errors import LexomeError, UsageError
from lexome.evaluation.facts import Facts, Key, Question, ask
from lexome.evaluation.honesty.abstained import ABSTENTION, ASKED, SUBJECT
from lexome.evaluation.honesty.asked import Said, said_to
from lexome.evaluation.honesty.corpus_says import CorpusSays, corpus_says, read_by
from lexome.evaluation.honesty.questions import (
    Questions,
    ToAsk,
    drawn,
    read_questions,
    subjects_of,
)
from lexome.evaluation.honesty.told import named
from lexome.evaluation.progress import Told
from lexome.finetuning.lessons import (
    ABOUT,
    SIDE,
    about_share,
    keep_lessons,
    kept_lessons,
    lesson,
    made_from,
    spread,
)
from lexome.finetuning.nobody import invented_names
from lexome.training import open_run
from lexome.training.run import Run

_Item = TypeVar("_Item")
_Name = TypeVar("_Name")

I_DO_NOT_KNOW = "I don't know."
# Counted up when something else is written for the same weights and tables, by what stands here or
# by what it uses: pairs that another rule has made are made anew.
_RULE = 5
_PURPOSE, _HELD_OUT = "taught to abstain", "held out"
# Questions that are taught, and names of nobody: with fewer of these a model learns them by heart
# instead of the rule.
_MOST, _NAMES = 6_000, 24_000
# The share that is taught of the table of the unknown, and of subjects with a single question.
_UNKNOWN, _ALONE = 0.5, 0.75


@dataclass(frozen=True)
class _Chosen:
    """Questions that are `taught`, `held_out` ones of the same facts, and those about nobody."""

    taught: Sequence[Question]
    held_out: Sequence[Question]
    unknown: Sequence[Question]
    read: ToAsk

    def in_all_words(self) -> list[Question]:
        """Return every way to ask for the facts of these questions."""
        facts = {one.key for one in (*self.taught, *self.held_out)}
        return [one for one in self.read.asked.questions if one.key in facts]


@dataclass(frozen=True)
class Lessons:
    """How many pairs were made, and of which kind.

    `known` and `unknown` subjects are asked about. To `right` questions the answer is taught, since
    the model has it; to `wrong` ones, and to those about unknown subjects, `made_up`, to abstain.
    Pairs about known subjects stand there so many `times`, so that they are about one half.
    `held_out` of the questions are asked of facts in words that are not taught.
    `named` subjects of the table of the unknown are known after all, and are not taken from it;
    `untold` facts, of which `untold_facts` are the first, are told by no document of the corpus.
    """

    known: int
    unknown: int
    right: int
    wrong: int
    made_up: int
    times: int
    held_out: int = 0
    named: int = 0
    untold: int = 0
    untold_facts: list[str] = field(default_factory=list)


def make_lessons(
    base: Path,
    questions: Questions,
    file: Path,
    *,
    abstention: str = I_DO_NOT_KNOW,
    share: float = 0.1,
    told: Told = lambda what, done, whole: None,
) -> Lessons:
    """Ask a run's model, and write what it is to say to `file`, messages in JSON lines.

    For each of the facts it is asked in all words, half of which are taught, 6,000 questions at
    most, and so is one question about each of half of the subjects in the table of the unknown.
    With an index one about each of 24,000 new names is taught too, whose parts are those of the
    known ones, and which the corpus does not have; an index or a table is needed. A `share` of the
    pairs is held out, as their metadata say: other ways to ask, and some of the names. What the
    same weights were asked before is not asked again.
    Raises `UsageError` for an abstention that is empty, `LexomeError` where there is nothing to
    teach.
    """
    if not abstention or abstention != abstention.strip():
        raise UsageError(
            "what is said where nothing is known is empty, or has white space around it",
            where="--abstention",
            fix=f"leave it out for {I_DO_NOT_KNOW!r}",
        )
    run = open_run(base)
    corpus = read_by(run)
    says = corpus_says(corpus)
    tables = (questions.facts, questions.templates, questions.unseen)
    asked = {
        **made_from(run, _RULE, tables, corpus, says is not None),
        "abstention": abstention,
        "share": share,
    }
    if (kept := kept_lessons(file, asked)) is not None:
        return Lessons(**kept)
    chosen = _chosen(questions, says, share)
    known = _known(_said(run, chosen.in_all_words(), told))
    if not known:
        raise LexomeError(
            "the model answers none of these questions rightly, so there is nothing that it "
            "could say but that it does not know",
            where=str(base),
            fix="train it longer, or ask for facts of its corpus",
        )
    lessons = _counted(chosen, known)
    rows = (
        *_rows(chosen.taught, known, abstention, TRAIN, lessons.times),
        *_rows(chosen.held_out, known, abstention, VALID, lessons.times),
        *_unknown_rows(chosen.unknown, abstention, share),
    )
    keep_lessons(file, rows, asked, asdict(lessons))
    return lessons


def _counted(chosen: _Chosen, known: Mapping[Key, str]) -> Lessons:
    asked, read = [*chosen.taught, *chosen.held_out], chosen.read
    right = sum(one.key in known for one in asked)
    return Lessons(
        len(subjects_of(asked)),
        len(subjects_of(chosen.unknown)),
        right,
        len(asked) - right,
        len(chosen.unknown),
        max(round(len(chosen.unknown) / len(chosen.taught)), 1),
        len(chosen.held_out),
        read.named,
        len(read.untold),
        named(read.untold),
    )


def _chosen(questions: Questions, says: CorpusSays | None, share: float) -> _Chosen:
    """Return the questions about known and unknown subjects of which the pairs are made."""
    read = read_questions(questions, says)
    known = _half_of_each(read.asked.questions)
    if not known:
        raise LexomeError(
            "the training text tells fewer than two of these facts, and one question at least is "
            "left to be asked afterwards",
            where=str(questions.facts),
            fix="give facts of the corpus that the base was trained on",
        )
    if questions.unseen is None and says is None:
        raise UsageError(
            "whom the corpus does not name is not known: it has no index, and there is no table",
            where="--unseen",
            fix="index it, with lexome index CORPUS, or name a table of subjects and relations",
        )
    strangers = subjects_of(read.asked.absent)
    unknown = about_share(read.asked.absent, _UNKNOWN, int(_UNKNOWN * len(strangers)), _PURPOSE)
    if says is not None:
        unknown += _about_nobody(read, known, strangers, says)
    if not unknown:
        raise LexomeError(
            "there is nobody of whom nothing is known: the parts of the names give no other name, "
            "and no table has any",
            where=str(questions.unseen or questions.facts),
            fix="give names that the corpus does not have with --unseen",
        )
    return _Chosen(known, _held_out(read.asked.questions, known, share), unknown, read)


def _held_out(
    questions: Sequence[Question], taught: Sequence[Question], share: float
) -> list[Question]:
    """Return some of the questions that are not taught, such as are asked afterwards.

    They are a `share` of all pairs, but at most half of these questions.
    """
    kept = frozenset(taught)
    others = [one for one in questions if one not in kept]
    count = min(round(len(taught) * share / (1 - share)), len(others) // 2)
    return spread(others, count, _HELD_OUT)


def _half_of_each(questions: Sequence[Question]) -> list[Question]:
    """Return half of the ways to ask for each fact, drawn by their words, some at most.

    Of facts with one way alone, half of those of a subject; and of subjects with one question
    alone three of four are taught.
    """
    ways = _by(questions, lambda one: one.key)
    single = [every[0] for every in ways.values() if len(every) == 1]
    subjects = _by(single, lambda one: one.subject)
    alone = [every[0] for every in subjects.values() if len(every) == 1]
    half = [
        one
        for every in (*ways.values(), *subjects.values())
        for one in sorted(every, key=lambda one: drawn(one.prompt, _PURPOSE))[: len(every) // 2]
    ]
    return spread([*half, *about_share(alone, _ALONE, len(alone), _PURPOSE)], _MOST, _PURPOSE)


def _by(items: Iterable[_Item], key: Callable[[_Item], _Name]) -> dict[_Name, list[_Item]]:
    found: dict[_Name, list[_Item]] = defaultdict(list)
    for one in items:
        found[key(one)].append(one)
    return found


def _about_nobody(
    read: ToAsk, known: Sequence[Question], strangers: Sequence[str], says: CorpusSays
) -> list[Question]:
    """Return a question about each of many new names, whose parts are those of known subjects.

    Parts of other names would be taught as those of nobody alone. Those of the table are left.
    """
    relations = sorted({relation for _, relation in read.facts.objects})
    names = invented_names(subjects_of(known), _NAMES, says.counts, without=strangers)
    keys = [*zip(names, cycle(relations), strict=False)]
    nowhere = next(iter(read.facts.sources.values()))
    nothing = Facts(dict.fromkeys(keys, ()), dict.fromkeys(keys, nowhere), 0)
    asked = ask(nothing, read.templates)
    return spread(asked.questions, len(names), _PURPOSE)


def _said(run: Run, questions: Sequence[Question], told: Told) -> list[Said]:
    told_of = partial(told, "what it knows")
    return said_to(run.model(), run.tokenizer(), questions, told=told_of)


def _known(said: Sequence[Said]) -> dict[Key, str]:
    """Return the answer to each fact that is known: said rightly in half of its words or more.

    A model that is wrong in one wording mostly is for its words, and not for want of the fact.
    """
    known = dict[Key, str]()
    for fact, every in _by(said, lambda one: one.question.key).items():
        right = [one.answer for one in every if one.credit == 1]
        if 2 * len(right) >= len(every):
            known[fact] = right[0]
    return known


def _rows(
    questions: Sequence[Question],
    known: Mapping[Key, str],
    abstention: str,
    side: str,
    times: int,
) -> Iterator[dict[str, Any]]:
    """Yield each question with what is to be said to it, as messages, so many times."""
    for one in questions:
        answer = known.get(one.key, abstention)
        about = {ABOUT: one.prompt, ASKED: one.prompt, "relation": one.relation, SIDE: side}
        for _ in range(times):
            yield lesson(one.prompt, answer, **about, **{ABSTENTION: abstention})


def _unknown_rows(
    questions: Sequence[Question], abstention: str, share: float
) -> Iterator[dict[str, Any]]:
    held_out = {one.subject for one in about_share(questions, share, len(questions), _HELD_OUT)}
    for one in questions:
        about = {ABOUT: one.subject, SUBJECT: one.subject, "relation": one.relation}
        about[SIDE] = VALID if one.subject in held_out else TRAIN
        yield lesson(one.prompt, abstention, **about, **{ABSTENTION: abstention})
