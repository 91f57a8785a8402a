"""The leak check against brute force over sets of tuples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_language import Tiny, random_documents, write_tiny

from lexome.corpus import Corpus, PrepareRequest, ngrams, prepare
from lexome.corpus.documents import DocumentsTable
from lexome.corpus.leak import THRESHOLD, LeakSearch
from lexome.corpus.manifest import TRAIN, VALID, LeakCheck
from lexome.corpus.ngrams import NgramReader, ngram_hashes
from lexome.corpus.pool import Pool


@given(st.lists(st.integers(0, 3), max_size=80), st.sampled_from([1, 2, 4, 8]))
def test_equal_runs_and_no_others_have_equal_hashes(tokens: list[int], length: int) -> None:
    if len(tokens) < length:
        return
    hashes = ngram_hashes(np.array(tokens, np.uint16), length).tolist()
    runs = [tuple(tokens[i : i + length]) for i in range(len(tokens) - length + 1)]
    assert len(hashes) == len(runs)
    assert len(set(zip(runs, hashes, strict=True))) == len(set(runs)) == len(set(hashes))


def test_long_runs_tell_every_pair_of_places_apart() -> None:
    run = np.zeros(4096, np.uint16)
    hashes = set()
    for place in range(4096):
        run[place] = 1
        hashes.add(int(ngram_hashes(run, 4096)[0]))
        run[place] = 0
    assert len(hashes) == 4096


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let documents and n-grams cross the borders of blocks."""
    monkeypatch.setattr(ngrams, "_BLOCK", 100)


def brute_force(
    train: Sequence[str], valid: Sequence[str], step: int
) -> tuple[int, int, int, float, int]:
    """Return exact, near, too short, mean containment and n-grams taken."""
    length = Tiny().run_units
    known = {text[i : i + length] for text in train for i in range(len(text) - length + 1)}
    exact = near = short = taken = 0
    shares = []
    for text in valid:
        grams = [text[i : i + length] for i in range(0, len(text) - length + 1, step)]
        share = sum(gram in known for gram in grams) / len(grams) if grams else 0
        taken += len(grams)
        short += not grams
        if grams:
            shares.append(share)
        if text in train:
            exact += 1
        elif grams and share >= THRESHOLD:
            near += 1
    mean = float(np.mean(shares)) if shares else 0.0
    return exact, near, short, mean, taken


def figures(check: LeakCheck) -> tuple[int, int, int, float, int]:
    return (
        check.exact_duplicates,
        check.near_duplicates,
        check.too_short,
        check.mean_containment,
        check.sampled_ngrams,
    )


def planted(seed: int) -> tuple[list[str], list[str]]:
    """Return train and valid texts: copies, altered copies, and texts too short to judge."""
    generator = np.random.default_rng(seed)
    train = list(random_documents(seed, 40, 400).values())
    valid = list(random_documents(seed + 1, 10, 400, "v").values())
    valid += [train[3], train[7], "ACGT"]
    longest = sorted(train, key=len)[-4:]
    for text, changes in zip(longest, (0, 1, 2, 6), strict=True):
        letters = list(text + "TTTTT")
        for place in generator.integers(0, len(letters), changes).tolist():
            letters[place] = "X"
        valid.append("".join(letters))
    return train, valid


def prepared(
    folder: Path,
    train: Sequence[str],
    valid: Sequence[str],
    tokenizer: str = "symbols",
    *,
    palindromes: bool = False,
) -> Corpus:
    names = [
        write_tiny(folder / f"{side}.tiny", {f"{side}{i}": text for i, text in enumerate(texts)})
        for side, texts in (("train", train), ("valid", valid))
    ]
    request = PrepareRequest(
        [names[0]], "tiny", tokenizer=tokenizer, validation_files=[names[1]], workers=1
    )
    return prepare(request, folder / "corpus", language=Tiny(palindromes=palindromes))


