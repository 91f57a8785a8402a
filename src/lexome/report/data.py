"""The parts that the page shows of any run, as typed records that become JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lexome.report.traced_data import SampleTrace, Traced


@dataclass(frozen=True, slots=True)
class Missing:
    """A part that this run does not have yet: why, and the command that makes it."""

    missing: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """What the model is. `None` stands for what the run folder does not say.

    `tuned` says what it was made of and for, where it was tuned on pairs.
    """

    name: str
    language: str | None
    unit: str | None
    family: str | None
    objective: Literal["causal", "masked"] | None
    parameters: int | None
    shape: str | None
    steps: int | None
    tokens: int | None
    minutes: float | None
    verdict: str
    tuned: str | None = None


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of the corpus, its size in bytes and its SHA-256."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the split, counted in documents, natural units and tokens.

    `augmented` of the documents were made from the others.
    """

    name: str
    documents: int
    augmented: int
    units: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Skip:
    """Records that were left out for one reason, with the first of them as examples."""

    reason: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leak:
    """How many validation documents also stand in train, exactly or nearly.

    Nearly: at least `threshold` of a document's runs of about `ngram_units` units are in train.
    """

    documents: int
    exact: int
    near: int
    too_short: int
    threshold: float
    mean_containment: float
    ngram_units: float


@dataclass(frozen=True, slots=True)
class CorpusFacts:
    """What the data was; `sources` are the first of the `source_files`.

    `fidelity` is what a lossy tokenizer keeps of held-out documents, in figures of the field.
    """

    folder: str
    language: str
    unit: str
    licence: str
    fingerprint: str
    tokenizer: str
    vocab_size: int
    sources: tuple[SourceFile, ...]
    source_files: int
    source_bytes: int
    sides: tuple[Side, ...]
    split: str
    skipped: tuple[Skip, ...]
    leak: Leak
    fidelity: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class TrainPoint:
    """`steps` training steps that end at `step`; losses in nats a token.

    `loss` is their mean, `low` and `high` are the least and the greatest of them; `smoothed` is
    the running mean at `step`. All are `None` where no loss was finite.
    """

    step: int
    steps: int
    loss: float | None
    low: float | None
    high: float | None
    smoothed: float | None
    learning_rate: float | None
    tokens_per_second: float | None
    tokens: int | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class ValidationPoint:
    """The validation loss at a step, in nats a token."""

    step: int
    loss: float | None


@dataclass(frozen=True, slots=True)
class Level:
    """A baseline, converted to nats a token, so that it can stand beside a loss curve."""

    name: str
    nats_per_token: float


@dataclass(frozen=True, slots=True)
class Training:
    """How training went; `notes` says what a reader of the curves has to know."""

    train: tuple[TrainPoint, ...]
    validation: tuple[ValidationPoint, ...]
    levels: tuple[Level, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Media:
    """A picture or a sound: its media type, and its bytes as base64."""

    name: str
    media_type: str
    data: str


@dataclass(frozen=True, slots=True)
class Sample:
    """What the model wrote after `prompt` at a step of its training.

    `media` show it where it is no text that one reads; `trace` says what of it is in training.
    """

    step: int
    prompt: str
    text: str
    media: tuple[Media, ...] = ()
    trace: SampleTrace | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples in the order of their steps; `note` says which of them are shown, if not all.

    `traced` says how they were traced in the training data.
    """

    samples: tuple[Sample, ...]
    traced: Traced | Missing
    note: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """One whole document that the trained model made: in words, in pictures and sound."""

    text: str
    media: tuple[Media, ...]


@dataclass(frozen=True, slots=True)
class Gallery:
    """What the trained model makes from nothing; `note` says how it was drawn."""

    works: tuple[Work, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Score:
    """The bits that a model or a baseline needs for one natural unit of the scored data."""

    name: str
    bits_per_unit: float
    is_model: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores on one split, best first, with the definition of what was counted.

    `kind` is the evaluation's own word for what the model's score is; `measures` are the model's
    score in further measures that the field knows, by name; `standard_error` is that of
    its bits per unit, where there was enough data for one; `notes` say what a reader has to know.
    """

    unit: str
    split: str
    units: int
    tokens: int
    scores: tuple[Score, ...]
    nats_per_token: float | None
    perplexity_per_unit: float | None
    kind: str
    definition: str
    standard_error: float | None = None
    measures: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def comparable(self) -> bool:
        """Whether the model's score may stand beside those of the baselines.

        A pseudo-likelihood may not: a masked model sees both sides of what it predicts, and a
        baseline only what comes before.
        """
        return self.kind != "pseudo-likelihood"


@dataclass(frozen=True, slots=True)
class Prediction:
    """The model's distribution at one position of a prompt.

    `position` is where the model stands: causal models predict the token after it, masked models
    the hidden token at it. `top` holds (token id, probability), most probable first; `truth` is
    the token that really stands there, with its probability and its rank (1 is the top).
    """

    position: int
    top: tuple[tuple[int, float], ...]
    truth: int | None
    truth_probability: float | None
    truth_rank: int | None


@dataclass(frozen=True, slots=True)
class Attention:
    """Attention probabilities [layers, heads, length, length], as base64 of little-endian uint16.

    65,535 stands for 1; rows are queries, columns are keys.
    """

    layers: int
    heads: int
    length: int
    values: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """One prompt, seen through the model."""

    origin: str
    tokens: tuple[int, ...]
    predictions: tuple[Prediction, ...]
    attention: Attention
    shortened_from: int | None


@dataclass(frozen=True, slots=True)
class Projection:
    """Embeddings in two dimensions, and each token's nearest neighbours in all of them.

    `points[i]` and `neighbours[i]` belong to token i of the map; a neighbour is (index, cosine).
    `explained` is the share of the variance along each of the two axes.
    """

    points: tuple[tuple[float, float], ...]
    neighbours: tuple[tuple[tuple[int, float], ...], ...]
    explained: tuple[float, float]


@dataclass(frozen=True, slots=True)
class EmbeddingMap:
    """Token embeddings before and after training; `chosen` says which tokens and why.

    `start` says what the model was before.
    """

    tokens: tuple[int, ...]
    width: int
    chosen: str
    before: Projection
    after: Projection
    start: str


@dataclass(frozen=True, slots=True)
class Inside:
    """How the model works: prompts, attention and embeddings, with a label for each token id.

    `opening` is the token behind which a model that was tuned on pairs answers.
    """

    objective: Literal["causal", "masked"]
    labels: Mapping[int, str]
    inspections: tuple[Inspection, ...]
    embeddings: EmbeddingMap | Missing
    opening: int | None = None


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A kind of parameter: its formula spelled out, how many matrices and weights it has."""

    name: str
    formula: str
    symbols: str
    weights: int
    matrices: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """Every parameter of the model. `notes` say what the table leaves out and the true count."""

    rows: tuple[LedgerRow, ...]
    weights: int
    matrices: int
    parameters: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What it takes to make the run again."""

    recipe: str | Missing
    commands: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]


def finite(value: object) -> float | None:
    """Return a number that JSON can hold, or `None` for what is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def short(value: float, digits: int = 6) -> float:
    """Return `value` to `digits` significant digits, which keeps the page small."""
    return float(f"{value:.{digits}g}")
