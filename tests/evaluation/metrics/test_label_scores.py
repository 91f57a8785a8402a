"""Scores of classes, several labels and labels of tokens are scikit-learn's."""

from __future__ import annotations

import time
import warnings

import numpy as np
import pytest
from figures import scored, undefined, value
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from lexome.errors import LexomeError, UsageError
from lexome.evaluation.metrics.bootstrap import EXAMPLES, Resampling
from lexome.evaluation.metrics.calibration import calibration_error, reliability
from lexome.evaluation.metrics.labels import LabelScores, label_scores
from lexome.evaluation.metrics.multilabel import multilabel_scores
from lexome.evaluation.metrics.ranking import area_under_roc, average_precision
from lexome.evaluation.metrics.token_labels import token_label_scores


def sample(count: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, count)
    logits = random.normal(size=(count, classes))
    logits[np.arange(count), truth] += 1
    # Coarse scores tie.
    weights = np.exp(logits.round(1))
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    return probabilities, truth, [f"c{number}" for number in range(classes)]


def test_two_classes() -> None:
    probabilities, truth, classes = sample(300, 2)
    found = label_scores(probabilities, truth, classes, positive="c0").figures
    chosen = probabilities.argmax(axis=1)
    expected = {
        "accuracy": sk.accuracy_score(truth, chosen),
        "balanced accuracy": sk.balanced_accuracy_score(truth, chosen),
        "MCC": sk.matthews_corrcoef(truth, chosen),
        "macro F1": sk.f1_score(truth, chosen, average="macro"),
        "AUROC": sk.roc_auc_score(truth == 0, probabilities[:, 0]),
        "AUPRC": sk.average_precision_score(truth == 0, probabilities[:, 0]),
        "log loss": sk.log_loss(truth, probabilities),
        "Brier score": sk.brier_score_loss(truth, probabilities[:, 1]),
    }
    for name, number in expected.items():
        assert value(found, name) == pytest.approx(number), name
    assert scored(found, "AUPRC").note == "positive: c0"
    assert {figure.n for figure in found} == {300}
    second = label_scores(probabilities, truth, classes).figures
    assert scored(second, "AUPRC").note == "positive: c1"
    assert value(second, "AUPRC") == pytest.approx(
        sk.average_precision_score(truth, probabilities[:, 1])
    )


@pytest.mark.parametrize("absent", [False, True])
def test_many_classes(absent: bool) -> None:
    probabilities, truth, classes = sample(400, 5)
    if absent:
        truth[truth == 3] = 2
    found = label_scores(probabilities, truth, classes)
    chosen, present = probabilities.argmax(axis=1), np.unique(truth)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        balanced = sk.balanced_accuracy_score(truth, chosen)
    expected = {
        "accuracy": sk.accuracy_score(truth, chosen),
        "balanced accuracy": balanced,
        "MCC": sk.matthews_corrcoef(truth, chosen),
        "macro F1": sk.f1_score(truth, chosen, average="macro"),
        "AUROC": np.mean([sk.roc_auc_score(truth == c, probabilities[:, c]) for c in present]),
        "AUPRC": np.mean(
            [sk.average_precision_score(truth == c, probabilities[:, c]) for c in present]
        ),
        "log loss": sk.log_loss(truth, probabilities, labels=range(5)),
        "Brier score": sk.brier_score_loss(truth, probabilities, labels=range(5)),
    }
    for name, number in expected.items():
        assert value(found.figures, name) == pytest.approx(number), name
    assert (found.confusion == sk.confusion_matrix(truth, chosen, labels=range(5))).all()
    assert f"mean over {len(present)} of 5" in scored(found.figures, "AUROC").note


