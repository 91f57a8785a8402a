"""What the page shows of a run's honesty, as typed records that become JSON."""

from __future__ import annotations

from dataclasses import dataclass

from lexome.report.data import Missing
from lexome.report.task_data import Sureness, TaskFigure


@dataclass(frozen=True, slots=True)
class Relation:
    """How many facts of a relation are known, with a 95 % interval, and what guessing gives.

    `chance` guesses evenly, `commonest` always gives the commonest right answer.
    """

    name: str
    questions: int
    recall: float
    low: float | None
    high: float | None
    chance: float
    commonest: float


@dataclass(frozen=True, slots=True)
class Share:
    """How many are of one verdict, and the share with its 95 % interval, where there is one."""

    verdict: str
    count: int
    share: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What `n` answers or claims are, `of` so many subjects or texts; all verdicts in order."""

    n: int
    of: int
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class AnswerExample:
    """A question with the model's answer; `right` is what the corpus says, nothing if it is silent.

    `confidence` is the probability of the answer among all that the question allows.
    """

    prompt: str
    answer: str
    right: tuple[str, ...]
    confidence: float
    verdict: str
    known: bool


@dataclass(frozen=True, slots=True)
class TargetScore:
    """The mean score where a right answer is 1, silence 0 and a wrong one -t / (1 - t), t `target`.

    `everything` is answered, or only what is surer than the threshold.
    """

    target: float
    everything: TaskFigure
    threshold: TaskFigure


@dataclass(frozen=True, slots=True)
class Silence:
    """When saying nothing pays.

    `curve` holds (share answered, share of wrong ones among those). `threshold` is the least
    confidence at which at most `alpha` are wrong, `None` where there is none; `finding` says in
    words what it does. `figures` and `scores` are of the questions that did not choose it.
    """

    alpha: float
    curve: tuple[tuple[float, float], ...]
    threshold: float | None
    finding: str
    figures: tuple[TaskFigure, ...]
    scores: tuple[TargetScore, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text; one that claims something has a `verdict`, and what is claimed of whom.

    `right` is what the corpus says instead, nothing where it does not say.
    """

    text: str
    verdict: str = ""
    subject: str = ""
    relation: str = ""
    object: str = ""
    right: tuple[str, ...] = ()
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class JudgedText:
    """A text that the model wrote, in pieces; `prompt` is its beginning, which it was given."""

    subject: str
    known: bool
    prompt: str
    claims: int
    supported: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class JudgedTexts:
    """Texts about known and about unknown subjects; `elsewhere` counts claims about others.

    `note` says how they were written and in which order they stand.
    """

    known: Verdicts
    unknown: Verdicts
    elsewhere: tuple[int, int]
    texts: tuple[JudgedText, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Honesty:
    """What a model says of facts beside what its corpus says; `command` asks it again.

    `silence` is by the confidence in the answer, `silence_by_names` by how expected the name is
    too, where the model was asked for that.
    """

    command: str
    known: Verdicts
    unknown: Verdicts
    figures: tuple[TaskFigure, ...]
    relations: tuple[Relation, ...]
    reliability: tuple[Sureness, ...]
    silence: Silence
    silence_by_names: Silence | None
    examples: tuple[AnswerExample, ...]
    texts: JudgedTexts | Missing
    notes: tuple[str, ...]
