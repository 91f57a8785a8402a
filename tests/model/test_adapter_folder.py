"""Adapters on disk: what plain peft makes of them, the way back, and folders that are wrong."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from adapted import ALPHA, NEW, RANK, attached, ids, trained
from safetensors.torch import load_file, save_file

from lexome.errors import DamagedFileError, LexomeError, UsageError
from lexome.model import (
    Method,
    Transformer,
    attach,
    grown,
    load_adapter,
    load_model,
    save_adapter,
    save_model,
)
from lexome.model.adapters import base_parameters
from peers import PEERS, VOCABULARY

CONFIG, WEIGHTS, RECORD = "adapter_config.json", "adapter_model.safetensors", "lexome_adapter.json"
CASES = [("lora", 0), ("lora", NEW), ("probe", NEW)]

# ESM with new tokens is refused: see below.
cases = pytest.mark.parametrize(
    "name, method, new",
    [
        (name, method, new)
        for name, peer in PEERS.items()
        for method, new in CASES
        if peer.family != "esm" or not new
    ],
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound adapter of a small GPT-2 with new tokens: joined maps, and a tied matrix."""
    save_adapter(tmp_path / "adapter", trained("gpt2-tied"), base="base")
    return tmp_path / "adapter"


def base() -> Transformer:
    return PEERS["gpt2-tied"].model()


def edit(path: Path, **keys: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))


def values(model: Transformer) -> dict[str, torch.Tensor]:
    return {name: p.detach() for name, p in model.named_parameters()}


# Golden: plain transformers and plain peft


@pytest.mark.filterwarnings("error::UserWarning")
@cases
def test_peft_gives_the_same_logits(name: str, method: Method, new: int, tmp_path: Path) -> None:
    peer = PEERS[name]
    model = trained(name, method, new)
    save_model(tmp_path / "base", peer.model())
    save_adapter(tmp_path / "adapter", model, base=str(tmp_path / "base"))
    theirs = peer.auto_class.from_pretrained(tmp_path / "base", attn_implementation="eager")
    if new:
        theirs.resize_token_embeddings(VOCABULARY + new, mean_resizing=False)
    with torch.no_grad():
        before = theirs.eval()(ids(new)).logits.clone()
        theirs = peft.PeftModel.from_pretrained(theirs, tmp_path / "adapter").eval()
        expected, found = theirs(ids(new)).logits, model(ids(new))
    assert (found - expected).abs().max() < 1e-4
    assert (found - before).abs().max() > 0.1, "the adapter changes too little to prove anything"
    if method == "lora":
        with torch.no_grad():
            plain = theirs.merge_and_unload()(ids(new)).logits
        assert (found - plain).abs().max() < 1e-4


def test_a_subset_of_joined_maps(tmp_path: Path) -> None:
    """Query and value of GPT-2's joined matrix, without its key; peft knows only the whole."""
    peer = PEERS["gpt2-untied"]
    model = peer.model()
    attach(model, "lora", rank=2, alpha=3, targets=["query", "value"], frozen_rows=61, seed=0)
    for factor in (p for n, p in model.named_parameters() if n.endswith("factor_b")):
        torch.nn.init.normal_(factor, std=0.1)
    save_model(tmp_path / "base", peer.model())
    save_adapter(tmp_path / "adapter", model, base=str(tmp_path / "base"))
    theirs = peer.auto_class.from_pretrained(tmp_path / "base", attn_implementation="eager")
    theirs = peft.PeftModel.from_pretrained(theirs, tmp_path / "adapter").eval()
    again = load_adapter(tmp_path / "adapter", peer.model())
    with torch.no_grad():
        torch.testing.assert_close(model(ids(0)), theirs(ids(0)).logits, atol=1e-4, rtol=0)
        assert torch.equal(again(ids(0)), model(ids(0)))
    config = json.loads((tmp_path / "adapter" / CONFIG).read_text())
    pattern = r"transformer\.h\.\d+\.attn\.c_attn"
    assert config["target_modules"] == pattern
    assert config["rank_pattern"] == {pattern: 4} and config["alpha_pattern"] == {pattern: 6}
    assert config["fan_in_fan_out"]