@pytest.mark.parametrize("tokenizer", ["symbols", "bpe", "kmer"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_figure_equals_brute_force(tmp_path: Path, seed: int, tokenizer: str) -> None:
    train, valid = planted(seed)
    check = prepared(tmp_path, train, valid, tokenizer).manifest.leak
    expected = brute_force(train, valid, 1)
    assert check.ngram_units == Tiny().run_units and check.documents == len(valid)
    assert figures(check) == (*expected[:3], pytest.approx(expected[3], abs=1e-6), expected[4])
    assert expected[0] >= 2 and expected[1] >= 1 and expected[2] >= 1


@settings(max_examples=10)
@given(seed=st.integers(0, 1000), most=st.integers(20, 3000))
def test_a_limit_takes_evenly_spaced_runs(
    tmp_path_factory: pytest.TempPathFactory, seed: int, most: int
) -> None:
    train, valid = planted(seed)
    corpus = prepared(tmp_path_factory.mktemp("leak"), train, valid)
    manifest = corpus.manifest
    digests = {
        TRAIN: np.array([hash(text) & (2**63 - 1) for text in train], np.uint64),
        VALID: np.array([hash(text) & (2**63 - 1) for text in valid], np.uint64),
    }
    sides = {TRAIN: manifest.train, VALID: manifest.valid}
    reader = NgramReader(corpus.folder, corpus.language, corpus.tokenizer)
    search = LeakSearch(
        reader, corpus.folder / "documents.parquet", sides, digests, most_ngrams=most
    )
    with Pool(1) as pool:
        done = sum(search.run(pool))
    check = search.result(augmented_forms="none")
    step = -(-manifest.valid.units // most)
    expected = brute_force(train, valid, step)
    assert done == manifest.train.tokens + manifest.valid.tokens
    assert figures(check) == (*expected[:3], pytest.approx(expected[3], abs=1e-6), expected[4])
    assert check.sampled_ngrams <= most + len(valid)


def test_examples_name_both_documents(tmp_path: Path) -> None:
    train, valid = planted(5)
    examples = prepared(tmp_path, train, valid).manifest.leak.examples
    exact = [example for example in examples if example.document == 10]
    assert exact[0].containment == 1
    assert "valid.tiny, record 'valid10', line 11" in exact[0].source
    assert "train.tiny, record 'train3', line 4" in (exact[0].train_source or "")
    shares = [example.containment for example in examples]
    assert shares == sorted(shares, reverse=True)


def test_a_copy_backwards_is_found_where_it_means_the_same(tmp_path: Path) -> None:
    train, valid = planted(4)
    backwards = [text[::-1] for text in valid]
    check = prepared(tmp_path, train, backwards, "bpe", palindromes=True).manifest.leak
    both = [*train, *(text[::-1] for text in train)]
    _, near, short, mean, taken = brute_force(both, backwards, 1)
    exact = sum(text in train for text in backwards)
    near += sum(text in train and text[::-1] not in train for text in valid)
    assert figures(check) == (exact, near, short, pytest.approx(mean, abs=1e-6), taken)


@pytest.mark.parametrize("tokenizer", ["symbols", "kmer", "bpe"])
def test_shifted_and_reversed_copies_of_dna_are_found(tmp_path: Path, tokenizer: str) -> None:
    train = list(random_documents(7, 30, 900).values())
    longest = max(train, key=len)
    complement = longest[::-1].translate(str.maketrans("ACGT", "TGCA"))
    copies = ["G" + longest, "CA" + complement, complement]
    other = "".join(np.random.default_rng(9).choice(list("ACGT"), 900))
    for name, texts in (("train", train), ("valid", [*copies, other])):
        records = "".join(f">{name}{i}\n{text}\n" for i, text in enumerate(texts))
        (tmp_path / f"{name}.fa").write_text(records)
    request = PrepareRequest(
        [tmp_path / "train.fa"],
        "dna",
        tokenizer=tokenizer,
        vocab_size=200 if tokenizer == "bpe" else None,
        validation_files=[tmp_path / "valid.fa"],
        workers=1,
    )
    check = prepare(request, tmp_path / "corpus").manifest.leak
    assert (check.exact_duplicates, check.near_duplicates) == (0, 3)
    assert {example.document for example in check.examples} == {0, 1, 2}
    assert all(f"'train{train.index(longest)}'" in str(e.train_source) for e in check.examples)


def test_a_copy_in_mirrored_form_is_found_where_train_is_mirrored(tmp_path: Path) -> None:
    train = list(random_documents(1, 20, 300).values())
    valid = [train[5][::-1], "ACGT" * 30]
    files = [
        write_tiny(tmp_path / "train.tiny", {f"t{i}": text for i, text in enumerate(train)}),
        write_tiny(tmp_path / "valid.tiny", {f"v{i}": text for i, text in enumerate(valid)}),
    ]
    request = PrepareRequest([files[0]], "tiny", validation_files=[files[1]])
    plain = prepare(request, tmp_path / "plain", language=Tiny()).manifest.leak
    mirrored = prepare(request, tmp_path / "mirrored", language=Tiny(mirror=True)).manifest.leak
    assert (plain.exact_duplicates, mirrored.exact_duplicates) == (0, 1)
    assert (plain.augmented_forms, mirrored.augmented_forms) == (
        "none in train",
        "20 in train, searched too",
    )


def test_the_table_of_documents_names_are_those_that_were_read(tmp_path: Path) -> None:
    assert DocumentsTable().digests == {}
    corpus = prepared(tmp_path, ["ACGT", "GGA"], ["TTT"])
    rows = [(row["record"], row["line"]) for row in corpus.rows(TRAIN)]
    assert rows == [("train0", 1), ("train1", 2)]
