"""Folders: sharded, in bf16, with a tokenizer; and every way in which one can be wrong."""

from __future__ import annotations

import errno
import json
import pickle
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from lexome.errors import DamagedFileError, LexomeError
from lexome.languages.base import SpecialTokens
from lexome.languages.tokenizers import BytesTrainer
from lexome.model import Transformer, families, load_model, read_config, save_model
from lexome.model.config import TransformerConfig
from peers import PEERS, tokens

WEIGHTS = "model.safetensors"
SPECIAL = SpecialTokens(pad=0, begin=1, end=2, mask=3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound folder of a small Llama."""
    save_model(tmp_path / "model", PEERS["llama-untied-grouped"].model())
    return tmp_path / "model"


def edit(folder: Path, **keys: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))


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


# Configs that are wrong, or beyond us


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", "\x00\x01", '"gpt2"'])
def test_a_config_that_is_none(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text)
    with pytest.raises(DamagedFileError) as caught:
        load_model(folder)
    assert "config.json" in str(caught.value)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(LexomeError, match=r"no config\.json") as caught:
            load_model(path)
        assert str(path) in str(caught.value)


def test_an_unknown_family_is_named_with_the_nearest(folder: Path) -> None:
    edit(folder, model_type="llama4")
    with pytest.raises(LexomeError, match="cannot express the family 'llama4'") as caught:
        load_model(folder)
    assert "'llama'" in str(caught.value) and "config.json, key model_type" in str(caught.value)
    edit(folder, model_type=None)
    with pytest.raises(LexomeError, match="family None"):
        load_model(folder)


LLAMA3_SCALING = {"factor": 8.0, "low_freq_factor": 1.0, "rope_type": "llama3"}
BEYOND: list[tuple[str, dict[str, Any], str]] = [
    ("gpt2-tied", {"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx"),
    ("gpt2-tied", {"scale_attn_weights": False}, "scale_attn_weights = False"),
    ("gpt2-tied", {"add_cross_attention": True}, "add_cross_attention"),
    ("gpt2-tied", {"activation_function": "silu"}, "activation_function = 'silu'"),
    ("llama-tied", {"rope_parameters": LLAMA3_SCALING}, "rope_parameters.rope_type = 'llama3'"),
    ("llama-tied", {"rope_scaling": LLAMA3_SCALING}, "rope_scaling.rope_type = 'llama3'"),
    ("llama-tied", {"rope_scaling": {"type": "yarn", "factor": 2.0}}, "rope_scaling.type = 'yarn'"),
    ("llama-tied", {"partial_rotary_factor": 0.5}, "partial_rotary_factor = 0.5"),
    ("llama-tied", {"rope_parameters": {"factor": 2.0}}, "rope_parameters.factor = 2.0"),
    ("llama-tied", {"hidden_act": "relu"}, "hidden_act = 'relu'"),
    ("llama-tied", {"sliding_window": 4096}, "sliding_window = 4096"),
    ("llama-tied", {"quantization_config": {"bits": 4}}, "quantization_config"),
    ("llama-tied", {"residual_multiplier": 0.22}, "residual_multiplier = 0.22"),
    ("qwen3-untied", {"use_sliding_window": True}, "use_sliding_window = True"),
    ("qwen3-untied", {"layer_types": ["sliding_attention"] * 4}, "layer_types = 'sliding_attent"),
    ("nanochat-untied", {"hidden_act": "silu"}, "hidden_act = 'silu'"),
    ("modernbert-tied", {"hidden_activation": "silu"}, "hidden_activation = 'silu'"),
    ("modernbert-tied", {"layer_types": ["chunked_attention"] * 4}, "layer_types = 'chunked_"),
    (
        "modernbert-tied",
        {"rope_parameters": {"full_attention": {"rope_type": "yarn", "factor": 2.0}}},
        "rope_parameters.full_attention.rope_type = 'yarn'",
    ),
    ("esm-untied", {"position_embedding_type": "absolute"}, "position_embedding_type = 'absolute'"),
    ("esm-untied", {"is_folding_model": True}, "is_folding_model = True"),
    ("bert-tied", {"position_embedding_type": "relative_key"}, "position_embedding_type"),
    ("bert-tied", {"is_decoder": True}, "is_decoder = True"),
    ("bert-tied", {"hidden_act": "relu"}, "hidden_act = 'relu'"),
]


@pytest.mark.parametrize("name, keys, message", BEYOND, ids=[f"{n}-{m}" for n, _, m in BEYOND])
def test_an_option_beyond_us_is_refused_by_name(
    name: str, keys: dict[str, Any], message: str, tmp_path: Path
) -> None:
    PEERS[name].hf_model().config.save_pretrained(tmp_path)
    read_config(tmp_path)
    edit(tmp_path, **keys)
    with pytest.raises(LexomeError) as caught:
        read_config(tmp_path)
    assert f"cannot express {message}" in str(caught.value)
    assert "config.json, key " in str(caught.value)


def test_an_unknown_key_is_refused_unless_it_says_nothing(folder: Path) -> None:
    sound = read_config(folder)
    edit(folder, some_new_trick=None, another=[], _name_or_path="x")
    assert read_config(folder) == sound
    edit(folder, some_new_trick=True)
    with pytest.raises(LexomeError, match="some_new_trick = True; it does not know this key"):
        read_config(folder)


@pytest.mark.parametrize(
    "keys",
    [
        {"hidden_size": "48"},
        {"hidden_size": 47},
        {"num_hidden_layers": 0},
        {"num_attention_heads": -4},
        {"num_attention_heads": 5},
        {"vocab_size": None},
        {"num_key_value_heads": 3},
        {"rms_norm_eps": "small"},
        {"rope_parameters": {"rope_theta": "ten thousand"}},
        {"rope_parameters": "default"},
        {"tie_word_embeddings": "false"},
        {"head_dim": 7},
    ],
    ids=str,
)
def test_values_that_make_no_sense_name_the_file(folder: Path, keys: dict[str, Any]) -> None:
    edit(folder, **keys)
    with pytest.raises(DamagedFileError) as caught:
        read_config(folder)
    assert "config.json" in str(caught.value)


def test_older_ways_to_write_rotary_bases_are_read(tmp_path: Path) -> None:
    PEERS["llama-tied"].hf_model().config.save_pretrained(tmp_path)
    edit(tmp_path, rope_parameters=None, rope_theta=500_000.0, rope_scaling=None)
    assert read_config(tmp_path).rotary_base == 500_000.0
    PEERS["modernbert-tied"].hf_model().config.save_pretrained(tmp_path)
    edit(
        tmp_path,
        rope_parameters=None,
        layer_types=None,
        global_attn_every_n_layers=2,
        global_rope_theta=150_000.0,
        local_rope_theta=9_000.0,
    )
    config = read_config(tmp_path)
    assert (config.rotary_base, config.local_rotary_base) == (150_000.0, 9_000.0)
    assert config.attention_windows == (0, 8, 0, 8)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**12) | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=400)
@given(data=st.data(), family=st.sampled_from(sorted(families.FAMILIES)))
def test_any_change_of_a_config_is_read_or_refused(data: st.DataObject, family: str) -> None:
    """Never another exception: no value of a JSON file may end in a traceback."""
    peer = next(peer for peer in PEERS.values() if peer.family == family)
    values = families.get(family).to_hf(peer.config(), SPECIAL)
    for key in data.draw(st.lists(st.sampled_from(sorted(values)), min_size=1, max_size=3)):
        values[key] = data.draw(_VALUES)
    try:
        config = families.get(family).from_hf(values)
    except LexomeError as error:
        assert error.where and error.fix
    else:
        assert isinstance(config, TransformerConfig)


@pytest.mark.parametrize("name", PEERS)
def test_a_config_survives_the_way_to_json_and_back(name: str) -> None:
    config = PEERS[name].config()
    family = families.get(config.family)
    values = json.loads(json.dumps(family.to_hf(config, SPECIAL)))
    assert family.from_hf(values) == config
