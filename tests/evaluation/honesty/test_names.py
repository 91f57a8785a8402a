"""How much a name is expected, beside the model's own probabilities."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from lexome import languages
from lexome.evaluation.facts import Question
from lexome.evaluation.honesty.asked import Said
from lexome.evaluation.honesty.names import name_figures, name_surprise
from lexome.evaluation.metrics.bootstrap import Scored
from lexome.languages.tokenizers import BpeTrainer
from lexome.model import Transformer, families


def question(subject: str, prompt: str = "The home of {} is") -> Question:
    return Question(prompt.format(subject), ("Senn", "Lo"), (), subject, "home")


def model_of(vocabulary: int) -> Transformer:
    config = families.get("llama").config(
        vocab_size=vocabulary, context=64, layers=1, width=32, heads=2, kv_heads=2,
        mlp_width=64, tied=True,
    )  # fmt: skip
    model = Transformer(config)
    model.initialise(0)
    return model


@pytest.mark.parametrize("kind", ["bpe", "bytes"])
def test_it_is_the_probability_of_the_last_word_in_its_place(kind: str) -> None:
    texts = ["The home of Ada Bell is Senn. The home of Bo Cray is Lo. " * 20]
    trainers = {"bpe": BpeTrainer(), "bytes": languages.get("text").tokenizers()["bytes"]}
    tokenizer = trainers[kind].train(texts, 300 if kind == "bpe" else None)
    model = model_of(tokenizer.vocab_size)
    asked = [
        question("Ada Bell"),
        question("Bo van Dyk"),
        question("Chile", "{} lies in"),
        question("man", "The Roman said of the {} that"),
    ]
    wanted = []
    for before, last in (("The home of Ada", " Bell"), ("The home of Bo van", " Dyk"),
                         ("", "Chile"), ("The Roman said of the", " man")):  # fmt: skip
        first = len(tokenizer.encode([before])[0]) + 1 if before else 1
        whole = [tokenizer.special.begin, *tokenizer.encode([before + last])[0].tolist()]
        with torch.no_grad():
            steps = model(torch.tensor([whole]))[0].double().log_softmax(-1)
        wanted.append(-sum(float(steps[n - 1, whole[n]]) for n in range(first, len(whole))))
    assert name_surprise(model, tokenizer, asked) == pytest.approx(wanted, rel=1e-4)


def test_the_first_question_about_each_subject_counts() -> None:
    people = ["Ada", "Bo", "Bo", "Eve", "Eve", "Dan"]
    expected = np.array([0.9, 0.4, 0.0, 0.5, 1.0, 0.1])
    said = [Said(question(name), np.array([0.5, 0.5]), 0.0) for name in people]
    (found,) = name_figures(said[:3], said[3:], expected[:3], expected[3:])
    assert isinstance(found, Scored) and found.n == 4
    assert found.value == pytest.approx(roc_auc_score([1, 1, 0, 0], [0.9, 0.4, 0.5, 0.1]))
