"""evaluation.json of a run: the model beside its baselines on the same documents."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from lexome import evaluation, recipe
from lexome.corpus import Corpus, PrepareRequest, prepare
from lexome.errors import LexomeError, UsageError
from lexome.evaluation.evaluate import Documents
from lexome.languages.base import Document
from lexome.languages.bases import reverse_complement
from lexome.model import Transformer, families, save_model
from lexome.training.run import create_run

LINES = [f"{'abc' * (n % 7 + 1)} {n} é" for n in range(80)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "lines.txt").write_text("\n".join(LINES) + "\n", encoding="utf-8")
    request = PrepareRequest(
        sources=[folder / "lines.txt"],
        language="text",
        options={"separator": "line"},
        tokenizer="bytes",
        validation=0.3,
        workers=1,
    )
    return prepare(request, folder / "prepared")


def run_of(corpus: Corpus, folder: Path, family: str, objective: str) -> Path:
    """Write a run folder with an untrained model that knows nothing: all tokens alike."""
    resolved = recipe.parse(
        {
            "corpus": str(corpus.folder),
            "training": {"steps": 1},
            "objective": {"name": objective, "document_boundaries": "respect"},
        },
        "test",
    )
    facts = {
        "corpus": str(corpus.folder),
        "fingerprint": corpus.fingerprint,
        "language": corpus.manifest.language,
        "options": dict(corpus.language.options),
        "unit": corpus.language.unit,
        "objective": objective,
        "parameters": 0,
        "plan": {},
        "machine": {},
        "setup_seconds": 0.0,
        "step_seconds": 0.0,
    }
    create_run(folder, resolved, facts)
    model = Transformer(families.get(family).config(corpus.tokenizer.vocab_size, 16, 1, 16, 2))
    for parameter in model.head.unembedding.parameters():
        torch.nn.init.zeros_(parameter)
    save_model(folder / "model", model, tokenizer=corpus.tokenizer)
    return folder


def test_a_causal_run(corpus: Corpus, tmp_path: Path) -> None:
    folder = run_of(corpus, tmp_path / "run", "llama", "next-token")
    told: list[tuple[str, float, float | None]] = []
    found = evaluation.evaluate(folder, told=lambda *what: told.append(what))
    assert json.loads((folder / "evaluation.json").read_text()) == found
    texts = [document.content for document in corpus.documents("valid")]
    units = sum(len(text.encode()) for text in texts)
    assert (found["split"], found["unit"], found["units"]) == ("valid", "byte", units)
    assert found["tokens"] == units + len(texts)
    assert found["stride"] == 8
    # A model whose tokens are all alike needs log2(V) bits for each.
    bits = np.log2(corpus.tokenizer.vocab_size) * found["tokens"] / units
    assert found["model"]["bits_per_unit"] == pytest.approx(bits, rel=1e-5)
    assert found["model"]["kind"] == "likelihood"
    assert "are not seen" in found["definition"]
    # The bits of a baseline are for the same units.
    train = [document.content for document in corpus.documents("train")]
    counts = np.bincount(np.frombuffer("".join(train).encode(), np.uint8), minlength=256) + 0.5
    test = np.frombuffer("".join(texts).encode(), np.uint8)
    unigram = -np.log2(counts / counts.sum())[test].sum() / units
    scores = {line["name"]: line["bits_per_unit"] for line in found["baselines"]}
    assert scores["unigram"] == pytest.approx(unigram)
    assert set(scores) == {b.name for b in corpus.language.baselines(corpus.tokenizer)}
    assert told[0][0] == "evaluate"
    assert told[-1] == ("baselines", 3, 3)


def test_a_masked_run_without_baselines(corpus: Corpus, tmp_path: Path) -> None:
    folder = run_of(corpus, tmp_path / "run", "modernbert", "masked-token")
    found = evaluation.evaluate(folder, baselines=False, positions=50)
    assert found["baselines"] == []
    assert found["stride"] is None
    assert found["tokens"] == found["units"] == 50
    assert found["model"]["kind"] == "pseudo-likelihood"
    assert 0 <= found["model"]["standard_error"] < 0.1
    assert found["model"]["bits_per_unit"] == pytest.approx(
        np.log2(corpus.tokenizer.vocab_size), rel=0.05
    )


def test_documents_can_be_asked_for_one_by_one(corpus: Corpus) -> None:
    documents = Documents(corpus, "train")
    contents = [document.content for document in corpus.documents("train")]
    assert [document.content for document in documents] == contents
    assert len(documents) == len(contents)
    assert documents[-1].content == contents[-1]
    assert [document.content for document in documents[2:5]] == contents[2:5]
    with pytest.raises(IndexError):
        documents[len(contents)]


def test_a_folder_that_is_no_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LexomeError, match="not a run"):
        evaluation.evaluate(tmp_path)


def test_overlapping_tokens_are_warned_of_where_both_sides_are_seen(tmp_path: Path) -> None:
    (tmp_path / "genome.fa").write_text(">a\n" + "ACGGT" * 60 + "\n>b\n" + "TTGCA" * 60 + "\n")
    request = PrepareRequest(
        sources=[tmp_path / "genome.fa"],
        language="dna",
        tokenizer="kmer",
        tokenizer_options={"k": 3, "stride": 1},
        validation=0.3,
        workers=1,
    )
    kmers = prepare(request, tmp_path / "prepared")
    masked = run_of(kmers, tmp_path / "masked", "modernbert", "masked-token")
    (warning,) = evaluation.evaluate(masked, baselines=False)["warnings"]
    assert "overlap" in warning
    causal = run_of(kmers, tmp_path / "causal", "llama", "next-token")
    assert evaluation.evaluate(causal, baselines=False)["warnings"] == []


def test_baselines_score_the_documents_that_the_model_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "genome.fa").write_text(">a\n" + "ACGGT" * 60 + "\n>b\n" + "TTGCA" * 60 + "\n")
    request = PrepareRequest(
        sources=[tmp_path / "genome.fa"],
        language="dna",
        options={"reverse_complement": True},
        validation=0.3,
        workers=1,
    )
    both = prepare(request, tmp_path / "prepared")
    assert both.manifest.train.augmented
    seen: list[int] = []

    class Counting:
        name = "counting"

        def bits(self, train: Sequence[Document], test: Sequence[Document]) -> float:
            seen.extend((len(train), len(test), sum(len(one.content) for one in test)))
            return 1.0

    monkeypatch.setattr(type(both.language), "baselines", lambda *_: [Counting()])
    (line,) = evaluation.score_baselines(both, "train")
    side = both.manifest.train
    assert seen == [side.documents - side.augmented, side.documents, side.units]
    assert line["bits_per_unit"] == 1 / side.units


def test_an_evaluation_knows_the_weights_that_it_scored(corpus: Corpus, tmp_path: Path) -> None:
    folder = run_of(corpus, tmp_path / "run", "llama", "next-token")
    found = evaluation.evaluate(folder, baselines=False)
    assert evaluation.is_current(found, folder)
    weights = folder / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    assert not evaluation.is_current(found, folder)
    assert not evaluation.is_current({}, folder)


def genome(folder: Path) -> Corpus:
    """Prepare two records of DNA, of which one is held out."""
    (folder / "genome.fa").write_text(">a\n" + "ACGGT" * 60 + "\n>b\n" + "TTGCANAC" * 40 + "\n")
    request = PrepareRequest(
        sources=[folder / "genome.fa"], language="dna", validation=0.3, workers=1
    )
    return prepare(request, folder / "prepared")


@pytest.mark.parametrize(
    ("family", "objective"), [("llama", "next-token"), ("modernbert", "masked-token")]
)
def test_both_strands_are_the_mean_of_two_corpora(
    family: str, objective: str, tmp_path: Path
) -> None:
    for name in ("written", "other"):
        (tmp_path / name).mkdir()
    written = genome(tmp_path / "written")
    other = tmp_path / "other" / "valid.fa"
    texts = [reverse_complement(document.content) for document in written.documents("valid")]
    other.write_text("".join(f">r{number}\n{text}\n" for number, text in enumerate(texts)))
    request = PrepareRequest(
        sources=[tmp_path / "written/genome.fa"],
        validation_files=[other],
        language="dna",
        workers=1,
    )
    mirrored = prepare(request, tmp_path / "other" / "prepared")
    folder = run_of(written, tmp_path / "run", family, objective)
    model = Transformer(families.get(family).config(written.tokenizer.vocab_size, 16, 1, 16, 2))
    torch.manual_seed(1)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    save_model(folder / "model", model, tokenizer=written.tokenizer)
    found = evaluation.evaluate(folder, baselines=False, both_strands=True)
    readings = [
        evaluation.score_split(model, each, "valid", respect_documents=True)
        for each in (written, mirrored)
    ]
    bits = [reading.bits_per_unit for reading in readings]
    assert found["readings"]["as_written"]["bits_per_unit"] == pytest.approx(bits[0])
    assert found["readings"]["mirrored"]["bits_per_unit"] == pytest.approx(bits[1])
    assert found["model"]["bits_per_unit"] == pytest.approx(sum(bits) / 2)
    assert abs(bits[0] - bits[1]) > 1e-3
    assert "both readings" in found["definition"]


def test_a_language_that_reads_one_way_has_no_other_strand(corpus: Corpus, tmp_path: Path) -> None:
    folder = run_of(corpus, tmp_path / "run", "llama", "next-token")
    with pytest.raises(UsageError, match="one reading"):
        evaluation.evaluate(folder, baselines=False, both_strands=True)
