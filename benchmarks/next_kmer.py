"""How well a causal model says the next k bases, whatever its vocabulary: GROVER's measure.

Sanabria et al. 2024 (https://doi.org/10.1038/s42256-024-00872-0) choose among BPE vocabularies by
how often a model that is fine-tuned for it names the next k-mer. Here the model is asked as it is.
At evenly spaced bases of the held-out part it writes k bases, each the most probable one after
those before it; the k-mer is right if all k are. A wrong base ends it, so each base is asked for
after the true ones.

Between two bases there need not be a border of tokens, and to be told of one would be to be told
something of the bases that follow. So for BPE the chance of a base is summed over the ways to cut
the last `BACK` bases into tokens, as in Vieira et al. 2024, "From language models over tokens to
language models over characters". All vocabularies see the same `SEEN` bases, up to one token.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from lexome.corpus.shards import TokenStream
from lexome.languages.base import Tokenizer
from lexome.languages.baselines.markov import MarkovModel
from lexome.languages.baselines.symbols import Symbols, windows
from lexome.languages.tokenizers import IUPAC
from lexome.model.transformer import Transformer

Array = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

BASES = "ACGT"
SEEN, BACK, LONGEST = 192, 12, 6
# Ways to cut with less than this share of the probability of the known bases are left out.
NEGLIGIBLE = 1e-2
_GROUP, _ROWS = 256, 64


@dataclass(frozen=True)
class _Vocabulary:
    """Which tokens begin with a string, and which one is that string."""

    beginning: Mapping[str, Array]
    spelled: Mapping[str, int]


@dataclass
class _Cut:
    """A way to cut the known bases of a place into tokens, up to the base `stop`.

    `mass` is the probability of its tokens, `after` [vocab] that of each token that may follow.
    """

    tokens: tuple[int, ...] = ()
    stop: int = 0
    mass: float = 1.0
    after: Floats | None = None


@dataclass
class _Place:
    """The tokens before some border, the bases from there on, and where the k-mer begins."""

    before: Array
    bases: str
    begin: int
    cuts: list[_Cut] = field(default_factory=lambda: [_Cut()])
    right: int = 0
    wrong: bool = False


def places_of(bases: str, count: int) -> Array:
    """Return evenly spaced places of a sequence around which there are bases only."""
    chosen = np.linspace(2 * SEEN, len(bases) - LONGEST, count).astype(np.int64).tolist()
    return np.array([p for p in chosen if set(bases[p - SEEN : p + LONGEST]) <= set(BASES)])


def model_accuracy(
    model: Transformer, tokenizer: Tokenizer, stream: TokenStream, count: int
) -> dict[int, float]:
    """Return the share of right k-mers for k from 2 to `LONGEST`."""
    ids = stream.read(0, len(stream)).astype(np.int64)
    bases, stops = tokenizer.decode(ids), np.cumsum(tokenizer.unit_lengths[ids])
    back = BACK if tokenizer.kind == "bpe" else 0
    places = []
    for start in places_of(bases, count).tolist():
        first = int(np.searchsorted(stops, start - SEEN))
        last = int(np.searchsorted(stops, start - back, side="right"))
        border = int(stops[last - 1])
        places.append(_Place(ids[first:last], bases[border : start + LONGEST], start - border))
    vocabulary = _vocabulary(tokenizer)
    for first in range(0, len(places), _GROUP):
        _walk(model, vocabulary, places[first : first + _GROUP])
    return _shares(np.array([place.right for place in places]))


def markov_accuracy(train: str, valid: str, order: int, count: int) -> dict[int, float]:
    """Return the same for an interpolated Markov model of both strands."""
    symbols = Symbols(BASES + "".join(code for code in IUPAC if code not in BASES), "base")
    coded = [symbols.codes(train)]
    model = MarkovModel(order, True, windows(coded, symbols.size, order, 1 << 22))
    places, codes = places_of(valid, count), symbols.codes(valid).astype(np.uint16)
    right = np.zeros((len(places), LONGEST), np.bool_)
    for ahead in range(LONGEST):
        for number, place in enumerate((places + ahead).tolist()):
            context = codes[place - order : place]
            scores = [
                model.probabilities(np.append(context, np.uint16(base)))[-1] for base in range(4)
            ]
            right[number, ahead] = int(np.argmax(scores)) == codes[place]
    return _shares(np.cumprod(right, axis=1).sum(axis=1))


def _shares(right: Array) -> dict[int, float]:
    return {k: float((right >= k).mean()) for k in range(2, LONGEST + 1)}


def _vocabulary(tokenizer: Tokenizer) -> _Vocabulary:
    beginning: dict[str, list[int]] = defaultdict(list)
    spelled: dict[str, int] = {}
    for token in range(tokenizer.vocab_size):
        string = tokenizer.decode(np.array([token]))
        if not string:
            continue
        spelled[string] = token
        for size in range(1, len(string) + 1):
            beginning[string[:size]].append(token)
    return _Vocabulary({string: np.array(ids) for string, ids in beginning.items()}, spelled)


def _walk(model: Transformer, vocabulary: _Vocabulary, places: list[_Place]) -> None:
    """Go through the bases of the places side by side, and count those that are said rightly."""
    for at in range(max(len(place.bases) for place in places)):
        going = [place for place in places if at < len(place.bases) and not place.wrong]
        _look_ahead(model, going)
        for place in going:
            chances = {base: _chance(vocabulary, place, at, base) for base in BASES}
            if at >= place.begin:
                place.wrong = max(chances, key=chances.__getitem__) != place.bases[at]
                place.right += not place.wrong
            _go_on(vocabulary, place, at, chances[place.bases[at]])


def _chance(vocabulary: _Vocabulary, place: _Place, at: int, base: str) -> float:
    """Return the probability of the known bases before `at` with `base` there."""
    total = 0.0
    for cut in place.cuts:
        tokens = vocabulary.beginning.get(place.bases[cut.stop : at] + base)
        if tokens is not None and cut.after is not None:
            total += cut.mass * float(cut.after[tokens].sum())
    return total


def _go_on(vocabulary: _Vocabulary, place: _Place, at: int, known: float) -> None:
    """Add the cuts that end behind the base `at`."""
    for cut in tuple(place.cuts):
        token = vocabulary.spelled.get(place.bases[cut.stop : at + 1])
        if token is not None and cut.after is not None:
            mass = cut.mass * float(cut.after[token])
            if mass > NEGLIGIBLE * known:
                place.cuts.append(_Cut((*cut.tokens, token), at + 1, mass))


@torch.no_grad()
def _look_ahead(model: Transformer, places: list[_Place]) -> None:
    """Ask the model what follows the cuts that are new; shorter rows are filled up behind."""
    asked = [(place, cut) for place in places for cut in place.cuts if cut.after is None]
    for first in range(0, len(asked), _ROWS):
        part = asked[first : first + _ROWS]
        rows = [np.append(place.before, np.array(cut.tokens, np.int64)) for place, cut in part]
        ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
        for row, filled in zip(rows, ids, strict=True):
            filled[: len(row)] = row
        lasts = torch.tensor([len(row) - 1 for row in rows])
        trunk = model.trunk(torch.from_numpy(ids), None)
        logits = model.head(trunk[torch.arange(len(rows)), lasts]).float()
        for (_, cut), after in zip(part, logits.softmax(-1).numpy(), strict=True):
            cut.after = after
