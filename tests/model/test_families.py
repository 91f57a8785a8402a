"""Every family against `transformers`, both ways: the same weights give the same logits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from lexome.errors import LexomeError, UsageError
from lexome.model import families
from lexome.model.folder import load_model, read_config, save_model
from peers import CONTEXT, PEERS, Peer, scatter, tokens

TOLERANCE = 1e-4
MASK = 3

peers = pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS)


def compare(ours: Tensor, theirs: Tensor) -> None:
    assert theirs.std() > 0.5, "logits this flat would prove little"
    assert (ours - theirs).abs().max() < TOLERANCE


@torch.no_grad()
def logits(model: Any, ids: Tensor) -> Tensor:
    found = model(ids)
    return found if isinstance(found, Tensor) else found.logits


def reload(peer: Peer, folder: Path) -> Any:
    model, report = peer.auto_class.from_pretrained(
        folder, output_loading_info=True, attn_implementation="eager"
    )
    assert not any(report.values()), report
    return model.eval()


@peers
def test_transformers_to_lexome(peer: Peer, tmp_path: Path) -> None:
    theirs = peer.hf_model()
    theirs.save_pretrained(tmp_path)
    ours = load_model(tmp_path)
    assert ours.config == peer.config()
    ids = tokens(CONTEXT)
    compare(logits(ours, ids), logits(theirs, ids))


@peers
def test_lexome_to_transformers(peer: Peer, tmp_path: Path) -> None:
    ours = peer.model()
    save_model(tmp_path / "model", ours)
    theirs = reload(peer, tmp_path / "model")
    ids = tokens(CONTEXT)
    compare(logits(ours, ids), logits(theirs, ids))
    ours_count = sum(p.numel() for p in ours.parameters())
    theirs_count = sum(p.numel() for n, p in theirs.named_parameters() if not beside(peer, n))
    assert ours_count == theirs_count


def beside(peer: Peer, name: str) -> bool:
    """Whether a parameter changes no logit: ESM's contact head, untied BERT's second bias."""
    return "contact_head" in name or (
        peer.family == "bert" and not peer.config().tied and name == "cls.predictions.bias"
    )


@peers
def test_our_folder_gives_the_same_model_back(peer: Peer, tmp_path: Path) -> None:
    model = peer.model()
    save_model(tmp_path / "model", model)
    again = load_model(tmp_path / "model")
    assert again.config == model.config
    expected = dict(model.named_parameters())
    found = dict(again.named_parameters())
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert (again.head.unembedding.weight is again.embedding.weight) == model.config.tied


@peers
def test_every_parameter_changes_the_logits(peer: Peer) -> None:
    """Otherwise equal logits would not show that each weight found its place."""
    model = peer.model()
    ids = tokens(40)
    if model.config.mask_dropout_token is not None:
        ids[0, 3] = MASK
    model(ids).sin().sum().backward()
    for name, parameter in model.named_parameters():
        if name.endswith("key.bias") and model.config.positions == "learned":
            continue  # the softmax does not see a constant: no logit depends on it
        assert parameter.grad is not None and parameter.grad.abs().max() > 1e-3, name


@pytest.mark.parametrize("length", [1, 2, 9, 17])
@pytest.mark.parametrize("name", ["gpt2-tied", "modernbert-tied", "esm-tied-dropout"])
def test_short_sequences(name: str, length: int, tmp_path: Path) -> None:
    theirs = PEERS[name].hf_model()
    theirs.save_pretrained(tmp_path)
    ids = tokens(length)
    torch.testing.assert_close(
        logits(load_model(tmp_path), ids), logits(theirs, ids), atol=TOLERANCE, rtol=0
    )


@pytest.mark.parametrize("masked", [0, 1, 5, 30], ids=lambda n: f"{n} masked")
def test_mask_dropout_of_esm(masked: int, tmp_path: Path) -> None:
    theirs = PEERS["esm-tied-dropout"].hf_model()
    theirs.save_pretrained(tmp_path)
    ours = load_model(tmp_path)
    ids = tokens(31)
    ids[0, torch.randperm(31, generator=torch.Generator().manual_seed(0))[:masked]] = MASK
    torch.testing.assert_close(logits(ours, ids), logits(theirs, ids), atol=TOLERANCE, rtol=0)
    # Without the option the same ids mean something else, so the test can tell the two apart.
    plain = PEERS["esm-tied-dropout"].hf_model()
    plain.esm.embeddings.token_dropout = False
    assert (logits(ours, ids) - logits(plain, ids)).abs().max() > 0.01


def test_mask_dropout_of_esm_goes_by_document() -> None:
    """Side by side in one row, each document gives the logits that it gives alone."""
    model = PEERS["esm-tied-dropout"].model()
    ids = tokens(30, rows=1)
    ids[ids == MASK] = MASK + 1
    ids[0, [2, 3, 5, 12]] = MASK  # three in the first document, one in the second
    segments = torch.tensor([[0] * 10 + [1] * 20])
    with torch.no_grad():
        packed = model(ids, segments)
        alone = torch.cat([model(ids[:, :10]), model(ids[:, 10:])], dim=1)
    torch.testing.assert_close(packed, alone, atol=TOLERANCE, rtol=0)


def test_a_row_of_masks_alone_gives_numbers() -> None:
    model = PEERS["esm-tied-dropout"].model()
    assert logits(model, torch.full((1, 9), MASK)).isfinite().all()


@pytest.mark.parametrize("name", ["gpt2-tied", "llama-tied"])
def test_more_tokens_than_the_context_are_refused(name: str) -> None:
    model = PEERS[name].model()
    with pytest.raises(UsageError, match="at most"):
        model(tokens(model.config.context + 1))


def test_rotary_angles_agree_far_from_the_start(tmp_path: Path) -> None:
    """A rounding of the frequencies grows with the position: 3,000 positions show it."""
    peer = Peer(
        "llama", {"max_position_embeddings": 3_000, "num_hidden_layers": 2}, {"context": 3_000}
    )
    theirs = peer.hf_model()
    theirs.save_pretrained(tmp_path)
    ids = tokens(3_000, rows=1)
    torch.testing.assert_close(
        logits(load_model(tmp_path), ids), logits(theirs, ids), atol=TOLERANCE, rtol=0
    )


@pytest.mark.parametrize(
    "name", ["gpt2-tied", "qwen3-tied-grouped", "nanochat-untied", "modernbert-tied", "bert-tied"]
)
def test_attention_maps(name: str, tmp_path: Path) -> None:
    theirs = PEERS[name].hf_model()
    theirs.save_pretrained(tmp_path)
    ids = tokens(40)
    with torch.no_grad():
        found = load_model(tmp_path).attention_maps(ids)
        expected = torch.stack(theirs(ids, output_attentions=True).attentions)
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.sum(-1), torch.ones_like(found.sum(-1)))


@pytest.mark.parametrize(
    "name", [*(f"{f}-tied" for f in ("gpt2", "modernbert", "bert")), "nanochat-untied"]
)
def test_packed_documents_give_what_each_gives_alone(name: str) -> None:
    """Segments keep documents apart; rotary positions are relative, learned ones are not."""
    model = PEERS[name].model()
    first, second = tokens(23), tokens(31, seed=2)
    packed = torch.cat((first, second), dim=1)
    segments = torch.tensor([0] * 23 + [1] * 31).expand(2, -1)
    with torch.no_grad():
        found = model(packed, segments)
        alone = model(first)
        torch.testing.assert_close(found[:, :23], alone, atol=TOLERANCE, rtol=0)
        if model.config.positions == "rotary":
            alone = model(second)
            torch.testing.assert_close(found[:, 23:], alone, atol=TOLERANCE, rtol=0)
        changed = packed.clone()
        changed[:, :23] = tokens(23, seed=3)
        torch.testing.assert_close(model(changed, segments)[:, 23:], found[:, 23:])


@pytest.mark.parametrize("name", ["gpt2-tied", "llama-tied", "nanochat-untied"])
def test_causal_models_do_not_see_the_future(name: str) -> None:
    model = PEERS[name].model()
    ids = tokens(20)
    later = ids.clone()
    later[:, 12:] = tokens(8, seed=5)
    torch.testing.assert_close(logits(model, ids)[:, :12], logits(model, later)[:, :12])


def test_every_family_has_a_peer() -> None:
    assert {peer.family for peer in PEERS.values()} == set(families.FAMILIES)


def test_older_names_of_weights_are_read(tmp_path: Path) -> None:
    """GPT-2 without its head's prefix, BERT's norms named as in TensorFlow, both as released."""
    for name, rename in (
        ("gpt2-tied", lambda key: key.removeprefix("transformer.")),
        (
            "bert-tied",
            lambda key: key.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
                "LayerNorm.bias", "LayerNorm.beta"
            ),
        ),
    ):
        folder = tmp_path / name
        theirs = PEERS[name].hf_model()
        theirs.save_pretrained(folder)
        path = folder / "model.safetensors"
        tensors = load_file(path)
        renamed = {rename(key): tensor for key, tensor in tensors.items()}
        assert renamed.keys() != tensors.keys()
        if name == "gpt2-tied":
            renamed["h.0.attn.bias"] = torch.ones(1, 1, CONTEXT, CONTEXT).tril()
        save_file(renamed, path)
        ids = tokens(20)
        torch.testing.assert_close(
            logits(load_model(folder), ids), logits(theirs, ids), atol=TOLERANCE, rtol=0
        )


@pytest.mark.parametrize("family", families.FAMILIES)
def test_what_a_family_cannot_express_is_refused(family: str) -> None:
    impossible: dict[str, dict[str, Any]] = {
        "gpt2": {"kv_heads": 2},
        "llama": {"qk_norm": "before_rotary"},
        "qwen3": {"norm": "layer"},
        "nanochat": {"mlp": "swiglu"},
        "modernbert": {"attention_windows": (0, 8, 16, 0)},
        "esm": {"positions": "learned"},
        "bert": {"final_norm": True},
    }
    with pytest.raises(LexomeError, match="cannot express"):
        families.get(family).config(61, 96, 4, 48, 4, **impossible[family])
    with pytest.raises(LexomeError, match="no option 'dropout'"):
        families.get(family).config(61, 96, 4, 48, 4, dropout=0.1)
    with pytest.raises(LexomeError, match="does not divide into 5 heads"):
        families.get(family).config(61, 96, 4, 48, 5)


def test_a_config_without_weights_is_read(tmp_path: Path) -> None:
    theirs = PEERS["qwen3-tied-grouped"].hf_model()
    scatter(theirs, 1)
    theirs.config.save_pretrained(tmp_path)
    assert read_config(tmp_path) == PEERS["qwen3-tied-grouped"].config()
