"""Classes that count alike: the weights in the recipe, and what they do to the loss."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from small import SHORT, copies, dna_base, lines, prepared, text_base

from lexome.corpus import Corpus
from lexome.errors import UsageError
from lexome.finetuning import tasks
from lexome.finetuning.recipes import Tuning, tuning_recipe
from lexome.languages.pair import PairTokenizer
from lexome.model import read_config
from lexome.training import objectives, open_run, train


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dna_base(tmp_path_factory.mktemp("dna") / "base")


@pytest.fixture(scope="module")
def corpus(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("rare")
    draw = np.random.default_rng(0)
    rows = [
        {"sequence": "".join(draw.choice(list("ACGT"), 12)), "label": "no" if n % 5 else "yes"}
        for n in range(60)
    ]
    table = lines(folder / "genes.jsonl", [json.dumps(row) for row in rows])
    return prepared(folder / "corpus", base, "labels", [table], language="dna")


def recipe_of(corpus: Corpus, base: Path, **changes: object):  # type: ignore[no-untyped-def]
    tuning = Tuning(changes={**SHORT, **changes}, balanced=True)
    return tuning_recipe(tasks.get("labels"), corpus, str(base), tuning)


def labels_of(corpus: Corpus) -> list[str]:
    return [document.content[-1].content for document in corpus.documents("train")]


def test_each_class_has_the_same_weight_in_all(base: Path, corpus: Corpus, tmp_path: Path) -> None:
    made = recipe_of(corpus, base)
    said = labels_of(corpus)
    weights = made.objective.class_weights
    totals = {name: weights[name] * said.count(name) for name in ("no", "yes")}
    assert totals["no"] == pytest.approx(totals["yes"])
    assert sum(totals.values()) == pytest.approx(len(said))
    # Trained with them, and told again by the run's own recipe.
    train(made, tmp_path / "run")
    assert open_run(tmp_path / "run").recipe.objective.class_weights == weights


def test_the_tokens_of_classes_are_those_of_the_vocabulary(base: Path, corpus: Corpus) -> None:
    tokenizer = corpus.tokenizer
    assert isinstance(tokenizer, PairTokenizer)
    part = tokenizer.part("target")
    for name, token in tokenizer.classes.items():
        assert part.shifted(part.tokenizer.encode([name])[0]).tolist() == [token]


def test_a_class_that_is_none_is_refused(base: Path, corpus: Corpus) -> None:
    made = recipe_of(corpus, base)
    wrong = made.objective.model_copy(update={"class_weights": {"yess": 2.0}})
    with pytest.raises(UsageError, match="no class 'yess'") as caught:
        objectives.make(wrong, read_config(base), corpus.tokenizer, 0)
    assert "yes" in (caught.value.fix or "")


def test_what_is_no_class_cannot_count_alike(tmp_path: Path) -> None:
    text = text_base(tmp_path / "base")
    pairs = prepared(tmp_path / "corpus", text, "translation", list(copies(tmp_path)))
    with pytest.raises(UsageError, match="only classes can count alike"):
        tuning_recipe(tasks.get("translation"), pairs, str(text), Tuning(balanced=True))
