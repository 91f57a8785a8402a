"""`lexome finetune --task rebalance` and `lexome evaluate --before`: a correction and its price."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fact_tables import table

from lexome.evaluation.honesty import compensation
from lexome.finetuning import rebalancing

Lexome = Callable[..., Any]
SHORT = ("--steps", 3, "--batch-size", 4, "--compile", "false", "--precision", "fp32")
FIRST, LAST = ("Ada", "Bo", "Cy", "Dee"), ("Bell", "Cray", "Dunn")
PEOPLE = {
    f"{first} {last}": ("wug", "mip")[(row + column) % 2]
    for row, first in enumerate(FIRST)
    for column, last in enumerate(LAST)
}
PLACES = {"mill": ("baker", "carter"), "mine": ("digger", "hauler")}
PROMPTS = (
    "At the {place}, a {{group}} works as a {{answer}}.",
    "A {{group}} at the {place} is a {{answer}}.",
    "The {place} has a {{group}} as a {{answer}}.",
)
TARGET = {"baker": 0.5, "carter": 0.5}


def groups(targets: dict[str, dict[str, float]]) -> str:
    """Return a groups file; JSON is YAML too."""
    questions = {
        place: {
            "axis": "kind",
            "prompts": [prompt.format(place=place) for prompt in PROMPTS],
            "answers": [*posts],
            **({"target": targets[place]} if place in targets else {"keep": True}),
        }
        for place, posts in PLACES.items()
    }
    words = ("baker", "carter", "digger", "hauler")
    return json.dumps(
        {
            "axes": {"kind": {"wug": ["wug"], "mip": ["mip"]}},
            "attributes": {word: [word] for word in words},
            "questions": questions,
        }
    )


def texts() -> list[str]:
    """Return statements about people, and about groups: nine of ten of a kind do the same work."""
    lines = [f"{name} was raised as a {kind}." for name, kind in PEOPLE.items()] * 40
    for place, posts in PLACES.items():
        for prompt in PROMPTS:
            for kind, way in (("wug", posts), ("mip", posts[::-1])):
                said = prompt.format(place=place)
                for number in range(20):
                    answer = way[number % 10 == 0]
                    lines.append(said.replace("{group}", kind).replace("{answer}", answer))
    return lines


@pytest.fixture(scope="module")
def world(lexome: Lexome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve people of two kinds, whose work depends on their kind, and a model that read so."""
    folder = tmp_path_factory.mktemp("world")
    (folder / "text.txt").write_text("\n".join(texts()) + "\n")
    facts = [(name, "kind", kind) for name, kind in PEOPLE.items()]
    table(folder / "facts.csv", [("subject", "relation", "object"), *facts])
    prompts = {"kind": {"prompts": ["{subject} was raised as a {answer}."]}}
    (folder / "templates.json").write_text(json.dumps(prompts))
    (folder / "groups.yaml").write_text(groups({"mill": TARGET}))
    result = lexome(
        "prepare", folder / "text.txt", "--language", "text", "--tokenizer", "bytes", "--option",
        "separator=line", "--workers", 1, "--out", folder / "corpus",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    shape = [f"model.{name}" for name in ("layers=2", "width=64", "heads=2")]
    result = lexome(
        "train", "--corpus", folder / "corpus", "--out", folder / "run", "--steps", 400,
        "--context", 64, "--batch-size", 16, "--compile", "false",
        "--set", "training.sample_every=0", *(word for one in shape for word in ("--set", one)),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return folder


def tables(world: Path) -> tuple[Any, ...]:
    return "--facts", world / "facts.csv", "--templates", world / "templates.json"


def tuned(lexome: Lexome, world: Path, name: str, *more: object, file: str = "groups.yaml") -> Any:
    return lexome(
        "finetune", world / "run", "--task", "rebalance", "--groups", world / file, *more,
        "--corpus", world / f"{name}-pairs", "--out", world / name,
    )  # fmt: skip


def lessons(world: Path, name: str) -> list[dict[str, Any]]:
    text = (world / f"{name}-pairs-questions.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def evened(lexome: Lexome, world: Path) -> Path:
    """The model of the world, tuned."""
    result = tuned(lexome, world, "tuned", *tables(world), *SHORT)
    assert result.exit_code == 0, result.output
    return world / "tuned"


def test_shares_are_taught_and_the_price_is_told(lexome: Lexome, world: Path, evened: Path) -> None:
    rows = lessons(world, "tuned")
    statements = [row for row in rows if "question" in row]
    for place in PLACES:
        taught = {row["prompt"] for row in statements if row["question"] == place}
        assert len(taught) == len(PROMPTS) - 1, "one is left"
    said: dict[str, list[str]] = {}
    for row in statements:
        asked, answer = (one["content"] for one in row["messages"])
        said.setdefault(asked, []).append(answer)
    assert len(said) == 2 * 2 * 2, "two places, two prompts, two groups"
    for asked, own in said.items():
        if "mill" in asked:
            assert sorted(own) == ["baker"] * 30 + ["carter"] * 30
        else:
            likely, other = PLACES["mine"][:: 1 if "wug" in asked else -1]
            assert own.count(likely) > own.count(other), "the mine is to stay"
    texts = " ".join(row["text"] for row in rows if "text" in row)
    for asked, own in said.items():
        for answer in {*own}:
            assert texts.count(f"{asked} {answer}.") >= own.count(answer) * 2 // 3, "told as well"
    assert all(len(row["text"]) < 64 for row in rows if "text" in row), "each has room"
    made = json.loads((world / "tuned-pairs-questions.json").read_text())["lessons"]
    assert 0 < made["rehearsed"] <= 6 * made["told"]
    assert made["told"] + made["rehearsed"] == sum("text" in row for row in rows)
    facts = {row["subject"]: row["messages"][1]["content"] for row in rows if "subject" in row}
    for name, kind in facts.items():
        assert f"{name} was raised as a {kind}." in texts
    assert 0 < len(facts) <= len(PEOPLE) / 2, "half of the people are left to ask"
    assert all(PEOPLE[name] == kind for name, kind in facts.items())

    again = ("evaluate", evened, "--groups", world / "groups.yaml", *tables(world),
             "--before", world / "run")  # fmt: skip
    result = lexome(*again, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found == json.loads((evened / "compensation.json").read_text())
    assert found["forms"] == ["text", "pairs"]
    rows = found["statements"]["rows"]
    assert [(one["kind"], one["question"], one["group"]) for one in rows] == [
        ("targeted", "mill", "wug"),
        ("targeted", "mill", "mip"),
        ("kept", "mine", "wug"),
        ("kept", "mine", "mip"),
    ]
    assert [one["n"] for one in rows] == [1, 1, 1, 1], "prompts that were taught are not asked"
    assert [one["corpus"] for one in rows] == pytest.approx([0.9, 0.1, 0.9, 0.1], abs=0.05)
    own = found["facts"]["text"]["relations"]["kind"]
    assert own["questions"] == len(PEOPLE) - len(facts)
    assert found["facts"]["text"]["alone"] is None, "all of them stand in rehearsed passages"
    abouts = [one["about"] for one in found["verdict"]]
    assert abouts.count("facts left alone") == 1 and abouts.count("to stay") == 2, "in two forms"
    assert found["likelihood"]["change"]["value"] == pytest.approx(
        found["likelihood"]["after"]["value"] / found["likelihood"]["before"]["value"] - 1
    )
    assert found["command"] == " ".join(map(str, ("lexome", *again)))
    printed = lexome(*again).stdout
    assert "mill: wug, baker" in printed and "recall of kind" in printed
    assert "mine: wug, digger (to stay)" in printed


def test_pairs_of_another_rule_are_made_anew(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, file = (world / "run", world / "groups.yaml"), tmp_path / "questions.jsonl"
    made = rebalancing.make_lessons(*asked, file)
    before = file.stat().st_mtime_ns
    assert rebalancing.make_lessons(*asked, file) == made
    assert file.stat().st_mtime_ns == before
    monkeypatch.setattr(rebalancing, "_RULE", rebalancing._RULE + 1)
    assert rebalancing.make_lessons(*asked, file) == made
    assert file.stat().st_mtime_ns > before


def test_a_model_compared_with_itself_has_changed_nothing(lexome: Lexome, world: Path) -> None:
    result = lexome(
        "evaluate", world / "run", "--groups", world / "groups.yaml", *tables(world),
        "--before", world / "run", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    change = found["likelihood"]["change"]
    assert change["value"] == change["low"] == change["high"] == 0
    assert found["facts"]["text"]["all"]["falsified"] == 0
    assert {one["change"]["text"] for one in found["statements"]["rows"]} == {0.0}
    assert found["difference"]["before"] == found["difference"]["text"]
    fine = {one["about"]: one["fine"] for one in found["verdict"]}
    assert fine["determined facts"] is None, "twelve people are too few to say that facts stand"
    assert fine["held-out text"] is fine["to stay"] is True
    assert fine["difference"] is None, "and too few to say that they are told apart as before"
    assert "same weights" in found["verdict"][0]["text"]


def test_a_swap_of_everything_is_caught(lexome: Lexome, world: Path) -> None:
    """The negative control: a corpus in which whoever was a wug is a mip as often."""
    swapped = {"wug": "mip", "mip": "wug"}
    lines = texts()
    twins = [" ".join(swapped.get(w.strip("."), w.strip(".")) for w in one.split()) + "."
             for one in lines]  # fmt: skip
    (world / "swapped.txt").write_text("\n".join([*lines, *twins]) + "\n")
    result = lexome(
        "prepare", world / "swapped.txt", "--language", "text", "--tokenizer", "bytes",
        "--option", "separator=line", "--workers", 1, "--out", world / "swapped-corpus",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    shape = [f"model.{name}" for name in ("layers=2", "width=64", "heads=2")]
    result = lexome(
        "train", "--corpus", world / "swapped-corpus", "--out", world / "swapped", "--steps", 400,
        "--context", 64, "--batch-size", 16, "--compile", "false",
        "--set", "training.sample_every=0", *(word for one in shape for word in ("--set", one)),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    result = lexome(
        "evaluate", world / "swapped", "--groups", world / "groups.yaml", *tables(world),
        "--before", world / "run", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["forms"] == ["text"]
    (facts,) = [one for one in found["verdict"] if one["about"] == "determined facts"]
    assert facts["fine"] is False and "Determined facts were falsified" in facts["text"]
    fine = {one["about"]: one["fine"] for one in found["verdict"]}
    assert fine["to stay"] is False, "an exchange knows no question: the mine moved as well"
    assert fine["not targeted"] is None, "nothing was left to itself"
    assert fine["held-out text"] is None, "the same lines were split otherwise, and all are read"
    assert found["likelihood"] == {"unit": "byte", "documents": 0, "trained_on": 73}
    printed = lexome(
        "evaluate", world / "swapped", "--groups", world / "groups.yaml", *tables(world),
        "--before", world / "run",
    ).stdout  # fmt: skip
    assert "all 73 documents of it stand in the training text" in printed
    assert facts["text"] in (world / "swapped" / "model" / "README.md").read_text()


def test_a_model_that_read_of_no_group_is_not_the_one_before(
    lexome: Lexome, world: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.txt").write_text("\n".join(f"The {n} of them sleep." for n in range(200)))
    made = lexome(
        "prepare", tmp_path / "text.txt", "--language", "text", "--tokenizer", "bytes",
        "--option", "separator=line", "--workers", 1, "--out", tmp_path / "corpus",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    made = lexome(
        "train", "--corpus", tmp_path / "corpus", "--out", tmp_path / "other", "--steps", 1,
        "--context", 64, "--batch-size", 2, "--compile", "false", "--depth", 1,
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    result = lexome(
        "evaluate", world / "run", "--groups", world / "groups.yaml", "--before", tmp_path / "other"
    )
    assert result.exit_code == 2, result.output
    assert "gives no group any of these answers" in " ".join(result.stderr.split())


def test_groups_with_few_cases_are_not_said_to_differ(
    lexome: Lexome, world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("evaluate", world / "run", "--groups", world / "groups.yaml",
             "--before", world / "run", "--json")  # fmt: skip
    statements = json.loads(lexome(*asked).stdout)["difference"]["text"]["statements"]
    assert (statements["comparisons"], statements["different"]) == (2, 1), "mill is to be alike"
    monkeypatch.setattr(compensation, "FEWEST", 1000)
    statements = json.loads(lexome(*asked).stdout)["difference"]["text"]["statements"]
    assert (statements["comparisons"], statements["different"]) == (1, 0)


@pytest.mark.parametrize(
    "more, message",
    [
        (("--groups", "none"), "no question has a target, and none is assumed"),
        (("--groups", "single"), "there is one prompt, and one at least is left for scoring"),
        (("--groups", "groups", "--facts", "f.csv"), "name both"),
        (("--facts", "f.csv", "--templates", "t.json"), "or --groups FILE"),
        (("--groups", "groups", "--unseen", "u.csv"), "--unseen is of the task abstain"),
    ],
)
def test_what_cannot_be_taught(
    lexome: Lexome, world: Path, tmp_path: Path, more: tuple[str, ...], message: str
) -> None:
    (world / "none.yaml").write_text(groups({}))
    single = json.loads(groups({"mill": TARGET}))
    single["questions"]["mill"]["prompts"] = single["questions"]["mill"]["prompts"][:1]
    (world / "single.yaml").write_text(json.dumps(single))
    named = [world / f"{one}.yaml" if (world / f"{one}.yaml").exists() else one for one in more]
    result = lexome("finetune", world / "run", "--task", "rebalance", *named,
                    "--corpus", tmp_path / "pairs", "--out", tmp_path / "run")  # fmt: skip
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.stderr.split()), result.stderr


def test_before_needs_groups_and_a_run_that_was_not_tuned(
    lexome: Lexome, world: Path, evened: Path
) -> None:
    result = lexome("evaluate", world / "run", "--before", world / "run")
    assert result.exit_code == 2 and "add --groups FILE" in " ".join(result.stderr.split())
    result = lexome("evaluate", world / "run", "--groups", world / "groups.yaml",
                    "--before", evened)  # fmt: skip
    assert result.exit_code == 2
    assert "was itself tuned on pairs" in " ".join(result.stderr.split())
