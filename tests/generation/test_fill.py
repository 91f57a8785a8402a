"""Filling in: the model's own probabilities, one mask or several, in either order."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lexome import languages
from lexome.errors import LexomeError, UsageError
from lexome.generation import fill
from lexome.languages.base import Language, Tokenizer
from lexome.model import Transformer, families

SPECIAL = 4


def setup(family: str = "modernbert") -> tuple[Tokenizer, Language, Transformer]:
    language = languages.get("protein")
    tokenizer = language.tokenizers()["symbols"].train([], None)
    model = Transformer(families.get(family).config(tokenizer.vocab_size + 3, 32, 2, 32, 2))
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return tokenizer, language, model


def direct(model: Transformer, tokenizer: Tokenizer, ids: list[int], place: int) -> torch.Tensor:
    """Return the probabilities of content tokens at a place, straight from the model."""
    with torch.no_grad():
        logits = model(torch.tensor([ids]))[0, place]
    logits[:SPECIAL] = logits[tokenizer.vocab_size :] = -torch.inf
    return logits.softmax(-1)


@pytest.mark.parametrize("order", ["one-shot", "iterative"])
def test_one_mask_has_the_models_probabilities(order: str) -> None:
    tokenizer, language, model = setup()
    found = fill(tokenizer, language, model, "MK_V", top=3, order=order)  # type: ignore[arg-type]
    ids = [1, *tokenizer.encode(["MK"])[0].tolist(), 3, *tokenizer.encode(["V"])[0].tolist(), 2]
    values, tokens = direct(model, tokenizer, ids, 3).topk(3)
    (mask,) = found.masks
    assert [candidate.token for candidate in mask] == tokens.tolist()
    assert [candidate.probability for candidate in mask] == pytest.approx(values.tolist())
    assert found.text == f"MK{mask[0].text}V"
    assert found.text in found.rendering.text


def test_one_shot_hides_the_others_and_iterative_takes_the_surest_first() -> None:
    tokenizer, language, model = setup()
    text = "M<|mask|>K<|mask|><|mask|>V"
    m, k, v = (int(tokenizer.encode([letter])[0][0]) for letter in "MKV")
    ids, places = [1, m, 3, k, 3, 3, v, 2], [2, 4, 5]
    once = fill(tokenizer, language, model, text, top=1)
    one_shot = fill(tokenizer, language, model, text, top=1, order="one-shot")
    at_once = [int(direct(model, tokenizer, ids, place).argmax()) for place in places]
    assert [mask[0].token for mask in one_shot.masks] == at_once
    filled = list(ids)
    while 3 in filled:
        best = {p: direct(model, tokenizer, filled, p).max(0) for p in places if filled[p] == 3}
        surest = max(best, key=lambda place: float(best[place].values))
        filled[surest] = int(best[surest].indices)
    assert [mask[0].token for mask in once.masks] == [filled[place] for place in places]
    assert once.order == "iterative"


def test_what_cannot_be_filled_is_an_error() -> None:
    tokenizer, language, model = setup()
    with pytest.raises(UsageError, match="nothing to fill"):
        fill(tokenizer, language, model, "MKV")
    with pytest.raises(UsageError, match="at most 32"):
        fill(tokenizer, language, model, "M" * 40 + "_")
    with pytest.raises(LexomeError) as error:
        fill(tokenizer, language, model, "MK_!V")
    assert "part 2" in str(error.value)
    causal = Transformer(families.get("llama").config(tokenizer.vocab_size, 32, 1, 32, 2))
    with pytest.raises(UsageError, match="before a token"):
        fill(tokenizer, language, causal, "MK_V")


def test_logits_that_are_no_numbers_are_an_error() -> None:
    tokenizer, language, model = setup()
    torch.nn.init.constant_(next(model.parameters()), torch.nan)
    with pytest.raises(LexomeError, match="not numbers"):
        fill(tokenizer, language, model, "MK_V")


def test_whole_kmers_stand_before_a_mask() -> None:
    language = languages.get("dna")
    tokenizer = language.tokenizers()["kmer"].train([], None)
    model = Transformer(families.get("modernbert").config(tokenizer.vocab_size, 32, 1, 32, 2))
    model.initialise(0)
    found = fill(tokenizer, language, model, "ACGT_GT", top=1)
    before = np.concatenate(tokenizer.encode(["A", "CGT"])).tolist()
    ids = [1, *before, 3, *tokenizer.encode(["GT"])[0].tolist(), 2]
    assert found.masks[0][0].token == int(direct(model, tokenizer, ids, 3).argmax())
    assert found.text == f"ACGT{found.masks[0][0].text}GT"
