"""Pictures are read as they look, whatever the file; what cannot be read says why."""

from __future__ import annotations

import io
import json
import struct
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from lexome import languages
from lexome.errors import LexomeError
from lexome.languages.base import Document, Skipped

RED, GREEN = (255, 0, 0), (0, 255, 0)


def read(path: Path, **options) -> Document:
    (document,) = languages.get("image", **options).read(path)
    assert isinstance(document, Document)
    return document


def pixels(path: Path, **options) -> np.ndarray:
    return read(path, **options).content


def gradient(mode: str = "RGB", size: tuple[int, int] = (8, 8)) -> Image.Image:
    width, height = size
    values = np.add.outer(np.arange(height) * 8, np.arange(width) * 16).astype(np.uint8)
    return Image.merge("RGB", [Image.fromarray(values // n) for n in (1, 2, 3)]).convert(mode)


def png(width: int, height: int, rows: bytes, depth: int = 1, colour: int = 0) -> bytes:
    """Return a PNG file, written out as ISO/IEC 15948 says, whatever its header promises."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_a_picture_of_the_size_comes_as_it_is(tmp_path):
    gradient().save(tmp_path / "a.png")
    document = read(tmp_path / "a.png", size=8)
    assert document.content.dtype == np.uint8
    assert np.array_equal(document.content, np.asarray(gradient()))
    expected = {"width": "8", "height": "8", "mode": "RGB", "format": "PNG"}
    assert document.metadata == expected


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_every_format_is_read_near_to_what_was_written(tmp_path, suffix):
    gradient(size=(32, 32)).save(tmp_path / f"a{suffix}", quality=95)
    found = pixels(tmp_path / f"a{suffix}", size=32).astype(int)
    assert np.abs(found - np.asarray(gradient(size=(32, 32)))).mean() < 6


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "LA", "RGBA"])
def test_every_mode_is_read_as_pillow_shows_it(tmp_path, mode):
    picture = gradient(mode)
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    picture.save(path, quality=100)
    shown = np.asarray(picture.convert("RGB")).astype(int)
    found = pixels(path, size=8)
    assert np.abs(found - shown).max() <= (60 if mode == "CMYK" else 0)
    assert read(path, size=8).metadata["mode"] == mode


def test_sixteen_bits_are_brought_to_eight(tmp_path):
    values = np.array([[0, 257, 40000, 65535]] * 4, np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    found = pixels(tmp_path / "a.png", size=4, colour="grey")
    assert found[0, :, 0].tolist() == [0, 1, 156, 255]


def test_greys_stay_as_they_are_in_one_channel(tmp_path):
    values = (np.arange(64, dtype=np.uint8) * 4).reshape(8, 8)
    Image.fromarray(values).save(tmp_path / "a.png")
    found = pixels(tmp_path / "a.png", size=8, colour="grey")
    assert found.shape == (8, 8, 1) and np.array_equal(found[:, :, 0], values)


def test_a_picture_is_turned_as_its_exif_data_say(tmp_path):
    picture = Image.new("RGB", (16, 16), RED)
    picture.paste(GREEN, (0, 0, 16, 4))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(pixels(tmp_path / "a.png", size=16), np.rot90(np.asarray(picture), -1))


def test_of_an_animation_the_first_frame_is_read_and_all_are_counted(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN, RED)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    document = read(tmp_path / "a.webp", size=8)
    assert document.metadata["frames"] == "3" and document.metadata["blank"] == "true"
    assert document.content[0, 0].tolist() == list(RED)


def test_contain_shows_all_cover_the_middle_stretch_other_proportions(tmp_path):
    picture = Image.new("RGB", (40, 20), RED)
    picture.paste(GREEN, (10, 0, 30, 20))
    picture.save(tmp_path / "a.png")
    contained = pixels(tmp_path / "a.png", size=8, fit="contain", alpha="black")
    assert (contained[:2] == 0).all() and (contained[6:] == 0).all()
    assert contained[4, 4].tolist() == list(GREEN) and contained[4, 0].tolist() == list(RED)
    covered = pixels(tmp_path / "a.png", size=8, fit="cover")
    assert (covered == GREEN).all()
    stretched = pixels(tmp_path / "a.png", size=8, fit="stretch")
    assert stretched[0, 0].tolist() == list(RED) and stretched[0, 4].tolist() == list(GREEN)


def test_contain_and_cover_keep_shapes_of_any_proportion(tmp_path):
    for size in ((1, 500), (500, 1), (3, 2), (31, 33)):
        Image.new("RGB", size, RED).save(tmp_path / "a.png")
        for fit in ("contain", "cover", "stretch"):
            found = pixels(tmp_path / "a.png", size=16, fit=fit)
            assert found.shape == (16, 16, 3)
            assert (found == RED).all(2).any(), (size, fit)


def test_transparent_parts_show_the_background_that_is_named(tmp_path):
    picture = Image.new("RGBA", (2, 1), (200, 100, 0, 0))
    picture.putpixel((1, 0), (200, 100, 0, 128))
    picture.save(tmp_path / "a.png")
    for alpha, value in (("white", 255), ("black", 0), ("grey", 128)):
        found = pixels(tmp_path / "a.png", size=2, fit="stretch", alpha=alpha)
        assert (found[0, 0] == value).all()
        mixed = np.array([200, 100, 0]) * 128 / 255 + value * 127 / 255
        assert np.abs(found[0, 1] - mixed).max() <= 1
    kept = pixels(tmp_path / "a.png", size=2, fit="stretch", alpha="keep")
    assert kept.shape == (2, 2, 4) and kept[0, :, 3].tolist() == [0, 128]


def test_a_picture_of_nothing_but_alpha_is_drawn_or_said_to_be_blank(tmp_path):
    for grey, blank in ((0, False), (255, True)):
        picture = Image.new("LA", (8, 8), (grey, 0))
        picture.paste((grey, 255), (0, 0, 4, 8))
        picture.save(tmp_path / "a.png")
        document = read(tmp_path / "a.png", size=8, colour="grey")
        assert (document.content[:, :4] == grey).all() and (document.content[:, 4:] == 255).all()
        assert ("blank" in document.metadata) == blank


def test_a_huge_jpeg_is_decoded_small_and_looks_the_same(tmp_path):
    picture = gradient(size=(64, 64)).resize((2048, 2048), Image.Resampling.BICUBIC)
    picture.save(tmp_path / "a.jpg", quality=95)
    document = read(tmp_path / "a.jpg", size=16)
    assert document.metadata["width"] == "2048"
    whole = np.asarray(ImageOps.contain(picture, (16, 16), Image.Resampling.LANCZOS)).astype(int)
    assert np.abs(document.content - whole).mean() < 4


@cache
def bad_files() -> dict[str, tuple[bytes, str]]:
    """Return files that are no pictures by name, with a word of what is said of each."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    whole = {}
    for kind in ("PNG", "JPEG", "WEBP"):
        data = io.BytesIO()
        noise.save(data, kind)
        whole[kind] = data.getvalue()
    corrupt = bytearray(whole["PNG"])
    corrupt[20] ^= 255
    return {
        "truncated.png": (whole["PNG"][:-4000], "damaged"),
        "truncated.jpg": (whole["JPEG"][:-2000], "damaged"),
        "truncated.webp": (whole["WEBP"][: len(whole["WEBP"]) // 2], "damaged|no PNG"),
        "header.png": (bytes(corrupt), "damaged|no PNG"),
        "text.png": (b"Dear friend, this is no picture.\n", "no PNG"),
        "nothing.png": (png(0, 0, b""), "0 x 0|no PNG|damaged"),
        "flat.png": (png(7, 0, b""), "7 x 0|no PNG|damaged"),
        "bomb.png": (png(20_000, 20_000, b"\0" * 2501 * 20_000), "too large"),
        "large.png": (png(10_000, 10_000, b"\0" * 1251 * 10_000), "too large: 10,000 x 10,000"),
    }


@pytest.mark.parametrize("name", sorted(bad_files()))
def test_what_is_no_picture_is_a_clear_error_or_a_counted_skip(tmp_path, name):
    data, said = bad_files()[name]
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(LexomeError, match=said) as caught:
        read(path)
    assert str(path) in caught.value.where and "illegal=skip" in caught.value.fix
    assert len(str(caught.value)) < 500
    (entry,) = languages.get("image", illegal="skip").read(path)
    assert isinstance(entry, Skipped) and entry.reason == "illegal picture"
    assert entry.source.file == str(path) and entry.detail


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path):
    import tracemalloc

    path = tmp_path / "a.png"
    path.write_bytes(bad_files()["bomb.png"][0])
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    with pytest.raises(LexomeError, match="too large"):
        read(path)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_an_empty_file_is_a_counted_skip_and_none_is_an_error(tmp_path):
    (tmp_path / "a.png").touch()
    (entry,) = languages.get("image").read(tmp_path / "a.png")
    assert isinstance(entry, Skipped) and entry.reason == "empty"
    with pytest.raises(LexomeError, match="no such file"):
        list(languages.get("image", illegal="skip").read(tmp_path / "b.png"))


def test_a_wrong_extension_does_not_matter_and_the_format_is_said(tmp_path):
    gradient().save(tmp_path / "a.jpg", "PNG")
    document = read(tmp_path / "a.jpg", size=8)
    assert document.metadata["format"] == "PNG"
    assert np.array_equal(document.content, np.asarray(gradient()))


def test_a_manifest_says_more_and_groups(tmp_path):
    gradient().save(tmp_path / "a.png")
    gradient().save(tmp_path / "b.png")
    line = {"image": "a.png", "caption": "slope", "names": ["x"], "category": "hills"}
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text(json.dumps(line) + "\n\n")
    language = languages.get("image", manifest=str(manifest), group="category")
    (one,) = language.read(tmp_path / "a.png")
    assert one.metadata["caption"] == "slope" and one.metadata["names"] == '["x"]'
    assert language.split_key(one) == "hills"
    assert languages.get("image").split_key(one) != "hills"
    assert list(language.option_files) == [manifest]
    (other,) = language.read(tmp_path / "b.png")
    with pytest.raises(LexomeError, match="nothing is known") as caught:
        language.split_key(other)
    assert str(tmp_path / "b.png") in caught.value.where
    manifest.write_text('{"image": "a.png"}\n{"picture": "b.png"}\n')
    with pytest.raises(LexomeError, match="object with the text") as caught:
        list(language.read(tmp_path / "a.png"))
    assert "line 2" in caught.value.where


def test_a_caption_without_its_picture_is_an_error(tmp_path):
    gradient().save(tmp_path / "a.png")
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text('{"image": "a.png"}\n\n{"image": "lost.png", "caption": "gone"}\n')
    with pytest.raises(LexomeError, match=r"there is no file 'lost\.png'") as caught:
        list(languages.get("image", manifest=str(manifest)).read(tmp_path / "a.png"))
    assert "manifest.jsonl, line 3" in caught.value.where
    assert str(tmp_path) in caught.value.fix


def test_reading_twice_gives_the_same(tmp_path):
    gradient(size=(37, 23)).save(tmp_path / "a.jpg")
    first, second = (pixels(tmp_path / "a.jpg", size=16) for _ in range(2))
    assert np.array_equal(first, second)


def test_sizes_that_make_no_picture_are_refused():
    for size in (0, -1, 5000):
        with pytest.raises(LexomeError, match="size must be"):
            languages.get("image", size=size)
