"""Any two languages make a task: unusual pairs from files to scores, without code of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import base as base_of
from small import lines, prepared, recipe, tokens

from lexome import languages
from lexome.finetuning.evaluate import score_task
from lexome.finetuning.pairs import HeldOut
from lexome.languages.pair import PairTokenizer
from lexome.training import open_run, train

Row = Callable[[np.random.Generator, int], dict[str, Any]]


def letters(draw: np.random.Generator, alphabet: str, count: int = 8) -> str:
    return "".join(draw.choice(list(alphabet), count))


def tune(draw: np.random.Generator, number: int) -> dict[str, Any]:
    notes = letters(draw, "CDEFGAB")
    return {"source": f"X:{number}\nK:C\n{notes}|\n", "target": f"begins on {notes[0]}"}


def protein(label: Callable[[str], Any]) -> Row:
    def row(draw: np.random.Generator, number: int) -> dict[str, Any]:
        residues = letters(draw, "MKLVAG")
        return {"source": residues, "target": label(residues)}

    return row


def named(draw: np.random.Generator, number: int) -> dict[str, Any]:
    name, bases = [("poly A", "A"), ("poly T", "T"), ("mixed", "ACGT")][number % 3]
    return {"source": f"{name} {number}", "target": letters(draw, bases)}


def purines(draw: np.random.Generator, number: int) -> dict[str, Any]:
    bases = letters(draw, "ACGT", 5 + number % 4)
    return {"source": bases, "target": "".join("R" if one in "AG" else "Y" for one in bases)}


def painted(draw: np.random.Generator, number: int) -> dict[str, Any]:
    return {"source": "".join(draw.choice(["do", "re", "mi"], 3)), "target": f"{number}.png"}


@dataclass(frozen=True)
class Case:
    """A base's language and tokens; what speaks to what; how rows are made; the first figure."""

    base: tuple[str, str]
    source: str
    target: str
    row: Row
    figure: str | None
    source_options: dict[str, Any] = field(default_factory=dict)
    target_options: dict[str, Any] = field(default_factory=dict)


CASES = {
    "music to text": Case(
        ("text", "bytes"), "music", "text", tune, "exact match", source_options={"form": "abc"}
    ),
    "protein to several labels": Case(
        ("protein", "symbols"), "protein", "label",
        protein(lambda residues: sorted(set(residues) & {"M", "K"})), "micro F1",
        target_options={"form": "several"},
    ),
    "protein to number": Case(
        ("protein", "symbols"), "protein", "label",
        protein(lambda residues: residues.count("M") / 8), "Spearman",
        target_options={"form": "number"},
    ),
    "text to dna": Case(("text", "bytes"), "text", "dna", named, "exact match"),
    "dna to a label for each base": Case(
        ("dna", "symbols"), "dna", "label", purines, "token accuracy",
        target_options={"form": "each", "separator": ""},
    ),
    "dna to text, on text": Case(
        ("text", "bytes"), "dna", "text",
        lambda draw, n: {"source": letters(draw, "ACGT"), "target": f"gene {n}"}, "exact match",
    ),
    "text to image": Case(
        ("text", "bytes"), "text", "image", painted, None, target_options={"size": 4}
    ),
}  # fmt: skip


def written(folder: Path, case: Case, count: int = 24) -> Path:
    draw = np.random.default_rng(0)
    rows = [case.row(draw, number) for number in range(count)]
    if case.target == "image":
        from PIL import Image

        for row in rows:
            pixels = draw.choice(np.array([0, 255], np.uint8), (4, 4, 3))
            Image.fromarray(pixels).save(folder / row["target"])
    return lines(folder / "pairs.jsonl", [json.dumps(row) for row in rows])


@pytest.mark.parametrize("name", CASES)
def test_any_pair_is_tuned_and_scored(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    model = base_of(tmp_path / "base", tokens(*case.base))
    corpus = prepared(
        tmp_path / "corpus", model, "pair", [written(tmp_path, case)],
        language=case.base[0], source_language=case.source, target_language=case.target,
        source_options=case.source_options, target_options=case.target_options,
        held_out=HeldOut(share=0.3),
    )  # fmt: skip
    tokenizer = corpus.tokenizer
    assert isinstance(tokenizer, PairTokenizer)
    assert set(tokenizer.added) == {case.source, case.target} - {case.base[0]}
    train(recipe("pair", corpus, model), tmp_path / "run")
    found = score_task(tmp_path / "run")
    assert found["examples"] == corpus.manifest.valid.documents >= 3
    names = [figure["name"] for figure in found["figures"]]
    assert names[:1] == ([case.figure] if case.figure else names[:1]), names
    assert json.loads((tmp_path / "run/task.json").read_text()) == json.loads(json.dumps(found))
    said = [json.loads(line) for line in (tmp_path / "run/predictions.jsonl").open()]
    assert len(said) == found["examples"]
    # What is written down as true is what the table says.
    rows = {row["source"]: row for row in map(json.loads, (tmp_path / "pairs.jsonl").open())}
    target = languages.get(case.target, **case.target_options)
    for one in said:
        if "reference" not in one or "source" not in one:
            continue
        if case.figure == "Spearman":
            # What is scored: the mean of the distribution, and not the likeliest step.
            scale = tokenizer.part("target").tokenizer.coding  # type: ignore[attr-defined]
            mean = np.dot(scale.centres, one["probabilities"])
            assert one["answer"] == pytest.approx(mean, abs=1e-4)
            assert min(abs(one["answer"] - centre) for centre in scale.centres) > 1e-3
        true = rows[one["source"]]["target"]
        if isinstance(true, list):
            assert one["reference"] == true
        elif case.figure == "token accuracy":
            assert one["reference"] == list(target.parse(true))
        else:
            assert one["reference"] == true
    # The run is opened again by what it says of itself.
    again = open_run(tmp_path / "run").language()
    assert again.languages["target"] == target  # type: ignore[attr-defined]
