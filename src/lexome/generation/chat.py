"""A talk with an assistant: what was said becomes a prompt, and the answer is one more turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from lexome.errors import LexomeError, UsageError
from lexome.generation.decoder import Decoder
from lexome.generation.engine import generate
from lexome.generation.rows import Finish
from lexome.generation.settings import Settings
from lexome.generation.stops import StopText
from lexome.languages.base import Language, TextStream, Tokenizer
from lexome.languages.pair import PairTokenizer, Turn
from lexome.languages.pair.chat import ASSISTANT, PLAIN, SYSTEM, USER
from lexome.model.transformer import Transformer

OnText = Callable[[str], None]

# An answer is to have this share of the context, if what is asked leaves it.
_ANSWER_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and why it ends (see `generation.engine.Generated`).

    `left_out` is the number of earlier turns that no longer fitted into the context: the model did
    not see them.
    """

    text: str
    finish: Finish
    tokens: int
    left_out: int


class Conversation:
    """Turns of a person and of an assistant; `ask` adds one of each.

    A `system` message, if there is one, stands before all of them and is never left out. Answers
    are drawn by `settings`, each with a seed of its own. What is said is read as in `languages`, by
    role, which are those of the assistant's `Pair`.
    """

    def __init__(
        self,
        tokenizer: PairTokenizer,
        model: Transformer | Decoder,
        settings: Settings | None = None,
        system: str = "",
        languages: Mapping[str, Language] = PLAIN,
    ) -> None:
        self.tokenizer = tokenizer
        self.settings = settings or Settings()
        if isinstance(model, Transformer):
            model = Decoder(model, self.settings.compute_dtype(model.embedding.weight.device))
        self.decoder = model
        self.turns: list[Turn] = []
        self._languages = languages
        self._system = [self._turn(SYSTEM, system)] if system.strip() else []
        unused = range(tokenizer.vocab_size, model.config.vocab_size)
        self._never = sorted({*tokenizer.never, *unused})

    def clear(self) -> None:
        """Forget all turns but the system's."""
        self.turns.clear()

    def ask(
        self,
        content: str,
        on_text: OnText | None = None,
        interrupted: Callable[[], bool] = lambda: False,
    ) -> Reply:
        """Return the answer to a message, and keep both.

        `on_text` gets the answer piece by piece as it comes; where `interrupted` returns true, it
        ends there with the finish "stop". The oldest turns are left out where not all of them fit
        into the context together with an answer. An empty message, and one that fills the context
        by itself, are a `LexomeError`; it is not kept then.
        """
        if not content.strip():
            raise UsageError("there is nothing to answer in an empty message")
        turns = [*self.turns, self._turn(USER, content)]
        prompt, left_out = self._fitting(turns)
        answer = _Answer(self.tokenizer.text_stream(), self.settings.stop, on_text)
        [said] = generate(
            self.decoder,
            [prompt],
            replace(self.settings, seed=self.settings.seed + len(turns)),
            end=self.tokenizer.special.end,
            never=self._never,
            on_token=lambda _row, token: answer.push(token) or interrupted(),
        )
        text = answer.finish()
        self.turns = [*turns, Turn(ASSISTANT, text)]
        finish: Finish = "stop" if answer.stop.stopped else said.finish
        return Reply(text, finish, len(said.ids), left_out)

    def _turn(self, role: str, content: str) -> Turn:
        return Turn(role, self._languages[role].parse(content))

    def _fitting(self, turns: Sequence[Turn]) -> tuple[list[int], int]:
        """Return the prompt of the newest turns that leave room to answer, and how many do not."""
        context = self.decoder.config.context
        room = min(self.settings.max_tokens, int(context * _ANSWER_SHARE))
        # A question goes together with its answer.
        for left_out in range(0, len(turns), 2):
            prompt = prompt_ids(self.tokenizer, [*self._system, *turns[left_out:]])
            if len(prompt) + room <= context:
                return prompt, left_out
        if len(prompt) >= context:
            raise LexomeError(
                f"this message makes a prompt of {len(prompt):,} tokens, and the model sees "
                f"{context:,} at once",
                fix="say it in fewer words, or with a shorter system message",
            )
        return prompt, len(turns) - 1


def assistant_tokenizer(tokenizer: Tokenizer, where: str) -> PairTokenizer:
    """Return the tokenizer of an assistant as such; any other is a `UsageError`."""
    if isinstance(tokenizer, PairTokenizer) and {SYSTEM, USER, ASSISTANT} <= tokenizer.roles.keys():
        return tokenizer
    raise UsageError(
        "this model is no assistant: it has not learned to answer messages",
        where=where,
        fix=f"tune it: lexome finetune {where} chats.jsonl --task assistant --out runs/assistant",
    )


def prompt_ids(tokenizer: PairTokenizer, turns: Sequence[Turn]) -> list[int]:
    """Return the ids of turns up to where the answer begins, as documents were trained on.

    The template that is saved with the model gives plain `transformers` the same ids, with one
    difference: here what a person says is always text, while `transformers` reads a message that
    spells a special token ("<|assistant|>") as that token.
    """
    return [tokenizer.special.begin, *tokenizer.encode_prompt(tuple(turns)).tolist()]


class _Answer:
    """The text of an answer as it grows, up to a stop text."""

    def __init__(self, stream: TextStream, stops: Sequence[str], on_text: OnText | None) -> None:
        self.stop = StopText(stops)
        self._stream, self._on_text = stream, on_text
        self._pieces: list[str] = []

    def push(self, token: int) -> bool:
        """Add a token; return whether the answer ends here."""
        self._add(self.stop.push(self._stream.push([token])))
        return self.stop.stopped

    def finish(self) -> str:
        """Return the whole text."""
        if not self.stop.stopped:
            self._add(self.stop.push(self._stream.finish()) + self.stop.finish())
        return "".join(self._pieces)

    def _add(self, piece: str) -> None:
        if piece:
            self._pieces.append(piece)
            if self._on_text is not None:
                self._on_text(piece)
