"""A front end: what it adds, what it leaves alone, who trains it, and its way to and from disk."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from adapted import ALPHA, RANK
from safetensors.torch import load_file, save_file
from torch import Tensor

from lexome.errors import DamagedFileError, UsageError
from lexome.model import (
    Method,
    Transformer,
    attach,
    grown,
    load_adapter,
    load_model,
    merged,
    read_config,
    save_adapter,
    save_model,
)
from lexome.model.front_end import joined, parted, with_front_end
from lexome.recipe import OptimizerRecipe
from lexome.training.optimizers import FRONT, groups
from peers import PEERS, VOCABULARY, tokens

FEATURES = 12
# ESM leaves out its token dropout where it is given embeddings.
reading = pytest.mark.parametrize("name", [n for n, p in PEERS.items() if p.family != "esm"])


def listening(name: str = "llama-tied") -> Transformer:
    return with_front_end(PEERS[name].model(), FEATURES, seed=5)


def heard(rows: int = 2, length: int = 40) -> Tensor:
    """Return features of which those of some positions are zero."""
    features = torch.randn(rows, length, FEATURES, generator=torch.Generator().manual_seed(7))
    features[:, ::3] = 0
    return features


def convolved(features: Tensor, inner: Tensor, outer: Tensor) -> Tensor:
    """Return what a front end adds, by convolutions over time; nothing where no frame stands."""
    stands = features.ne(0).any(dim=-1)
    x = features.mT
    for kernel, after in ((inner, torch.nn.functional.gelu), (outer, torch.nn.Identity())):
        kernel = kernel.unflatten(1, (3, -1)).permute(0, 2, 1)  # [out, in, time]
        x = after(torch.nn.functional.conv1d(x, kernel, padding=1)) * stands.unsqueeze(1)
    return x.mT


@torch.no_grad()
def test_frames_hear_those_beside_them_and_none_beyond_a_marker() -> None:
    model = listening()
    assert model.front_end is not None
    features = heard(1, 9)
    features[0, [0, 4, 8]] = 0  # markers around two recordings of three frames
    features[0, 1:4] = features[0, 5:8] = torch.randn(
        3, FEATURES, generator=torch.Generator().manual_seed(1)
    )
    added = model.front_end(features)
    assert torch.allclose(added[0, 1:4], added[0, 5:8])
    changed = features.clone()
    changed[0, 3] *= 2
    again = model.front_end(changed)
    assert torch.equal(again[0, 4:], added[0, 4:])
    assert not torch.allclose(again[0, 1:4], added[0, 1:4])
    assert not torch.equal(again[0, 1], added[0, 1])  # two frames before it


@torch.no_grad()
def test_zeros_add_nothing_and_features_change_only_what_sees_them() -> None:
    model, ids = listening(), tokens(40)
    plain = model(ids)
    assert torch.equal(model(ids, features=torch.zeros(2, 40, FEATURES)), plain)
    late = heard()
    late[:, :20] = 0
    changed = model(ids, features=late)
    assert torch.equal(changed[:, :20], plain[:, :20])
    assert not torch.allclose(changed[:, 22:], plain[:, 22:])


@reading
@torch.no_grad()
def test_plain_transformers_computes_alike_from_inputs_embeds(name: str, tmp_path: Path) -> None:
    model, ids, features = listening(name), tokens(40), heard()
    save_model(tmp_path / "model", model)
    theirs = (
        PEERS[name]
        .auto_class.from_pretrained(tmp_path / "model", attn_implementation="eager")
        .eval()
    )
    stored = load_file(tmp_path / "model" / "front_end.safetensors")
    # The front end once more, from its file alone.
    added = convolved(features, stored["inner.weight"], stored["outer.weight"])
    embedded = theirs.get_input_embeddings()(ids) + added
    expected = theirs(inputs_embeds=embedded).logits
    torch.testing.assert_close(model(ids, features=features), expected, atol=2e-4, rtol=1e-4)


def test_config_json_says_nothing_of_a_front_end(tmp_path: Path) -> None:
    save_model(tmp_path / "plain", PEERS["llama-tied"].model())
    save_model(tmp_path / "heard", listening())
    plain, with_it = (tmp_path / name / "config.json" for name in ("plain", "heard"))
    assert plain.read_text() == with_it.read_text()
    shape = json.loads((tmp_path / "heard" / "lexome_front_end.json").read_text())
    assert shape == {"features": FEATURES, "width": 48}
    assert not (tmp_path / "plain" / "lexome_front_end.json").exists()


@reading
def test_a_folder_gives_the_model_back(name: str, tmp_path: Path) -> None:
    model = listening(name)
    save_model(tmp_path / "model", model)
    again = load_model(tmp_path / "model")
    assert again.config == model.config == read_config(tmp_path / "model")
    for (ours, kept), (theirs, found) in zip(
        model.named_parameters(), again.named_parameters(), strict=True
    ):
        assert ours == theirs and torch.equal(kept, found)


def test_a_model_that_is_replaced_loses_its_front_end(tmp_path: Path) -> None:
    save_model(tmp_path / "model", listening())
    save_model(tmp_path / "model", PEERS["llama-tied"].model())
    assert load_model(tmp_path / "model").config.features == 0


@pytest.mark.parametrize("fault", ["missing", "torn", "other shape", "no number"])
def test_a_damaged_front_end_is_named(fault: str, tmp_path: Path) -> None:
    save_model(tmp_path / "model", listening())
    weights = tmp_path / "model" / "front_end.safetensors"
    if fault == "missing":
        weights.unlink()
    elif fault == "torn":
        weights.write_bytes(weights.read_bytes()[:-9])
    elif fault == "other shape":
        save_file({**load_file(weights), "inner.weight": torch.zeros(48, 3)}, weights)
    else:
        (tmp_path / "model" / "lexome_front_end.json").write_text('{"features": "many"}')
    with pytest.raises(DamagedFileError, match="front_end"):
        load_model(tmp_path / "model")


def test_weights_are_drawn_alike_with_and_without() -> None:
    config = PEERS["llama-untied-grouped"].config()
    plain, listens = Transformer(config), Transformer(replace(config, features=FEATURES))
    plain.initialise(3)
    listens.initialise(3)
    drawn = dict(listens.named_parameters())
    for name, parameter in plain.named_parameters():
        assert torch.equal(parameter, drawn[name])


@pytest.mark.parametrize("name", ["llama-tied", "llama-untied-grouped"])
@torch.no_grad()
def test_frames_begin_about_as_large_as_tokens(name: str) -> None:
    base = PEERS[name].model()
    fresh = Transformer(replace(base.config, features=400))
    fresh.initialise(1)
    for model in (with_front_end(base, 400, seed=1), fresh):
        assert model.front_end is not None
        noise = torch.randn(1, 500, 400, generator=torch.Generator().manual_seed(0))
        ratio = model.front_end(noise).std() / model.embedding.weight.std()
        assert 0.3 < float(ratio) < 1.5


def test_what_was_there_is_shared_and_another_width_is_refused() -> None:
    base = PEERS["llama-tied"].model()
    model = with_front_end(base, FEATURES, seed=0)
    assert model.embedding.weight.data_ptr() == base.embedding.weight.data_ptr()
    assert with_front_end(model, FEATURES, seed=9) is model
    with pytest.raises(UsageError, match=f"features of {FEATURES} numbers, not of 5"):
        with_front_end(model, 5, seed=0)
    plain, front_end = parted(model)
    assert plain.config == base.config and set(front_end) == {
        "front_end.inner.weight",
        "front_end.outer.weight",
    }
    assert torch.equal(joined(plain, front_end)(tokens(9)), base(tokens(9)))


@pytest.mark.parametrize("method", ["full", "lora", "probe"])
@torch.no_grad()
def test_every_method_trains_it(method: Method) -> None:
    model = grown(listening(), VOCABULARY + 3, seed=1)
    attach(model, method, rank=RANK, alpha=ALPHA, frozen_rows=VOCABULARY, seed=2)
    assert model.front_end is not None
    assert all(parameter.requires_grad for parameter in model.front_end.parameters())
    model.front_end.inner.weight.mul_(1.5)
    ids, features = tokens(40), heard()
    expected = model(ids, features=features)
    assert not torch.allclose(expected, model(ids))
    torch.testing.assert_close(merged(model)(ids, features=features), expected, atol=1e-5, rtol=0)


def test_it_is_moved_in_a_group_of_its_own_by_adamw() -> None:
    found = {one.label: one for one in groups(listening(), OptimizerRecipe(name="muon"))}
    assert found[FRONT].algorithm == "adamw"
    assert found[FRONT].names == ("front_end.inner.weight", "front_end.outer.weight")
    assert found[FRONT].weights == 3 * (48 * FEATURES + 48 * 48)


@torch.no_grad()
def test_an_adapter_brings_it_along(tmp_path: Path) -> None:
    base = PEERS["llama-tied"].model()
    model = grown(with_front_end(base, FEATURES, seed=5), VOCABULARY + 3, seed=1)
    attach(model, "lora", rank=RANK, alpha=ALPHA, frozen_rows=VOCABULARY, seed=2)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.add_(0.1)
    save_adapter(tmp_path / "adapter", model, base="base")
    again = load_adapter(tmp_path / "adapter", base)
    ids, features = tokens(40), heard()
    assert torch.equal(again(ids, features=features), model(ids, features=features))
    (tmp_path / "adapter" / "front_end.safetensors").unlink()
    with pytest.raises(DamagedFileError, match="front end"):
        load_adapter(tmp_path / "adapter", base)
