"""Answers of groups counted in prepared corpora, beside a count by hand."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lexome.corpus import Corpus, PrepareRequest, prepare
from lexome.evaluation.honesty.answer_counts import AnswerCounts, count_answers
from lexome.evaluation.honesty.audit import audit
from lexome.evaluation.honesty.groups import parse_groups

GROUPS: dict[str, Any] = {
    "axes": {"hue": {"red": ["red"], "blue": ["blue"]}, "kind": {"wug": ["wug"], "mip": ["mip"]}},
    "attributes": {"soft": ["hums"], "loud": ["thrums", "bellows"], "still": ["sleeps"]},
    "questions": {
        "noise": {"axis": "kind", "prompts": ["A {group} {answer}."], "answers": ["loud", "still"]},
        "every": {
            "axis": "hue",
            "prompts": ["The {group} one {answer}."],
            "answers": ["still", "soft", "loud"],
        },
    },
}
WORDS = ("red", "blue", "wug", "mip", "hums", "thrums", "bellows", "sleeps", "it", "then")


def corpus_of(folder: Path, texts: list[str]) -> Corpus:
    rows = [*({"text": text, "part": "train"} for text in texts), {"text": "it", "part": "held"}]
    source = folder / "records.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    request = PrepareRequest(
        [source], "text", tokenizer="bytes", validation_where={"part": "held"}, workers=1
    )
    return prepare(request, folder / "corpus")


@pytest.fixture(scope="module")
def texts() -> list[str]:
    draw = np.random.default_rng(0)
    return [
        " ".join(f"{' '.join(draw.choice(WORDS, draw.integers(2, 6)))}." for _ in range(5))
        for _ in range(300)
    ]


@pytest.fixture(scope="module")
def corpus(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return corpus_of(tmp_path_factory.mktemp("answers"), texts)


def by_hand(sentences: list[str], groups: list[str], answers: list[list[str]]) -> Any:
    counts = np.zeros((len(groups), len(answers)), int)
    several = several_answers = 0
    for sentence in sentences:
        words = set(re.findall(r"\w+", sentence))
        held = [one for one, group in enumerate(groups) if group in words]
        said = [one for one, own in enumerate(answers) if words & set(own)]
        if len(said) == 1:
            several += len(held) > 1
            if len(held) == 1:
                counts[held[0], said[0]] += 1
        several_answers += len(said) > 1 and len(held) == 1
    return counts, several, several_answers


def test_a_case_has_one_group_and_one_answer(corpus: Corpus, texts: list[str]) -> None:
    sentences = [one for text in texts for one in text.split(". ")]
    noise, every = count_answers(corpus, parse_groups(GROUPS))
    answers = [["thrums", "bellows"], ["sleeps"]]
    expected, several, undecided = by_hand(sentences, ["wug", "mip"], answers)
    assert noise.counts.tolist() == expected.tolist() and noise.several == several > 0
    assert noise.several_answers == undecided > 0
    answers = [["sleeps"], ["hums"], ["thrums", "bellows"]]
    expected, several, undecided = by_hand(sentences, ["red", "blue"], answers)
    assert every.several_answers == undecided > 0
    assert every.counts.tolist() == expected.tolist() and every.several == several > 0
    assert noise.enough.all() and noise.question.name == "noise"


def test_the_audit_counts_alike(corpus: Corpus) -> None:
    """Asked of all attributes, those with no other beside are what the audit calls alone."""
    (_, every) = count_answers(corpus, parse_groups(GROUPS))
    alone = {
        (one.group, one.attribute): one.alone
        for one in audit(corpus, parse_groups(GROUPS)).findings
    }
    for row, group in enumerate(every.question.groups):
        for column, answer in enumerate(every.question.answers):
            assert every.counts[row, column] == alone[group, answer]


def worth(tmp_path: Path, texts: list[str]) -> AnswerCounts:
    (found, _) = count_answers(corpus_of(tmp_path, texts), parse_groups(GROUPS))
    return found


def test_cases_of_one_document_are_worth_less_where_they_are_alike(tmp_path: Path) -> None:
    alike = [f"{'A wug thrums. ' * 10}" if n % 2 else f"{'A wug sleeps. ' * 10}" for n in range(60)]
    alike += ["A mip thrums. A mip sleeps."] * 60
    found = worth(tmp_path, alike)
    assert found.counts.tolist() == [[300, 300], [60, 60]]
    assert 40 < found.worth[0].sum() < 80, "ten of a document are worth about one"
    assert found.worth[0] == pytest.approx([found.worth[0, 0]] * 2)


def test_groups_with_few_cases_or_none_are_told(tmp_path: Path) -> None:
    found = worth(tmp_path, ["A wug thrums."] * 29 + ["A wug hums."] * 40)
    assert found.counts.tolist() == [[29, 0], [0, 0]]
    assert found.enough.tolist() == [False, False] and np.isfinite(found.worth).all()
