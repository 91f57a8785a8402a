"""What task.json says of a tuned run: who was asked, what chose the weights, who stands beside."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from small import dna_base, lines, prepared, recipe, tokens

from lexome import languages
from lexome.cli.task_scores import score_lines
from lexome.corpus import Corpus
from lexome.errors import LexomeError, UsageError
from lexome.evaluation.baselines.contents import TaskBaseline
from lexome.evaluation.metrics.bootstrap import EXAMPLES
from lexome.finetuning import picture_scores, standing
from lexome.finetuning.answering import Answer, questions
from lexome.finetuning.evaluate import Scoring, score_task
from lexome.finetuning.paired import Pairs
from lexome.finetuning.pairs import HeldOut
from lexome.finetuning.scoring import task_scores
from lexome.finetuning.trained import trained_documents
from lexome.training import open_run, train

ALONE = Scoring(baselines=False)


@pytest.fixture(scope="module")
def run(base: Path, pairs: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A translator that was validated twice."""
    folder = tmp_path_factory.mktemp("run") / "run"
    train(recipe("translation", pairs, base), folder)
    return folder


def parallel(folder: Path, sources: Sequence[str], targets: Sequence[str]) -> tuple[Path, Path]:
    folder.mkdir(exist_ok=True)
    return lines(folder / "s.en", sources), lines(folder / "s.de", targets)


# On what the weights were chosen


def test_it_is_said_that_the_weights_were_chosen_on_what_is_asked(
    tmp_path: Path, run: Path, pairs: Corpus, base: Path
) -> None:
    found = score_task(run, scoring=ALONE)
    assert (found["weights_chosen_on_these"], found["validations"]) == (True, 2)
    (said,) = [line for line in score_lines(found) if "chosen" in line]
    assert "at 2 validations" in said and "training.keep=last" in said
    other = parallel(tmp_path / "other", ["owl 1", "owl 2"], ["OWL 1", "OWL 2"])
    elsewhere = score_task(run, scoring=ALONE, files=other)
    assert elsewhere["weights_chosen_on_these"] is False
    assert not any("chosen" in line for line in score_lines(elsewhere))
    last = recipe("translation", pairs, base, training__keep="last")
    train(last, tmp_path / "last")
    assert score_task(tmp_path / "last", scoring=ALONE)["weights_chosen_on_these"] is False


def test_the_held_out_pairs_as_files_are_what_the_weights_were_chosen_on(
    tmp_path: Path, run: Path, pairs: Corpus
) -> None:
    held_out = [document.content for document in pairs.documents("valid")]
    sources, targets = ([pair[side].content for pair in held_out] for side in (0, 1))
    files = parallel(tmp_path / "same", sources, targets)
    found = score_task(run, scoring=ALONE, files=files)
    assert (found["examples"], found["weights_chosen_on_these"]) == (len(held_out), True)
    assert found["among_training"] == 0


# Who was asked


def test_other_splits_and_files_leave_the_held_out_scores_as_they_are(
    tmp_path: Path, run: Path, pairs: Corpus
) -> None:
    score_task(run, scoring=ALONE)
    kept = [(run / name).read_bytes() for name in ("task.json", "predictions.jsonl")]
    found = score_task(run, scoring=ALONE, split="train")
    count = pairs.manifest.train.documents
    assert found["among_training"] == found["examples"] == found["training_examples"] == count
    assert json.loads((run / "task-train-split.json").read_text())["split"] == "train"
    said = score_lines(found)
    assert f"{count} training examples" in said[0]
    assert any(f"{count} of these examples stand in training" in line for line in said)
    assert kept == [(run / name).read_bytes() for name in ("task.json", "predictions.jsonl")]


def test_scores_of_files_that_are_named_alike_all_stay(tmp_path: Path, run: Path) -> None:
    files = [parallel(tmp_path / folder, ["owl 7"], ["OWL 7"]) for folder in ("a", "b", "c")]
    # Other tests have asked this run files of that name.
    run = shutil.copytree(run, tmp_path / "run", ignore=shutil.ignore_patterns("task-*"))
    for some in (*files, files[1]):
        score_task(run, scoring=ALONE, files=some)
    for some, ending in zip(files, ("", "-2", "-3"), strict=True):
        kept = json.loads((run / f"task-s{ending}.json").read_text())
        assert kept["split"] == ", ".join(map(str, some))
        assert (run / f"predictions-s{ending}.jsonl").is_file()
    assert not (run / "task-s-4.json").exists()
    (run / "task-s-2.json").write_text("{")
    score_task(run, scoring=ALONE, files=files[2])
    assert json.loads((run / "task-s-2.json").read_text())["split"] == kept["split"]


