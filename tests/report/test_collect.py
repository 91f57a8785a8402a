"""The page's records: equal to the files, and whatever is absent or damaged says so."""

from __future__ import annotations

import base64
import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from fake_run import VALID, FakeRun, make
from sklearn.decomposition import PCA
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

from lexome import languages
from lexome.cli.app import app
from lexome.cli.options import texts
from lexome.corpus import Manifest
from lexome.errors import LexomeError
from lexome.report import collect
from lexome.report.data import (
    Attention,
    CorpusFacts,
    EmbeddingMap,
    Inside,
    Ledger,
    Missing,
    Samples,
    Scores,
    Training,
)
from lexome.report.results import SAMPLE_STEPS


@pytest.fixture
def copy(causal: FakeRun, tmp_path: Path) -> Path:
    """A run folder of one's own to damage."""
    return Path(shutil.copytree(causal.folder, tmp_path / "runs" / "copy"))


def test_numbers_are_those_of_the_files(causal: FakeRun) -> None:
    data = collect(causal.folder)
    steps = [line for line in causal.metrics if "loss" in line]
    assert data.summary.steps == steps[-1]["step"] == 1_500
    assert data.summary.tokens == steps[-1]["tokens"]
    assert data.summary.parameters == sum(p.numel() for p in causal.model.parameters())
    assert isinstance(data.scores, Scores)
    assert {s.name: s.bits_per_unit for s in data.scores.scores} == {
        "this model": causal.evaluation["model"]["bits_per_unit"],
        **{b["name"]: b["bits_per_unit"] for b in causal.evaluation["baselines"]},
    }
    bits = [score.bits_per_unit for score in data.scores.scores]
    assert bits == sorted(bits)
    assert isinstance(data.training, Training)
    last = {line["step"]: line["validation_loss"] for line in causal.metrics if "loss" not in line}
    assert {p.step: p.loss for p in data.training.validation} == last
    assert isinstance(data.corpus, CorpusFacts)
    assert [side.documents for side in data.corpus.sides] == [9, 3]
    assert isinstance(data.ledger, Ledger)
    assert data.ledger.weights == sum(row.weights for row in data.ledger.rows)
    assert data.summary.verdict.startswith("It beats all 3 of its baselines")
    assert "17.3% less" in data.summary.verdict


@pytest.mark.parametrize("kind", ["causal", "masked"])
def test_predictions_and_attention_are_those_of_transformers(
    kind: str, request: pytest.FixtureRequest
) -> None:
    run: FakeRun = request.getfixturevalue(kind)
    inside = collect(run.folder).inside
    assert isinstance(inside, Inside)
    auto = AutoModelForCausalLM if kind == "causal" else AutoModelForMaskedLM
    peer = auto.from_pretrained(run.folder / "model", attn_implementation="eager").eval()
    assert len(inside.inspections) == 3
    for inspection in inside.inspections:
        row = torch.tensor([inspection.tokens])
        with torch.no_grad():
            plain = peer(row, output_attentions=True)
        expected = torch.stack(plain.attentions)[:, 0]
        assert torch.allclose(unpack(inspection.attention), expected, atol=2e-5)
        for prediction in inspection.predictions:
            hidden, truth = row.clone(), prediction.truth
            if kind == "masked":
                hidden[0, prediction.position] = run.tokenizer.special.mask
                assert truth == inspection.tokens[prediction.position]
            elif prediction.position + 1 < len(inspection.tokens):
                assert truth == inspection.tokens[prediction.position + 1]
            with torch.no_grad():
                logits = peer(hidden).logits[0, prediction.position]
            wanted = logits.softmax(-1)
            for token, share in prediction.top:
                assert share == pytest.approx(float(wanted[token]), rel=1e-3)
            if truth is not None:
                assert prediction.truth_probability == pytest.approx(float(wanted[truth]), rel=1e-3)
                assert prediction.truth_rank == 1 + int((wanted > wanted[truth]).sum())
    texts = [run.tokenizer.decode(np.array(i.tokens)) for i in inside.inspections]
    assert [valid.startswith(text) for valid, text in zip(VALID, texts, strict=True)] == [True] * 3


def unpack(attention: Attention) -> torch.Tensor:
    values = np.frombuffer(base64.b64decode(attention.values), "<u2").astype(np.float32) / 65_535
    shape = (attention.layers, attention.heads, attention.length, attention.length)
    return torch.from_numpy(values).view(shape)


