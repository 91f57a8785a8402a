"""Tasks by name: who speaks, in which languages, and where their data usually says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from lexome.errors import UsageError, nearest
from lexome.languages.pair.chat import ASSISTANT, SYSTEM, USER

SOURCE, TARGET = "source", "target"


@dataclass(frozen=True)
class Task:
    """A pair of languages, source → target, with what is usual for it.

    A language that is `None` is that of the base model (as a source), or has to be said. `columns`
    are the names under which tables usually hold source and target, most usual first.
    `source_dropout` is of the objective: guidance needs it. Answers are written with `temperature`
    and `guidance` unless a person says otherwise. `empty` says what becomes of pairs without a
    target: they are left out, or kept where nothing is the right answer (to silence). Beside
    a share `silence` of the training pairs a made one says that nothing is to be said of silence
    and noise. The usual learning rates are multiplied by `rate`, and training ends after `epochs`,
    unless a person says otherwise; a step sees `examples` at most. `keep` says which weights are
    kept: those with the least validation loss, or the last ones. After as many validations in a row
    as `patience` that bring nothing a run ends; without it none does before its rate has come down.
    """

    name: str
    summary: str
    source: str | None = None
    target: str | None = None
    columns: tuple[tuple[str, ...], tuple[str, ...]] = ((SOURCE,), (TARGET,))
    roles: tuple[str, ...] = (SOURCE, TARGET)
    source_dropout: float = 0.0
    temperature: float = 0.0
    guidance: float = 1.0
    empty: Literal["skip", "keep"] = "skip"
    silence: float = 0.0
    objective: Literal["target", "preference"] = "target"
    rate: float = 1.0
    epochs: int = 10
    examples: int = 64
    keep: Literal["best", "last"] = "best"
    patience: int | None = 3

    @property
    def is_chat(self) -> bool:
        """Whether it is a conversation, with turns of several roles."""
        return self.roles[-1] == ASSISTANT


_PLAIN = (("source", "input", "text", "sequence"), ("target", "output", "label"))

TASKS: Mapping[str, Task] = MappingProxyType(
    {
        task.name: task
        for task in (
            Task(
                "assistant",
                "answer messages in a conversation",
                "text",
                "text",
                roles=(SYSTEM, USER, ASSISTANT),
                # It is asked what the base has read, which larger steps wipe out.
                rate=0.1,
            ),
            Task(
                "abstain",
                "answer what is known, and say so where nothing is",
                "text",
                "text",
                roles=(SYSTEM, USER, ASSISTANT),
                rate=0.1,
                # More names of nobody, each seen less often, make the rule of silence a better one.
                epochs=5,
                patience=None,
            ),
            Task(
                "rebalance",
                "say of groups what is declared, and of facts what is true",
                "text",
                "text",
                roles=(SYSTEM, USER, ASSISTANT),
                rate=0.45,
                # Seen again, answers and passages are learned by heart, and no longer how often
                # each of them stands there.
                epochs=1,
                examples=32,
                keep="last",
                patience=None,
            ),
            Task(
                "preference",
                "give the better one of two answers in a conversation",
                "text",
                "text",
                roles=(SYSTEM, USER, ASSISTANT),
                objective="preference",
                rate=0.1,
            ),
            Task(
                "translation",
                "say a text in another language",
                "text",
                "text",
                (("source", "src", "1"), ("target", "tgt", "2")),
            ),
            Task(
                "speech",
                "write down what is said in a recording",
                "sound",
                "text",
                (("audio", "path", "file"), ("text", "sentence", "transcript")),
                empty="keep",
                # One pair in twenty: few, and a model that never saw any speaks to silence too.
                silence=0.05,
            ),
            Task(
                "picture",
                "make a picture of a caption",
                "text",
                "image",
                (("caption", "text"), ("image", "file", "path")),
                source_dropout=0.1,
                temperature=0.8,
                guidance=2.0,
            ),
            Task(
                "labels",
                "say the class, the classes or the number of a source",
                None,
                "label",
                (
                    ("sequence", "text", "source", "input", "audio", "image"),
                    ("label", "labels", "target", "class"),
                ),
            ),
            Task("pair", "any other pair of languages", columns=_PLAIN),
        )
    }
)


def get(name: str) -> Task:
    """Return a task by its name; an unknown one is a `UsageError`."""
    if name not in TASKS:
        raise UsageError(f"there is no task {name!r}", where="--task", fix=nearest(name, TASKS))
    return TASKS[name]
