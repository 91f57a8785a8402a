"""Every config.json: read, or refused by the name of the key that is wrong or beyond us."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexome.errors import DamagedFileError, LexomeError
from lexome.languages.base import SpecialTokens
from lexome.model import families, load_model, read_config, save_model
from lexome.model.config import TransformerConfig
from peers import PEERS, edit

SPECIAL = SpecialTokens(pad=0, begin=1, end=2, mask=3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound folder of a small Llama."""
    save_model(tmp_path / "model", PEERS["llama-untied-grouped"].model())
    return tmp_path / "model"


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
