"""`lexome finetune --task abstain`: a model learns to say that it knows nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fact_tables import table

from lexome.corpus import Corpus
from lexome.corpus.manifest import TRAIN, VALID
from lexome.evaluation.honesty.questions import Questions
from lexome.finetuning import abstaining

Lexome = Callable[..., Any]
FIRST, LAST = ("Ada", "Bo", "Cy", "Dee"), ("Bell", "Cray", "Dunn", "Ford")
HOMES = ("Senn", "Ura", "Lo")
PEOPLE = {
    f"{first} {last}": HOMES[(row + column) % 3]
    for row, first in enumerate(FIRST)
    for column, last in enumerate(LAST)
    if row != column
}
STRANGERS = [f"{first} {last}" for first, last in zip(FIRST, LAST, strict=True)]
SHORT = ("--steps", 3, "--batch-size", 4, "--compile", "false", "--precision", "fp32")


@pytest.fixture(scope="module")
def world(lexome: Lexome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve people with a home, and a model that has read of them, and knows some."""
    folder = tmp_path_factory.mktemp("world")
    lines = [f"The home of {name} is {home}." for name, home in PEOPLE.items()] * 100
    (folder / "text.txt").write_text("\n".join(lines) + "\n")
    facts = [(name, "home", home) for name, home in PEOPLE.items()]
    table(folder / "facts.csv", [("subject", "relation", "object"), *facts])
    table(folder / "unseen.csv", [("subject", "relation"), *((one, "home") for one in STRANGERS)])
    prompts = {"home": {"prompts": ["The home of {subject} is {answer}."]}}
    (folder / "templates.json").write_text(json.dumps(prompts))
    result = lexome(
        "prepare", folder / "text.txt", "--language", "text", "--tokenizer", "bytes", "--option",
        "separator=line", "--workers", 1, "--index", "--out", folder / "corpus",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    shape = [f"model.{name}" for name in ("layers=2", "width=64", "heads=2")]
    result = lexome(
        "train", "--corpus", folder / "corpus", "--out", folder / "run", "--steps", 150,
        "--context", 64, "--batch-size", 16, "--compile", "false",
        "--set", "training.sample_every=0", *(word for one in shape for word in ("--set", one)),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return folder


def tables(world: Path) -> tuple[Any, ...]:
    return "--facts", world / "facts.csv", "--templates", world / "templates.json"


def tuned(lexome: Lexome, world: Path, name: str, *more: object) -> Any:
    return lexome(
        "finetune", world / "run", "--task", "abstain", *tables(world), *more,
        "--corpus", world / f"{name}-pairs", "--out", world / name,
    )  # fmt: skip


def lessons(world: Path, name: str) -> list[dict[str, Any]]:
    text = (world / f"{name}-pairs-questions.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def about_whom(row: dict[str, Any]) -> str:
    question: str = row["messages"][0]["content"]
    return question.removeprefix("The home of ").removesuffix(" is")


@pytest.fixture(scope="module")
def run(lexome: Lexome, world: Path) -> Path:
    """A run that was tuned, a little, to say nothing of strangers."""
    unseen = ("--unseen", world / "unseen.csv")
    result = tuned(lexome, world, "tuned", *unseen, *SHORT, "--abstention", "No idea.")
    assert result.exit_code == 0, result.output
    return world / "tuned"


def test_what_is_known_is_taught_and_the_rest_is_asked(
    lexome: Lexome, world: Path, run: Path
) -> None:
    unseen = ("--unseen", world / "unseen.csv")
    rows = lessons(world, "tuned")
    said = {about_whom(row): row["messages"][1]["content"] for row in rows}
    known, unknown = said.keys() & PEOPLE.keys(), said.keys() & set(STRANGERS)
    assert known and unknown and len(said) == len(known) + len(unknown)
    assert len(rows) == len(said), "of more unknown than known ones the latter come again"
    assert len(known) < len(PEOPLE) and len(unknown) < len(STRANGERS), "some are left to ask"
    assert {said[name] for name in unknown} == {"No idea."}
    assert any(said[name] == PEOPLE[name] for name in known), "what it knows it may say"
    assert all(said[name] in (PEOPLE[name], "No idea.") for name in known), "never what is wrong"

    again = ("evaluate", run, *tables(world), *unseen)
    result = lexome(*again, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["abstention"], found["taught"]) == ("No idea.", len(said))
    assert found["facts"]["subjects"] == len(PEOPLE) - len(known)
    assert found["unknown"]["subjects"] == len(STRANGERS) - len(unknown)
    figures = {one["name"]: one for one in found["unknown"]["figures"]}
    assert figures["unknown answered, before tuning"]["value"] == 1
    assert found["silence by names"] is None, "a tuned model has not learned what is asked"
    verdicts = found["unknown"]["verdicts"]
    assert verdicts["not attempted"] + verdicts["unsupported"] == found["unknown"]["questions"]
    silent = verdicts["not attempted"] / found["unknown"]["questions"]
    assert figures["unknown answered"]["value"] == pytest.approx(1 - silent)
    assert "where it knows nothing it says 'No idea.'" in lexome(*again).stdout


def test_what_is_held_out_is_asked_of_facts_that_are_taught(
    lexome: Lexome, world: Path, run: Path, tmp_path: Path
) -> None:
    """Of a fact that nothing teaches silence takes more and more, whatever else is learned.

    And what is known in one wording is known, in whichever it is taught.
    """
    prompts = ["The home of {subject} is {answer}.", "There is {subject} at home in {answer}."]
    (tmp_path / "templates.json").write_text(json.dumps({"home": {"prompts": prompts}}))
    asked = ("--templates", tmp_path / "templates.json", "--unseen", world / "unseen.csv")
    result = tuned(lexome, world, "two", *asked, *SHORT, "--validation", 0.3)
    assert result.exit_code == 0, result.output
    corpus = Corpus.open(world / "two-pairs")
    sides: list[set[str]] = []
    for split in (TRAIN, VALID):
        rows = [json.loads(row["metadata"]) for row in corpus.rows(split)]
        assert {row["side"] for row in rows} == {split}
        sides.append({row["asked"] for row in rows if "asked" in row})
    taught, held_out = sides
    assert taught and held_out and not taught & held_out
    whom = [{name for name in PEOPLE for one in side if name in one} for side in sides]
    assert whom[1] <= whom[0] and len(held_out) <= len(PEOPLE) // 2
    said = {row["asked"]: row["messages"][1]["content"] for row in lessons(world, "two")
            if "asked" in row}  # fmt: skip
    of_fact = {name: {said[one] for one in said if name in one} for name in PEOPLE}
    assert all(len(own) <= 1 for own in of_fact.values()), "a fact is known, or it is not"
    in_its_words = {about_whom(row): row["messages"][1]["content"] for row in
                    lessons(world, "tuned") if "asked" in row}  # fmt: skip
    knows = {name for name, home in in_its_words.items() if home in HOMES} & of_fact.keys()
    other = {name for name in knows if any(name in one and "There is" in one for one in said)}
    assert other, "some are taught in the words that it has never read"
    assert all(of_fact[name] == {PEOPLE[name]} for name in other)

    result = lexome("evaluate", world / "two", *tables(world), *asked, "--json")
    assert result.exit_code == 0, result.output
    left = 2 * len(PEOPLE) - len(taught) - len(held_out)
    assert json.loads(result.stdout)["facts"]["questions"] == left


def test_what_was_taught_first_is_not_asked_after_a_second_tuning(
    lexome: Lexome, world: Path, run: Path, tmp_path: Path
) -> None:
    chats = [
        {"messages": [{"role": "user", "content": f"Say {n}."},
                      {"role": "assistant", "content": f"It is {n}."}]}
        for n in range(40)
    ]  # fmt: skip
    (tmp_path / "chats.jsonl").write_text("\n".join(map(json.dumps, chats)))
    result = lexome("finetune", run, tmp_path / "chats.jsonl", "--task", "assistant", *SHORT,
                    "--corpus", tmp_path / "pairs", "--out", tmp_path / "again")  # fmt: skip
    assert result.exit_code == 0, result.output
    asked = (*tables(world), "--unseen", world / "unseen.csv", "--json")
    first, second = (
        json.loads(lexome("evaluate", one, *asked).stdout) for one in (run, tmp_path / "again")
    )
    for name in ("taught", "abstention"):
        assert second[name] == first[name]
    assert second["facts"]["subjects"] == first["facts"]["subjects"] < len(PEOPLE)


def test_the_same_weights_are_not_asked_twice(lexome: Lexome, world: Path, run: Path) -> None:
    """The command goes on with a run that is there: what was asked stands beside the corpus."""
    file = world / "tuned-pairs-questions.jsonl"
    before = file.stat().st_mtime_ns
    unseen = ("--unseen", world / "unseen.csv")
    result = tuned(lexome, world, run.name, *unseen, *SHORT, "--abstention", "No idea.")
    assert result.exit_code == 0, result.output
    assert file.stat().st_mtime_ns == before


def test_pairs_of_another_rule_or_of_another_hand_are_made_anew(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights and the tables are the same; what another version would write is not."""
    asked = Questions(*(world / name for name in ("facts.csv", "templates.json", "unseen.csv")))
    file = tmp_path / "questions.jsonl"
    made = abstaining.make_lessons(world / "run", asked, file)
    before, text = file.stat().st_mtime_ns, file.read_text()
    assert abstaining.make_lessons(world / "run", asked, file) == made
    assert file.stat().st_mtime_ns == before
    file.write_text(text.replace("Senn", "Oslo"))
    assert abstaining.make_lessons(world / "run", asked, file) == made
    assert "Oslo" in text.replace("Senn", "Oslo") and file.read_text() == text
    before = file.stat().st_mtime_ns
    monkeypatch.setattr(abstaining, "_RULE", abstaining._RULE + 1)
    assert abstaining.make_lessons(world / "run", asked, file) == made
    assert file.stat().st_mtime_ns > before


def test_without_a_table_names_of_nobody_are_put_together(lexome: Lexome, world: Path) -> None:
    result = tuned(lexome, world, "invented", *SHORT)
    assert result.exit_code == 0, result.output
    subjects = {about_whom(row) for row in lessons(world, "invented")}
    known, nobody = subjects & PEOPLE.keys(), subjects - PEOPLE.keys()
    assert nobody and nobody <= set(STRANGERS), "all that the corpus does not have"
    parts = [{part for name in own for part in name.split()} for own in (nobody, known)]
    assert parts[0] <= parts[1], "of parts that are taught as somebody's too"


def test_what_the_corpus_does_not_say_is_not_taught(
    lexome: Lexome, world: Path, tmp_path: Path
) -> None:
    """Each is given another home, which the text has, but never beside them."""
    moved = {name: HOMES[(HOMES.index(home) + 1) % 3] for name, home in PEOPLE.items()}
    first, *rest = moved
    facts = [(first, "home", moved[first]), *((name, "home", PEOPLE[name]) for name in rest)]
    file = table(tmp_path / "facts.csv", [("subject", "relation", "object"), *facts])
    result = tuned(lexome, world, "untold", *SHORT, "--facts", file)
    assert result.exit_code == 0, result.output
    said = " ".join(result.stderr.split())
    assert f"object together: 1 (home of {first}: {moved[first]})" in said
    assert first not in {about_whom(row) for row in lessons(world, "untold")}
    facts = [(name, "home", home) for name, home in moved.items()]
    table(file, [("subject", "relation", "object"), *facts])
    result = tuned(lexome, world, "nothing", *SHORT, "--facts", file)
    assert result.exit_code == 1 and "no training document has subject" in result.stderr


def test_whom_the_corpus_names_is_not_taught_as_unknown(
    lexome: Lexome, world: Path, tmp_path: Path
) -> None:
    known = [(name, "home") for name in PEOPLE]
    table(tmp_path / "unseen.csv", [("subject", "relation"), *known])
    result = tuned(lexome, world, "named", *SHORT, "--unseen", tmp_path / "unseen.csv")
    assert result.exit_code == 0, result.output
    said = " ".join(result.stderr.split())
    assert f"{len(PEOPLE)} subjects are named by the corpus or the facts" in said


@pytest.mark.parametrize(
    "more, message",
    [
        (("--task", "assistant", "--facts", "f.csv"), "is of the tasks abstain and rebalance"),
        (("--task", "abstain", "--groups", "g.yaml"), "--groups is of the task rebalance"),
        (("--task", "abstain", "--facts", "f.csv"), "name both"),
        (("--task", "abstain"), "there are no DATA"),
        (("data.jsonl", "--task", "abstain", "--facts", "f.csv"), "--facts makes the DATA"),
        (("--task", "abstain", "--facts", "f.csv", "--templates", "t.json", "--abstention", " "),
         "is empty"),
    ],
)  # fmt: skip
def test_options_that_do_not_belong_together(
    lexome: Lexome, world: Path, tmp_path: Path, more: tuple[str, ...], message: str
) -> None:
    result = lexome("finetune", world / "run", *more, "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split()), result.stderr
