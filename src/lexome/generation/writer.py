"""From a prompt in a language to output that is rendered in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from lexome.errors import located
from lexome.generation.decoder import Decoder
from lexome.generation.engine import generate
from lexome.generation.rows import Finish
from lexome.generation.settings import Settings
from lexome.generation.stops import StopText
from lexome.languages.base import (
    Document,
    Language,
    Rendering,
    Source,
    TextStream,
    Tokenizer,
)
from lexome.languages.features import Features, placed_features
from lexome.languages.prompts import AnswersPrompts, encode_prompt
from lexome.model.transformer import Transformer

OnText = Callable[[int, str], None]


@dataclass(frozen=True, slots=True)
class Written:
    """What was written after one prompt.

    `text` is the new text alone, without a stop text, or the names of the new tokens where they
    spell no text; `ids` are all tokens, the prompt's too, without begin and end; `tokens` counts
    what the model wrote; `finish` says why it ends (see `generation.engine.Generated`);
    `rendering` shows prompt and continuation together, as the language does.
    """

    prompt: str
    text: str
    ids: tuple[int, ...]
    tokens: int
    finish: Finish
    rendering: Rendering


def write(
    tokenizer: Tokenizer,
    language: Language,
    model: Transformer | Decoder,
    prompts: Sequence[str | Document],
    settings: Settings | None = None,
    *,
    on_text: OnText | None = None,
) -> list[Written]:
    """Return what the model writes after each prompt; an empty prompt begins a document.

    A prompt is what a person types, or a document to go on with.

    `on_text(row, text)` gets the new text of a row piece by piece as it comes, whole characters
    only, the last piece included. For several texts from one prompt, give it several times. With
    beams it is the best one, which a stop text cuts when it is found: the search knows none.
    Raises `LexomeError` that names the prompt if one is not of the language.
    """
    settings = settings or Settings()
    read = [_read(tokenizer, language, prompt, row) for row, prompt in enumerate(prompts)]
    ids, features = [one for one, _ in read], [one for _, one in read]
    rows = [_Row(tokenizer, prompt, settings.stop) for prompt in ids]

    def on_token(row: int, token: int) -> bool:
        piece = rows[row].push(token)
        if piece and on_text is not None:
            on_text(row, piece)
        return rows[row].stop.stopped

    special, vocab_size = tokenizer.special, model.config.vocab_size
    # A row of the vocabulary that no token stands for is never drawn either.
    unused = range(tokenizer.vocab_size, vocab_size)
    never = [special.pad, special.begin, special.mask, *unused]
    hidden = None
    if isinstance(tokenizer, AnswersPrompts):
        never = sorted({*never, *tokenizer.never})
        hidden = [tokenizer.without_source(prompt) for prompt in ids]
    found = generate(
        model,
        ids,
        settings,
        unconditional=hidden,
        features=features,
        end=special.end,
        never=never,
        on_token=on_token,
    )
    written = []
    for row, result in enumerate(found):
        if (piece := rows[row].finish()) and on_text is not None:
            on_text(row, piece)
        content = rows[row].content(result.ids)
        rendering = language.render(Document(content, Source("generated", str(row + 1))))
        text, whole = "".join(rows[row].pieces), (*ids[row][1:], *result.ids)
        finish: Finish = "stop" if rows[row].stop.stopped else result.finish
        written.append(
            Written(_shown(prompts[row]), text, whole, len(result.ids), finish, rendering)
        )
    return written


class _Row:
    """The text of one row as it grows, behind its prompt."""

    def __init__(self, tokenizer: Tokenizer, prompt: Sequence[int], stops: Sequence[str]) -> None:
        self.stop = StopText(stops)
        self.pieces: list[str] = []
        self._tokenizer, self._prompt = tokenizer, prompt
        self._asked = tokenizer.decode(np.array(prompt, np.int64))
        self._stream = _behind(tokenizer, prompt)
        self._lengths: list[int] = []

    @property
    def before_stop(self) -> int:
        """Return how many of the tokens stand before the stop text as a whole."""
        if not self.stop.stopped:
            return len(self._lengths)
        characters = sum(map(len, self.pieces))
        return sum(stop <= characters for stop in accumulate(self._lengths))

    def content(self, ids: Sequence[int]) -> Any:
        """Return prompt and continuation together, without a stop text; `ids` are the new tokens.

        A stop text may end inside a token, so a string is put together from its pieces.
        """
        if isinstance(self._asked, str):
            return self._asked + "".join(self.pieces)
        whole = [*self._prompt[1:], *ids]
        kept = len(self._prompt) - 1 + self.before_stop
        return self._tokenizer.decode(np.array(whole[:kept], np.int64))

    def push(self, token: int) -> str:
        text = self._stream.push([token])
        self._lengths.append(len(text))
        return self._add(self.stop.push(text))

    def finish(self) -> str:
        if self.stop.stopped:
            return ""
        return self._add(self.stop.push(self._stream.finish()) + self.stop.finish())

    def _add(self, piece: str) -> str:
        if piece:
            self.pieces.append(piece)
        return piece


def _behind(tokenizer: Tokenizer, prompt: Sequence[int]) -> TextStream:
    """Return what writes down tokens behind a prompt: the first of a text may lose its space."""
    stream = tokenizer.text_stream()
    stream.push(prompt[1:])
    return stream


def _shown(prompt: str | Document) -> str:
    return prompt if isinstance(prompt, str) else str(prompt.source)


def _read(
    tokenizer: Tokenizer, language: Language, prompt: str | Document, row: int
) -> tuple[list[int], Features | None]:
    """Return the ids of a prompt after a begin token, as the stored documents start.

    With them come the features that are read beside them, if there are any.
    """
    if not prompt:
        return [tokenizer.special.begin], None
    with located(f"prompt {row + 1}"):
        content = prompt.content if isinstance(prompt, Document) else language.parse(prompt)
        ids = [tokenizer.special.begin, *encode_prompt(tokenizer, content).tolist()]
        return ids, placed_features(tokenizer, content, ids)
