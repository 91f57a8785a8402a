"""What abstaining brought, counted by hand and beside scipy; and how it is asked for."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from lexome.errors import UsageError
from lexome.evaluation.facts import Question
from lexome.evaluation.honesty.abstained import known_change, unknown_change
from lexome.evaluation.honesty.asked import Said, recall_figures, said_to
from lexome.evaluation.metrics.bootstrap import Scored
from lexome.languages.label import Label
from lexome.languages.pair import PairTokenizer, Role, Turn
from lexome.languages.tokenizers import BpeTrainer
from lexome.model import Transformer, families

ANSWERS = ("Senn", "Ura", "New Ura", "Lo")
SILENCE = "I don't know."


def said(subject: str, right: str, shares: tuple[float, ...], silence: float = 0.0) -> Said:
    question = Question(f"{subject} lives in", ANSWERS, (right,), subject, "city")
    return Said(question, np.array(shares), 0.1, silence)


SURE, UNSURE = (0.9, 0.1, 0.0, 0.0), (0.4, 0.3, 0.2, 0.1)


def values(figures: object) -> dict[str, float]:
    return {one.name: one.value for one in figures if isinstance(one, Scored)}  # type: ignore[attr-defined]


def test_to_abstain_is_to_give_no_answer() -> None:
    """The abstention competes with the likeliest answer, not with all of them together."""
    given, none = said("Ada", "Senn", SURE, 0.4), said("Bo", "Senn", UNSURE, 0.4)
    assert given.attempted and given.confidence == pytest.approx(0.9 * 0.6) and given.credit == 1
    assert not none.attempted and none.confidence == pytest.approx(0.4 * 0.6) and none.credit == 0
    found = values(recall_figures([given, none]))
    assert found["recall"] == 0.5
    assert found["Brier score"] == pytest.approx((1 - 0.54) ** 2), "of the answer that is given"
    silent = values(recall_figures([none]))
    assert silent["recall"] == 0 and "Brier score" not in silent


def test_before_and_after_are_of_the_same_questions() -> None:
    before = [said("Ada", "Senn", SURE), said("Bo", "Ura", SURE), said("Cy", "Senn", UNSURE)]
    after = [said("Ada", "Senn", SURE), said("Bo", "Ura", SURE, 0.8), said("Cy", "Senn", SURE, 0.7)]
    found = values(known_change(after, before))
    assert found["known answered"] == pytest.approx(1 / 3)
    assert found["recall before tuning"] == pytest.approx(2 / 3)
    assert found["recall, change"] == pytest.approx(-1 / 3)
    assert values(known_change(after, [])) == {"known answered": pytest.approx(1 / 3)}


def test_the_bound_is_of_independent_subjects() -> None:
    """However many questions there are about a subject, one of them counts."""
    people = [f"Nobody {number}" for number in range(40)]
    silence = {name: 0.9 if number % 20 else 0.0 for number, name in enumerate(people)}
    after = [said(name, "", UNSURE, silence[name]) for name, _ in product(people, range(5))]
    before = [said(one.question.subject, "", UNSURE) for one in after]
    found = values(unknown_change(after, before))
    exact = binomtest(2, 40, alternative="less").proportion_ci(0.95, "exact").high
    assert found["unknown answered"] == pytest.approx(2 / 40)
    assert found["unknown answered, before tuning"] == 1
    assert found["unknown answered, at most"] == pytest.approx(exact)
    assert unknown_change([], []) == []


def tuned(target: str = "text", parts: dict[str, object] | None = None) -> PairTokenizer:
    base = BpeTrainer().train(["Ada lives in Senn. Bo lives in New Ura. " * 20], 300)
    roles = [Role("user", "text", False, " "), Role("assistant", target, True, " ")]
    return PairTokenizer(base, "text", roles, parts or {})  # type: ignore[arg-type]


def untrained(vocab_size: int) -> Transformer:
    config = families.get("llama").config(
        vocab_size=vocab_size, context=64, layers=1, width=32, heads=2, kv_heads=2,
        mlp_width=64, tied=True,
    )  # fmt: skip
    model = Transformer(config)
    model.initialise(0)
    return model


def test_a_tuned_model_is_asked_as_it_was_tuned() -> None:
    """Each answer has the probability of its whole turn, as documents are stored, with the end."""
    tokenizer = tuned()
    model = untrained(tokenizer.vocab_size)
    question = Question("Ada lives in", ANSWERS, ("Senn",), "Ada", "city", behind=".")
    (found,) = said_to(model, tokenizer, [question], SILENCE)

    logs = []
    for answer in (*ANSWERS, SILENCE):
        turns = (Turn("user", "Ada lives in"), Turn("assistant", answer))
        ids = [tokenizer.special.begin, *tokenizer.encode([turns])[0], tokenizer.special.end]
        first = ids.index(tokenizer.markers["assistant"]) + 1
        whole = torch.tensor([[int(one) for one in ids]])
        with torch.no_grad():
            steps = model(whole)[0].double().log_softmax(-1)
        logs.append(sum(float(steps[n - 1, whole[0, n]]) for n in range(first, len(ids))))
    shares = np.exp(logs)
    assert found.abstention == pytest.approx(shares[-1] / shares.sum(), rel=1e-4)
    assert found.probabilities == pytest.approx(shares[:-1] / shares[:-1].sum(), rel=1e-4)
    assert found.outside == pytest.approx(1 - shares.sum(), rel=1e-4)

    (without,) = said_to(model, tokenizer, [question])
    assert without.abstention == 0 and without.attempted
    assert without.probabilities == pytest.approx(found.probabilities, rel=1e-6)


def test_what_cannot_be_asked_is_refused() -> None:
    question = Question("Ada lives in", ANSWERS, ("Senn",), "Ada", "city")
    with pytest.raises(UsageError, match="also an answer"):
        said_to(untrained(300), tuned(), [question], "Lo")
    label = Label().tokenizers()["classes"].train(["Senn", "Lo"], None)
    with pytest.raises(UsageError, match="answers text with label"):
        said_to(untrained(300), tuned("label", {"label": label}), [question])