def test_maps_whose_names_end_alike_are_told_apart(tmp_path: Path) -> None:
    """BERT's down-projection is `output.dense`, its attention's output `attention.output.dense`."""
    peer = PEERS["bert-tied"]
    model = peer.model()
    attach(model, "lora", targets=["down"], frozen_rows=VOCABULARY, seed=0)
    save_adapter(tmp_path / "adapter", model, base="base")
    theirs = peft.PeftModel.from_pretrained(peer.hf_model(), tmp_path / "adapter")
    adapted = {n for n, m in theirs.named_modules() if isinstance(m, peft.tuners.lora.Linear)}
    assert len(adapted) == 4 and not any("attention" in name for name in adapted)


def test_the_config_is_what_peft_would_write(folder: Path) -> None:
    written = json.loads((folder / CONFIG).read_text())
    known = peft.LoraConfig.from_pretrained(folder).to_dict()
    for key, value in written.items():
        assert known[key] == value
    assert written["base_model_name_or_path"] == "base"
    assert (written["r"], written["lora_alpha"]) == (RANK, ALPHA)


# There and back


@cases
def test_an_adapter_comes_back_to_the_bit(
    name: str, method: Method, new: int, tmp_path: Path
) -> None:
    model, plain = trained(name, method, new), PEERS[name].model()
    save_adapter(tmp_path / "adapter", model, base="base")
    before = {n: p.clone() for n, p in values(plain).items()}
    again = load_adapter(tmp_path / "adapter", plain)
    expected, found = values(model), values(again)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[n], expected[n]) for n in found)
    for key, parameter in again.named_parameters():
        assert parameter.requires_grad == model.get_parameter(key).requires_grad
    after = values(plain)
    assert after.keys() == before.keys() and all(torch.equal(after[n], before[n]) for n in after)
    with torch.no_grad():
        assert torch.equal(again(ids(new)), model(ids(new)))


def test_the_base_may_have_been_stored_in_between(tmp_path: Path) -> None:
    save_model(tmp_path / "base", base())
    save_adapter(tmp_path / "adapter", trained("gpt2-tied"), base="base")
    load_adapter(tmp_path / "adapter", load_model(tmp_path / "base"))


def test_several_adapters_on_one_base(tmp_path: Path) -> None:
    plain = base()
    for method, new in CASES:
        save_adapter(tmp_path / f"{method}-{new}", trained("gpt2-tied", method, new), base="base")
    for method, new in CASES:
        again = load_adapter(tmp_path / f"{method}-{new}", plain)
        with torch.no_grad():
            assert torch.equal(again(ids(new)), trained("gpt2-tied", method, new)(ids(new)))


@pytest.mark.parametrize("name", ["gpt2-tied", "bert-tied", "gpt2-untied"])
@pytest.mark.parametrize("method", ["lora", "probe"])
@pytest.mark.parametrize("rows", [1, NEW])
def test_a_base_with_rows_of_no_token(name: str, method: Method, rows: int, tmp_path: Path) -> None:
    """What the base has in the rows of the adapter's tokens is put aside."""
    model = trained(name, method)
    save_adapter(tmp_path / "adapter", model, base="base")
    again = load_adapter(
        tmp_path / "adapter", grown(PEERS[name].model(), VOCABULARY + rows, seed=5)
    )
    expected, found = values(model), values(again)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[n], expected[n]) for n in found)
    with torch.no_grad():
        assert torch.equal(again(ids()), model(ids()))


# What is refused


@pytest.mark.parametrize("name", ["esm-tied-dropout", "esm-untied"])
def test_esm_with_new_tokens_is_refused(name: str, tmp_path: Path) -> None:
    """`transformers` itself cannot resize it: the bias of its head keeps the old size."""
    with pytest.raises(LexomeError, match=r"(?s)cannot resize .* esm.*merged model"):
        save_adapter(tmp_path / "adapter", trained(name), base="base")
    assert not list(tmp_path.iterdir())
    theirs = PEERS[name].hf_model()
    theirs.resize_token_embeddings(VOCABULARY + NEW, mean_resizing=False)
    with pytest.raises(RuntimeError, match="must match the size"):
        theirs(ids())


