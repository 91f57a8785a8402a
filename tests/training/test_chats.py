"""Assistants: what of a talk is learned, and that answers end because their end is learned."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexome.corpus import Batch
from lexome.generation import Settings
from lexome.generation.chat import Conversation, Reply, assistant_tokenizer
from lexome.languages.pair import Turn
from lexome.training import open_run, train
from lexome.training.example import Example
from lexome.training.target import Target

from .assistants import prepared, random_assistant, recipe_of, tokenizer

TAUGHT = {
    "capital of France?": "Paris",
    "capital of Chad?": "NDjamena",
    "two and two?": "four",
    "who are you?": "a model",
    "say a": "a",
    "say aaaa": "aaaa",
}
TOKENIZER = tokenizer()


def labelled(turns: list[Turn]) -> tuple[list[int], list[float]]:
    """Return the ids of a talk, and which are learned, told turn by turn."""
    ids, learned = [TOKENIZER.special.begin], [0.0]
    for turn in turns:
        content = TOKENIZER.base.encode([turn.content])[0].tolist()
        own = turn.role == "assistant"
        ids += [TOKENIZER.markers[turn.role], *content, *[TOKENIZER.special.end] * own]
        learned += [0.0, *[float(own)] * len(content), *[1.0] * own]
    return ids, learned


spoken = st.text("ab c\n?<|>", max_size=6)
exchanges = st.lists(st.tuples(spoken, spoken), min_size=1, max_size=4)
talks = st.tuples(st.none() | spoken, exchanges).map(
    lambda found: [
        *([Turn("system", found[0])] if found[0] is not None else []),
        *(
            Turn(r, t)
            for pair in found[1]
            for r, t in zip(("user", "assistant"), pair, strict=True)
        ),
    ]
)


@given(rows=st.lists(st.lists(talks, min_size=1, max_size=3), min_size=1, max_size=3))
@settings(max_examples=60)
def test_only_what_the_assistant_says_is_learned(rows: list[list[list[Turn]]]) -> None:
    special = TOKENIZER.special
    objective = Target(
        special, tuple(TOKENIZER.opening.tolist()), tuple(TOKENIZER.predicted.tolist()), 0
    )
    told = []
    for talks_of_row in rows:
        found = [labelled(turns) for turns in talks_of_row]
        for turns, (ids, _) in zip(talks_of_row, found, strict=True):
            encoded = TOKENIZER.encode([tuple(turns)])[0].tolist()
            assert [special.begin, *encoded, special.end] == ids
        told.append([[*chain(*part)] for part in zip(*found, strict=True)])
    width = max(len(ids) for ids, _ in told) + 3
    tokens = np.full((len(told), width), special.pad, np.int64)
    learned = np.zeros((len(told), width), np.float32)
    for row, (ids, flags) in enumerate(told):
        tokens[row, : len(ids)], learned[row, : len(ids)] = ids, flags
    batch = Batch(tokens, np.ones(tokens.shape, np.float32), np.zeros(len(told), np.int64))
    example = objective(batch, np.arange(len(told)))
    np.testing.assert_array_equal(example.weights, learned[:, 1:])
    np.testing.assert_array_equal(example.labels, tokens[:, 1:])
    np.testing.assert_array_equal(example.inputs, tokens[:, :-1])


def answers(folder: Path) -> dict[str, Reply]:
    """Tune an assistant until it knows what it is taught; return what it then says."""
    base = random_assistant(folder / "base")
    records = [{"prompt": asked, "completion": said} for asked, said in TAUGHT.items()]
    corpus = prepared(folder, base, "assistant", records, records[:1])
    recipe = recipe_of(
        "assistant",
        corpus,
        base,
        training__steps=150,
        training__batch_size=2,
        training__keep="last",
        training__evaluate_every=0,
        optimizer__name="adamw",
        optimizer__learning_rate=0.01,
    )
    train(recipe, folder / "run")
    run = open_run(folder / "run")
    how = Settings(max_tokens=20, temperature=0.0, precision="fp32")
    model, known = run.model(), assistant_tokenizer(run.tokenizer(), "run")
    return {asked: Conversation(known, model, how).ask(asked) for asked in TAUGHT}


def test_answers_end_by_themselves(tmp_path: Path) -> None:
    said = answers(tmp_path)
    assert {asked: reply.text for asked, reply in said.items()} == TAUGHT
    assert {reply.finish for reply in said.values()} == {"end"}


def test_answers_do_not_end_where_the_end_is_not_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Target.__call__

    def without_end(self: Target, *given: Any) -> Example:
        example = whole(self, *given)
        return example._replace(weights=example.weights * (example.labels != self.special.end))

    monkeypatch.setattr(Target, "__call__", without_end)
    said = answers(tmp_path)
    for asked, reply in said.items():
        assert reply.text.startswith(TAUGHT[asked])
        assert reply.finish == "length" and reply.tokens == 20