def test_every_resample_is_what_its_examples_score() -> None:
    """The interval of each metric is that of scikit-learn on the examples drawn, one by one."""
    probabilities, truth, classes = sample(80, 3)
    found = label_scores(probabilities, truth, classes, resampling=Resampling(resamples=60)).figures
    random = np.random.default_rng(0)
    rows = [random.integers(0, 80, 80) for _ in range(60)]
    chosen = probabilities.argmax(axis=1)

    def area(of: object, drawn: np.ndarray) -> float:
        return float(np.mean([of(truth[drawn] == c, probabilities[drawn, c]) for c in range(3)]))

    expected = {
        "balanced accuracy": lambda d: sk.balanced_accuracy_score(truth[d], chosen[d]),
        "MCC": lambda d: sk.matthews_corrcoef(truth[d], chosen[d]),
        "macro F1": lambda d: sk.f1_score(truth[d], chosen[d], average="macro"),
        "AUROC": lambda d: area(sk.roc_auc_score, d),
        "AUPRC": lambda d: area(sk.average_precision_score, d),
        "log loss": lambda d: sk.log_loss(truth[d], probabilities[d], labels=range(3)),
    }
    for name, metric in expected.items():
        drawn = [metric(each) for each in rows]
        interval = scored(found, name)
        assert (interval.low, interval.high) == pytest.approx(np.percentile(drawn, [2.5, 97.5]))


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.booleans(), st.integers(0, 3)), min_size=2, max_size=20
    )
)
def test_areas_of_weighted_examples_are_those_of_scikit_learn(
    rows: list[tuple[int, bool, int]],
) -> None:
    scores, truth, weights = (np.array(column) for column in zip(*rows, strict=True))
    areas = [
        of(scores.astype(float), truth)(weights[:, None].astype(float))[0]
        for of in (area_under_roc, average_precision)
    ]
    kept = np.repeat(np.arange(len(rows)), weights)
    if len(np.unique(truth[kept])) < 2:
        assert np.isnan(areas).all()
    else:
        assert areas[0] == pytest.approx(sk.roc_auc_score(truth[kept], scores[kept]))
        assert areas[1] == pytest.approx(sk.average_precision_score(truth[kept], scores[kept]))


def test_one_class_alone_has_no_areas() -> None:
    probabilities, _, classes = sample(20, 2)
    truth = np.zeros(20, int)
    reasons = undefined(label_scores(probabilities, truth, classes).figures)
    assert set(reasons) == {"MCC", "AUROC", "AUPRC"}
    assert set(reasons.values()) == {"one class alone is true"}
    three, _, names = sample(20, 3)
    assert set(undefined(label_scores(three, truth, names).figures)) == set(reasons)


def test_one_class_always_chosen_is_no_skill() -> None:
    truth = np.array([0, 1, 1, 0, 1])
    found = label_scores(np.tile([0.4, 0.6], (5, 1)), truth, ["a", "b"])
    assert value(found.figures, "MCC") == 0
    assert value(found.figures, "AUROC") == 0.5
    assert value(found.figures, "AUPRC") == pytest.approx(0.6)
    assert value(found.figures, "expected calibration error") == pytest.approx(0)
    assert [(each.confidence, each.n) for each in found.reliability] == [(0.6, 5)]


def test_calibration_error_is_the_mean_gap_of_equal_counts() -> None:
    random = np.random.default_rng(1)
    confidence = random.permutation(np.linspace(0.3, 0.99, 200))
    right = random.random(200) < confidence**2
    order = np.argsort(confidence)
    parts = [order[at : at + 20] for at in range(0, 200, 20)]
    gaps = [abs(confidence[part].mean() - right[part].mean()) for part in parts]
    error = calibration_error(confidence, right).of(np.ones((200, 1)))[0]
    assert error == pytest.approx(np.mean(gaps))
    table = reliability(confidence, right)
    assert [each.n for each in table] == [20] * 10
    assert [each.accuracy for each in table] == pytest.approx([right[p].mean() for p in parts])
    assert [each.confidence for each in table] == pytest.approx(
        [confidence[p].mean() for p in parts]
    )


def test_the_order_of_examples_changes_no_calibration() -> None:
    confidence = np.repeat([0.5, 0.7, 0.9], [30, 5, 15])
    right = np.arange(50) % 3 > 0
    shuffled = np.random.default_rng(0).permutation(50)
    assert reliability(confidence, right) == reliability(confidence[shuffled], right[shuffled])
    # Many alike do not swallow the few that are surer.
    many = reliability(np.repeat([0.5, 0.9], [95, 5]), np.ones(100, bool))
    assert [(each.confidence, each.n) for each in many] == [(0.5, 95), (pytest.approx(0.9), 5)]


def test_certainty_that_is_wrong_costs_much_but_not_all() -> None:
    found = label_scores(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([0, 1]), ["a", "b"])
    assert value(found.figures, "log loss") == pytest.approx(
        sk.log_loss([0, 1], [[1.0, 0.0], [1.0, 0.0]])
    )


def test_no_examples() -> None:
    found = label_scores(np.zeros((0, 2)), np.zeros(0, int), ["a", "b"])
    assert set(undefined(found.figures).values()) == {"there are no examples"}
    assert len(undefined(found.figures)) == 9
    assert found.reliability == ()
    assert found.confusion.sum() == 0