def test_embeddings_are_projected_as_scikit_learn_does(causal: FakeRun) -> None:
    inside = collect(causal.folder).inside
    assert isinstance(inside, Inside)
    found = inside.embeddings
    assert isinstance(found, EmbeddingMap)
    assert not {0, 1, 2, 3} & set(found.tokens)
    for projection, model in ((found.before, causal.initial), (found.after, causal.model)):
        vectors = model.embedding.weight.detach().double().numpy()[list(found.tokens)]
        pca = PCA(n_components=2, svd_solver="full").fit(vectors)
        points, expected = np.array(projection.points), pca.transform(vectors)
        for axis in range(2):
            sign = np.sign((points[:, axis] * expected[:, axis]).sum())
            assert np.allclose(points[:, axis], sign * expected[:, axis], rtol=1e-3, atol=1e-5)
        assert np.allclose(projection.explained, pca.explained_variance_ratio_, rtol=1e-3)
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        cosine = unit @ unit.T
        np.fill_diagonal(cosine, -2)
        for i, near in enumerate(projection.neighbours):
            assert [j for j, _ in near] == list(np.argsort(-cosine[i])[: len(near)])
            nearest = np.sort(cosine[i])[::-1][: len(near)]
            assert [c for _, c in near] == pytest.approx(nearest, rel=1e-3)


def test_the_commands_on_the_page_are_understood(causal: FakeRun) -> None:
    commands = collect(causal.folder).reproduction.commands
    assert len(commands) == 4
    known: Any = typer.main.get_command(app)
    given: dict[str, dict[str, Any]] = {}
    for line in commands:
        program, name, *words = shlex.split(line)
        assert program == "lexome"
        command = known.commands[name]
        # An option that the command does not have is an error here.
        given[name] = command.make_context(name, words).params
    request, asked = given["prepare"], Manifest.read(causal.corpus).request
    for key in ("sources", "validation_files", "language", "tokenizer", "seed"):
        assert request[key] == asked[key], key
    options = texts(request["option"], "--option", "")
    assert languages.options_from_text("text", options) == asked["options"]
    assert (request["validation"], request["split"]) == (asked["validation"], asked["split"])
    assert request["sample_units"] == 9_000
    assert request["licence"] == "public domain"
    assert request["out"] == causal.corpus
    assert given["train"]["out"] != causal.folder


def test_nested_facts_are_spelled_out(copy: Path) -> None:
    facts = json.loads((copy / "run.json").read_text())
    facts["groups"] = [{"label": "maps", "names": ["a", "b"], "weights": 4_096}]
    (copy / "run.json").write_text(json.dumps(facts))
    shown = dict(collect(copy).reproduction.facts)
    assert shown["groups.1.label"] == "maps"
    assert shown["groups.1.names"] == "a, b"
    assert shown["groups.1.weights"] == "4,096"
    assert shown["machine.precision"] == "bf16"


def test_a_masked_run_is_not_asked_for_samples(masked: FakeRun, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(masked.folder, tmp_path / "run"))
    (folder / "samples.jsonl").unlink()
    found = collect(folder).samples
    assert isinstance(found, Missing)
    assert found.command == ""


def test_map_holds_the_most_frequent_tokens(causal: FakeRun) -> None:
    inside = collect(causal.folder).inside
    assert isinstance(inside, Inside)
    assert isinstance(inside.embeddings, EmbeddingMap)
    tokens = np.load(causal.corpus / "shards" / "train-00000.npy")
    counts = np.bincount(tokens)
    shown = [counts[token] for token in inside.embeddings.tokens]
    assert shown == sorted(shown, reverse=True)
    assert len(shown) == sum(counts[4:] > 0)


def test_a_run_that_has_just_begun_says_what_is_missing(causal: FakeRun, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "new run"
    folder.mkdir(parents=True)
    shutil.copy(causal.folder / "recipe.yaml", folder)
    shutil.copy(causal.folder / "run.json", folder)
    data = collect(folder)
    for part in (data.training, data.samples, data.inside, data.ledger):
        assert isinstance(part, Missing)
        assert part.command == f"lexome train --resume --out '{folder}'"
    assert isinstance(data.scores, Missing)
    assert data.scores.command == f"lexome evaluate '{folder}'"
    assert isinstance(data.corpus, CorpusFacts)
    assert data.summary.verdict.startswith("Not yet scored")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"model": {}}', b"null"])
