"""Tokenizers of other folders: ids as `tokenizers` gives them, and four special tokens."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
from foreign_folders import MADE, write
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizer_samples import WEIRD
from transformers import AutoTokenizer

from lexome import languages
from lexome.errors import DamagedFileError, LexomeError, UsageError
from lexome.languages.joint import JointTokenizer
from lexome.languages.pair.lead import word_lead
from lexome.languages.tokenizers import BytesTrainer
from lexome.languages.tokenizers.foreign import ForeignTokenizer

Both = tuple[ForeignTokenizer, Any]
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.lists(
    st.sampled_from(["the ", "rain", " ", "é", "日本", "😀", "12", "\n", "Spain,"])
).map("".join)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Both]:
    """Every tokenizer as lexome opens it, and as plain `tokenizers` does, without its template."""
    found: dict[str, Both] = {}
    for name in MADE:
        folder = tmp_path_factory.mktemp(name)
        write(name, folder)
        made = languages.load_tokenizer(folder)
        assert isinstance(made, ForeignTokenizer)
        plain = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        plain.no_truncation()
        plain.no_padding()
        found[name] = made, plain
    return found


@pytest.mark.parametrize("name", MADE)
@settings(max_examples=60)
@given(content=texts)
def test_ids_are_those_of_tokenizers(opened: dict[str, Both], name: str, content: str) -> None:
    ours, plain = opened[name]
    (ids,) = ours.encode([content])
    assert ids.tolist() == plain.encode(content, add_special_tokens=False).ids
    assert ours.decode(ids) == plain.decode(ids.tolist(), skip_special_tokens=False)
    assert not np.isin(ids, [ours.special.begin, ours.special.end, ours.special.pad]).any()


def test_only_words_that_hold_their_space_are_led_by_one(opened: dict[str, Both]) -> None:
    led = {name: word_lead(ours) for name, (ours, _) in opened.items()}
    assert led == {"gpt2": " ", "llama": "", "bert": ""}


@settings(max_examples=60)
@given(content=texts)
def test_bytes_come_back_and_are_counted(opened: dict[str, Both], content: str) -> None:
    ours, _ = opened["gpt2"]
    assert not ours.lossy
    (ids,) = ours.encode([content])
    assert ours.decode(ids) == content
    assert ours.unit_lengths[ids].sum() == len(content.encode())
    assert bytes(ours.unit_codes(ids).tolist()) == content.encode()


@pytest.mark.parametrize("content", WEIRD)
def test_strange_text_comes_back(opened: dict[str, Both], content: str) -> None:
    ours, _ = opened["gpt2"]
    (ids,) = ours.encode([content])
    assert ours.decode(ids) == content
    assert not np.isin(ids, ours.special.ids).any()


def test_what_is_not_kept_is_said_to_be_lossy(opened: dict[str, Both]) -> None:
    assert [opened[name][0].lossy for name in ("gpt2", "llama", "bert")] == [False, True, True]
    bert, _ = opened["bert"]
    (ids,) = bert.encode(["The rain 漢"])
    assert bert.decode(ids) == "the rain [UNK]"
    assert bert.unknown in ids and bert.unit_lengths[bert.unknown] == 0
    llama, _ = opened["llama"]
    (ids,) = llama.encode(["the 漢"])
    assert llama.decode(ids) == "the 漢"
    # One more than the text has: the space before the first word.
    assert llama.unit_lengths[ids].sum() == len(" the 漢".encode())


def test_special_tokens_are_four_whatever_the_folder_names(opened: dict[str, Both]) -> None:
    for name, (ours, plain) in opened.items():
        old = plain.get_vocab_size(with_added_tokens=True)
        assert len(set(ours.special.ids)) == 4, name
        assert all(ours.unit_lengths[index] == 0 for index in ours.special.ids)
        assert ours.decode(np.array(ours.special.ids)) == ""
        added = [index for index in ours.special.ids if index >= old]
        assert ours.vocab_size == old + len(added)
    gpt2, llama, bert = (opened[name][0] for name in ("gpt2", "llama", "bert"))
    # GPT-2 begins and ends with one token: it begins, and what ends is new; nothing pads or masks.
    assert gpt2.special.begin == 0 and gpt2.token_label(0) == "<|endoftext|>"
    assert sorted((gpt2.special.end, gpt2.special.pad, gpt2.special.mask)) == [300, 301, 302]
    # The unknown token stands for content, so it pads nothing.
    assert (llama.special.begin, llama.special.end) == (1, 2)
    assert llama.special.pad >= 340 and llama.unknown == 0
    assert bert.special.ids == (0, 2, 3, 4)


@pytest.mark.parametrize("name", MADE)
def test_saved_it_loads_here_and_in_plain_transformers(
    opened: dict[str, Both], name: str, tmp_path: Path
) -> None:
    ours, _ = opened[name]
    ours.save(tmp_path)
    plain = AutoTokenizer.from_pretrained(tmp_path)
    again = languages.load_tokenizer(tmp_path)
    assert isinstance(again, ForeignTokenizer)
    special = (plain.pad_token_id, plain.bos_token_id, plain.eos_token_id, plain.mask_token_id)
    for other in (again, pickle.loads(pickle.dumps(ours))):
        assert (other.special, other.vocab_size) == (ours.special, ours.vocab_size)
        assert np.array_equal(other.unit_lengths, ours.unit_lengths)
    assert special == ours.special.ids
    for text in ("the rain in Spain, café", "the </s> [SEP] <|endoftext|> dog", ""):
        (ids,) = ours.encode([text])
        assert plain(text)["input_ids"] == ids.tolist() == again.encode([text])[0].tolist()


# A decoder of parts of words takes back spaces that it has written.
@pytest.mark.parametrize("name", ["gpt2", "llama"])
@settings(max_examples=40)
@given(content=texts)
def test_a_stream_writes_what_decoding_gives(
    opened: dict[str, Both], name: str, content: str
) -> None:
    ours, _ = opened[name]
    (ids,) = ours.encode([content])
    stream = ours.text_stream()
    pieces = [stream.push([index]) for index in ids.tolist()]
    written = "".join(pieces) + stream.finish()
    assert written == ours.decode(ids)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda d: d["model"]["vocab"].update({"far": 999}), "without a gap"),
        (lambda d: d.update(decoder={"type": "CTC", "pad_token": "<pad>",
                                     "word_delimiter_token": "|", "cleanup": True}), "'CTC'"),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_said(tmp_path: Path, change: Any, message: str) -> None:
    write("bert", tmp_path)
    path = tmp_path / "tokenizer.json"
    described = json.loads(path.read_text())
    change(described)
    path.write_text(json.dumps(described))
    with pytest.raises(LexomeError, match=message) as caught:
        languages.load_tokenizer(tmp_path)
    assert str(path) in str(caught.value) and caught.value.fix


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"model": 3}'])
def test_a_torn_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(DamagedFileError) as caught:
        languages.load_tokenizer(tmp_path)
    assert "tokenizer.json" in str(caught.value)


def test_a_folder_of_lexome_that_lost_its_file_is_no_other_ones(tmp_path: Path) -> None:
    BytesTrainer().train().save(tmp_path)
    (tmp_path / "lexome_tokenizer.json").unlink()
    with pytest.raises(LexomeError, match=r"lexome_tokenizer\.json is missing"):
        languages.load_tokenizer(tmp_path)


def test_saved_files_that_changed_are_named(opened: dict[str, Both], tmp_path: Path) -> None:
    opened["gpt2"][0].save(tmp_path)
    path = tmp_path / "tokenizer.json"
    path.write_text(path.read_text().replace("<|endoftext|>", "<|endOfText|>"))
    with pytest.raises(DamagedFileError, match="has changed"):
        languages.load_tokenizer(tmp_path)


def test_it_cannot_be_joined_with_tokenizers_of_lexome(opened: dict[str, Both]) -> None:
    with pytest.raises(UsageError, match="special tokens of the tokenizer of text"):
        JointTokenizer({"text": opened["gpt2"][0]})
