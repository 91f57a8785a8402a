"""Questions about groups with their answers in declared shares, and facts that stay what they are.

The target of each question is declared in a groups file and never assumed: which shares are right
is a choice of whoever tunes, and parity is one of many. Facts are taught beside it so that a
correction of what is said in general does not change what is said of somebody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from lexome.corpus import Corpus
from lexome.errors import LexomeError, UsageError
from lexome.evaluation.facts import Question
from lexome.evaluation.honesty.abstained import SUBJECT
from lexome.evaluation.honesty.asked import Said, said_to
from lexome.evaluation.honesty.corpus_says import CorpusSays, corpus_says, read_by
from lexome.evaluation.honesty.group_answers import ask_groups, group_questions
from lexome.evaluation.honesty.group_questions import AskedGroups
from lexome.evaluation.honesty.groups import read_groups
from lexome.evaluation.honesty.questions import Questions, drawn, read_questions
from lexome.evaluation.honesty.rebalanced import PROMPT, QUESTION, targets
from lexome.evaluation.metrics.bootstrap import Floats
from lexome.evaluation.progress import Told
from lexome.finetuning.lessons import (
    ABOUT,
    MOST,
    about_share,
    keep_lessons,
    kept_lessons,
    lesson,
    made_from,
    text_lesson,
)
from lexome.finetuning.rehearsal import as_texts, rehearsed
from lexome.model import read_config
from lexome.training import open_run
from lexome.training.run import MODEL, Run

# Counted up when something else is written for the same weights and files, by what stands here or
# by what it uses: pairs that another rule has made are made anew.
_RULE = 3
_PURPOSE = "taught as it is"
_KNOWN = 0.5  # of the subjects; the others are scored
_SCORED = 4  # one prompt of so many
# Pairs of each prompt and group, each seen once: so few that a share is met as well as so many can.
_FEWEST, _MOST_PAIRS = 60, 80
# Running text costs what pairs do not: where a text begins, and what else it could have said.
_UNTOLD = 3  # one statement of so many
_FACTS = 2  # times that each is taught
# Documents for each text that is told: where statements are more of what is read, a model expects
# them where a text begins.
_REHEARSED = 6
_MARKS = 8  # tokens that a pair has beside its texts


@dataclass(frozen=True)
class _Statement:
    """What is taught of a group: an answer to a prompt of a question."""

    name: str
    prompt: str
    asked: Question
    answer: str

    @property
    def pair(self) -> dict[str, Any]:
        about = {ABOUT: self.asked.prompt, QUESTION: self.name, PROMPT: self.prompt}
        return lesson(self.asked.prompt, self.answer, **about)

    @property
    def text(self) -> str:
        return _told(self.asked, self.answer)


@dataclass(frozen=True)
class Lessons:
    """How many pairs were made, and of what.

    `statements` are about groups, by `prompts` of `questions` that have a target; those that are
    `kept` are of questions that are to stay, in the base's own shares. `facts` are answers that the
    base knows, about `subjects`. `told` are statements and facts again, as running text, and
    `rehearsed` passages of the base's corpus.
    """

    questions: int
    prompts: int
    statements: int
    kept: int = 0
    subjects: int = 0
    facts: int = 0
    told: int = 0
    rehearsed: int = 0


def make_lessons(
    base: Path,
    groups: Path,
    file: Path,
    questions: Questions | None = None,
    *,
    told: Told = lambda what, done, whole: None,
) -> Lessons:
    """Write what a run's model is to say to `file`, messages in JSON lines.

    Each prompt of a question, but for one in four, is taught of each group, with each answer as
    often as the target has it, to the nearest count: as an answer, and two times of three in
    running text. Questions that are to stay are taught in the shares that the base itself gives;
    with neither a target nor that nothing is taught. With facts, the base is asked about half of
    the subjects, and at most 2,400 right answers are taught as they are, twice, and told. For each
    running text six passages of the base's corpus are rehearsed, as far as it has them.
    What the same weights were asked before is not asked again. Raises `UsageError` where no
    question has a target, and where one has a single prompt, of which none would be left for
    scoring.
    """
    run, targeted = open_run(base), targets(groups)
    kept = [one for one in read_groups(groups).asked(str(groups)) if one.keep]
    _check_prompts([*targeted, *kept], groups)
    corpus = read_by(run)
    says = corpus_says(corpus)
    tables = () if questions is None else (questions.facts, questions.templates)
    asked = made_from(run, _RULE, (groups, *tables), corpus, says is not None)
    if (made := kept_lessons(file, asked)) is not None:
        return Lessons(**made)
    wanted = [said for one in targeted for said in _taught(one, _declared(one))]
    kept_as_is = [said for one in kept for said in _taught(one, _own(run, one))]
    statements = [*wanted, *kept_as_is]
    determined = [] if questions is None else _determined(questions, says)
    known = [] if questions is None else _known(run, determined, questions.facts, told)
    room = read_config(run.folder / MODEL).context - _MARKS
    sentences = [one.text for place, one in enumerate(statements) if place % _UNTOLD]
    sentences += [_told(one.question, one.answer) for one in known]
    texts = [*as_texts(sentences, run.tokenizer(), room)]
    again = _rehearsed(corpus, groups, targeted, room, _REHEARSED * len(texts))
    lessons = Lessons(
        len(targeted),
        sum(len(prompts_to_teach(one)) for one in targeted),
        len(wanted),
        len(kept_as_is),
        len({one.question.subject for one in known}),
        len(known),
        len(texts),
        len(again),
    )
    pairs = (*(one.pair for one in statements), *[*map(_fact, known)] * _FACTS)
    keep_lessons(file, (*pairs, *map(_text, (*texts, *again))), asked, asdict(lessons))
    return lessons


def prompts_to_teach(question: AskedGroups) -> list[str]:
    """Return the prompts of a question that are taught: three of four, drawn by their words."""
    order = sorted(question.prompts, key=lambda prompt: drawn(prompt, "left for scoring"))
    scored = frozenset(order[: max(round(len(order) / _SCORED), 1)])
    return [prompt for prompt in question.prompts if prompt not in scored]


def counts(shares: Sequence[float], n: int) -> list[int]:
    """Return whole numbers that sum to `n`, in these shares as nearly as can be.

    By largest remainders (Hamilton's method); of equal ones the first.
    """
    whole = [int(share * n + 1e-9) for share in shares]
    rest = sorted(range(len(shares)), key=lambda place: whole[place] - shares[place] * n)
    for place in rest[: n - sum(whole)]:
        whole[place] += 1
    return whole


def pairs_for(shares: Sequence[float]) -> int:
    """Return how many pairs meet these shares best: from 60 to 80, the fewest of equals."""

    def error(n: int) -> float:
        found = zip(shares, counts(shares, n), strict=True)
        return round(sum(abs(share - count / n) for share, count in found), 9)

    return min(range(_FEWEST, _MOST_PAIRS + 1), key=error)


def _check_prompts(targeted: Sequence[AskedGroups], groups: Path) -> None:
    for one in targeted:
        if len(one.prompts) < 2:
            raise UsageError(
                "there is one prompt, and one at least is left for scoring",
                where=f"{groups}, questions.{one.name}.prompts",
                fix="ask in two ways or more",
            )


def _declared(question: AskedGroups) -> Floats:
    """Return the target of each answer, [prompts, groups, answers]."""
    assert question.target is not None
    shares = [question.target[answer] for answer in question.answers]
    shape = (len(prompts_to_teach(question)), len(question.groups), len(shares))
    return np.broadcast_to(np.array(shares), shape)


def _own(run: Run, question: AskedGroups) -> Floats:
    """Return what the base says itself, [prompts, groups, answers]."""
    words, answers = [*question.groups.values()], [*question.answers.values()]
    prompts = prompts_to_teach(question)
    return ask_groups(run.model(), run.tokenizer(), prompts, words, answers).said


def _taught(question: AskedGroups, shares: Floats) -> Iterator[_Statement]:
    """Yield each answer to each prompt as often as is its share; [prompts, groups, answers]."""
    words, answers = [*question.groups.values()], [*question.answers.values()]
    for prompt, of_prompt in zip(prompts_to_teach(question), shares, strict=True):
        asked = group_questions([prompt], words, answers)
        for one, own in zip(asked, of_prompt, strict=True):
            for answer, often in zip(answers, counts(own, pairs_for(own)), strict=True):
                yield from [_Statement(question.name, prompt, one, answer)] * often


def _told(asked: Question, answer: str) -> str:
    return f"{asked.prompt}{asked.lead}{answer}{asked.behind}"


def _rehearsed(
    corpus: Corpus | None, groups: Path, targeted: Sequence[AskedGroups], room: int, count: int
) -> list[str]:
    """Return so many passages, or as many as there are: read twice, they are learned by heart."""
    if corpus is None:
        return []
    return [*islice(rehearsed(corpus, read_groups(groups), targeted, room, count), count)]


def _text(text: str) -> dict[str, Any]:
    """Return running text as a record; what stands there twice is of one side of the split."""
    return text_lesson(text, **{ABOUT: drawn(text).hex()})


def _known(run: Run, determined: Sequence[Question], facts: Path, told: Told) -> list[Said]:
    """Return what the base rightly says about half of the subjects."""
    chosen = about_share(determined, _KNOWN, MOST, _PURPOSE)
    if not chosen:
        raise LexomeError(
            "the training text names fewer than two of these subjects, and half of them are left "
            "to be asked about afterwards",
            where=str(facts),
            fix="give facts of the corpus that the base was trained on",
        )
    said = said_to(run.model(), run.tokenizer(), chosen, told=partial(told, "what it knows"))
    return [one for one in said if one.credit == 1]


def _determined(questions: Questions, says: CorpusSays | None) -> list[Question]:
    """Return the questions that have one right answer: of several none is the one to teach."""
    asked = read_questions(questions, says).asked.questions
    return [one for one in asked if len(one.right) == 1]


def _fact(said: Said) -> dict[str, Any]:
    subject, relation = said.question.subject, said.question.relation
    about = {ABOUT: subject, SUBJECT: subject, "relation": relation}
    return lesson(said.question.prompt, said.answer, **about)
