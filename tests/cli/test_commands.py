"""Each command does its work, says it, and says it to programs too."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lexome import recipe as recipes
from lexome.cli.app import app
from lexome.corpus import Corpus

Lexome = Callable[..., Any]
TINY = ("--depth", 1, "--context", 32, "--batch-size", 4, "--compile", "false")
NAMES = [command.callback.__name__ for command in app.registered_commands if command.callback]


def test_every_command_of_the_design_is_there() -> None:
    assert set(NAMES) == {
        "demo", "prepare", "train", "plan", "generate", "fill", "evaluate", "report", "ledger",
        "score", "embed", "samples", "mix", "finetune", "chat", "index", "trace", "audit",
        "reweigh",
    }  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_help_has_an_example_of_the_command(lexome: Lexome, name: str) -> None:
    for flag in ("--help", "-h"):
        result = lexome(name, flag)
        assert result.exit_code == 0
        assert "Example" in result.stdout
        assert f"lexome {name} " in result.stdout or f"lexome {name}\n" in result.stdout
    # Square brackets in a help text would be taken for markup, and vanish.
    assert "default: )" not in result.stdout


def test_no_argument_at_all_shows_the_commands(lexome: Lexome) -> None:
    result = lexome()
    assert result.exit_code == 2
    assert all(name in result.output for name in NAMES)


def test_the_version(lexome: Lexome) -> None:
    assert lexome("--version").stdout == "lexome 0.1.0\n"


def test_prepare_tells_what_the_corpus_holds(lexome: Lexome, letters: Path, tmp_path: Path) -> None:
    options = ("--language", "text", "--tokenizer", "bpe", "--vocab-size", 300, "--workers", 1)
    out = tmp_path / "corpus"
    result = lexome("prepare", letters, *options, "--licence", "mine", "--out", out)
    assert result.exit_code == 0, result.output
    manifest = Corpus.open(out).manifest
    assert manifest.licence == "mine"
    assert f"{manifest.train.documents:,} documents" in result.stdout
    assert "bpe, 300 tokens" in result.stdout
    assert f"written: {out}" in result.stdout
    as_json = lexome("prepare", letters, *options, "--licence", "mine", "--out", out, "--json")
    assert json.loads(as_json.stdout)["fingerprint"] == manifest.fingerprint


def test_prepare_hands_every_option_on(lexome: Lexome, tmp_path: Path) -> None:
    (tmp_path / "genome.fa").write_text(">a\n" + "ACGT" * 300 + "\n>b\n" + "TTGCA" * 80 + "\n")
    result = lexome(
        "prepare", tmp_path / "genome.fa", "--language", "dna", "--out", tmp_path / "corpus",
        "--tokenizer", "kmer", "--k", 3, "--stride", 3, "--split", "tail", "--validation", 0.2,
        "--option", "reverse_complement=true", "--option", "min_length=10", "--workers", 1,
        "--seed", 3,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    manifest = Corpus.open(tmp_path / "corpus").manifest
    assert manifest.options == {"reverse_complement": True, "min_length": 10}
    assert manifest.request["tokenizer_options"] == {"k": 3, "stride": 3}
    assert (manifest.split.asked, manifest.split.fraction) == ("tail", 0.2)
    assert manifest.request["seed"] == 3
    assert "by augmentation" in result.stdout


@pytest.mark.parametrize(
    ("option", "rows"),
    [
        ("delimiter=|", "name|text\n{}|{}\n"),
        ("delimiter=,", "name,text\n{},{}\n"),
        ("column=1", "0,1\n{},{}\n"),
    ],
)
def test_an_option_of_prepare_is_the_text_that_was_typed(
    lexome: Lexome, tmp_path: Path, option: str, rows: str
) -> None:
    head, row = rows.splitlines(keepends=True)
    lines = [row.format(n, "dear friend " * 20) for n in range(20)]
    (tmp_path / "letters.csv").write_text(head + "".join(lines))
    out = tmp_path / "corpus"
    result = lexome(
        "prepare", tmp_path / "letters.csv", "--language", "text", "--tokenizer", "bytes",
        "--option", option, "--workers", 1, "--out", out,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    corpus = Corpus.open(out)
    assert corpus.manifest.options == dict([option.split("=")])
    assert corpus.manifest.train.units + corpus.manifest.valid.units == 20 * 240


def test_a_separator_may_look_like_the_end_of_yaml(lexome: Lexome, tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("\n---\n".join(["Dear friend " * 9] * 30))
    result = lexome(
        "prepare", tmp_path / "letters.txt", "--language", "text", "--tokenizer", "bytes",
        "--option", "separator=---", "--workers", 1, "--out", tmp_path / "corpus",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    manifest = Corpus.open(tmp_path / "corpus").manifest
    assert manifest.options == {"separator": "---"}
    assert manifest.train.documents + manifest.valid.documents == 30


def test_prepare_says_how_many_documents_the_leak_check_cannot_judge(
    lexome: Lexome, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("".join(f"note {n}\n" for n in range(100)))
    result = lexome(
        "prepare", tmp_path / "notes.txt", "--language", "text", "--tokenizer", "bytes",
        "--option", "separator=line", "--workers", 1, "--out", tmp_path / "corpus",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    short = Corpus.open(tmp_path / "corpus").manifest.leak.too_short
    assert short > 0
    assert f"{short} are too short to tell" in result.stdout


def test_prepare_counts_what_it_skips(lexome: Lexome, letters: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("")
    result = lexome(
        "prepare", letters, tmp_path / "empty.txt", "--language", "text", "--tokenizer", "bytes",
        "--workers", 1, "--out", tmp_path / "corpus",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "skipped" in result.stdout
    assert "empty.txt" in result.stdout


def test_train_writes_a_run_and_shows_what_it_learns(run: Path) -> None:
    recipe = recipes.load(run / "recipe.yaml")
    assert (recipe.training.steps, recipe.model.context, recipe.training.batch_size) == (10, 32, 4)
    assert recipe.training.compile is False
    assert (run / "model" / "config.json").is_file()
    samples = [json.loads(line) for line in (run / "samples.jsonl").read_text().splitlines()]
    assert [sample["step"] for sample in samples] == [5, 10]
    assert all(sample["text"] for sample in samples)


def test_train_tells_programs_and_people(lexome: Lexome, corpus: Path, tmp_path: Path) -> None:
    options = ("--corpus", corpus, *TINY, "--steps", 2)
    result = lexome("train", *options, "--out", tmp_path / "a", "--json")
    told = json.loads(result.stdout)
    assert told["steps"] == 2
    assert told["stopped"] is False
    assert told["validation_loss"] > 0
    result = lexome("train", *options, "--out", tmp_path / "b")
    assert "trained 2 steps" in result.stdout
    assert "nats per token" in result.stdout
    assert "1 layers, 64 wide" in result.stderr


def test_a_recipe_file_is_overridden_by_options(
    lexome: Lexome, corpus: Path, tmp_path: Path
) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(
        f"corpus: {corpus}\nmodel: {{depth: 2, context: 32}}\n"
        "training: {minutes: 99, batch_size: 4, seed: 7, compile: false}\n"
    )
    result = lexome(
        "train", "--recipe", file, "--depth", 1, "--steps", 2, "--out", tmp_path / "run",
        "--set", "optimizer.learning_rate=1e-4", "--set", "schedule.name=cosine",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    recipe = recipes.load(tmp_path / "run" / "recipe.yaml")
    assert (recipe.model.layers, recipe.training.steps, recipe.training.seed) == (1, 2, 7)
    assert recipe.optimizer.learning_rate == 1e-4
    assert recipe.schedule.name == "cosine"


@pytest.mark.parametrize("command", ["train", "plan"])
@pytest.mark.parametrize("objective", ["target", "preference"])
def test_what_is_learned_beside_a_base_needs_one(
    lexome: Lexome, tmp_path: Path, command: str, objective: str
) -> None:
    where = ("--out", tmp_path / "run") if command == "train" else ()
    options = ("--corpus", tmp_path, "--steps", 2, "--set", f"objective.name={objective}")
    result = lexome(command, *options, *where)
    assert result.exit_code == 2, result.output
    assert "objective.name" in result.stderr and "lexome finetune" in result.stderr


def test_a_finished_run_resumes_to_the_same_weights(lexome: Lexome, run: Path) -> None:
    weights = (run / "model" / "model.safetensors").read_bytes()
    result = lexome("train", "--resume", "--out", run)
    assert result.exit_code == 0, result.output
    assert (run / "model" / "model.safetensors").read_bytes() == weights


def test_resume_takes_the_same_options_again_and_refuses_others(
    lexome: Lexome, run: Path, corpus: Path
) -> None:
    again = ("train", "--corpus", corpus, "--out", run, *TINY, "--steps", 10, "--resume")
    assert lexome(*again[:-2], 10, "--resume").exit_code == 0
    other = lexome(*again, "--seed", 5)
    assert other.exit_code == 2
    assert "training.seed would change it" in other.stderr


def test_plan_says_what_would_be_trained_and_writes_nothing(
    lexome: Lexome, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = lexome("plan", "--corpus", corpus, *TINY, "--minutes", 0.5)
    assert result.exit_code == 0, result.output
    assert "steps of 4 × 32 tokens" in result.stdout
    told = json.loads(lexome("plan", "--corpus", corpus, *TINY, "--steps", 3, "--json").stdout)
    assert told["steps"] == 3
    assert told["recipe"]["training"]["batch_size"] == 4
    assert list(tmp_path.iterdir()) == []


def test_generate_goes_on_from_prompts(lexome: Lexome, run: Path, tmp_path: Path) -> None:
    options = ("--max-tokens", 8, "--seed", 1)
    result = lexome("generate", run, "Dear ", *options)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Dear ")
    assert lexome("generate", run, "Dear ", *options).stdout == result.stdout
    file = tmp_path / "prompts.txt"
    file.write_text("Dear \nYours\n")
    told = json.loads(
        lexome("generate", run, "--prompts", file, "--count", 2, *options, "--json").stdout
    )
    assert [answer["prompt"] for answer in told] == ["Dear ", "Dear ", "Yours", "Yours"]
    assert told[0]["text"] != told[1]["text"]


def test_a_file_of_prompts_is_cut_at_line_breaks_alone(
    lexome: Lexome, run: Path, tmp_path: Path
) -> None:
    file = tmp_path / "prompts.txt"
    file.write_bytes("\ufeffone\u2028two\x0bthree\r\n\n  \nfour".encode())
    told = json.loads(
        lexome("generate", run, "--prompts", file, "--max-tokens", 1, "--json").stdout
    )
    assert [one["prompt"] for one in told] == ["one\u2028two\x0bthree", "four"]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"good\nbad \xff\n", "byte 9 (line 2)"), (b"", "no prompt"), (b"\n \n", "no prompt")],
)
def test_a_file_that_holds_no_prompts_is_named(
    lexome: Lexome, run: Path, tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "prompts.txt"
    file.write_bytes(content)
    result = lexome("generate", run, "--prompts", file)
    assert result.exit_code == 1
    assert said in result.stderr
    assert str(file) in result.stderr


def test_generate_hands_every_setting_on(lexome: Lexome, run: Path) -> None:
    greedy = lexome("generate", run, "Dear", "--max-tokens", 5, "--temperature", 0)
    one = lexome("generate", run, "Dear", "--max-tokens", 5, "--top-k", 1, "--seed", 9)
    assert greedy.stdout == one.stdout
    nucleus = lexome("generate", run, "Dear", "--max-tokens", 5, "--top-p", 1e-6, "--seed", 9)
    assert greedy.stdout == nucleus.stdout
    floor = lexome("generate", run, "Dear", "--max-tokens", 5, "--min-p", 1, "--seed", 9)
    assert greedy.stdout == floor.stdout
    spread = ("--repetition-penalty", 1e5, "--temperature", 0, "--max-tokens", 12, "--json")
    told = json.loads(lexome("generate", run, *spread).stdout)
    assert len(set(told[0]["text"])) == len(told[0]["text"])


def test_fill_fills_the_marks(lexome: Lexome, masked_run: Path) -> None:
    for mark in ("_", "<|mask|>"):
        result = lexome("fill", masked_run, f"Dear fr{mark}end")
        assert result.exit_code == 0, result.output
        assert "Dear fr" in result.stdout
    told = json.loads(lexome("fill", masked_run, "Dear fr_end", "--json").stdout)
    assert told


def test_evaluate_puts_baselines_beside_the_model(lexome: Lexome, run: Path) -> None:
    result = lexome("evaluate", run)
    assert result.exit_code == 0, result.output
    for word in ("this model", "xz", "bits/byte", "perplexity per byte"):
        assert word in result.stdout
    told = json.loads(lexome("evaluate", run, "--no-baselines", "--stride", 8, "--json").stdout)
    assert told["unit"] == "byte"
    assert 0 < told["model"]["bits_per_unit"] < 20


def test_evaluate_says_how_sure_the_score_is_and_what_it_sees(
    lexome: Lexome, run: Path, masked_run: Path
) -> None:
    for folder, name in ((run, "this model"), (masked_run, "this model (sees both sides)")):
        result = lexome("evaluate", folder, "--positions", 200)
        assert result.exit_code == 0, result.output
        (line,) = [line for line in result.stdout.splitlines() if line.startswith(f"{name}  ")]
        assert re.search(r" \d\.\d{4}  ± \d\.\d{4}$", line)
        assert "warning" not in result.stdout
    result = lexome("evaluate", masked_run, "--positions", 0)
    assert result.exit_code == 2
    assert "positions must be at least 1" in result.stderr


def test_report_writes_the_page(lexome: Lexome, run: Path) -> None:
    result = lexome("report", run)
    assert result.exit_code == 0, result.output
    page = run / "report" / "index.html"
    assert f"written: {page}" in result.stdout
    assert "<html" in page.read_text(encoding="utf-8")


def test_the_ledger_of_gpt3_is_the_well_known_one(lexome: Lexome, run: Path) -> None:
    result = lexome("ledger", "gpt3-175b")
    assert result.exit_code == 0
    assert "175,181,291,520" in result.stdout
    assert "27,938" in result.stdout
    told = json.loads(lexome("ledger", run / "model", "--json").stdout)
    assert told["family"] == "llama"
