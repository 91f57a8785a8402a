"""Presets against their published sizes, and the dial of depth in every family."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import transformers

from lexome.errors import UsageError
from lexome.languages.base import SpecialTokens
from lexome.model import PRESETS, Transformer, depth, families, preset
from lexome.model.config import TransformerConfig
from lexome.model.folder import load_model, save_model
from peers import scatter

PUBLISHED = {
    "gpt2-124m": 124_439_808,
    "gpt2-355m": 354_823_168,
    "gpt2-774m": 774_030_080,
    "gpt2-1.5b": 1_557_611_200,
    "llama3-8b": 8_030_261_248,
    "qwen3-0.6b": 596_049_920,
    "bert-base": 109_514_298,  # BertForMaskedLM, the uncased release
}
# Rounded as the papers and releases round them: the size, and half of its last digit.
ROUNDED = {
    "gpt3-125m": (125e6, 0.5e6),
    "gpt3-350m": (350e6, 6e6),  # 355.9 million, which the paper rounds to 350
    "gpt3-760m": (760e6, 0.5e6),
    "gpt3-1.3b": (1.3e9, 0.05e9),
    "gpt3-2.7b": (2.7e9, 0.05e9),
    "gpt3-6.7b": (6.7e9, 0.05e9),
    "gpt3-13b": (13e9, 0.5e9),
    "gpt3-175b": (175e9, 0.5e9),
    "nanochat-d20": (561e6, 0.5e6),
    "modernbert-base": (149e6, 1e6),
    "esm2-8m": (7.5e6, 0.05e6),
    "esm2-35m": (33.5e6, 0.05e6),
    "esm2-150m": (148e6, 0.5e6),
    "esm2-650m": (651e6, 0.5e6),
    "grover": (86.5e6, 0.5e6),
}


def count(config: TransformerConfig) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in Transformer(config).parameters())


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sizes(name: str) -> None:
    assert count(preset(name)) == PUBLISHED[name]


@pytest.mark.parametrize("name", ROUNDED)
def test_rounded_sizes(name: str) -> None:
    size, tolerance = ROUNDED[name]
    assert count(preset(name)) == pytest.approx(size, abs=tolerance)


def test_every_preset_is_checked_and_says_where_it_is_from() -> None:
    assert PUBLISHED.keys() | ROUNDED.keys() == PRESETS.keys()
    assert all(any(y in p.source for y in ("2018", "2019", "202")) for p in PRESETS.values())


@pytest.mark.parametrize("name", PRESETS)
def test_transformers_builds_the_same_model(name: str) -> None:
    """Same names, shapes and count from the config.json of the preset, on the meta device."""
    config = preset(name)
    family = families.get(config.family)
    values = family.to_hf(config)
    theirs_config = transformers.AutoConfig.for_model(values.pop("model_type"), **values)
    auto = (
        transformers.AutoModelForCausalLM
        if config.attention == "causal"
        else transformers.AutoModelForMaskedLM
    )
    with torch.device("meta"):
        theirs = auto.from_config(theirs_config)
    beside = sum(p.numel() for n, p in theirs.named_parameters() if "contact_head" in n)
    assert type(theirs).__name__ == family.architecture
    assert count(config) == sum(p.numel() for p in theirs.parameters()) - beside


def test_an_unknown_preset_suggests_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        preset("gpt2-125m")
    assert "'gpt2-124m'" in str(caught.value)
    assert caught.value.exit_status == 2


@pytest.mark.parametrize("family", families.FAMILIES)
@pytest.mark.parametrize("layers", [1, 3, 4])
def test_depth_gives_a_working_model_in_every_family(
    family: str, layers: int, tmp_path: Path
) -> None:
    """A vocabulary of eight, as DNA has, and a folder that `transformers` runs to equal logits."""
    config = depth(layers, family=family, vocab_size=8, context=32)
    assert (config.layers, config.vocab_size, config.context) == (layers, 8, 32)
    model = Transformer(config)
    scatter(model, 0)
    save_model(tmp_path / "model", model, special=SpecialTokens(0, 1, 2, 3))
    ids = torch.randint(4, 8, (2, 32), generator=torch.Generator().manual_seed(0))
    auto = (
        transformers.AutoModelForCausalLM
        if config.attention == "causal"
        else transformers.AutoModelForMaskedLM
    )
    with torch.no_grad():
        theirs = auto.from_pretrained(tmp_path / "model").eval()(ids).logits
        torch.testing.assert_close(model(ids), theirs, atol=1e-4, rtol=0)
        torch.testing.assert_close(load_model(tmp_path / "model")(ids), model(ids))


def test_depth_is_one_dial() -> None:
    sizes = [count(depth(d, family="nanochat", vocab_size=256, context=64)) for d in range(1, 30)]
    assert sizes == sorted(sizes)
    for layers in range(1, 30):
        config = depth(layers, family="nanochat", vocab_size=256, context=64)
        assert config.width == 64 * layers
        assert config.heads * config.head_width == config.width
        assert config.head_width in (64, 128)
    assert depth(20, family="nanochat", vocab_size=65_536, context=2_048) == preset("nanochat-d20")


def test_depth_takes_the_options_of_the_family() -> None:
    config = depth(12, family="llama", vocab_size=50, context=64, kv_heads=2, tied=True)
    assert config.kv_heads == 2 and config.tied
    masked = depth(6, family="esm", vocab_size=30, context=64, mask_dropout_token=3)
    assert masked.mask_dropout_token == 3


@pytest.mark.parametrize("layers", [0, -2])
def test_a_depth_below_one_is_refused(layers: int) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        depth(layers, family="nanochat", vocab_size=256, context=64)


def test_depth_of_an_unknown_family_suggests_one() -> None:
    with pytest.raises(UsageError) as caught:
        depth(4, family="lama", vocab_size=256, context=64)
    assert "'llama'" in str(caught.value)
