"""Stop texts, streaming and rendering: what a person reads is exactly what was written."""

from __future__ import annotations

import itertools
import json
import random
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
import tokenizers
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import decoders, models, pre_tokenizers

from lexome import languages
from lexome.errors import LexomeError
from lexome.generation import Settings, beam_search, write
from lexome.generation.stops import StopText
from lexome.languages.base import Document, Language, Source, SpecialTokens, Tokenizer
from lexome.languages.pair import Pair, PairTokenizer, Turn
from lexome.languages.tokenizers import BpeTrainer
from lexome.languages.tokenizers.foreign import ForeignTokenizer
from lexome.model import Transformer, families

TEXT = st.text("ab\n", max_size=30)


def passed(stops: list[str], pieces: list[str]) -> tuple[str, bool]:
    filter_ = StopText(stops)
    out = "".join(filter_.push(piece) for piece in pieces)
    return out + filter_.finish(), filter_.stopped


@given(
    TEXT,
    st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=3),
    st.integers(0, 1000),
)
def test_output_ends_before_the_first_stop_text_however_it_is_cut(
    text: str, stops: list[str], seed: int
) -> None:
    cuts = sorted(random.Random(seed).choices(range(len(text) + 1), k=5))
    edges = [0, *cuts, len(text)]
    pieces = [text[a:b] for a, b in itertools.pairwise(edges)]
    # The same rule said another way: the shortest beginning that ends in a stop text decides.
    ends = [n for n in range(len(text) + 1) if any(text[:n].endswith(s) for s in stops)]
    if not ends:
        assert passed(stops, pieces) == (text, False)
        return
    longest = max(len(s) for s in stops if text[: ends[0]].endswith(s))
    expected = text[: ends[0] - longest]
    assert passed(stops, pieces) == (expected, True)
    assert not any(stop in expected for stop in stops)


@given(TEXT)
def test_nothing_waits_that_cannot_become_a_stop_text(text: str) -> None:
    filter_ = StopText(["xyz"])
    assert "".join(filter_.push(character) for character in text) == text


def test_the_start_of_a_stop_text_waits_and_comes_at_the_end() -> None:
    filter_ = StopText(["abc"])
    assert filter_.push("xab") == "x"
    assert filter_.push("ab") == "ab"
    assert filter_.finish() == "ab"


def setup(name: str, kind: str) -> tuple[Tokenizer, Language, Transformer]:
    language = languages.get(name)
    tokenizer = language.tokenizers()[kind].train(["naïve cafés", "déjà vu"], None)
    # Some rows more than tokens, as models padded to a round vocabulary have.
    config = families.get("llama").config(tokenizer.vocab_size + 5, 64, 2, 32, 2)
    model = Transformer(config)
    model.initialise(0)
    return tokenizer, language, model


@pytest.mark.parametrize("kind", ["bytes", "characters"])
def test_pieces_add_up_to_the_text_and_stop_texts_never_show(kind: str) -> None:
    tokenizer, language, model = setup("text", kind)
    prompts = ["", "naïve ", "é"]
    whole = write(tokenizer, language, model, prompts, Settings(max_tokens=40, seed=1))
    stop = whole[0].text[5:8]
    streamed: dict[int, str] = defaultdict(str)

    def on_text(row: int, piece: str) -> None:
        streamed[row] += piece

    settings = Settings(max_tokens=40, seed=1, stop=(stop,))
    found = write(tokenizer, language, model, prompts, settings, on_text=on_text)
    assert found[0].finish == "stop"
    for row, (before, after) in enumerate(zip(whole, found, strict=True)):
        assert after.text == before.text.split(stop)[0]
        assert streamed[row] == after.text
        assert after.rendering.text == prompts[row] + after.text
        assert after.tokens <= before.tokens