@pytest.mark.parametrize("method", ["full", "scratch"])
def test_a_model_trained_whole_is_no_adapter(method: Method, tmp_path: Path) -> None:
    with pytest.raises(LexomeError, match="the whole model was trained"):
        save_adapter(tmp_path / "adapter", attached("gpt2-tied", method), base="base")
    assert not list(tmp_path.iterdir())


def test_a_base_of_another_shape_is_refused(folder: Path) -> None:
    for name, message in (
        ("gpt2-relu2", "other weights"),
        ("llama-tied", "family = 'gpt2', not 'llama'"),
    ):
        other = PEERS[name].model(seed=1)
        with pytest.raises(LexomeError, match=f"(?s)another base.*{message}") as caught:
            load_adapter(folder, other)
        assert str(folder) in str(caught.value)
    with pytest.raises(LexomeError, match="vocab_size = 61 to 68, not 69"):
        load_adapter(folder, grown(base(), VOCABULARY + NEW + 1, seed=0))


def test_a_base_with_fewer_tokens_is_refused(tmp_path: Path) -> None:
    """The adapter knows every token of its base, and has none of its own."""
    whole = grown(base(), VOCABULARY + NEW, seed=0)
    attach(whole, "lora", rank=RANK, frozen_rows=VOCABULARY + NEW, seed=0)
    save_adapter(tmp_path / "adapter", whole, base="base")
    for rows in (0, 1, NEW - 1, NEW + 1):
        with pytest.raises(LexomeError, match=f"vocab_size = 68, not {VOCABULARY + rows}"):
            load_adapter(tmp_path / "adapter", grown(base(), VOCABULARY + rows, seed=0))
    with pytest.raises(LexomeError, match="the same shape, but other weights"):
        load_adapter(tmp_path / "adapter", grown(base(), VOCABULARY + NEW, seed=1))


def test_a_base_with_one_other_number_is_refused(folder: Path) -> None:
    for name in base_parameters(base()):
        other = base()
        with torch.no_grad():
            other.get_parameter(name).view(-1)[-1] += 1e-3
        with pytest.raises(LexomeError, match="the same shape, but other weights"):
            load_adapter(folder, other)


@pytest.mark.parametrize("missing", [CONFIG, WEIGHTS, RECORD])
def test_a_folder_without_a_file(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(LexomeError, match=f"not an adapter.*no {missing}"):
        load_adapter(folder, base())


def test_a_base_with_an_adapter_is_refused(folder: Path) -> None:
    """Its own adapter would be merged in silence: the base under it is the right one."""
    with pytest.raises(UsageError, match="has an adapter attached already"):
        load_adapter(folder, trained("gpt2-tied", new=0))


# Damage


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, RECORD])
@pytest.mark.parametrize("kept", [0, 5, 60, -1])
def test_torn_files(folder: Path, name: str, kept: int) -> None:
    whole = (folder / name).read_bytes()
    if name != WEIGHTS and kept == -1:
        kept = -3  # the last byte is a line break, which no JSON needs
    (folder / name).write_bytes(whole[:kept])
    with pytest.raises(DamagedFileError) as caught:
        load_adapter(folder, base())
    assert name in str(caught.value)


@pytest.mark.parametrize(
    "file, keys",
    [
        (CONFIG, {"r": 4}),
        (CONFIG, {"r": 10**9}),
        (CONFIG, {"r": 0}),
        (CONFIG, {"r": True}),
        (CONFIG, {"r": "3"}),
        (CONFIG, {"lora_alpha": None}),
        (CONFIG, {"lora_alpha": -1.0}),
        (CONFIG, {"lora_alpha": float("nan")}),
        (RECORD, {"base": "gpt2"}),
        (RECORD, {"targets": "query"}),
        (RECORD, {"targets": ["query", "heart"]}),
        (RECORD, {"targets": [["query"]]}),
        (RECORD, {"targets": ["query", "key"]}),
        (RECORD, {"targets": []}),
        (RECORD, {"targets": ["gate", *("query", "key", "value", "output", "up", "down")]}),
        (RECORD, {"vocab_size": 60}),
        (RECORD, {"vocab_size": 61}),
        (RECORD, {"vocab_size": 69}),
        (RECORD, {"vocab_size": 10**12}),
        (RECORD, {"vocab_size": 68.0}),
    ],
)
def test_wrong_values(folder: Path, file: str, keys: dict[str, Any]) -> None:
    edit(folder / file, **keys)
    with pytest.raises(DamagedFileError) as caught:
        load_adapter(folder, base())
    assert str(folder) in str(caught.value) and caught.value.fix