def test_examples_of_training_are_counted_and_what_is_no_example_too(
    tmp_path: Path, run: Path, pairs: Corpus
) -> None:
    known = next(iter(pairs.documents("train"))).content
    said = [known[0].content, "owl 7", "owl 8", " "]
    files = parallel(tmp_path / "mixed", said, [known[1].content, "OWL 7", "", "OWL 9"])
    found = score_task(run, scoring=ALONE, files=files)
    assert (found["examples"], found["among_training"]) == (2, 1)
    assert {reason: one["count"] for reason, one in found["skipped"].items()} == {
        "empty source": 1,
        "empty target": 1,
    }
    shown = "\n".join(score_lines(found))
    assert f"examples of {files[0]}" in shown and "held-out" not in shown
    assert "1 were left out: empty target, the first: " in shown and "s.en" in shown


def test_two_parallel_texts_are_one_set_of_pairs(tmp_path: Path, run: Path) -> None:
    source, target = parallel(tmp_path / "two", ["owl 1", "owl 2"], ["OWL 1", "OWL 2"])
    assert score_task(run, scoring=ALONE, files=[source, target])["examples"] == 2
    assert score_task(run, scoring=ALONE, files=[source])["examples"] == 2
    with pytest.raises(UsageError, match=r"source ends in \.en and the target in \.de"):
        score_task(run, scoring=ALONE, files=[target, source])


def test_a_reference_longer_than_the_context_is_not_asked(tmp_path: Path, run: Path) -> None:
    files = parallel(tmp_path / "long", ["owl 1", "owl 2"], ["OWL 1", "OWL" * 30])
    found = score_task(run, scoring=ALONE, files=files)
    assert (found["examples"], found["too_long"]) == (1, 1)
    assert any("1 examples are longer than the context" in line for line in score_lines(found))


# Groups


@pytest.fixture(scope="module")
def grouped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run on labels that was split by who found them, and its corpus's folder."""
    folder = tmp_path_factory.mktemp("grouped")
    base = dna_base(folder / "base")
    file = found_by(folder / "found.jsonl", ["ann", "bob", "cy", "dee"])
    corpus = prepared(
        folder / "corpus", base, "labels", [file], language="dna", group="who",
        held_out=HeldOut(where={"side": "test"}),
    )  # fmt: skip
    train(recipe("labels", corpus, base), folder / "run")
    return folder / "run", folder


def found_by(path: Path, people: Sequence[str], count: int = 24) -> Path:
    draw = np.random.default_rng(len(people))
    rows = [
        {
            "sequence": "".join(draw.choice(list("ACGT"), 12)),
            "label": "ab"[number % 2],
            "who": people[number % len(people)],
            "side": "test" if number % 4 < 2 else "train",
        }
        for number in range(count)
    ]
    return lines(path, [json.dumps(row) for row in rows])


def test_intervals_are_drawn_over_what_the_corpus_was_split_by(
    grouped: tuple[Path, Path],
) -> None:
    found = score_task(grouped[0], scoring=ALONE)
    assert found["group"] == "who"
    assert all("2 groups" in one["note"] for one in found["figures"] if "value" in one)
    other = score_task(grouped[0], scoring=Scoring(group="label", baselines=False))
    assert other["group"] == "label"


def test_groups_that_nobody_knows_and_one_group_alone(grouped: tuple[Path, Path]) -> None:
    run, folder = grouped
    with pytest.raises(LexomeError, match=r"nothing is known of this example under 'whom'"):
        score_task(run, scoring=Scoring(group="whom"))
    one = found_by(folder / "one.jsonl", ["eve"])
    found = score_task(run, scoring=ALONE, files=[one])
    first = found["figures"][0]
    assert (first["low"], first["high"]) == (None, None)
    assert "no interval: all examples are of one group" in first["note"]
    assert any(line.split()[0] == first["name"].split()[0] for line in score_lines(found)[1:])


def test_files_without_the_groups_are_scored_by_examples(grouped: tuple[Path, Path]) -> None:
    run, folder = grouped
    rows = [{"sequence": "ACGT" * 2 + "ACGT"[n], "label": "ab"[n % 2]} for n in range(4)]
    file = lines(folder / "plain.jsonl", [json.dumps(row) for row in rows])
    assert score_task(run, scoring=ALONE, files=[file])["group"] == ""


# Baselines


