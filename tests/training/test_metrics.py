"""metrics.jsonl: lines that any reader of JSON reads, and that survive being opened again."""

from __future__ import annotations

import json
import math
from pathlib import Path

from lexome.training import metrics
from lexome.training.metrics import Log


def test_a_text_with_any_line_break_is_one_line(tmp_path: Path) -> None:
    text = "a\u2028b\u0085c\x0bd\x0ce\r\nf\n"
    for step in (1, 2):
        log = Log(tmp_path / "samples.jsonl", step)
        log.write({"step": step, "text": text})
        log.close()
    assert metrics.read(tmp_path / "samples.jsonl") == [
        {"step": 1, "text": text},
        {"step": 2, "text": text},
    ]


def test_numbers_that_are_not_finite_are_null(tmp_path: Path) -> None:
    log = Log(tmp_path / "metrics.jsonl", 0)
    log.write({"step": 1, "loss": math.nan, "gradient_norm": math.inf})
    log.close()

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    line = (tmp_path / "metrics.jsonl").read_text()
    assert json.loads(line, parse_constant=refuse) == {
        "step": 1,
        "loss": None,
        "gradient_norm": None,
    }
