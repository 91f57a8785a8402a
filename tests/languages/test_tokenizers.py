"""Tokenizers: their ids, their offsets, streams, k-mers, and what they refuse."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizer_samples import DNA, GENES, KMERS, PROTEINS, SAMPLE, TEXT, texts

from lexome.errors import LexomeError, UsageError
from lexome.languages.tokenizers import (
    BpeTrainer,
    BytesTrainer,
    CharactersTrainer,
    KmerTrainer,
    StreamDecoder,
    SymbolsTrainer,
    encoders,
)
from lexome.languages.tokenizers.vocabulary import byte_alphabet


def brute_force_kmers(content: str, k: int, stride: int, core: str) -> list[str]:
    """Spell one run after another, as the definition says it."""
    tokens = []
    at = 0
    while at < len(content):
        if content[at] not in core:
            tokens.append(content[at])
            at += 1
            continue
        stop = at
        while stop < len(content) and content[stop] in core:
            stop += 1
        run = content[at:stop]
        end = stride
        while end <= len(run):
            tokens.append(run[max(0, end - k) : end])
            end += stride
        tokens.extend(run[end - stride :])
        at = stop
    return tokens


@pytest.mark.parametrize(("k", "stride"), KMERS)
@given(content=st.text("ACG", max_size=40) | st.text("ACGNR", max_size=40))
@settings(max_examples=40, deadline=None)
def test_kmers_are_those_of_the_definition(k: int, stride: int, content: str) -> None:
    tokenizer = KMERS[k, stride]
    (ids,) = tokenizer.encode([content])
    assert tokenizer.spell(ids).split() == brute_force_kmers(content, k, stride, "ACG")
    assert tokenizer.decode(ids) == content
    assert tokenizer.unit_lengths[ids].sum() == len(content)
    spelled = tokenizer.spell(ids) if stride < k else content
    assert tokenizer.backend.encode(spelled).ids == ids.tolist()
    assert tokenizer.backend.decode(ids.tolist()) == content


@given(contents=st.lists(st.text("ACGNR", max_size=30), max_size=5), block=st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_kmers_do_not_depend_on_the_block_size(contents: list[str], block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for tokenizer in KMERS.values():
            single = [tokenizer.encode([content])[0].tolist() for content in contents]
            assert [ids.tolist() for ids in tokenizer.encode(contents)] == single
            patch.setattr(encoders, "GROUP", block)
            assert [ids.tolist() for ids in tokenizer.encode(contents)] == single
            patch.undo()


crossings = st.text("aaé日²½1 \n\r\t\u00a0\u2028.,。！😀\u0301_'-", max_size=40)  # noqa: RUF001


@given(contents=st.lists(texts | crossings, max_size=4), block=st.integers(1, 9))
@settings(max_examples=200, deadline=None)
def test_merges_do_not_depend_on_the_block_size(contents: list[str], block: int) -> None:
    tokenizer = TEXT["bpe"]
    whole = [tokenizer.backend.encode(content).ids for content in contents]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoders, "BLOCK", block)
        patch.setattr(encoders, "GROUP", 3 * block)
        assert [ids.tolist() for ids in tokenizer.encode(contents)] == whole


@pytest.mark.parametrize("line", ["a few words, ", "文字。", "x1yz22+/", "no-end-of-it "])
def test_one_long_line_is_encoded_in_blocks(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    tokenizer = TEXT["bpe"]
    content = line * 3000
    expected = tokenizer.backend.encode(content).ids
    monkeypatch.setattr(encoders, "BLOCK", 1000)
    blocks = list(tokenizer._encoder._blocks(content))
    assert max(map(len, blocks)) < 1100
    assert tokenizer.encode([content])[0].tolist() == expected


def test_long_dna_is_cut_where_the_pieces_end() -> None:
    content = "".join(np.random.default_rng(0).choice(list("ACGT"), 3 * encoders.BLOCK + 77))
    tokenizer = DNA["bpe"]
    (ids,) = tokenizer.encode([content])
    assert ids.tolist() == tokenizer.backend.encode(content).ids
    assert tokenizer.decode(ids) == content
    _, stops = tokenizer.offsets(ids)
    assert np.isin(np.arange(encoders.PIECE, len(content), encoders.PIECE), stops).all()


@pytest.mark.parametrize("name", TEXT)
@given(content=texts)
@settings(max_examples=40, deadline=None)
def test_character_offsets_are_those_of_the_tokenizers_library(name: str, content: str) -> None:
    tokenizer = TEXT[name]
    encoding = tokenizer.backend.encode(content)
    starts, stops = tokenizer.character_offsets(np.array(encoding.ids, np.int64))
    assert list(zip(starts.tolist(), stops.tolist(), strict=True)) == encoding.offsets


@pytest.mark.parametrize("name", TEXT)
@given(content=texts)
@settings(max_examples=40, deadline=None)
def test_unit_codes_of_text_are_its_bytes(name: str, content: str) -> None:
    (ids,) = TEXT[name].encode([content])
    inside = np.concatenate([[1], ids, [2]])
    assert TEXT[name].unit_codes(inside).tobytes() == content.encode("utf-8")


@pytest.mark.parametrize("name", DNA)
def test_unit_codes_of_dna_are_its_letters(name: str) -> None:
    (ids,) = DNA[name].encode(GENES[1:])
    assert DNA[name].unit_codes(ids).tobytes().decode() == GENES[1]


def test_offsets_of_special_tokens_are_empty() -> None:
    tokenizer = TEXT["bytes"]
    ids = np.array([1, *tokenizer.encode(["é!"])[0], 2])
    starts, stops = tokenizer.character_offsets(ids)
    assert list(zip(starts, stops, strict=True)) == [(0, 0), (0, 1), (0, 1), (1, 2), (2, 2)]


@pytest.mark.parametrize("name", [*TEXT])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_stream_gives_whole_characters(name: str, data: st.DataObject) -> None:
    tokenizer = TEXT[name]
    any_ids = st.lists(st.integers(0, tokenizer.vocab_size - 1), max_size=30)
    ids = data.draw(any_ids | texts.map(lambda text: tokenizer.encode([text])[0].tolist()))
    stream = StreamDecoder(tokenizer)
    parts = [stream.push([index]) for index in ids]
    assert "".join(parts) + stream.finish() == tokenizer.decode(np.array(ids, np.int64))


def test_a_stream_holds_back_half_a_character() -> None:
    tokenizer = TEXT["bytes"]
    stream = StreamDecoder(tokenizer)
    assert [stream.push([index]) for index in tokenizer.encode(["😀a"])[0]] == [
        "",
        "",
        "",
        "😀",
        "a",
    ]
    assert stream.push([4 + 0xC3]) == ""
    assert stream.finish() == "\ufffd"


def test_ids_are_the_agreed_ones() -> None:
    for tokenizer in (*TEXT.values(), *DNA.values(), *PROTEINS.values()):
        names = [tokenizer.token_label(index) for index in range(4)]
        assert names == ["<|pad|>", "<|begin|>", "<|end|>", "<|mask|>"]
        assert tokenizer.unit_lengths[:4].tolist() == [0, 0, 0, 0]
        assert (tokenizer.unit_lengths[4:] > 0).all()
        assert len(tokenizer.unit_lengths) == tokenizer.vocab_size
    assert TEXT["bytes"].encode(["Aÿ"])[0].tolist() == [4 + 0x41, 4 + 0xC3, 4 + 0xBF]
    assert DNA["symbols"].encode(["ACGTN"])[0].tolist() == [4, 5, 6, 7, 18]
    assert TEXT["bytes"].vocab_size == 260
    assert TEXT["few characters"].vocab_size == 265
    assert TEXT["bpe"].vocab_size == 330
    assert KmerTrainer(6).train().vocab_size == 4 + 15 + 4**6
    assert KmerTrainer(6, 1).train().vocab_size == 4 + 11 + sum(4**n for n in range(1, 7))


def test_merges_are_learned_and_runs_of_blanks_too() -> None:
    bpe = TEXT["bpe"]
    assert len(bpe.encode([SAMPLE[0]])[0]) < len(SAMPLE[0]) / 2.5
    assert len(DNA["bpe"].encode([GENES[0]])[0]) < len(GENES[0]) / 4
    assert "␣the" in [bpe.token_label(index) for index in range(bpe.vocab_size)]


def test_an_unknown_symbol_is_named() -> None:
    for name, tokenizer in DNA.items():
        for content, symbol in (("ACGTE", "E"), ("ACa", "a"), ("AC GT", " "), ("Aé", "é")):
            with pytest.raises(LexomeError, match=f"'{symbol}' is not in the alphabet"):
                tokenizer.encode(["ACGT", content])
        if name != "3-mers, stride 1" and name != "4-mers, stride 3":
            with pytest.raises(Exception, match=r"(?i)unk"):
                tokenizer.backend.encode("ACGTE")
    with pytest.raises(LexomeError, match="'E'"):
        BpeTrainer("ACGT").train(["ACE"])


def test_a_lone_surrogate_is_named() -> None:
    for tokenizer in TEXT.values():
        with pytest.raises(LexomeError, match=r"U\+D800") as raised:
            tokenizer.encode(["ab\ud800"])
        assert raised.value.where == "character 2"


def test_wrong_options_are_named() -> None:
    wrong = [
        lambda: BytesTrainer().train((), 300),
        lambda: SymbolsTrainer("ACGT").train((), 4),
        lambda: KmerTrainer(3).train((), 64),
        lambda: BpeTrainer().train(SAMPLE, 259),
        lambda: BpeTrainer("ACGT").train(GENES, 0),
        lambda: CharactersTrainer().train(SAMPLE, 100),
        lambda: KmerTrainer(3, 4),
        lambda: KmerTrainer(3, 0),
        lambda: KmerTrainer(0),
        lambda: KmerTrainer(12),
        lambda: KmerTrainer(3, core="ACGU"),
        lambda: SymbolsTrainer("ACA"),
        lambda: SymbolsTrainer("A C"),
        lambda: SymbolsTrainer(""),
    ]
    for attempt in wrong:
        with pytest.raises(UsageError):
            attempt()
    with pytest.raises(LexomeError, match="only 0 to 259"):
        TEXT["bytes"].token_label(260)


def test_labels_are_printable() -> None:
    tokenizer = TEXT["bytes"]
    labels = [tokenizer.token_label(4 + byte) for byte in (0x20, 0x0A, 0x00, 0xC3, 0x41)]
    assert labels == ["␣", "↵", "\\x00", "<C3>", "A"]
    for tokenizer in TEXT.values():
        assert all(tokenizer.token_label(i).isprintable() for i in range(tokenizer.vocab_size))


def test_training_reads_a_stream_once() -> None:
    for trainer in (BpeTrainer(), CharactersTrainer()):
        stream = iter(SAMPLE)
        streamed = trainer.train(stream, 300)
        assert streamed.checksum == trainer.train(SAMPLE, 300).checksum
        assert next(stream, None) is None


def test_training_is_deterministic_across_processes() -> None:
    program = (
        "from lexome.languages.tokenizers import BpeTrainer, CharactersTrainer\n"
        "lines = [f'word{i % 97} {i * i} naïve\\n' for i in range(3000)]\n"
        "print(BpeTrainer().train(lines, 600).checksum, CharactersTrainer().train(lines).checksum)"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": str(seed)},
        ).stdout
        for seed in range(3)
    }
    assert len(runs) == 1
    assert len(runs.pop().split()[0]) == 64


def test_byte_names_are_those_of_the_tokenizers_library() -> None:
    assert sorted(byte_alphabet()) == sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    level = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    for code in range(0x80):
        assert level.pre_tokenize_str(chr(code))[0][0] == byte_alphabet()[code]