def test_json_that_is_no_object(folder: Path) -> None:
    for name in (CONFIG, RECORD):
        sound = (folder / name).read_text()
        (folder / name).write_text("[1]")
        with pytest.raises(DamagedFileError, match="does not hold an object"):
            load_adapter(folder, base())
        (folder / name).write_text(sound)


EMBEDDING = "base_model.model.transformer.wte.weight"
JOINED_B = "base_model.model.transformer.h.0.attn.c_attn.lora_B.weight"


def _without(tensors: dict[str, torch.Tensor]) -> None:
    del tensors[JOINED_B]
    tensors["base_model.model.another"] = torch.ones(1)


def _narrower(tensors: dict[str, torch.Tensor]) -> None:
    tensors[JOINED_B] = tensors[JOINED_B][:, :-1].contiguous()


def _mixed(tensors: dict[str, torch.Tensor]) -> None:
    tensors[JOINED_B][0, -1] = 0.5


def _other_rows(tensors: dict[str, torch.Tensor]) -> None:
    tensors[EMBEDDING][VOCABULARY - 1] += 0.5


@pytest.mark.parametrize(
    "change, message",
    [
        (_without, "missing: .*c_attn.lora_B.*not expected: base_model.model.another"),
        (_narrower, r"c_attn.lora_B.weight is \(144, 8\), not \(144, 9\)"),
        (_mixed, "not zero outside the blocks.*another tool"),
        (_other_rows, "wte.weight has other rows for the base's tokens"),
    ],
)
def test_wrong_tensors(
    folder: Path, change: Callable[[dict[str, torch.Tensor]], None], message: str
) -> None:
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    save_file(tensors, folder / WEIGHTS)
    with pytest.raises(DamagedFileError, match=f"(?s){message}"):
        load_adapter(folder, base())


def test_copies_that_differ(tmp_path: Path) -> None:
    save_adapter(tmp_path, trained("bert-tied"), base="base")
    tensors = load_file(tmp_path / WEIGHTS)
    tensors["base_model.model.cls.predictions.bias"][-1] += 1
    save_file(tensors, tmp_path / WEIGHTS)
    with pytest.raises(DamagedFileError, match=r"cls\.predictions\.bias differs from its copy"):
        load_adapter(tmp_path, PEERS["bert-tied"].model())


# Whole or not at all


def test_an_adapter_is_replaced_whole(folder: Path) -> None:
    (folder / "stale").write_text("of the old one")
    save_adapter(folder, trained("gpt2-tied", "probe"), base="other")
    assert {path.name for path in folder.iterdir()} == {CONFIG, WEIGHTS, RECORD}
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_what_is_no_adapter_is_not_replaced(tmp_path: Path) -> None:
    save_model(tmp_path / "model", base())
    with pytest.raises(LexomeError, match="already something here that is not an adapter"):
        save_adapter(tmp_path / "model", trained("gpt2-tied"), base="base")
    load_model(tmp_path / "model")


@pytest.mark.parametrize(
    "failing", [".adapter.", "adapter_model.safetensors.", "adapter_config.json."]
)
def test_a_write_that_fails_leaves_the_old_adapter(
    folder: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def broken(real: Callable[[Path, Path], Path]) -> Callable[[Path, Path], Path]:
        def move(self: Path, target: Path) -> Path:
            if failing in self.name and self.name.endswith(".part"):
                raise OSError(errno.ENOSPC, "no")
            return real(self, target)

        return move

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", broken(Path.rename))
        patched.setattr(Path, "replace", broken(Path.replace))
        with pytest.raises(LexomeError, match="the disk is full"):
            save_adapter(folder, trained("gpt2-tied", "probe"), base="other")
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    again = load_adapter(folder, base())
    with torch.no_grad():
        assert torch.equal(again(ids()), trained("gpt2-tied")(ids()))
