"""Folders: sharded, in bf16, with a tokenizer; replaced whole; and with weights that are wrong."""

from __future__ import annotations

import errno
import pickle
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from lexome.errors import DamagedFileError, LexomeError
from lexome.languages.base import SpecialTokens
from lexome.languages.tokenizers import BytesTrainer
from lexome.model import Transformer, families, load_model, save_model
from peers import PEERS, edit, tokens

WEIGHTS = "model.safetensors"
SPECIAL = SpecialTokens(pad=0, begin=1, end=2, mask=3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound folder of a small Llama."""
    save_model(tmp_path / "model", PEERS["llama-untied-grouped"].model())
    return tmp_path / "model"


def weights_equal(one: Transformer, two: Transformer) -> bool:
    others = dict(two.named_parameters())
    return all(torch.equal(p, others[n]) for n, p in one.named_parameters())


# What is written


@pytest.mark.parametrize("name", ["gpt2-tied", "qwen3-untied", "modernbert-tied", "bert-tied"])
def test_sharded_folders(name: str, tmp_path: Path) -> None:
    theirs = PEERS[name].hf_model()
    theirs.save_pretrained(tmp_path, max_shard_size="60KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    ids = tokens(20)
    with torch.no_grad():
        torch.testing.assert_close(load_model(tmp_path)(ids), theirs(ids).logits, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", PEERS)
def test_bf16_folders_both_ways(name: str, tmp_path: Path) -> None:
    peer = PEERS[name]
    model = peer.model()
    save_model(tmp_path / "ours", model, dtype=torch.bfloat16)
    stored = load_file(tmp_path / "ours" / WEIGHTS)
    # What stands beside ESM's language model, in fp32: rotary frequencies and a contact head.
    beside = ("inv_freq", "contact_head")
    assert all(
        t.dtype == torch.bfloat16 for n, t in stored.items() if not any(b in n for b in beside)
    )
    rounded = load_model(tmp_path / "ours")
    for key, parameter in model.named_parameters():
        found = rounded.get_parameter(key)
        assert found.dtype == torch.float32
        assert torch.equal(found, parameter.bfloat16().float())
    theirs = peer.auto_class.from_pretrained(tmp_path / "ours", attn_implementation="eager")
    assert theirs.dtype == torch.bfloat16
    theirs.save_pretrained(tmp_path / "theirs")
    assert weights_equal(load_model(tmp_path / "theirs"), rounded)
    ids = tokens(20)
    with torch.no_grad():
        exact = theirs.float().eval()(ids).logits
        torch.testing.assert_close(rounded(ids), exact, atol=1e-4, rtol=0)


def test_loading_in_bf16(folder: Path) -> None:
    loaded = load_model(folder, dtype=torch.bfloat16)
    assert {p.dtype for p in loaded.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize("name", ["llama-tied", "esm-tied-dropout", "modernbert-tied"])
def test_a_folder_with_its_tokenizer(name: str, tmp_path: Path) -> None:
    """Plain `transformers` goes from text to logits, and from logits to text."""
    tokenizer = BytesTrainer().train()
    peer = PEERS[name]
    options = {"mask_dropout_token": 3} if peer.family == "esm" else {}
    config = families.get(peer.family).config(tokenizer.vocab_size, 64, 2, 32, 2, **options)
    model = Transformer(config)
    model.initialise(0)
    save_model(tmp_path / "model", model, tokenizer=tokenizer)
    theirs = peer.auto_class.from_pretrained(tmp_path / "model").eval()
    ids = transformers.AutoTokenizer.from_pretrained(tmp_path / "model")(
        "naïve", return_tensors="pt"
    )
    assert ids["input_ids"][0].tolist() == tokenizer.encode(["naïve"])[0].tolist()
    with torch.no_grad():
        torch.testing.assert_close(model(ids["input_ids"]), theirs(**ids).logits, atol=1e-4, rtol=0)
    assert theirs.config.pad_token_id == 0 and theirs.config.eos_token_id == 2
    if peer.causal:
        made = theirs.generate(**ids, max_new_tokens=3)
        assert made.shape == (1, ids["input_ids"].shape[1] + 3) or 2 in made[0].tolist()
        assert theirs.generation_config.pad_token_id == 0


def test_a_mask_token_that_is_not_the_tokenizers_is_refused(tmp_path: Path) -> None:
    config = families.get("esm").config(40, 64, 2, 32, 2, mask_dropout_token=32)
    with pytest.raises(LexomeError, match="drops token 32 as masked, the tokenizer masks with 3"):
        save_model(tmp_path / "model", Transformer(config), special=SPECIAL)
    assert not (tmp_path / "model").exists()


def test_the_card_says_what_the_model_is(folder: Path) -> None:
    card = (folder / "README.md").read_text()
    parameters = sum(p.numel() for p in load_model(folder).parameters())
    assert f"| parameters | {parameters:,} |" in card
    assert "pipeline_tag: text-generation" in card
    save_model(folder, PEERS["bert-tied"].model(), card="# Mine\n")
    assert (folder / "README.md").read_text() == "# Mine\n"


# Replacing


def test_a_model_is_replaced_whole(folder: Path) -> None:
    save_model(folder, PEERS["bert-tied"].model())
    assert load_model(folder).config.family == "bert"
    assert not (folder / "generation_config.json").exists(), "a causal model's file stayed behind"
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_what_is_no_model_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    (tmp_path / "file").write_text("a file")
    for name in ("thesis", "file"):
        with pytest.raises(LexomeError, match="already something here that is not a model"):
            save_model(tmp_path / name, PEERS["gpt2-tied"].model())
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "years of work"
    (tmp_path / "empty").mkdir()
    save_model(tmp_path / "empty", PEERS["gpt2-tied"].model())


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let the system refuse to write files larger than `size` bytes, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_ends_in_the_middle_leaves_the_old_model(folder: Path) -> None:
    before = load_model(folder)
    with largest_file(20_000), pytest.raises(LexomeError) as caught:
        save_model(folder, PEERS["bert-tied"].model())
    assert str(folder.parent) in str(caught.value)
    assert weights_equal(load_model(folder), before)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_rename_that_fails_leaves_the_old_model(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load_model(folder)
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name.endswith(".part"):
            raise OSError(errno.EACCES, "no")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(LexomeError, match="permission denied"):
        save_model(folder, PEERS["bert-tied"].model())
    monkeypatch.undo()
    assert weights_equal(load_model(folder), before)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


# Weights that are wrong


class Bomb:
    def __init__(self, crater: Path) -> None:
        self.crater = crater

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.crater,)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "pytorch_model.bin.index.json"])
def test_pickled_weights_are_refused_and_not_read(folder: Path, name: str) -> None:
    (folder / WEIGHTS).unlink()
    crater = folder / "crater"
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(crater)))
    (folder / name).write_bytes(pickle.dumps(Bomb(crater)))
    with pytest.raises(LexomeError, match="pickled") as caught:
        load_model(folder)
    assert str(folder) in str(caught.value)
    assert not crater.exists()


@pytest.mark.parametrize("kept", [0, 4, 8, 300, -1])
def test_torn_weights(folder: Path, kept: int) -> None:
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(data[:kept])
    with pytest.raises(DamagedFileError, match="not a whole safetensors file") as caught:
        load_model(folder)
    assert WEIGHTS in str(caught.value)


def test_a_folder_without_weights(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    with pytest.raises(LexomeError, match=r"no model\.safetensors"):
        load_model(folder)


def test_weights_that_do_not_fit_are_all_named(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    del tensors["model.layers.1.self_attn.k_proj.weight"]
    tensors["model.norm.weight"] = torch.ones(7)
    tensors["model.layers.9.mlp.up_proj.weight"] = torch.ones(2, 2)
    save_file(tensors, folder / WEIGHTS)
    with pytest.raises(DamagedFileError) as caught:
        load_model(folder)
    for problem in (
        "missing: model.layers.1.self_attn.k_proj.weight",
        "model.norm.weight is (7,), not (48,)",
        "not expected: model.layers.9.mlp.up_proj.weight",
        str(folder),
    ):
        assert problem in str(caught.value)


@pytest.mark.parametrize("name, copy", [("llama-tied", "lm_head.weight"), ("bert-tied", None)])
def test_a_tied_copy_that_differs_is_not_dropped(
    name: str, copy: str | None, tmp_path: Path
) -> None:
    save_model(tmp_path / "model", PEERS[name].model())
    path = tmp_path / "model" / WEIGHTS
    tensors = load_file(path)
    copy = copy or "cls.predictions.bias"
    source = "model.embed_tokens.weight" if name == "llama-tied" else "cls.predictions.decoder.bias"
    save_file({**tensors, copy: tensors[source].clone()}, path)
    load_model(tmp_path / "model")
    save_file({**tensors, copy: tensors[source] + 1}, path)
    with pytest.raises(DamagedFileError, match=f"{copy} differs from {source}"):
        load_model(tmp_path / "model")


def test_shards_that_are_missing_or_elsewhere(tmp_path: Path) -> None:
    theirs = PEERS["llama-tied"].hf_model()
    theirs.save_pretrained(tmp_path / "model", max_shard_size="60KB")
    folder = tmp_path / "model"
    index = folder / "model.safetensors.index.json"
    sound = index.read_text()
    first = sorted(folder.glob("model-*.safetensors"))[0]
    aside = first.rename(tmp_path / first.name)
    with pytest.raises(DamagedFileError, match=f"'{first.name}' that is not in the folder"):
        load_model(folder)
    index.write_text(sound.replace(first.name, f"../{first.name}"))
    with pytest.raises(DamagedFileError, match="not in the folder"):
        load_model(folder)
    aside.rename(first)
    for broken in ('{"metadata": {}}', "[]", '{"weight_map": {"a": 1}}', "{"):
        index.write_text(broken)
        with pytest.raises(DamagedFileError) as caught:
            load_model(folder)
        assert index.name in str(caught.value)


def test_rotary_frequencies_of_another_base_are_refused(tmp_path: Path) -> None:
    save_model(tmp_path / "model", PEERS["esm-untied"].model())
    edit(tmp_path / "model", rope_theta=7_000.0)
    with pytest.raises(DamagedFileError, match="other rotary frequencies than rope_theta"):
        load_model(tmp_path / "model")
