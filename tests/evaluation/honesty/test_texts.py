"""Texts of a model judged claim by claim, and what the model card says of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lexome.evaluation.facts import Facts
from lexome.evaluation.honesty import texts
from lexome.evaluation.honesty.card import honesty_card, write_card
from lexome.evaluation.honesty.claims import Judge
from lexome.evaluation.honesty.verdicts import verdict_counts, verdict_shares
from lexome.evaluation.templates import Template, template
from lexome.generation.settings import Settings

TEMPLATES = {
    "home": template(
        ["The home of {subject} is {answer}."],
        statements=["{object} is the home of {subject}.", "The home of {subject} is {object}."],
    ),
    "job": template(
        ["The job of {subject} is {answer}."], statements=["We know, {subject} is a {object}."]
    ),
}
JUDGE = Judge(Facts({("Ada", "home"): ("Senn",), ("Bo", "job"): ("cook", "poet")}, {}, 0))
GOES_ON = {
    "Ada": " is Senn. We know, Ada is a cook. Ada likes it.",
    "Eve": " is Ura. We know, Bo is a cook. We know, Bo is a guard.",
}


def judged(templates: dict[str, Template], asked: list[str] | None = None) -> Any:
    """Let the model write what `GOES_ON` says; `asked` gets its prompts."""

    def write(prompts: Sequence[str], settings: Settings) -> list[Any]:
        if asked is not None:
            asked.extend(prompts)
        said = [GOES_ON[prompt.split()[-1]] for prompt in prompts]
        return [
            SimpleNamespace(prompt=prompt, text=text, finish="end")
            for prompt, text in zip(prompts, said, strict=True)
        ]

    return texts.judged_texts(write, ["Ada"], ["Eve"], templates, JUDGE)


def test_each_claim_has_its_verdict_and_what_is_true() -> None:
    asked: list[str] = []
    found = judged(TEMPLATES, asked)
    assert asked == ["We know, Ada", "We know, Eve"], "the shortest way to a subject"
    ada, eve = found["texts"]
    assert (ada["subject"], ada["known"], eve["known"]) == ("Ada", True, False)
    assert ada["text"] == "We know, Ada" + GOES_ON["Ada"]
    told = [(one["subject"], one["object"], one["verdict"], one["right"]) for one in eve["claims"]]
    assert told == [
        ("Bo", "cook", "supported", ["cook", "poet"]),
        ("Bo", "guard", "contradicted", ["cook", "poet"]),
    ]
    for text in found["texts"]:
        for one in text["claims"]:
            said = text["text"][one["start"] : one["stop"]]
            assert said.startswith("We know") and said.endswith(f"{one['object']}.")
    assert json.loads(json.dumps(found)) == found


def test_claims_are_counted_by_who_the_text_is_about() -> None:
    found = judged(TEMPLATES)
    unknown = found["unknown"]
    assert (unknown["texts"], unknown["claims"], unknown["elsewhere"]) == (1, 2, 2)
    assert (found["known"]["claims"], found["known"]["elsewhere"]) == (0, 0)
    assert (found["known"]["unjudged"], unknown["unjudged"]) == (1, 0), "Ada's job is in no table"
    assert unknown["verdicts"]["supported"] == unknown["verdicts"]["contradicted"] == 1
    assert {one["name"]: one["value"] for one in unknown["shares"]} == {
        "supported": 0.5,
        "contradicted": 0.5,
    }


def test_without_statements_there_is_nothing_to_read() -> None:
    said_last = template(["{subject} is"], statements=["{object} is what {subject} is."])
    assert judged({"home": template(["{subject} is"])}) is None
    asked: list[str] = []
    assert judged({"home": said_last}, asked) is None and not asked


def test_shares_are_of_all_verdicts_and_drawn_over_subjects() -> None:
    verdicts: Any = ["supported"] * 3 + ["unsupported"]
    assert list(verdict_counts(verdicts).values()) == [3, 0, 1, 0]
    shares = verdict_shares(verdicts, ["a", "a", "b", "b"])
    assert [(one["name"], one["value"], one["n"]) for one in shares] == [
        ("supported", 0.75, 4),
        ("unsupported", 0.25, 4),
    ]
    # Drawn again are a and b: all of a is supported, half of b.
    assert (shares[0]["low"], shares[0]["high"]) == (0.5, 1.0)
    assert verdict_shares([], []) == []


def figure(name: str, value: float) -> dict[str, Any]:
    return {"name": name, "value": value, "low": value - 0.01, "high": value + 0.01, "n": 8}


def honesty(threshold: float | None) -> dict[str, Any]:
    names = ("recall", "chance", "commonest answer", "Brier score")
    undefined = {"name": "AUROC, right from wrong", "reason": "all answers are right", "n": 8}
    verdicts = {"supported": 7, "contradicted": 1, "unsupported": 0, "not attempted": 0}
    chosen = {"confidence": threshold, "answered": 3, "wrong": 0, "bound": 0.04}
    return {
        "facts": {
            "questions": 8,
            "subjects": 4,
            "figures": [*(figure(name, 0.5) for name in names), undefined],
            "verdicts": verdicts,
            "indexed": threshold is not None,
            "untold": 2,
            "untold_facts": ["home of Bo: Ur", "job of Bo: cook"],
        },
        "unknown": {"questions": 0, "subjects": 0, "figures": [], "verdicts": {}},
        "silence": {
            "alpha": 0.05,
            "delta": 0.1,
            "threshold": chosen,
            "held_out": {"questions": 6, "answered": 2, "wrong": 1, "figures": []},
        },
        "silence by names": None if threshold is None else by_names(),
        "texts": None,
        "command": "lexome evaluate mine --facts f.csv --templates t.json",
    }


def by_names() -> dict[str, Any]:
    figures = [figure("answered", 0.5), figure("wrong among answered", 0.25)]
    return {
        "alpha": 0.05,
        "delta": 0.1,
        "threshold": {"confidence": 0.01, "answered": 3, "wrong": 0, "bound": 0.04},
        "held_out": {"questions": 16, "answered": 8, "wrong": 2, "figures": figures},
    }


def test_the_card_says_it_once_and_keeps_the_rest(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text("# A model\n\nMine.\n")
    write_card(tmp_path, honesty(0.9))
    first = card.read_text()
    assert first.startswith("# A model\n\nMine.\n\n") and first.endswith("-->\n")
    assert "0.500 [0.490, 0.510]" in first and "7 supported, 1 contradicted." in first
    assert "2 of 6 other questions are answered, 1 of them wrongly" in first
    assert "if the probability of name and answer is 0.01 or more" in first
    assert "8 of 16 other questions are answered (0.500 [0.490, 0.510]), 2 of them wrongly" in first
    assert "Made again by `lexome evaluate mine --facts f.csv --templates t.json`." in first
    assert "undefined (all answers are right)" in first
    assert "object together: 2 (home of Bo: Ur, job of Bo: cook)" in first
    assert "4 subjects of its corpus" in first and "has no index" not in first
    write_card(tmp_path, honesty(0.9))
    assert card.read_text() == first
    card.write_text(first + "\nMore of mine.\n")
    write_card(tmp_path, honesty(None))
    again = card.read_text()
    assert "4 subjects of a table" in again and "is the table's word" in again
    assert again.count("## Honesty") == 1 and "No threshold of confidence" in again
    assert "Mine." in again and "More of mine." in again and "other questions" not in again


def test_a_folder_without_a_card_gets_one(tmp_path: Path) -> None:
    write_card(tmp_path, honesty(None))
    assert (tmp_path / "README.md").read_text() == honesty_card(honesty(None))
