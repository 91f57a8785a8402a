"""Sources that say nothing, and what a tuned model says to them: empty ones, noise, silence.

Nothing is known of such a source, so whatever is said comes from the model alone. Which ones there
are the source's language says; each keeps the length of a held-out source, but for the empty one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from lexome.errors import LexomeError
from lexome.evaluation.metrics.bootstrap import EXAMPLES, Statistic, mean, score
from lexome.finetuning.answering import (
    Answer,
    Question,
    contents,
    original_contents,
    source_contents,
)
from lexome.finetuning.detached import identity, log_probabilities, whole_answer
from lexome.finetuning.paired import Pairs
from lexome.languages.features import Features, HasFeatures
from lexome.languages.pair.tokenizer import Part
from lexome.model import Transformer

_EXAMPLES = 5
HELD_OUT = "held-out examples"

MEANINGS: Mapping[str, str] = {
    HELD_OUT: "the sources as they are, to compare with",
    "nothing": "an empty source",
    "noise": "parts of all sources, drawn at random",
    "monotone": "the first part of the source, again and again",
    "another language": "the true answer in place of the source, so in the wrong language",
    "no language": "the words of the source, their letters exchanged for one another",
    "silence": "a recording without any sound",
    "white noise": "a recording of noise, as loud as the source",
    "backwards": "the recording, played backwards",
    "blank": "a picture of one colour, that of its first pixel",
    "random pixels": "a picture whose pixels are drawn at random",
}
"""What each kind of source is."""

Ints = npt.NDArray[np.int64]
Contents = Callable[[Any, Any, np.random.Generator], Any]
"""From a source's content and that of its true answer to another content."""

Places = Callable[[int, int, int, np.random.Generator], Ints]
"""From where a source begins, its length and that of all to the places of other tokens."""


@dataclass(frozen=True)
class Strange:
    """Questions of one kind of source, each another one; `too_long` do not fit the context."""

    name: str
    asked: tuple[Question, ...]
    too_long: int = 0
    note: str = ""


def strange_sources(
    pairs: Pairs, task: str, asked: Sequence[Question], context: int, seed: int
) -> Iterator[Strange]:
    """Yield the kinds of sources that say nothing, made of those of held-out examples.

    Of a conversation the last question is replaced. A kind that cannot be made says why.
    """
    sources = _Sources.of(pairs, asked)
    kinds = dict(_content_kinds(pairs, task, asked))
    for number, (name, places) in enumerate(_TOKEN_KINDS.items()):
        if name == "monotone" and kinds.keys() & {"silence", "blank"}:
            continue
        random = np.random.default_rng([seed, number])
        yield _kind(name, list(sources.of_places(asked, places, random)), context)
    try:
        own = original_contents(pairs, asked) if kinds else []
    except LexomeError as error:
        yield from (Strange(name, (), note=str(error)) for name in kinds)
        return
    targets = contents(pairs, [one.reference for one in asked])
    for number, (name, change) in enumerate(kinds.items(), len(_TOKEN_KINDS)):
        random = np.random.default_rng([seed, number])
        try:
            changed = (change(*both, random) for both in zip(own, targets, strict=True))
            made = [
                _encoded(pairs, one, content) for one, content in zip(asked, changed, strict=True)
            ]
        except LexomeError as error:
            yield Strange(name, (), note=str(error))
            continue
        yield _kind(name, made, context)


def what_is_said(
    model: Transformer,
    pairs: Pairs,
    kind: Strange,
    said: Sequence[Answer],
) -> dict[str, Any]:
    """Return how a model answers sources of a kind: with anything, how long, how surely.

    Sure is the geometric mean of the probabilities of an answer's tokens.
    """
    wanted = [
        (number, whole_answer(pairs, one.ids, one.finish == "end"))
        for number, one in enumerate(said)
    ]
    told = {"name": kind.name, "meaning": MEANINGS[kind.name], "n": len(said)}
    told |= {"too_long": kind.too_long, "note": kind.note}
    if not said:
        return {**told, "figures": [], "commonest": None, "examples": []}
    logs = log_probabilities(model, pairs, kind.asked, wanted)
    sizes = np.array([max(len(ids), 1) for _, ids in wanted])
    figures = [
        Statistic("answered", mean([len(one.ids) > 0 for one in said]), "with any output"),
        Statistic("sureness", mean(np.exp(logs / sizes)), "of a token, geometric mean"),
        Statistic("length", mean([len(one.ids) for one in said]), "tokens"),
    ]
    (ids, count), *_ = Counter(one.ids for one in said).most_common(1)
    shown = contents(pairs, [ids, *(one.ids for one in said[:_EXAMPLES])])
    return {
        **told,
        "figures": [asdict(one) for one in score(figures, len(said), EXAMPLES)],
        "commonest": {"answer": written(shown[0]), "share": count / len(said)},
        "examples": [written(one) for one in shown[1:]],
    }


def written(content: Any) -> str:
    """Return content in writing; nothing of what is not written."""
    if isinstance(content, tuple):
        return ", ".join(map(str, content))
    return str(content) if isinstance(content, str | int | float) else ""


def _kind(name: str, made: Sequence[Question], context: int) -> Strange:
    """Return the questions that fit and are not the same."""
    fitting = [one for one in made if len(one.prompt) < context]
    apart = {identity(one): one for one in reversed(fitting)}
    return Strange(name, tuple(reversed(apart.values())), len(made) - len(fitting))


