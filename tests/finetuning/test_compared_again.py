"""A comparison that is asked for again: what stands is kept, another one is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small import recipe

from lexome.corpus import Corpus
from lexome.errors import UsageError
from lexome.files import read_json
from lexome.finetuning import compare
from lexome.finetuning.compare import Contender
from lexome.finetuning.evaluate import Scoring, score_task
from lexome.generation import Settings
from lexome.training import Outcome, train


def test_contenders_are_kept_scored_anew_or_refused(
    tmp_path: Path, pairs: Corpus, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = []

    def here(made: Any, folder: Path, *_: Any) -> Outcome:
        trained.append(folder.name)
        return train(made, folder)

    monkeypatch.setattr(compare, "train_apart", here)
    run, lora = tmp_path / "run", Contender("lora")
    greedy = Scoring(Settings(temperature=0.0, max_tokens=1), baselines=False)
    beams = Scoring(Settings(temperature=0.0, max_tokens=1, beams=2), baselines=False)
    train(recipe("translation", pairs, base), run)
    score_task(run, scoring=greedy)
    asked = {lora: recipe("translation", pairs, base, "lora")}
    kept = run / "compare/lora/task.json"

    first = compare.compare(run, asked, scoring=greedy)
    written = kept.stat().st_mtime_ns
    assert compare.compare(run, asked, scoring=greedy) == first
    assert kept.stat().st_mtime_ns == written
    compare.compare(run, asked, scoring=beams)
    assert read_json(kept)["settings"]["beams"] == 2
    assert trained == ["lora"]

    other = {lora: recipe("translation", pairs, base, "lora", training__steps=6)}
    with pytest.raises(UsageError, match=r"differs in training\.steps\n"):
        compare.compare(run, other, scoring=beams)
    assert read_json(run / "compare.json")["rows"][1]["steps"] == 4