class Listening(TaskBaseline):
    """A baseline that says the first target, and keeps what it was fitted on."""

    def __init__(self) -> None:
        self.name, self.note, self.heard = "listening", "a note", [""]

    def fit_predict(self, sources: Any, targets: Any, test_sources: Any) -> Any:
        self.heard = list(sources)
        return [targets[0]] * len(test_sources)


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Listening:
    found = Listening()
    monkeypatch.setattr(standing, "baselines_for", lambda *_, **__: [found])
    return found


def test_baselines_learn_from_what_the_model_learned_from(
    tmp_path: Path, pairs: Corpus, base: Path, listening: Listening
) -> None:
    train(recipe("translation", pairs, base, start__examples=3), tmp_path / "run")
    found = score_task(tmp_path / "run")
    assert found["training_examples"] == len(listening.heard) == 3
    (beside,) = found["baselines"]
    assert beside["note"] == "a note"
    assert "stop rate" not in {one["name"] for one in beside["figures"]}
    # The three that stand in the batches of the run.
    start = open_run(tmp_path / "run")
    tokens = Path(start.facts["corpus"])
    assert tokens == pairs.folder
    numbers = trained_documents(start, pairs, 64)
    contents = [one.content[0].content for one in pairs.documents("train")]
    assert listening.heard == [contents[number] for number in numbers]


def test_of_many_examples_some_are_drawn_and_it_is_said(
    run: Path, pairs: Corpus, listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "_MOST_EXAMPLES", 8)
    (beside,) = score_task(run)["baselines"]
    count = pairs.manifest.train.documents
    assert beside["note"] == f"a note; fitted on 8 of the {count} training examples"
    every = [one.content[0].content for one in pairs.documents("train")]
    assert len(listening.heard) == 8 and listening.heard != every[:8]
    assert listening.heard == [one for one in every if one in listening.heard]


# Pairs, and pictures


def test_what_holds_no_pairs_is_none(pairs: Corpus) -> None:
    assert Pairs.of(pairs).target.tokenizer.vocab_size == 260
    text = languages.get("text")
    other: Any = SimpleNamespace(language=text, tokenizer=tokens("text", "bytes"), folder="x")
    with pytest.raises(LexomeError, match="holds no pairs, but text"):
        Pairs.of(other)


def test_every_training_picture_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    known = draw.integers(0, 256, (6_000, 2, 2, 3)).astype(np.uint8)
    trained = [SimpleNamespace(reference=(n,), metadata={}) for n in range(len(known))]
    monkeypatch.setattr(
        picture_scores, "questions", lambda _corpus, _split, limit=None: trained[:limit]
    )
    monkeypatch.setattr(
        picture_scores, "contents", lambda _corpus, ids: [known[one[0]] for one in ids]
    )
    asked: Any = trained[:2]
    figures, _ = picture_scores.picture_scores(None, asked, list(known[-2:]), EXAMPLES)  # type: ignore[arg-type]
    copied = {one.name: one for one in figures}["exact copies of training pictures"]
    assert copied.value == 1  # type: ignore[union-attr]


# Answers of another length than the truth


def test_a_label_that_is_missing_is_no_guess_at_the_first_class(tmp_path: Path) -> None:
    """What is not said is wrong; it is neither the first class nor any other."""
    model = dna_base(tmp_path / "base")
    rows = [{"sequence": "ACGT"[n % 4] * (3 + n // 4), "label": "ab"[n % 2] * (3 + n // 4)}
            for n in range(16)]  # fmt: skip
    corpus = prepared(
        tmp_path / "corpus", model, "labels",
        [lines(tmp_path / "a.jsonl", [json.dumps(row) for row in rows])], language="dna",
        target_options={"form": "each", "separator": ""}, held_out=HeldOut(share=0.4),
    )  # fmt: skip
    pairs = Pairs.of(corpus)
    asked = questions(pairs, "valid")
    first = pairs.target.offset

    def figures(said: Sequence[tuple[int, ...]]) -> dict[str, float | None]:
        answers = [Answer(ids, "end") for ids in said]
        scores = task_scores("labels", pairs, asked, answers)
        assert scores is not None
        return {one.name: one.value for one in scores.figures}

    firsts = [one for one in asked if one.reference[0] == first]
    assert 0 < len(firsts) < len(asked)
    assert figures([()] * len(asked)) == {
        "token accuracy": 0.0, "balanced accuracy": 0.0, "MCC": 0.0, "macro F1": 0.0,
    }  # fmt: skip
    short = figures([one.reference[:-1] for one in asked])
    tokens_asked = sum(len(one.reference) for one in asked)
    assert short["token accuracy"] == pytest.approx(1 - len(asked) / tokens_asked)
    assert set(figures([(*one.reference, first) for one in asked]).values()) == {1.0}
