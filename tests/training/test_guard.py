"""Steps that go wrong: what is skipped, what stops, and which data are named."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lexome.corpus import Batches, Corpus
from lexome.errors import LexomeError
from lexome.recipe import Recipe, TrainingRecipe
from lexome.training import Observer, guard, metrics, open_run, train
from lexome.training.guard import Guard
from lexome.training.parallel import World
from lexome.training.session import Gradient, Session

from .conftest import losses, session_of

Change = Callable[[Session, Gradient, int], Gradient]


def gradients(monkeypatch: pytest.MonkeyPatch, change: Change) -> None:
    """Let `change` see each gradient, with its step, before training does."""
    original = Session.gradient

    def changed(self: Session, batches: Batches, step: int) -> Gradient:
        return change(self, original(self, batches, step), step)

    monkeypatch.setattr(Session, "gradient", changed)


def events(run: Path) -> list[tuple[int, str]]:
    lines = metrics.read(run / "metrics.jsonl")
    return [
        (line["step"], line["event"]) for line in lines if line.get("event", "ended") != "ended"
    ]


def test_a_loss_that_is_not_finite_names_its_data(
    tmp_path: Path, make_recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Session.gradient

    def poisoned(self: Session, batches: Batches, step: int) -> Gradient:
        if step == 3:
            with torch.no_grad():
                self.model.embedding.weight.data[:] = math.nan
        return original(self, batches, step)

    monkeypatch.setattr(Session, "gradient", poisoned)
    with pytest.raises(LexomeError, match="loss is nan") as caught:
        train(make_recipe(), tmp_path / "run")
    assert re.search(r"words\.txt, .*line \d+: loss nan", str(caught.value))


class Weights(Observer):
    """Keeps the embedding as it is after each step."""

    def __init__(self) -> None:
        self.session: Session | None = None
        self.seen: list[torch.Tensor] = []

    def stepped(self, record: Any) -> None:
        assert self.session is not None
        self.seen.append(self.session.model.embedding.weight.detach().clone())


def test_a_bad_step_is_skipped_and_leaves_the_weights(
    tmp_path: Path, make_recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    observer = Weights()

    def once(session: Session, found: Gradient, step: int) -> Gradient:
        observer.session = session
        return found._replace(loss=math.inf) if step == 3 else found

    gradients(monkeypatch, once)
    train(make_recipe(training__nan_policy="skip"), tmp_path / "run", observer=observer)
    assert events(tmp_path / "run") == [(4, "skipped")]
    moved = [not torch.equal(a, b) for a, b in zip(observer.seen, observer.seen[1:], strict=False)]
    assert [step for step, has in enumerate(moved, 2) if not has] == [4]


def test_weights_that_are_no_numbers_end_a_run_that_skips(
    tmp_path: Path, make_recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    gradients(
        monkeypatch, lambda _, found, step: found._replace(loss=math.nan) if step > 3 else found
    )
    recipe = make_recipe(training__nan_policy="skip", training__steps=40)
    with pytest.raises(LexomeError, match=r"10 steps in a row were skipped.*loss is nan") as caught:
        train(recipe, tmp_path / "run")
    assert "words.txt" in str(caught.value.where)
    assert not (tmp_path / "run" / "model").exists()
    assert len(losses(tmp_path / "run")) == 13


@pytest.mark.parametrize(
    ("policy", "expected"), [("keep", [(30, "spike")]), ("skip", [(30, "skipped")])]
)
def test_a_spike_is_kept_or_skipped(
    tmp_path: Path,
    make_recipe: Callable[..., Recipe],
    monkeypatch: pytest.MonkeyPatch,
    policy: str,
    expected: list[tuple[int, str]],
) -> None:
    def spiked(session: Session, found: Gradient, step: int) -> Gradient:
        return found._replace(loss=50.0 if step == 29 else 3 + step % 2)

    gradients(monkeypatch, spiked)
    train(make_recipe(training__spike_policy=policy, training__steps=36), tmp_path / "run")
    assert events(tmp_path / "run") == expected


def test_a_spike_can_stop_the_run_with_its_data_named(
    tmp_path: Path, make_recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    gradients(monkeypatch, lambda _, found, step: found._replace(loss=9.0 if step == 29 else 3.0))
    recipe = make_recipe(training__spike_policy="stop", training__steps=36)
    with pytest.raises(LexomeError, match=r"spikes to 9\.000") as caught:
        train(recipe, tmp_path / "run")
    assert "rows of batch 29" in str(caught.value.where)


def test_a_loss_that_stays_higher_is_soon_no_spike() -> None:
    watch = Guard(TrainingRecipe(steps=1, spike_policy="skip"), [1.0, 1.1] * 16)
    found = [watch.problem(Gradient(5.0 + step % 2, 1.0)) for step in range(20)]
    spikes = [step for step, problem in enumerate(found) if problem]
    assert spikes and spikes == list(range(len(spikes))) and len(spikes) < guard.MOST_SKIPS


def test_the_first_to_the_last_document_of_every_workers_rows_are_named(
    corpus: Corpus, make_recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    session, batches = session_of(make_recipe(), corpus)
    # Of two workers with four rows each, this is the first; the worst row is the second's last.
    monkeypatch.setattr(Session, "row_losses", lambda *_: [1.0, 2.0, 3.0, 4.0])
    monkeypatch.setattr(World, "gather", lambda _, mine: [mine, [2.5, 0.5, 1.5, 9.0]])
    said = guard.blame(corpus, session, batches, 2)
    stream = corpus.stream("train")
    documents = [
        sum(start <= place % len(stream) for start in stream.document_starts) - 1
        for place in range(batches.starts(2)[7], batches.starts(2)[7] + batches.context + 1)
    ]
    names = corpus.names("train", documents)
    first, last = names[documents[0]], names[documents[-1]]
    assert first != last
    assert said.startswith(f"rows of batch 2, worst first: {first} to {last}: loss 9.000; ")
    assert [float(x) for x in re.findall(r"loss (\S+?)(?:;|$)", said)] == [9.0, 4.0, 3.0]


def test_a_skipped_run_still_opens(
    tmp_path: Path, make_recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    gradients(monkeypatch, lambda _, found, step: found._replace(loss=math.nan))
    with pytest.raises(LexomeError, match="in a row"):
        train(make_recipe(training__nan_policy="skip"), tmp_path / "run")
    with pytest.raises(LexomeError, match="no model yet"):
        open_run(tmp_path / "run").model()
    # JSON has no NaN: any reader must be able to read the lines.
    text = (tmp_path / "run" / "metrics.jsonl").read_text()
    assert "NaN" not in text and '"loss": null' in text
