"""The ledger: the well-known table to the digit, and a sum that is true for every model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from lexome.errors import LexomeError, UsageError
from lexome.model import PRESETS, Transformer, depth, families, preset
from lexome.model.attention import BLOCK, attend_in_blocks
from lexome.model.ledger import Ledger, ledger, ledger_of, training_flops_per_token
from peers import PEERS, Peer

GPT3 = """
Embedding        12,288 × 50,257         =      617,558,016  (d_embed × n_vocab)
Key              128 × 12,288 × 96 × 96  =   14,495,514,624  (d_query × d_embed × n_heads × n_layers)
Query            128 × 12,288 × 96 × 96  =   14,495,514,624  (d_query × d_embed × n_heads × n_layers)
Value            128 × 12,288 × 96 × 96  =   14,495,514,624  (d_query × d_embed × n_heads × n_layers)
Output           12,288 × 128 × 96 × 96  =   14,495,514,624  (d_embed × d_query × n_heads × n_layers)
Up-projection    49,152 × 12,288 × 96    =   57,982,058,496  (n_neurons × d_embed × n_layers)
Down-projection  12,288 × 49,152 × 96    =   57,982,058,496  (d_embed × n_neurons × n_layers)
Unembedding      50,257 × 12,288         =      617,558,016  (n_vocab × d_embed)
                                            ───────────────
Total                                       175,181,291,520  weights in 27,938 matrices
"""  # noqa: E501


def check_sums(found: Ledger) -> None:
    assert found.total + found.left_out_total - found.shared == found.parameters
    assert all(item.parameters > 0 for item in found.left_out)


def test_the_well_known_table() -> None:
    found = ledger_of("gpt3-175b")
    lines = found.lines()
    assert lines[0] == "gpt3-175b (gpt2)"
    assert "\n".join(lines[2:12]) == GPT3.strip()
    assert (found.total, found.matrices) == (175_181_291_520, 27_938)


def test_what_the_well_known_table_leaves_out() -> None:
    found = ledger_of("gpt3-175b")
    layers, width = 96, 12_288
    assert {item.name: item.parameters for item in found.left_out} == {
        "positions": 2_048 * width,
        "biases": layers * (3 * width + width + 4 * width + width),
        "norms": layers * 2 * (2 * width) + 2 * width,
    }
    assert found.shared == 50_257 * width
    assert found.parameters == 174_604_259_328
    text = found.render()
    assert "+  positions        25,165,824  2,048 × 12,288 (n_context × d_embed)" in text
    assert "−  tying           617,558,016  the unembedding is the embedding" in text
    assert "   the module  174,604,259,328  parameters" in text


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_adds_up_to_its_module(name: str) -> None:
    found = ledger_of(name)
    check_sums(found)
    with torch.device("meta"):
        module = Transformer(preset(name))
    # Counted another way than the ledger does: over all modules, each tensor once.
    tensors = {id(p): p for part in module.modules() for p in part.parameters(recurse=False)}
    assert found.parameters == sum(p.numel() for p in tensors.values())
    matrices = [p for n, p in module.named_parameters(remove_duplicate=False) if p.ndim == 2]
    assert found.total <= sum(p.numel() for p in matrices)


@settings(max_examples=60)
@given(data=st.data(), family=st.sampled_from(sorted(families.FAMILIES)))
def test_every_shape_adds_up_to_its_module(data: st.DataObject, family: str) -> None:
    def draw(low: int, high: int) -> int:
        return data.draw(st.integers(low, high))

    grouped = family in ("llama", "qwen3", "nanochat")
    shared = draw(1, 3)
    heads = shared * draw(1, 3)
    config = families.get(family).config(
        vocab_size=draw(5, 300),
        context=draw(1, 300),
        layers=draw(1, 5),
        width=heads * 2 * draw(1, 9),
        heads=heads,
        kv_heads=shared if grouped else None,
        tied=data.draw(st.booleans()),
    )
    found = ledger(config)
    check_sums(found)
    gates = 1 if config.gated else 0
    per_layer = config.heads + 2 * config.kv_heads + 3 + gates
    assert found.matrices == 2 + config.layers * per_layer


@pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS)
def test_folders_that_transformers_made(peer: Peer, tmp_path: Path) -> None:
    theirs = peer.hf_model()
    theirs.config.save_pretrained(tmp_path)
    found = ledger_of(str(tmp_path))
    check_sums(found)
    beside = sum(p.numel() for n, p in theirs.named_parameters() if "contact_head" in n)
    if peer is PEERS["bert-untied"]:
        beside += theirs.cls.predictions.bias.numel()  # no logit depends on it
    assert found.parameters == sum(p.numel() for p in theirs.parameters()) - beside
    assert found.lines()[0].startswith(str(tmp_path))


def test_json() -> None:
    found = ledger_of("llama3-8b")
    values = json.loads(json.dumps(found.to_dict()))
    assert values == found.to_dict()
    assert values["total"] == sum(row["weights"] for row in values["rows"])
    assert values["matrices"] == sum(row["matrices"] for row in values["rows"])
    left_out = sum(item["parameters"] for item in values["left_out"])
    assert values["total"] + left_out - values["shared_by_tying"] == values["parameters"]
    assert values["rows"][1] == {
        "name": "Key",
        "formula": "d_query × d_embed × n_kv_heads × n_layers",
        "numbers": "128 × 4,096 × 8 × 32",
        "weights": 134_217_728,
        "matrices": 256,
    }
    assert values["bytes"] == {"fp32": 4 * 8_030_261_248, "bf16": 2 * 8_030_261_248}


def test_what_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither a preset nor a folder") as caught:
        ledger_of("gpt3-175")
    assert "'gpt3-175b'" in str(caught.value)
    with pytest.raises(LexomeError, match=r"no config\.json"):
        ledger_of(str(tmp_path))


@pytest.mark.parametrize("name", ["gpt2-124m", "llama3-8b", "modernbert-base"])
def test_training_flops_are_six_a_weight_and_attention(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against a count of the matrix products themselves, forward only, times three."""
    # The counter does not know the CPU's fused kernel; one block is plain matrix products.
    monkeypatch.setattr("lexome.model.transformer.attend", attend_in_blocks)
    shape = {"vocab_size": 64, "context": BLOCK, "layers": 3, "width": 32, "heads": 2}
    config = families.get(PRESETS[name].family).config(**shape, tied=True)
    if config.attention_windows:
        config = families.get("modernbert").config(
            **shape, tied=True, attention_windows=(), local_rotary_base=None
        )
    model = Transformer(config)
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, BLOCK, dtype=torch.long))
    assert training_flops_per_token(config) * BLOCK == 3 * counter.get_total_flops()


def test_a_window_makes_attention_cheaper() -> None:
    def flops(windows: tuple[int, ...]) -> int:
        base = 10_000.0 if any(windows) else None
        return training_flops_per_token(
            families.get("modernbert").config(
                64, 1_000, 2, 32, 2, attention_windows=windows, local_rotary_base=base
            )
        )

    assert flops(()) - flops((0, 8)) == 12 * 32 * (1_000 - 17)
    assert flops(()) == flops((0, 600)), "a window wider than the context saves nothing"


def test_the_dial_of_depth_has_a_ledger() -> None:
    found = ledger(depth(4, family="nanochat", vocab_size=70, context=64), "depth 4")
    check_sums(found)
    assert found.lines()[0] == "depth 4 (nanochat)"
