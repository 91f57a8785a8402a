"""Palettes and patches: exact where they can be, near otherwise, and never lost for an answer."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lexome import languages
from lexome.errors import LexomeError, UsageError
from lexome.languages.base import Document, Source
from lexome.languages.image.baselines import PixelNGram, Png
from lexome.languages.image.clustering import lloyd, median_cut, nearest
from lexome.languages.image.colours import learn_palette
from lexome.languages.image.fidelity import psnr
from lexome.languages.image.palette import PaletteTrainer
from lexome.languages.image.patches import PatchTrainer
from lexome.languages.tokenizers import CodedTokenizer
from lexome.languages.tokenizers.vocabulary import FIRST

WHITE = np.full(3, 255, np.uint8)
quick = settings(deadline=None, max_examples=25)


def blobs(count: int, size: int = 16, channels: int = 3, seed: int = 0) -> list[np.ndarray]:
    """Return smooth pictures: noise of 4 x 4 pixels, made larger."""
    draw = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        small = draw.integers(0, 256, (4, 4, channels), np.uint8)
        layers = [
            np.asarray(
                Image.fromarray(small[..., n]).resize((size, size), Image.Resampling.BICUBIC)
            )
            for n in range(channels)
        ]
        found.append(np.stack(layers, -1))
    return found


@pytest.fixture(scope="module")
def patches() -> CodedTokenizer:
    trainer = PatchTrainer(16, WHITE).with_options({"codebooks": 3, "codebook_size": 32})
    return trainer.train(blobs(60))


@quick
@given(st.integers(1, 40), st.integers(1, 4), st.integers(0, 99))
def test_a_palette_of_few_colours_gives_back_exactly_what_went_in(count, channels, seed):
    draw = np.random.default_rng(seed)
    colours = draw.integers(0, 256, (count, channels), np.uint8)
    pictures = [colours[draw.integers(0, count, (5, 5))] for _ in range(3)]
    ground = np.zeros(channels, np.uint8)
    tokenizer = PaletteTrainer(5, ground, colours=40).train(iter(pictures))
    for picture, ids in zip(pictures, tokenizer.encode(pictures), strict=True):
        assert np.array_equal(tokenizer.decode(ids), picture)
        assert len(ids) == 5 * 6 and tokenizer.unit_lengths[ids].sum() == 25
        assert np.array_equal(tokenizer.unit_codes(ids) + FIRST, ids.reshape(5, 6)[:, 1:].ravel())
        assert [tokenizer.token_label(token) for token in ids[::6]] == [f"row{n}" for n in range(5)]


def test_a_palette_is_nearly_as_good_as_the_best_of_many_k_means():
    from sklearn.cluster import KMeans

    pictures = blobs(20)
    flat = np.concatenate([picture.reshape(-1, 3) for picture in pictures]).astype(float)
    best = KMeans(16, n_init=4, random_state=0).fit(flat).inertia_
    colours = learn_palette(iter(pictures), 3, 16)
    assert colours.shape == (16, 3) and colours.dtype == np.uint8
    found = ((flat - colours.astype(float)[nearest(flat, colours.astype(float))]) ** 2).sum()
    assert found < 1.05 * best
    assert np.array_equal(learn_palette(iter(pictures), 3, 16), colours)


def test_a_vocabulary_size_counts_the_special_tokens():
    tokenizer = PaletteTrainer(16, WHITE).train(blobs(3), 36)
    assert tokenizer.vocab_size == 36 and tokenizer.lossy
    assert len({tokenizer.token_label(n) for n in range(36)}) == 36
    for colours in (0, 1 << 20):
        with pytest.raises(UsageError, match="no palettes"):
            PaletteTrainer(16, WHITE).with_options({"colours": colours})


def test_lloyd_moves_centres_to_means_and_leaves_unused_ones():
    points = np.array([[0.0], [2.0], [10.0]])
    weights = np.array([3.0, 1.0, 1.0])
    assert lloyd(points, weights, np.array([[1.0], [9.0], [99.0]])).ravel().tolist() == [
        0.5,
        10,
        99,
    ]
    assert len(median_cut(points, weights, 8)) == 3


def test_rows_begin_at_their_marks():
    picture = np.arange(9, dtype=np.uint8).reshape(3, 3, 1)
    tokenizer = PaletteTrainer(3, np.full(1, 99, np.uint8)).train([picture])
    row, pixel = FIRST + 9, FIRST + np.arange(9)
    written = [pixel[8], row, *pixel[:2], row + 2, *pixel[3:8], row + 1, row + 2, pixel[7]]
    assert tokenizer.decode(np.array(written))[..., 0].tolist() == [
        [0, 1, 99],
        [99, 99, 99],
        [7, 4, 5],
    ]
    assert tokenizer.decode(pixel)[..., 0].tolist() == [[0, 1, 2], [99] * 3, [99] * 3]


@quick
@given(st.lists(st.integers(0, 40), max_size=80))
def test_any_codes_of_pixels_make_a_whole_picture(codes):
    tokenizer = PaletteTrainer(4, WHITE, colours=40).train(blobs(3, 4))
    ids = np.array(codes, np.int64) % (tokenizer.vocab_size - FIRST) + FIRST
    assert tokenizer.decode(ids).shape == (4, 4, 3)
    assert len(tokenizer.unit_codes(ids)) == tokenizer.unit_lengths[ids].sum()


@quick
@given(st.lists(st.integers(0, 95), max_size=80))
def test_any_codes_make_a_whole_picture(patches, codes):
    found = patches.decode(np.array(codes, np.int64) + FIRST)
    assert found.shape == (16, 16, 3) and found.dtype == np.uint8
    ids = np.array(codes, np.int64) + FIRST
    assert len(patches.unit_codes(ids)) == patches.unit_lengths[ids].sum()


def test_what_is_missing_is_background(patches):
    assert (patches.decode(np.zeros(0, np.int64)) == 255).all()
    (ids,) = patches.encode(blobs(1))
    upper = patches.decode(ids[: len(ids) // 2])
    # The last pixels above the gap are corrected by what stands below, and so differ.
    assert np.array_equal(upper[:4], patches.decode(ids)[:4]) and (upper[12:] == 255).all()
    palette = PaletteTrainer(16, WHITE).train(blobs(1))
    (ids,) = palette.encode(blobs(1))
    begun = palette.decode(ids[:43]).reshape(-1, 3)
    assert np.array_equal(begun[:40], blobs(1)[0].reshape(-1, 3)[:40])
    assert (begun[40:] == 255).all()
    assert palette.decode(np.tile(ids, 3)).shape == (16, 16, 3)


def test_codes_out_of_turn_change_nothing(patches):
    (ids,) = patches.encode(blobs(1))
    whole = patches.decode(ids)
    first, second = ids[0], ids[1]
    assert np.array_equal(patches.decode(np.array([second, *ids])), whole)
    again = [first, second, FIRST + 32 + 5, *ids[2:]]
    assert np.array_equal(patches.decode(np.array(again)), whole)


def test_more_codebooks_keep_more():
    held_out = blobs(10, seed=1)
    ratios = []
    for count in (1, 2, 3):
        trainer = PatchTrainer(16, WHITE, codebooks=count, codebook_size=32)
        tokenizer = trainer.train(blobs(60))
        decoded = map(tokenizer.decode, tokenizer.encode(held_out))
        ratios.append(np.mean([psnr(*pair) for pair in zip(held_out, decoded, strict=True)]))
    assert all(more > less + 1 for less, more in itertools.pairwise(ratios))


def test_patches_of_few_kinds_are_exact_and_need_no_more_entries():
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[:4, 4:] = 200
    tokenizer = PatchTrainer(8, WHITE, codebook_size=16).train([picture])
    (ids,) = tokenizer.encode([picture])
    assert len(ids) == 8 and np.array_equal(tokenizer.decode(ids), picture)


def test_what_stands_around_a_patch_makes_it_better():
    tokenizer = PatchTrainer(16, WHITE, codebook_size=16).train(blobs(60))
    coding = tokenizer.coding
    plain = CodedTokenizer(replace(coding, smoothing=np.zeros_like(coding.smoothing)))
    held_out = blobs(10, seed=1)
    before, after = (
        np.mean([psnr(one, made.decode(made.encode([one])[0])) for one in held_out])
        for made in (plain, tokenizer)
    )
    assert after > before + 0.5


def test_a_part_of_a_patch_is_filled_with_its_last_row(patches):
    (ids,) = patches.encode([blobs(1)[0][:6]])
    assert patches.unit_lengths[ids].sum() == 8 * 16


def test_no_pictures_still_make_a_tokenizer():
    for trainer in (PaletteTrainer(8, WHITE), PatchTrainer(8, WHITE)):
        tokenizer = trainer.train(iter(()))
        assert tokenizer.decode(tokenizer.encode(blobs(1, 8))[0]).shape == (8, 8, 3)


def test_options_that_make_no_patches_are_refused():
    with pytest.raises(UsageError, match="no whole patches"):
        PatchTrainer(10, WHITE).train([])
    with pytest.raises(UsageError, match="made up of codebooks"):
        PatchTrainer(8, WHITE).train([], 100)
    with pytest.raises(UsageError, match="there are no 0 codebooks"):
        PatchTrainer(8, WHITE).with_options({"codebooks": 0})


@pytest.mark.parametrize("kind", ["palette", "patches"])
def test_a_saved_tokenizer_is_the_same(tmp_path: Path, kind):
    tokenizer = languages.get("image", size=16).tokenizers()[kind].train(blobs(5))
    tokenizer.save(tmp_path)
    loaded = languages.load_tokenizer(tmp_path)
    before, after = tokenizer.encode(blobs(3, seed=2)), loaded.encode(blobs(3, seed=2))
    assert all(np.array_equal(one, two) for one, two in zip(before, after, strict=True))
    assert np.array_equal(tokenizer.decode(before[0]), loaded.decode(after[0]))
    with pytest.raises(LexomeError, match="16 pixels wide with 3 channels"):
        loaded.encode([np.zeros((8, 8, 3), np.uint8)])


def test_figures_say_what_is_lost_and_what_is_used():
    language = languages.get("image", size=16, colour="grey")
    documents = [Document(picture, Source("x")) for picture in blobs(4, channels=1)]
    contents = [document.content for document in documents]
    exact = language.fidelity(language.tokenizers()["palette"].train(contents), documents)
    assert exact["PSNR, dB"] == 100 and exact["exact pictures, %"] == 100
    trainer = language.tokenizers()["patches"].with_options({"codebook_size": 16})
    found = language.fidelity(trainer.train(contents), documents)
    assert 5 < found["PSNR, dB"] < 60 and found["raw bits per pixel"] == pytest.approx(0.5)
    assert 1 <= found["codebook 2 perplexity"] <= 16 and found["codebook 1 used, %"] > 50
    assert psnr(np.zeros((2, 2, 1), np.uint8), np.full((2, 2, 1), 255)) == 0


def test_the_ngram_of_pixels_is_a_distribution_and_looks_up():
    draw = np.random.default_rng(0)
    train = [draw.integers(0, 3, 16) + FIRST for _ in range(6)]
    model = PixelNGram(4, 3)
    rest = train[0][:8].tolist()
    total = 0.0
    for last in itertools.product(range(3), repeat=4):
        codes = np.array(last) + FIRST
        bits = model.token_bits(train, [np.array([*rest, *codes])])
        total += 2 ** -(bits - model.token_bits(train, [np.array(rest)]))
    assert total == pytest.approx(1)
    # Stripes from top to bottom: each row says nothing new, though no pixel tells the next one.
    striped = [np.tile(draw.integers(0, 3, 16), 16) + FIRST for _ in range(300)]
    bits = PixelNGram(16, 3).token_bits(striped[:250], striped[250:])
    assert bits < 1.15 * 50 * 16 * np.log2(3)


def test_png_counts_the_compressed_pixels_of_each_picture():
    flat, draw = np.full(1024, FIRST), np.random.default_rng(0)
    noise = draw.integers(0, 256, 1024) + FIRST
    assert Png(32, 256).token_bits([], [flat]) < 400
    assert Png(32, 256).token_bits([], [noise]) == pytest.approx(8 * 1024, rel=0.06)
    many = draw.integers(0, 1000, 1024) + FIRST
    assert Png(32, 1000).token_bits([], [many]) > 10 * 1024


def test_rows_are_cut_whole_and_flipping_mirrors():
    language = languages.get("image", size=8, flip=True)
    document = Document(np.arange(192, dtype=np.uint8).reshape(8, 8, 3), Source("x"))
    assert language.units(document) == 64
    parts = [language.cut(document, *ends) for ends in ((0, 20), (20, 40), (40, 99))]
    assert np.array_equal(np.concatenate([part.content for part in parts]), document.content)
    assert [part.source.offset for part in parts] == [0, 24, 40]
    (mirrored,) = language.augment(document)
    assert np.array_equal(mirrored.content[:, ::-1], document.content)
    assert not languages.get("image").augment(document)
    assert language.run_units == 16 and languages.get("image", size=33).run_units == 128
    assert language.measures == {"bits per dimension": pytest.approx(1 / 3)}
    with pytest.raises(LexomeError, match="cannot be typed") as caught:
        language.parse("a cat")
    assert "--from" in caught.value.fix


def test_a_rendering_is_the_exact_picture_larger_and_in_shades():
    import io

    language = languages.get("image", size=8)
    for channels in (1, 3, 4):
        (picture,) = blobs(1, 8, channels)
        rendering = language.render(Document(picture, Source("x")))
        shown = np.asarray(Image.open(io.BytesIO(rendering.data)))
        assert np.array_equal(shown.reshape(picture.shape), picture)
        (large,) = rendering.views
        assert Image.open(io.BytesIO(large.data)).size == (128, 128)
        assert rendering.text.startswith("8 x 8 pixels\n") and rendering.suffix == ".png"
    view = language.sheet([rendering] * 5)
    assert Image.open(io.BytesIO(view.data)).size == (3 * 130 - 2, 2 * 130 - 2)
    with pytest.raises(LexomeError, match="no picture"):
        language.sheet([])
