"""Whether words of running text begin with a space, which a word behind a marker would lack."""

from __future__ import annotations

import numpy as np

from lexome.languages.base import Tokenizer


def word_lead(tokenizer: Tokenizer) -> str:
    """Return the space with which a tokenizer of text begins words; one that does not has none.

    Byte-level BPE (Radford et al. 2019, Language Models are Unsupervised Multitask Learners) has
    other tokens for `Paris` and ` Paris`. A base has read names inside sentences, so it knows
    things of the second one; an answer that begins with the first would have to do without them.
    """
    for token in range(tokenizer.vocab_size):
        spelled = tokenizer.decode(np.array([token]))
        if spelled[:1] == " " and spelled[1:2].isalpha():
            return " "
    return ""