def test_bad_probabilities_and_truth_are_named() -> None:
    def scores(probabilities: object, truth: object, **options: str) -> LabelScores:
        return label_scores(np.array(probabilities), np.array(truth), ["a", "b"], **options)

    good = [[0.5, 0.5], [0.2, 0.8]]
    with pytest.raises(LexomeError, match=r"shape \[2, 2\][\s\S]*3 examples"):
        scores(good, [0, 1, 1])
    for bad in ([0.7, 0.7], [-0.5, 1.5], [float("nan"), 1.0]):
        with pytest.raises(LexomeError, match=r"no probabilities[\s\S]*example 1"):
            scores([good[0], bad], [0, 1])
    with pytest.raises(LexomeError, match=r"no class 2[\s\S]*example 1"):
        scores(good, [0, 2])
    with pytest.raises(UsageError, match="no class 'A'"):
        scores(good, [0, 1], positive="A")


def test_four_thousand_examples_take_under_two_seconds() -> None:
    probabilities, truth, classes = sample(4000, 4)
    begun = time.process_time()
    label_scores(probabilities, truth, classes)
    assert time.process_time() - begun < 2


def test_several_labels() -> None:
    random = np.random.default_rng(2)
    truth = random.random((200, 4)) < [0.5, 0.2, 0.05, 0.0]
    probabilities = np.clip(random.random((200, 4)).round(2) * 0.7 + truth * 0.25, 0, 1)
    probabilities[:, 3] *= 0.4
    found = multilabel_scores(probabilities, truth, list("abcd"))
    chosen = probabilities >= 0.5
    assert not chosen[:, 3].any()
    assert value(found, "micro F1") == pytest.approx(sk.f1_score(truth, chosen, average="micro"))
    assert value(found, "macro F1") == pytest.approx(
        sk.f1_score(truth, chosen, average="macro", zero_division=np.nan)
    )
    assert value(found, "subset accuracy") == pytest.approx(sk.accuracy_score(truth, chosen))
    for number, label in enumerate("abc"):
        column = truth[:, number], probabilities[:, number]
        assert value(found, f"AUROC of {label}") == pytest.approx(sk.roc_auc_score(*column))
        assert value(found, f"AUPRC of {label}") == pytest.approx(
            sk.average_precision_score(*column)
        )
    assert set(undefined(found)) == {"AUROC of d", "AUPRC of d"}
    with pytest.raises(LexomeError, match=r"no probabilities[\s\S]*example 3"):
        probabilities[3, 1] = 1.5
        multilabel_scores(probabilities, truth, list("abcd"))
    with pytest.raises(LexomeError, match="3 labels each"):
        multilabel_scores(probabilities, truth, list("abc"))


def test_labels_of_tokens_are_drawn_by_sequence() -> None:
    random = np.random.default_rng(4)
    truth = [random.integers(0, 3, length) for length in random.integers(0, 40, 50)]
    predicted = [np.where(random.random(len(t)) < 0.7, t, (t + 1) % 3) for t in truth]
    found = token_label_scores(predicted, truth, ["a", "b", "c"])
    flat = np.concatenate(truth), np.concatenate(predicted)
    assert value(found, "token accuracy") == pytest.approx(sk.accuracy_score(*flat))
    assert value(found, "MCC") == pytest.approx(sk.matthews_corrcoef(*flat))
    assert value(found, "macro F1") == pytest.approx(sk.f1_score(*flat, average="macro"))
    drawn = []
    for weights in np.concatenate(list(EXAMPLES.weights(50)), axis=1).T.astype(int):
        kept = np.repeat(np.arange(50), weights)
        pairs = [np.concatenate([side[row] for row in kept]) for side in (truth, predicted)]
        drawn.append(float((pairs[0] == pairs[1]).mean()))
    interval = scored(found, "token accuracy")
    assert (interval.low, interval.high) == pytest.approx(np.percentile(drawn, [2.5, 97.5]))
    assert interval.n == 50
    with pytest.raises(LexomeError, match=r"2 tokens[\s\S]*sequence 1"):
        token_label_scores([np.array([0]), np.array([0, 1])], [np.array([0])] * 2, ["a", "b"])
    with pytest.raises(LexomeError, match=r"no class 2[\s\S]*sequence 0"):
        token_label_scores([np.array([2])], [np.array([0])], ["a", "b"])
    with pytest.raises(LexomeError, match="1 sequences are predicted"):
        token_label_scores([np.array([1])], [], ["a", "b"])
