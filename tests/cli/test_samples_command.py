"""`lexome samples` lists, fetches, and prints a line that trains; here on a tiny package."""

from __future__ import annotations

import hashlib
import io
import json
import shlex
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from lexome import samples
from lexome.packages import Package
from lexome.samples import CATALOGUE, Sample, catalogue

Lexome = Callable[..., Any]


@pytest.fixture
def little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sample:
    """Put a sample of eight texts into the catalogue, its package into the cache."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for number in range(8):
            text = f"text {number}: " + "the rain has come again " * 120
            member = tarfile.TarInfo(f"works-1.0/{number}.txt")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    data = stream.getvalue()
    package = Package("works", "1.0", hashlib.sha256(data).hexdigest(), r"(\d\.txt)", "CC0")
    cache = tmp_path / "cache" / "packages"
    cache.mkdir(parents=True)
    (cache / package.filename).write_bytes(data)
    monkeypatch.setenv("LEXOME_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    sample = Sample("little", "text", "rain", package, ".txt", 8, 23_120, len(data))
    offered = MappingProxyType({**CATALOGUE, "little": sample})
    monkeypatch.setattr(catalogue, "CATALOGUE", offered)
    monkeypatch.setattr(samples, "CATALOGUE", offered)
    return sample


def test_the_list_names_every_sample_with_its_package_and_licence(lexome: Lexome) -> None:
    shown = lexome("samples")
    assert shown.exit_code == 0
    words = " ".join(shown.stdout.split())
    facts = json.loads(lexome("samples", "--json").stdout)
    assert [entry["name"] for entry in facts] == [*CATALOGUE, "biographies"]
    for entry in facts:
        for fact in ("name", "language", "what", "version", "package", "licence"):
            assert entry[fact] in words
    assert "Essen" in shown.stderr


def test_the_line_that_is_printed_trains(lexome: Lexome, little: Sample) -> None:
    fetched = lexome("samples", "little")
    assert fetched.exit_code == 0, fetched.output
    assert "8 files" in fetched.stderr
    assert "CC0" in fetched.stderr
    (line,) = fetched.stdout.splitlines()
    prepare, train = (shlex.split(part) for part in line.split(" && "))
    done = lexome(*prepare[1:], "--tokenizer", "bytes", "--validation", 0.3)
    assert done.exit_code == 0, done.output
    quick = shlex.split("--depth 1 --context 32 --batch-size 4 --steps 2 --compile false")
    words = train[1:]
    at = words.index("--minutes")
    done = lexome(*words[:at], *words[at + 2 :], *quick)
    assert done.exit_code == 0, done.output
    assert Path("runs/little/model/config.json").is_file()


def test_it_may_lie_elsewhere_and_be_told_as_json(lexome: Lexome, little: Sample) -> None:
    told = json.loads(lexome("samples", "little", "--out", "my data/x", "--json").stdout)
    assert told["files"] == 8
    assert told["sha256"] == little.package.sha256
    assert shlex.split(told["command"])[2] == "my data/x/*.txt"
    again = lexome("samples", "little", "--out", "my data/x")
    assert "there already" in again.stderr
    other = lexome("samples", "kjv", "--out", "my data/x")
    assert other.exit_code == 1
    assert "holds something else" in other.stderr


def test_an_unknown_sample_is_bad_usage(lexome: Lexome) -> None:
    refused = lexome("samples", "bach")
    assert refused.exit_code == 2
    assert "there is no sample 'bach'" in refused.stderr


def test_a_world_is_made_and_the_line_that_is_printed_trains(
    lexome: Lexome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ("--subjects", 50, "--readings", 2, "--skew", 0.9, "--skew", 0.5, "--seed", 3)
    made = lexome("samples", "biographies", *options)
    assert made.exit_code == 0, made.output
    (line,) = made.stdout.splitlines()
    prepare, train = (shlex.split(part) for part in line.split(" && "))
    at = prepare.index("--vocab-size")
    done = lexome(*prepare[1:at], *prepare[at + 2 :], "--tokenizer", "bytes", "--workers", 1)
    assert done.exit_code == 0, done.output
    assert train[:4] == ["lexome", "train", "--corpus", prepare[-1]]
    told = json.loads(lexome("samples", "biographies", *options, "--json").stdout)
    assert told["folder"] == "samples/biographies"
    assert (told["subjects"], told["skew"], told["seed"]) == (50, [0.9, 0.5], 3)
    assert "there already" in lexome("samples", "biographies", *options).stderr
    assert lexome("samples", "biographies", "--seed", 4).exit_code == 1


def test_options_of_a_world_are_refused_elsewhere(lexome: Lexome) -> None:
    for arguments in (("kjv", "--seed", 0), ("--skew", 0.5)):
        refused = lexome("samples", *arguments)
        assert refused.exit_code == 2
        assert arguments[-2] in refused.stderr
    refused = lexome("samples", "biographies", "--phrasings", 9)
    assert refused.exit_code == 2
    assert "from 1 to 8" in refused.stderr
