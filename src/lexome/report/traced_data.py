"""What the page shows of where samples stand in training, as typed records that become JSON."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TracedPiece:
    """A stretch of a sample; the longest span it stands in is `span` of its trace, `None` for none.

    `prompted` says that it was given to the model.
    """

    text: str
    span: int | None
    prompted: bool


@dataclass(frozen=True, slots=True)
class TracedSpan:
    """A span that stands in training `count` times, first at `places`; as text it is `text`.

    It is `tokens` tokens long, and the natural units from `first_unit` to `last_unit` of the
    sample. `reading` says in which form it stands there. `rare` says that hardly any held-out text
    stands in spans as long. Of a span that is alike but not equal, `identity` is the equal share,
    and `text` is what stands in training.
    """

    tokens: int
    first_unit: int
    last_unit: int
    text: str
    count: int
    places: tuple[str, ...]
    reading: str
    rare: bool
    identity: float | None = None


@dataclass(frozen=True, slots=True)
class SampleTrace:
    """The spans of a sample, of whose tokens the share `covered` stands in them.

    `pieces` spell the sample as it is shown; where its tokens do not, there are none.
    """

    pieces: tuple[TracedPiece, ...]
    spans: tuple[TracedSpan, ...]
    covered: float


@dataclass(frozen=True, slots=True)
class Traced:
    """How samples were traced: spans of `shortest` tokens or more, counted in `unit`.

    Half of held-out text stands in no span of over `half` tokens, 19 of 20 tokens in none of over
    `most`; both are `None` where nothing is held out. `notes` say what was left out.
    """

    unit: str
    shortest: int
    half: int | None
    most: int | None
    caution: str
    notes: tuple[str, ...]