# Sources in tokens


@dataclass(frozen=True)
class _Sources:
    """The tokens [T] of all sources one behind the other, and what is read at each, [T, F].

    `spans` are the places of each source in its prompt, `starts` those of their first tokens here.
    """

    tokens: Ints
    rows: Features | None
    spans: tuple[slice, ...]
    starts: tuple[int, ...]

    @classmethod
    def of(cls, pairs: Pairs, asked: Sequence[Question]) -> _Sources:
        spans = tuple(_span(pairs, one) for one in asked)
        both = list(zip(asked, spans, strict=True))
        tokens = [np.array(one.prompt[span], np.int64) for one, span in both]
        rows = [one.features[span] for one, span in both if one.features is not None]
        lengths = [len(one) for one in tokens]
        starts = tuple(accumulate([0, *lengths[:-1]]))
        return cls(np.concatenate(tokens), np.concatenate(rows) if rows else None, spans, starts)

    def of_places(
        self, asked: Sequence[Question], places: Places, random: np.random.Generator
    ) -> Iterator[Question]:
        """Yield questions whose sources are the tokens at other places."""
        for one, span, start in zip(asked, self.spans, self.starts, strict=True):
            chosen = places(start, span.stop - span.start, len(self.tokens), random)
            rows = None if self.rows is None else self.rows[chosen]
            yield _replaced(one, span, self.tokens[chosen], rows)


_TOKEN_KINDS: Mapping[str, Places] = {
    "nothing": lambda start, length, whole, random: np.zeros(0, np.int64),
    "noise": lambda start, length, whole, random: random.integers(0, max(whole, 1), length),
    "monotone": lambda start, length, whole, random: np.full(length, start),
}


def _span(pairs: Pairs, question: Question) -> slice:
    """Return where the source of a question stands in its prompt, behind its marker."""
    marker = pairs.tokenizer.markers[pairs.language.asking.name]
    place = len(question.prompt) - 1 - question.prompt[::-1].index(marker)
    return slice(place + 1, len(question.prompt) - 1)


def _replaced(one: Question, span: slice, ids: Ints, rows: Features | None) -> Question:
    """Return a question with another source; `rows` are read at each of its tokens."""
    prompt = (*one.prompt[: span.start], *ids.tolist(), *one.prompt[span.stop :])
    features = one.features
    if features is not None and rows is not None:
        features = np.concatenate([features[: span.start], rows, features[span.stop :]])
    return replace(one, prompt=prompt, features=features)


# Sources as their language has them


def _content_kinds(
    pairs: Pairs, task: str, asked: Sequence[Question]
) -> Iterator[tuple[str, Contents]]:
    """Yield what else says nothing in the source's language."""
    source, target = pairs.language.asking.language, pairs.language.answering.language
    if source == "text":
        if task == "translation" and target == "text":
            yield "another language", lambda own, true, random: true
        letters = _letters(source_contents(pairs, asked))
        yield "no language", lambda own, true, random: own.translate(letters)
    if source == "sound":
        yield "silence", lambda own, true, random: np.zeros_like(own)
        yield "white noise", _white_noise
        yield "backwards", lambda own, true, random: own[::-1].copy()
    if source == "image":
        yield "blank", lambda own, true, random: np.broadcast_to(own[:1, :1], own.shape).copy()
        yield (
            "random pixels",
            lambda own, true, random: random.integers(0, 256, own.shape, dtype=np.uint8),
        )


def _encoded(pairs: Pairs, one: Question, content: Any) -> Question:
    """Return a question with another content as its source."""
    role = pairs.language.asking
    part, led = pairs.tokenizer.part(role.name), role.led(content)
    ids = part.shifted(part.tokenizer.encode([led])[0])
    return _replaced(one, _span(pairs, one), ids, _rows(part, content, ids, one))


def _rows(part: Part, content: Any, ids: Ints, one: Question) -> Features | None:
    """Return what is read at each token of a content; `None` where nothing is."""
    tokenizer = part.tokenizer
    if one.features is None:
        return None
    found = np.zeros((len(ids), one.features.shape[1]), one.features.dtype)
    if isinstance(tokenizer, HasFeatures) and tokenizer.frame is not None:
        frames = ids == part.shifted(np.array([tokenizer.frame.token]))[0]
        found[frames] = tokenizer.features(content)
    return found


def _white_noise(own: Any, true: Any, random: np.random.Generator) -> Any:
    """Return noise of the loudness of a recording [samples]."""
    loudness = float(np.sqrt(np.mean(np.square(own, dtype=np.float64)))) if len(own) else 0.0
    noise = np.rint(random.normal(0.0, loudness, len(own)))
    limits = np.iinfo(own.dtype)
    return np.clip(noise, limits.min, limits.max).astype(own.dtype)


def _letters(texts: Sequence[str]) -> dict[int, str]:
    """Return for each letter of texts another one of its case, so that no word stays a word."""
    known = sorted({letter for text in texts for letter in text if letter.isalpha()})
    found: dict[int, str] = {}
    for case in (str.islower, str.isupper, lambda one: not one.islower() and not one.isupper()):
        own = [letter for letter in known if case(letter)]
        # By half of the alphabet: vowels hardly meet vowels.
        shift = max(len(own) // 2, 1)
        found |= {ord(a): own[(n + shift) % len(own)] for n, a in enumerate(own)}
    return found
