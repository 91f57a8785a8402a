"""What the page shows of a run that was tuned on pairs, as typed records that become JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lexome.report.data import Media, Missing

Better = Literal["higher", "lower", ""]
"""Which way a figure gets better; "" is for one that only describes."""


@dataclass(frozen=True, slots=True)
class TaskFigure:
    """A figure with its 95 % interval over `n` examples.

    `value` is `None` where these examples do not have the figure, and `note` says why.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    note: str
    better: Better


@dataclass(frozen=True, slots=True)
class Standing:
    """Who answered, the model or a baseline, and the figures of the answers."""

    name: str
    is_model: bool
    figures: tuple[TaskFigure, ...]
    note: str = ""

    def figure(self, name: str) -> TaskFigure | None:
        """Return the figure of a name, or `None` where there is none with a value."""
        known = (one for one in self.figures if one.name == name and one.value is not None)
        return next(known, None)


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often each true class (row) was taken for each class (column)."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Sureness:
    """`n` answers that were about as sure: how sure on average, and the share that was right."""

    confidence: float
    accuracy: float
    n: int


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to train the task; `curve` holds (seconds, validation loss in nats a token).

    `None` stands for what was not measured.
    """

    method: str
    examples: int
    figure: TaskFigure | None
    validation_loss: float | None
    seconds: float | None
    peak_bytes: int | None
    trained_parameters: int | None
    parameters: int | None
    steps: int | None
    curve: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same task by several methods.

    Those of `examples`, the largest number, stand side by side; `finding` says in words how.
    `sizes` is `None` where smaller numbers were tried too.
    """

    figure: str
    better: Better
    examples: int
    contenders: tuple[Contender, ...]
    finding: str
    sizes: Missing | None


@dataclass(frozen=True, slots=True)
class Side:
    """What is asked, answered or true: in words, and in pictures and sound."""

    text: str
    media: tuple[Media, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """A held-out example with the model's answer.

    `equal` says whether answer and reference are the same, `None` where nobody can say so; `sure`
    is the probability of the answer; `judged` is the category that a made picture was taken for,
    where one was `wanted`.
    """

    place: str
    source: Side
    answer: Side
    reference: Side
    equal: bool | None
    sure: float | None
    ended: bool
    wanted: str = ""
    judged: str = ""


@dataclass(frozen=True, slots=True)
class Examples:
    """Examples in the order of the data; `note` says how they were chosen."""

    examples: tuple[Example, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Task:
    """What the model was tuned for, and how well it does it.

    `standings` are the model and its baselines, best first by the figure named `first`, which is
    empty where the model has no figure at all; `meaning` says what that figure is; `diagnostics`
    are figures of the model alone. Of the examples that were asked, `trained_on` stand in training
    too; `chosen_on` says whether the model's weights were chosen by them.
    """

    name: str
    summary: str
    asked: str
    answered: str
    split: str
    examples: int
    training_examples: int
    settings: tuple[tuple[str, str], ...]
    first: str
    meaning: str
    standings: tuple[Standing, ...]
    diagnostics: tuple[TaskFigure, ...]
    confusion: Confusion | None
    reliability: tuple[Sureness, ...]
    comparison: Comparison | Missing
    said: Examples | Missing
    notes: tuple[str, ...]
    trained_on: int = 0
    chosen_on: bool = False

    @property
    def model(self) -> Standing:
        """Return what the model itself reaches."""
        return next(one for one in self.standings if one.is_model)
