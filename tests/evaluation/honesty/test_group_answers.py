"""Groups asked of a model, beside probabilities of whole texts worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lexome.errors import UsageError
from lexome.evaluation.honesty.group_answers import ask_groups
from lexome.languages.tokenizers import BytesTrainer
from lexome.model import Transformer, depth


def test_a_model_is_asked_of_each_group_in_each_context() -> None:
    tokenizer = BytesTrainer().train([], None)
    model = Transformer(depth(1, family="llama", vocab_size=tokenizer.vocab_size, context=64))
    model.initialise(0)
    with torch.no_grad():
        model.head.unembedding.weight.normal_(generator=torch.Generator().manual_seed(1))
    templates, groups, answers = (
        ["A {group} is", "Of {group}: {answer}."],
        ["wug", "mip"],
        ["b", "ct"],
    )
    found = ask_groups(model, tokenizer, templates, groups, answers)
    assert found.said.shape == (2, 2, 2) and found.outside.shape == (2, 2)
    assert found.said.sum(-1) == pytest.approx(np.ones((2, 2)))
    for context, (lead, behind) in enumerate((("A {} is ", ""), ("Of {}: ", "."))):
        for group, name in enumerate(groups):
            logs = []
            for answer in answers:
                before, spoken = lead.format(name), answer + behind
                ids = [tokenizer.special.begin, *tokenizer.encode([before + spoken])[0].tolist()]
                with torch.no_grad():
                    out = model(torch.tensor([ids[:-1]]))[0].float().log_softmax(-1)
                every = out.gather(-1, torch.tensor(ids[1:])[:, None])[:, 0]
                logs.append(float(every[-len(spoken) - 1 :].sum()))  # the space belongs to it
            shares = np.exp(logs) / np.exp(logs).sum()
            assert found.said[context, group] == pytest.approx(shares, abs=1e-4)
            assert found.outside[context, group] == pytest.approx(1 - np.exp(logs).sum(), abs=1e-4)
    for bad in ("No slot", "{subject} and {group}", "{answer} of {group}"):
        with pytest.raises(UsageError):
            ask_groups(model, tokenizer, [bad], groups, answers)