def test_a_damaged_evaluation_is_named(copy: Path, content: bytes) -> None:
    (copy / "evaluation.json").write_bytes(content)
    data = collect(copy)
    assert isinstance(data.scores, Missing)
    assert "evaluation.json" in data.scores.missing
    assert data.scores.command == f"lexome evaluate {copy}"
    assert isinstance(data.training, Training)


def test_an_evaluation_without_a_score_is_named(copy: Path) -> None:
    evaluation = json.loads((copy / "evaluation.json").read_text())
    (copy / "evaluation.json").write_text(json.dumps(evaluation | {"model": {}}))
    data = collect(copy)
    assert isinstance(data.scores, Missing)
    assert "no bits per unit" in data.scores.missing


def test_scores_of_other_weights_are_not_shown(copy: Path) -> None:
    weights = copy / "model" / "model.safetensors"
    raw = bytearray(weights.read_bytes())
    raw[-1] ^= 1
    weights.write_bytes(raw)
    data = collect(copy)
    assert isinstance(data.scores, Missing)
    assert "other weights" in data.scores.missing
    assert data.scores.command == f"lexome evaluate {copy}"
    assert data.summary.verdict.startswith("Not yet scored")


def test_torn_lines_are_counted(copy: Path) -> None:
    with (copy / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 1501, "lo')
    data = collect(copy)
    assert isinstance(data.training, Training)
    assert any("1 line of metrics.jsonl" in note for note in data.training.notes)


def test_a_flipped_byte_in_the_weights_or_a_lost_file_is_named(copy: Path) -> None:
    weights = copy / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    inside = collect(copy).inside
    assert isinstance(inside, Missing)
    assert str(weights) in inside.missing
    weights.unlink()
    inside = collect(copy).inside
    assert isinstance(inside, Missing)
    assert "model.safetensors" in inside.missing


def test_a_broken_recipe_costs_only_the_start(copy: Path) -> None:
    (copy / "recipe.yaml").write_text("corpus: x\nunknown: 1\n")
    data = collect(copy)
    assert data.reproduction.recipe == "corpus: x\nunknown: 1\n"
    assert isinstance(data.inside, Inside)
    assert isinstance(data.inside.embeddings, Missing)
    assert "seed" in data.inside.embeddings.missing


def test_a_corpus_that_is_gone_or_changed_is_told_and_samples_stand_in(copy: Path) -> None:
    facts = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps(facts | {"fingerprint": "0" * 64}))
    data = collect(copy)
    assert isinstance(data.corpus, Missing)
    assert "changed" in data.corpus.missing
    (copy / "run.json").write_text(json.dumps(facts | {"corpus": "gone/away"}))
    data = collect(copy)
    assert isinstance(data.corpus, Missing)
    assert "gone/away" in data.corpus.missing
    assert isinstance(data.inside, Inside)
    assert data.inside.inspections[0].origin.startswith("the model’s own sample")


def test_a_relative_corpus_is_found_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make(tmp_path, steps=20)
    facts = json.loads((run.folder / "run.json").read_text())
    (run.folder / "run.json").write_text(json.dumps(facts | {"corpus": "corpus/fake"}))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for place in (tmp_path, elsewhere):
        monkeypatch.chdir(place)
        assert isinstance(collect(run.folder).corpus, CorpusFacts)


def test_many_samples_are_thinned_and_long_ones_cut_and_both_are_told(copy: Path) -> None:
    lines = [{"step": s, "prompt": "p", "text": "x" * 3_000} for s in range(10, 2_010, 10)]
    lines.append(lines[-1])
    (copy / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = collect(copy).samples
    assert isinstance(found, Samples)
    steps = [sample.step for sample in found.samples]
    assert len(steps) == SAMPLE_STEPS
    assert (steps[0], steps[-1]) == (10, 2_000)
    assert all(len(sample.text) < 2_010 for sample in found.samples)
    assert f"{SAMPLE_STEPS} of the 200 steps" in found.note
    assert "cut after 2,000" in found.note


@pytest.mark.parametrize("kind", ["absent", "file", "empty folder"])
def test_no_run_is_an_error_that_names_the_folder(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "nothing"
    if kind == "file":
        folder.write_text("")
    elif kind == "empty folder":
        folder.mkdir()
    with pytest.raises(LexomeError) as caught:
        collect(folder)
    assert caught.value.where == str(folder)
    assert "lexome train" in str(caught.value.fix)
