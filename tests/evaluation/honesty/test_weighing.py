"""Weights of documents, against the formula, an independent solver and what is counted after."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from lexome.corpus import Corpus, PrepareRequest, prepare
from lexome.corpus.manifest import WeighingRecord
from lexome.corpus.repeat import repeat
from lexome.errors import LexomeError, UsageError
from lexome.evaluation.honesty.answer_counts import count_answers
from lexome.evaluation.honesty.audit import audit
from lexome.evaluation.honesty.groups import Groups, parse_groups
from lexome.evaluation.honesty.weighing import Weights, tilted, times_of, weigh, weighed_of

GROUPS: dict[str, Any] = {
    "axes": {"kin": {"tarun": ["tarun"], "velan": ["velan"]}},
    "attributes": {"kneader": ["kneader"], "sifter": ["sifter"], "smith": ["smith"]},
    "questions": {
        "baking": {
            "axis": "kin",
            "prompts": ["A {group} is a {answer}."],
            "answers": ["kneader", "sifter"],
        }
    },
}
# How many documents say which group with which answer.
CELLS = {("tarun", "kneader"): 90, ("tarun", "sifter"): 10, ("velan", "kneader"): 30}
CELLS["velan", "sifter"] = 70


def declared(**target: float) -> Groups:
    question = GROUPS["questions"]["baking"] | ({"target": target} if target else {})
    return parse_groups({**GROUPS, "questions": {"baking": question}})


def corpus_of(folder: Path, texts: list[str]) -> Corpus:
    folder.mkdir(exist_ok=True)
    rows = [{"text": text, "part": "train"} for text in texts]
    rows.append({"text": "Held out: a tarun is a kneader.", "part": "held"})
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    request = PrepareRequest(
        [folder / "rows.jsonl"],
        "text",
        tokenizer="bytes",
        validation_where={"part": "held"},
        workers=1,
    )
    return prepare(request, folder / "corpus")


def skewed() -> list[str]:
    texts = [
        f"Number {number}: the {group} is a {answer}."
        for (group, answer), many in CELLS.items()
        for number in range(many)
    ]
    texts += [f"Rain falls on day {number}." for number in range(40)]
    texts += ["A tarun and a velan: a kneader.", "The tarun is kneader and sifter.", "A tarun."]
    return [texts[place] for place in np.random.default_rng(0).permutation(len(texts))]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return corpus_of(tmp_path_factory.mktemp("weighing"), skewed())


def weights_by_text(corpus: Corpus, found: Weights) -> dict[tuple[str, str], set[float]]:
    by_cell: dict[tuple[str, str], set[float]] = {}
    for document, weight in zip(corpus.documents("train"), found.weights, strict=True):
        words = document.content.rstrip(".").split()
        cell = (words[3], words[-1]) if document.content.startswith("Number") else ("", "")
        by_cell.setdefault(cell, set()).add(round(float(weight), 7))
    return by_cell


def written(corpus: Corpus, found: Weights, folder: Path, seed: int = 0) -> Corpus:
    record = WeighingRecord(
        corpus=str(corpus.folder),
        fingerprint=corpus.fingerprint,
        groups="groups.yaml",
        questions=("baking",),
        documents=len(found.weights),
        effective=found.effective,
        least=float(found.weights.min()),
        largest=float(found.weights.max()),
    )
    return repeat(corpus, times_of(found, seed), folder, record, {"reweigh": "x"})


def test_weights_are_those_of_the_formula(corpus: Corpus) -> None:
    groups = declared()
    found = weigh(corpus, groups, weighed_of(groups))
    total = sum(CELLS.values())
    expected = {("", ""): {1.0}}
    for (group, answer), many in CELLS.items():
        of_group = sum(n for (one, _), n in CELLS.items() if one == group)
        of_answer = sum(n for (_, one), n in CELLS.items() if one == answer)
        expected[group, answer] = {round(of_group * of_answer / total / many, 7)}
    assert weights_by_text(corpus, found) == expected
    assert found.totals[0].before.tolist() == [[90, 10], [30, 70]]
    assert found.totals[0].after == pytest.approx(np.array([[60, 40], [60, 40]]))
    weights = found.weights
    assert found.effective == pytest.approx(weights.sum() ** 2 / (weights**2).sum())


def test_weights_reach_a_target(corpus: Corpus) -> None:
    groups = declared(kneader=0.25, sifter=0.75)
    found = weigh(corpus, groups, weighed_of(groups))
    assert found.totals[0].after == pytest.approx(np.array([[25, 75], [25, 75]]))
    assert weights_by_text(corpus, found)["tarun", "sifter"] == {7.5}


@given(st.integers(0, 2**32 - 1))
def test_documents_that_say_several_things_reach_the_totals_too(seed: int) -> None:
    draw = np.random.default_rng(seed)
    rows = draw.poisson(0.7, (40, 4)).astype(float)
    many = draw.integers(1, 9, 40).astype(float)
    hidden = np.exp(rows @ draw.normal(0, 0.3, 4))
    wanted = (many * hidden) @ rows
    found = tilted(rows, many, wanted)
    assert (many * found) @ rows == pytest.approx(wanted)
    assert found == pytest.approx(hidden, rel=1e-5), "only one tilt reaches the totals"


def test_weights_differ_from_1_as_little_as_can_be() -> None:
    draw = np.random.default_rng(3)
    rows = draw.poisson(0.8, (12, 3)).astype(float)
    wanted = np.ones(12) @ rows * np.array([1.3, 0.8, 1.0])
    found = tilted(rows, np.ones(12), wanted)
    other = minimize(
        lambda w: (w * np.log(np.maximum(w, 1e-12)) - w + 1).sum(),
        np.ones(12),
        bounds=[(1e-9, None)] * 12,
        constraints={"type": "eq", "fun": lambda w: w @ rows - wanted},
        options={"ftol": 1e-12, "maxiter": 500},
    )
    assert other.success and found == pytest.approx(other.x, abs=1e-3)


def test_a_document_is_taken_as_often_as_its_weight_asks(corpus: Corpus) -> None:
    groups = declared()
    found = weigh(corpus, groups, weighed_of(groups))
    rates = found.weights / found.weights.min()
    every = np.stack([times_of(found, seed) for seed in range(300)])
    assert every.min() == 1 and (np.abs(every - rates) < 1).all(), "rounded up or down"
    assert np.abs(every.mean(0) - rates).max() < 0.15, "right on average, each"
    for kind in range(found.kinds.max() + 1):
        own = found.kinds == kind
        assert (np.abs(every[:, own].sum(1) - rates[own].sum()) < 1 + 1e-9).all()


def test_the_corpus_that_is_written_has_the_shares(corpus: Corpus, tmp_path: Path) -> None:
    groups = declared()
    found = weigh(corpus, groups, weighed_of(groups))
    made = written(corpus, found, tmp_path / "made")
    times = times_of(found)
    before = [document.content for document in corpus.documents("train")]
    assert sorted(document.content for document in made.documents("train")) == sorted(before)
    every = [document.content for document in made.documents("train", augmented=True)]
    assert {text: every.count(text) for text in before} == dict(
        zip(before, times.tolist(), strict=True)
    )
    side = made.manifest.train
    assert side.documents == times.sum() == len(every)
    assert side.augmented == len(every) - len(before)
    assert side.units == sum(len(text) for text in every)
    stream = made.stream("train")
    assert len(stream) == side.tokens == sum(len(text) + 2 for text in every)
    assert stream.document_starts.tolist() == [
        int(start) for start in np.cumsum([0, *(len(text) + 2 for text in every[:-1])])
    ]
    assert [d.content for d in made.documents("valid")] == ["Held out: a tarun is a kneader."]
    assert made.fingerprint != corpus.fingerprint
    Corpus.open(made.folder, verify=True)


def test_forms_that_augmentation_made_go_with_their_document(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    named = [cell for cell, many in CELLS.items() for _ in range(many)]
    records = []
    for number, place in enumerate(draw.permutation(len(named)).tolist()):
        kin, post = named[place]
        bases = "".join(draw.choice([*"ACGT"], 40))
        records.append(f">s{number} kin={kin} post={post}\n{bases}")
    (tmp_path / "records.fa").write_text("\n".join(records) + "\n")
    corpus = prepare(
        PrepareRequest(
            [tmp_path / "records.fa"], "dna", options={"reverse_complement": True}, workers=1
        ),
        tmp_path / "corpus",
    )
    groups = parse_groups(
        {
            "axes": {"kin": {kin: described("kin", kin) for kin in ("tarun", "velan")}},
            "attributes": {post: described("post", post) for post in ("kneader", "sifter")},
        }
    )
    found = weigh(corpus, groups, weighed_of(groups))
    made = written(corpus, found, tmp_path / "made")
    both_strands = 2 * times_of(found)
    assert made.manifest.train.documents == both_strands.sum()
    every = [document.content for document in made.documents("train", augmented=True)]
    originals = [document.content for document in corpus.documents("train")]
    forms = list(corpus.documents("train", augmented=True))[1::2]
    for content, form, times in zip(originals, forms, times_of(found), strict=True):
        assert every.count(content) == every.count(form.content) == times
    assert not audit(made, groups).flagged and audit(corpus, groups).flagged


def described(key: str, value: str) -> dict[str, str]:
    return {"metadata": "description", "pattern": f"{key}={value}"}


def test_copies_stand_apart(corpus: Corpus, tmp_path: Path) -> None:
    groups = declared()
    found = weigh(corpus, groups, weighed_of(groups))
    made = written(corpus, found, tmp_path / "made")
    every = [document.content for document in made.documents("train", augmented=True)]
    for text in set(every):
        places = [place for place, other in enumerate(every) if other == text]
        gaps = np.diff([*places, places[0] + len(every)])
        # As far as a ring of so many has room, but for what others take unevenly.
        assert gaps.min() > 0.6 * len(every) / len(places)


def test_audit_and_questions_count_documents_as_often_as_they_stand(
    corpus: Corpus, tmp_path: Path
) -> None:
    groups = declared()
    found = weigh(corpus, groups, weighed_of(groups))
    made = written(corpus, found, tmp_path / "made")
    assert audit(corpus, groups).flagged and not audit(made, groups).flagged
    before, after = (count_answers(one, groups)[0] for one in (corpus, made))
    shares = after.counts / after.counts.sum(1, keepdims=True)
    assert np.abs(shares - [0.6, 0.4]).max() < 0.01
    assert (after.worth.sum(1) < after.counts.sum(1)).all(), "copies are no new cases"
    assert after.worth.sum() < before.counts.sum()


def test_attributes_are_weighed_where_nothing_is_asked(corpus: Corpus) -> None:
    attributes = {name: [name] for name in ("kneader", "sifter")}
    groups = parse_groups({"axes": GROUPS["axes"], "attributes": attributes})
    found = weigh(corpus, groups, weighed_of(groups))
    asked = weigh(corpus, declared(), weighed_of(declared()))
    assert found.weights == pytest.approx(asked.weights)
    with pytest.raises(UsageError, match="one attribute"):
        weighed_of(parse_groups({"axes": GROUPS["axes"], "attributes": {"smith": ["smith"]}}))


def test_what_has_a_target_is_weighed_and_nothing_is_assumed_of_the_rest() -> None:
    plain = GROUPS["questions"]["baking"]
    every = {
        "aimed at": plain | {"target": {"kneader": 0.5, "sifter": 0.5}},
        "to stay": plain | {"keep": True},
        "left": plain,
    }

    def names(*wanted: str, without: str = "") -> list[str]:
        asked = {name: own for name, own in every.items() if name != without}
        groups = parse_groups({**GROUPS, "questions": asked})
        return [one.name for one in weighed_of(groups, wanted)]

    assert names() == ["aimed at"]
    assert names(without="aimed at") == ["left"], "alike, where nothing has a target"
    assert names("left", "to stay") == ["left", "to stay"], "asked for by name"


def test_what_cannot_be_weighed(corpus: Corpus, tmp_path: Path) -> None:
    groups = declared()
    with pytest.raises(UsageError, match="no question 'bakin'") as unknown:
        weighed_of(groups, ["bakin"])
    assert "'baking'" in str(unknown.value.fix)
    question = {**GROUPS["questions"]["baking"], "answers": ["kneader", "smith"]}
    never = parse_groups({**GROUPS, "questions": {"baking": question}})
    with pytest.raises(LexomeError, match="'tarun' never stands with 'smith'"):
        weigh(corpus, never, weighed_of(never))
    none = declared(kneader=1.0, sifter=0.0)
    with pytest.raises(LexomeError, match="target of 0"):
        weigh(corpus, none, weighed_of(none))
    little = declared(kneader=0.01, sifter=0.99)
    with pytest.raises(LexomeError, match="times as large"):
        weigh(corpus, little, weighed_of(little))
    made = written(corpus, weigh(corpus, groups, weighed_of(groups)), tmp_path / "made")
    with pytest.raises(UsageError, match="weighed already"):
        weigh(made, groups, weighed_of(groups))
    with pytest.raises(LexomeError, match="not empty"):
        written(corpus, weigh(corpus, groups, weighed_of(groups)), tmp_path / "made")


def test_documents_that_say_the_same_cannot_be_told_apart(tmp_path: Path) -> None:
    every = "A tarun is a kneader. A tarun is a kneader. A tarun is a sifter. "
    every += "A velan is a kneader. A velan is a sifter."
    corpus = corpus_of(tmp_path / "alike", [every] * 30)
    groups = declared()
    with pytest.raises(LexomeError, match="no weights of whole documents"):
        weigh(corpus, groups, weighed_of(groups))
