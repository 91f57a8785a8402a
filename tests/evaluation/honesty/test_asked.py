"""What a model says to closed questions, counted by hand and beside scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from lexome.errors import UsageError
from lexome.evaluation.facts import Question
from lexome.evaluation.honesty.asked import Said, recall_figures, said_to, unknown_figures
from lexome.evaluation.metrics.bootstrap import Scored, Undefined
from lexome.languages.tokenizers import BpeTrainer, BytesTrainer
from lexome.model import Transformer, families

ANSWERS = ("Senn", "Ura", "New Ura", "Lo")


def said(subject: str, right: tuple[str, ...], *shares: float, relation: str = "city") -> Said:
    question = Question(f"{subject} lives in", ANSWERS, right, subject, relation, behind=".")
    return Said(question, np.array(shares), 0.25)


KNOWN = [
    said("Ada", ("Senn",), 0.7, 0.1, 0.1, 0.1),
    said("Ada", ("Ura", "Lo"), 0.4, 0.4, 0.1, 0.1, relation="seat"),
    said("Bo", ("Lo",), 0.6, 0.2, 0.1, 0.1),
    said("Cy", ("Senn",), 0.9, 0.1, 0.0, 0.0),
]


def values(figures: object) -> dict[str, float]:
    return {one.name: one.value for one in figures if isinstance(one, Scored)}  # type: ignore[attr-defined]


def test_figures_are_those_counted_by_hand() -> None:
    found = values(recall_figures(KNOWN))
    assert [one.credit for one in KNOWN] == [1, 0.5, 0, 1], "of equals each counts as often"
    assert found["recall"] == pytest.approx(2.5 / 4)
    assert found["chance"] == pytest.approx((1 + 2 + 1 + 1) / 16)
    assert found["commonest answer"] == pytest.approx(3 / 4), "Senn twice; Ura or Lo of the seat"
    assert found["Brier score"] == pytest.approx((0.3**2 + 0.4**2 + 0.6**2 + 0.1**2) / 4)
    assert found["AUROC, right from wrong"] == pytest.approx(
        roc_auc_score([True, False, False, True], [0.7, 0.4, 0.6, 0.9])
    )
    assert found["outside"] == pytest.approx(0.25)
    assert KNOWN[0].answer == "Senn" and KNOWN[3].confidence == 0.9


def test_intervals_are_of_subjects_and_an_area_of_one_kind_is_none() -> None:
    figures = {one.name: one for one in recall_figures([KNOWN[0], KNOWN[3]])}
    area = figures["AUROC, right from wrong"]
    assert isinstance(area, Undefined) and "all answers are right" in area.reason
    (recall, *_) = recall_figures(KNOWN)
    assert isinstance(recall, Scored) and recall.low is not None and recall.low < recall.value


def test_confidence_tells_known_subjects_from_unknown_ones() -> None:
    unknown = [said("Nobody", (), 0.3, 0.3, 0.2, 0.2), said("No one", (), 0.65, 0.2, 0.1, 0.05)]
    found = values(unknown_figures(KNOWN, unknown))
    expected = roc_auc_score([1, 1, 1, 1, 0, 0], [0.7, 0.4, 0.6, 0.9, 0.3, 0.65])
    assert found["AUROC, known from unknown subjects"] == pytest.approx(expected)


def test_a_model_is_asked_with_the_space_of_running_text() -> None:
    """Each answer has the probability that the model gives to its tokens behind the prompt."""
    tokenizer = BpeTrainer().train(["Ada lives in Senn. Bo lives in New Ura. " * 20], 300)
    config = families.get("llama").config(
        vocab_size=tokenizer.vocab_size, context=64, layers=1, width=32, heads=2, kv_heads=2,
        mlp_width=64, tied=True,
    )  # fmt: skip
    model = Transformer(config)
    model.initialise(0)
    question = Question("Ada lives in", ANSWERS, ("Senn",), "Ada", "city", behind=".")
    (found,) = said_to(model, tokenizer, [question])

    logs = []
    begin = [tokenizer.special.begin, *tokenizer.encode(["Ada lives in"])[0].tolist()]
    for answer in ANSWERS:
        whole = tokenizer.encode([f"Ada lives in {answer}."])[0].tolist()
        ids = torch.tensor([[tokenizer.special.begin, *whole]])
        with torch.no_grad():
            steps = model(ids)[0].double().log_softmax(-1)
        places = range(len(begin), ids.shape[1])
        logs.append(sum(float(steps[place - 1, ids[0, place]]) for place in places))
    shares = np.exp(logs)
    assert found.probabilities == pytest.approx(shares / shares.sum(), rel=1e-4)
    assert found.outside == pytest.approx(1 - shares.sum(), rel=1e-4)


def test_an_answer_without_room_is_told_by_its_prompt_and_a_masked_model_is_refused() -> None:
    tokenizer = BytesTrainer().train()
    sizes = {"layers": 1, "width": 32, "heads": 2, "kv_heads": 2, "mlp_width": 64, "context": 16}
    long = Question("Ada lives in", ("Senn", "Ura" * 10), ("Senn",), "Ada", "city")
    short = [Question("Bo is", ("a", "b"), ("a",), "Bo", "kind")] * 600
    for family, what, where in (
        ("llama", "an answer has 31 tokens", "'Ada lives in'"),
        ("modernbert", "this model fills gaps", ""),
    ):
        config = families.get(family).config(vocab_size=tokenizer.vocab_size, **sizes)
        model = Transformer(config)
        model.initialise(0)
        with pytest.raises(UsageError, match=what) as caught:
            said_to(model, tokenizer, [*short, long])
        assert where in (caught.value.where or "")