def test_with_beams_the_best_one_is_written_and_a_stop_text_cuts_it() -> None:
    tokenizer, language, model = setup("text", "bytes")
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    prompts = ["", "naïve "]
    settings = Settings(max_tokens=20, beams=3, precision="fp32")
    whole = write(tokenizer, language, model, prompts, settings)
    special = tokenizer.special
    never = [special.pad, special.begin, special.mask]
    never += range(tokenizer.vocab_size, model.config.vocab_size)
    for row, written in enumerate(whole):
        ids = [special.begin, *written.ids[: len(written.ids) - written.tokens]]
        (beams,) = beam_search(model, [ids], settings, end=special.end, never=never)
        assert written.ids[len(written.ids) - written.tokens :] == beams[0].ids
        assert (written.finish, written.prompt) == (beams[0].finish, prompts[row])
    pieces: dict[int, list[str]] = defaultdict(list)
    stop = whole[0].text[3:5]
    found = write(
        tokenizer,
        language,
        model,
        prompts,
        replace(settings, stop=(stop,)),
        on_text=lambda row, piece: pieces[row].append(piece),
    )
    assert found[0].finish == "stop"
    assert found[0].tokens < whole[0].tokens
    for row, (before, after) in enumerate(zip(whole, found, strict=True)):
        assert after.text == before.text.split(stop)[0] == "".join(pieces[row])


def saying(tokenizer: Tokenizer, words: tuple[int, int]) -> Transformer:
    """Return a model that says nothing but these two tokens."""
    model = Transformer(
        families.get("llama").config(tokenizer.vocab_size, 64, 1, 32, 2, tied=False)
    )
    model.initialise(0)
    with torch.no_grad():
        model.head.unembedding.weight.zero_()
        # One of the two is always likelier than all tokens that are nothing to it.
        model.head.unembedding.weight[words[0]] = 1.0
        model.head.unembedding.weight[words[1]] = -1.0
    return model


GREEDY = Settings(max_tokens=3, temperature=0.0, precision="fp32")


def test_a_word_behind_a_prompt_keeps_its_space_where_a_first_one_has_none() -> None:
    """As with Llama, whose decoder takes away the space with which every text begins."""
    names = ["<pad>", "<s>", "</s>", "<mask>", "<unk>", "▁the", "▁cat", "▁sat"]
    vocabulary = {name: number for number, name in enumerate(names)}
    backend = tokenizers.Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    tokenizer = ForeignTokenizer(backend.to_str(), SpecialTokens(0, 1, 2, 3))
    model, streamed = saying(tokenizer, (6, 7)), list[str]()
    (found,) = write(
        tokenizer, languages.get("text"), model, ["the"], GREEDY,
        on_text=lambda _row, piece: streamed.append(piece),
    )  # fmt: skip
    assert found.text == "".join(streamed) == found.rendering.text.removeprefix("the")
    assert found.rendering.text == tokenizer.decode(np.array(found.ids))
    assert set(found.text.split(" ")[1:]) <= {"cat", "sat"}


def test_an_answer_that_is_gone_on_with_keeps_its_next_space() -> None:
    words = BpeTrainer().train(["the cat sat on the mat " * 20], 300)
    said = {name: {"language": "text", "predicted": name == "answer", "lead": " "}
            for name in ("question", "answer")}  # fmt: skip
    language = languages.get("pair", roles=json.dumps(said))
    assert isinstance(language, Pair)
    tokenizer = PairTokenizer(words, "text", list(language.speakers.values()), {})
    cat, sat = (int(words.encode([word])[0][0]) for word in (" cat", " sat"))
    model = saying(tokenizer, (cat, sat))
    for begun in ("the", ""):
        prompt = Document((Turn("question", "who?"), Turn("answer", begun)), Source("a"))
        (found,) = write(tokenizer, language, model, [prompt], GREEDY)
        assert begun + found.text == tokenizer.decode(np.array(found.ids))[-1].content
        assert set(f"{begun} {found.text}".split()) <= {"the", "cat", "sat"}


@pytest.mark.parametrize(("name", "prompt"), [("dna", "ACGT"), ("protein", "MKV")])
def test_sequences_are_rendered_as_fasta(name: str, prompt: str) -> None:
    language = languages.get(name)
    tokenizer = next(iter(language.tokenizers().values())).train([], None)
    model = Transformer(families.get("llama").config(tokenizer.vocab_size, 64, 1, 32, 2))
    model.initialise(0)
    (found,) = write(tokenizer, language, model, [prompt], Settings(max_tokens=20))
    header, *lines = found.rendering.text.splitlines()
    assert header.startswith(">")
    assert "".join(lines) == prompt + found.text
    with pytest.raises(LexomeError) as error:
        write(tokenizer, language, model, [prompt, "AC!T"], Settings(max_tokens=2))
    assert "prompt 2" in str(error.value)
