"""`lexome finetune`: from two texts or a table to scores in one command."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lexome.report import collect
from lexome.training import open_run

Lexome = Callable[..., Any]
SHORT = ("--steps", 4, "--batch-size", 2, "--compile", "false", "--precision", "fp32")


@pytest.fixture
def texts(tmp_path: Path) -> tuple[Path, Path]:
    said = [f"{word} {number}" for number in range(12) for word in ("rain", "sea")]
    files = tmp_path / "p.en", tmp_path / "p.de"
    files[0].write_text("\n".join(said) + "\n")
    files[1].write_text("\n".join(one.upper() for one in said) + "\n")
    return files


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = [{"text": f"{word} {n}", "label": word, "size": str(n % 3)}
            for n in range(10) for word in ("rain", "sea")]  # fmt: skip
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def where(tmp_path: Path) -> tuple[Any, ...]:
    return "--out", tmp_path / "run", "--corpus", tmp_path / "corpus"


def test_translation(lexome: Lexome, run: Path, texts: tuple[Path, Path], tmp_path: Path) -> None:
    arguments = (run, *texts, "--task", "translation", *SHORT, *where(tmp_path))
    done = lexome("finetune", *arguments)
    assert done.exit_code == 0, done.output
    assert "BLEU" in done.stdout and "held-out examples, method full" in done.stdout
    assert {"task.json", "predictions.jsonl", "model"} <= {
        path.name for path in (tmp_path / "run").iterdir()
    }
    start = open_run(tmp_path / "run").recipe.start
    assert start is not None and (start.base, start.task) == (str(run), "translation")
    again = lexome("finetune", *arguments, "--json")
    assert again.exit_code == 0, again.output
    found = json.loads(again.stdout)
    assert found == json.loads((tmp_path / "run/task.json").read_text())
    assert found["method"] == "full" and found["examples"] >= 1


def test_answers_are_searched_as_is_said(
    lexome: Lexome, run: Path, texts: tuple[Path, Path], tmp_path: Path
) -> None:
    """Of an untuned base each beam and each penalty changes what is written."""
    asked = ("finetune", run, *texts, "--task", "translation", *SHORT, *where(tmp_path), "--json")
    said = {}
    for more in ((), ("--no-repeat-ngram", 1), ("--beams", 3, "--length-penalty", -3)):
        done = lexome(*asked, *more)
        assert done.exit_code == 0, done.output
        found = json.loads(done.stdout)["settings"]
        lines = (tmp_path / "run/predictions.jsonl").read_text().splitlines()
        said[more] = [json.loads(line)["answer"] for line in lines]
        wanted = {name.removeprefix("--").replace("-", "_"): value
                  for name, value in zip(more[::2], more[1::2], strict=True)}  # fmt: skip
        assert found == found | wanted
    plain, no_repeat, beams = said.values()
    assert plain != no_repeat and plain != beams
    assert all(len(set(one)) == len(one) for one in no_repeat)


def test_a_tuned_run_is_evaluated_as_it_is_asked_for(
    lexome: Lexome, run: Path, texts: tuple[Path, Path], tmp_path: Path
) -> None:
    done = lexome("finetune", run, *texts, "--task", "translation", *SHORT, *where(tmp_path))
    assert done.exit_code == 0, done.output
    tuned, kept = tmp_path / "run", (tmp_path / "run/task.json").read_bytes()
    searched = ("--beams", 2, "--length-penalty", 0.5, "--no-repeat-ngram", 3)
    found = json.loads(lexome("evaluate", tuned, *texts, *searched, "--json").stdout)
    said = {name: found["settings"][name] for name in ("beams", "length_penalty")}
    assert said == {"beams": 2, "length_penalty": 0.5}
    assert found["settings"]["no_repeat_ngram"] == 3
    assert found["among_training"] > 0 and found["examples"] == 24
    assert (tmp_path / "run/task-p.json").is_file()
    assert kept == (tmp_path / "run/task.json").read_bytes()
    for target, option, message in (
        (tuned, ("--stride", 8), "--stride is of the likelihood"),
        (tuned, ("--both-strands",), "--both-strands is of the likelihood"),
        (tuned, ("--positions", 9), "--positions is of the likelihood"),
        (tuned, ("--group", "who"), "nothing is known of this example under 'who'"),
        (run, ("--beams", 2), "--beams is of answers"),
        (run, ("--group", "who"), "--group is of answers"),
    ):
        refused = lexome("evaluate", target, *option)
        assert refused.exit_code in (1, 2)
        assert message in " ".join(refused.output.split()), refused.output


def test_the_command_of_a_report_is_the_command_that_was_given(
    lexome: Lexome, run: Path, texts: tuple[Path, Path], tmp_path: Path
) -> None:
    held = [Path(f"{tmp_path}/v{file.suffix}") for file in texts]
    for file in held:
        file.write_text("fog 1\nfog 2\nrain 3\n")
    out = ("--out", tmp_path / "run")
    corpus = ("--corpus", tmp_path / "my corpus")
    given = (
        run, *texts, "--task", "pair", "--source-language", "text", "--target-language", "text",
        "--target-option", "invalid=replace", "--validation-files", held[0],
        "--validation-files", held[1], "--duplicates", "keep", "--method", "lora", "--epochs",
        1.5, "--examples", 9, "--set", "start.targets=[query, up]", "--seed", 3, "--precision",
        "fp32", "--compile", "false", "--set", "optimizer.learning_rate=1e-05", "--set",
        "trackers=[]", "--beams", 2, "--length-penalty", 0.5,
    )  # fmt: skip
    done = lexome("finetune", *given, *corpus, *out, "--json")
    assert done.exit_code == 0, done.output
    facts = json.loads((tmp_path / "run/run.json").read_text())
    said = shlex.split(collect(tmp_path / "run").reproduction.commands[0])
    assert said[:2] == ["lexome", "finetune"]
    again = lexome(*said[1:], "--json")
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout) == json.loads(done.stdout)

    other = tmp_path / "other"
    anew = lexome(*[other if word == str(tmp_path / "run") else word for word in said[1:]])
    assert anew.exit_code == 0, anew.output
    made = json.loads((other / "run.json").read_text())
    assert made["finetune"] == facts["finetune"] and made["asked"] == facts["asked"]


def test_labels_with_options_and_named_splits(
    lexome: Lexome, run: Path, table: Path, tmp_path: Path
) -> None:
    done = lexome(
        "finetune", run, table, "--task", "labels", "--method", "lora", "--target", "size",
        "--target-option", "form=number", "--validation-where", "label=sea", *SHORT,
        *where(tmp_path), "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["examples"], found["training_examples"]) == (10, 10)
    assert found["figures"][0]["name"] == "Spearman"
    assert found["trained_parameters"] < found["parameters"] / 2


def test_a_masked_run_is_a_base(
    lexome: Lexome, masked_run: Path, table: Path, tmp_path: Path
) -> None:
    asked = ("finetune", masked_run, table, *SHORT, *where(tmp_path))
    done = lexome(*asked, "--task", "labels")
    assert done.exit_code == 0, done.output
    assert "MCC" in done.stdout or "accuracy" in done.stdout


@pytest.mark.parametrize(
    "more, code, message",
    [
        (("--task", "translate"), 2, "there is no task 'translate'"),
        (("--task", "pair"), 2, "add --target-language"),
        (("--task", "pair", "--target-option", "form=each"), 2, "add --target-language"),
        (("--task", "labels", "--method", "lorra"), 2, "'lora'"),
        (("--task", "labels", "--duplicates", "drop"), 2, "duplicates cannot be 'drop'"),
        (("--task", "labels", "--target", "lable"), 1, "no column 'lable'"),
        (("--task", "labels", "--source-option", "sizes=3"), 2, "'sizes' is not an option"),
        (("--task", "labels", "--target-option", "form=maybe"), 2, "form"),
        (("--task", "labels", "--group", "who"), 1, "under 'who'"),
        (("--task", "labels", "--epochs", "2", "--steps", "3"), 2, "two things say how long"),
        (("--task", "labels", "--epochs", "0"), 2, "epochs must be above 0, not 0"),
        (("--task", "labels", "--epochs", "nan"), 2, "epochs must be above 0, not nan"),
        (("--task", "labels", "--sizes", "abc"), 2, "'abc' is no list of whole numbers above 0"),
        (("--task", "labels", "--sizes", "10,0"), 2, "'10,0' is no list of whole numbers above 0"),
        (("--task", "labels", "--beams", "-3"), 2, "beams must be 1 or more, not -3"),
        (("--task", "labels", "--no-repeat-ngram", "-1"), 2, "no_repeat_ngram must be 0"),
        (("--task", "labels", "--length-penalty", "2"), 2, "there is one alone"),
        (("--task", "labels", "--beams", "2", "--length-penalty", "11"), 2, "from -10 to 10"),
        (("--task", "labels", "--examples", "0"), 2, "start.examples"),
        (("--task", "labels", "--set", "training.batch_size=abc"), 2, "training.batch_size"),
        (
            (
                "--task",
                "labels",
                "--target",
                "size",
                "--target-option",
                "form=number",
                "--balanced",
            ),
            2,
            "only classes can count alike",
        ),
        (("--task", "labels", "--width", "64"), 2, "width"),
    ],
)
def test_mistakes_are_said_in_one_line(
    lexome: Lexome, run: Path, table: Path, tmp_path: Path, more: Any, code: int, message: str
) -> None:
    given = SHORT[2:] if {"--steps", "--epochs"} & set(more) else SHORT
    done = lexome("finetune", run, table, *more, *given, *where(tmp_path))
    assert done.exit_code == code, done.output
    assert message in " ".join(done.output.split()), done.output
    assert not (tmp_path / "run").exists()


def test_files_that_are_not_there(lexome: Lexome, run: Path, table: Path, tmp_path: Path) -> None:
    for base, data, message in (
        (tmp_path / "no run", table, "not a model folder"),
        (run, tmp_path / "no.jsonl", "no.jsonl"),
    ):
        done = lexome("finetune", base, data, "--task", "labels", *SHORT, *where(tmp_path))
        assert done.exit_code == 1
        assert message in " ".join(done.output.split()), done.output


@pytest.mark.parametrize(
    "more, key",
    [
        (("--method", "lora"), "start.method"),
        (("--steps", 5), "training.steps"),
        (("--set", "optimizer.learning_rate=0.5"), "optimizer.learning_rate"),
        (("--examples", 5), "start.examples"),
        (("--seed", 1), "training.seed"),
    ],
)
def test_a_run_is_not_gone_on_with_where_another_is_asked(
    lexome: Lexome, labelled: tuple[Any, ...], more: tuple[Any, ...], key: str
) -> None:
    again = lexome(*labelled, *more)
    assert again.exit_code == 2
    said = " ".join(again.output.split())
    assert f"the run that was begun here differs in {key}" in said, again.output
    said = collect(labelled[labelled.index("--out") + 1]).reproduction.commands[0]
    assert "--balanced" in shlex.split(said)
    # Said otherwise, it is the same.
    same = lexome(*labelled, "--set", "training.steps=4", "--set", "training.batch_size=2")
    assert same.exit_code == 0, same.output


def test_a_run_of_so_many_minutes_is_gone_on_with(
    lexome: Lexome, run: Path, table: Path, tmp_path: Path
) -> None:
    """Its recipe says steps once it has ended: what is compared is what was asked."""
    asked = ("finetune", run, table, "--task", "labels", "--compile", "false", *where(tmp_path))
    for minutes, code in ((0.25, 0), (0.25, 0), (0.26, 2)):
        done = lexome(*asked, "--minutes", minutes)
        assert done.exit_code == code, done.output
    assert "differs in training.minutes" in " ".join(done.output.split())


@pytest.fixture(scope="module")
def labelled(
    lexome: Lexome, run: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, ...]:
    """The command of a run that was made."""
    folder = tmp_path_factory.mktemp("labelled")
    rows = [{"text": f"{word} {n}", "label": word} for n in range(10) for word in ("rain", "sea")]
    (folder / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = (
        "finetune", run, folder / "t.jsonl", "--task", "labels", "--balanced", *SHORT,
        *where(folder),
    )  # fmt: skip
    done = lexome(*asked)
    assert done.exit_code == 0, done.output
    return asked
