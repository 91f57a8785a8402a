"""Samples: a catalogue that is whole, and packages made here that become files to train on."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import re
import shlex
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lexome import languages
from lexome.errors import DamagedFileError, LexomeError, UsageError
from lexome.packages import Package
from lexome.samples import CATALOGUE, MISSING, Sample, command, find, forms, write
from lexome.samples.write import LICENCE

BIBLE = '''
raise SystemExit("a module of a package was run")
bible = Bible(
    Version.KING_JAMES,
    """
In the beginning. And it was so.
The end.
Now these are the names.
""",
    {1001001: 1, 1001002: 19, 1002001: 34, 2001001: 43},
    {1001001: 18, 1001002: 33, 1002001: 42, 2001001: 67},
    {Book.GENESIS: {1: 2, 2: 1}, Book.EXODUS: {1: 1}},
    {Book.GENESIS: "Genesis", Book.EXODUS: "1 Exodus (II)"},
)
'''


def source_archive(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def wheel(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set pip up with one folder of files, which it returns, and an empty cache."""
    links = tmp_path / "links"
    links.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.invalid/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    monkeypatch.setenv("LEXOME_CACHE", str(tmp_path / "cache"))
    return links


def offered(index: Path, data: bytes, suffix: str = ".tar.gz") -> Sample:
    """Put an archive on the index; return the sample that is made of its .txt files."""
    sha256 = hashlib.sha256(data).hexdigest()
    package = Package("works", "1.0", sha256, r"texts/(\w+\.txt)", "mine", suffix)
    (index / package.filename).write_bytes(data)
    return Sample("little", "text", "a few words", package, ".txt", 2, 12, len(data))


def kept(index: Path, data: bytes, suffix: str = ".tar.gz") -> Sample:
    """Put an archive into the cache, where pip need not be asked."""
    sample = offered(index, data, suffix)
    cache = index.parent / "cache" / "packages"
    cache.mkdir(parents=True)
    (index / sample.package.filename).rename(cache / sample.package.filename)
    return sample


TEXTS = {"texts/a.txt": b"one\n", "texts/b.txt": b"two\n", "texts/c.md": b"", "../up.txt": b"no"}
PACKED = {
    ".tar.gz": source_archive({f"works-1.0/{name}": data for name, data in TEXTS.items()}),
    "-py3-none-any.whl": wheel(TEXTS),
}


# The catalogue ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_every_entry_is_whole(name: str, tmp_path: Path) -> None:
    sample = CATALOGUE[name]
    assert sample.name == name
    assert re.fullmatch(r"[a-z][a-z-]*", name)
    assert sample.language in ("text", "dna", "protein", "music", "image", "sound")
    assert re.fullmatch(r"[0-9a-f]{64}", sample.package.sha256)
    assert re.compile(sample.package.members).groups == 1
    assert sample.package.filename.endswith((".tar.gz", ".whl"))
    assert min(sample.files, sample.bytes, sample.download) > 0
    assert sample.what
    assert len(sample.package.licence) > 5
    line = command(sample, tmp_path / "a folder")
    prepare, train = line.split(" && ")
    words = shlex.split(prepare)
    assert words[:3] == ["lexome", "prepare", f"{tmp_path}/a folder/*{sample.suffix}"]
    corpus = words[words.index("--out") + 1]
    assert shlex.split(train)[:4] == ["lexome", "train", "--corpus", corpus]
    options = dict(word.split("=") for word in words if re.fullmatch(r"\w+=\w+", word))
    language = languages.get(
        sample.language, **languages.options_from_text(sample.language, options)
    )
    assert sample.suffix in language.suffixes


def test_every_language_has_a_sample_or_a_reason() -> None:
    found = {sample.language for sample in CATALOGUE.values()}
    assert found | set(MISSING) >= {"text", "dna", "protein", "music", "image", "sound"}


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="no sample 'chorale'") as caught:
        find("chorale")
    assert "chorales" in (caught.value.fix or "")


def test_flags_are_no_icons() -> None:
    wanted = re.compile(CATALOGUE["icons"].package.members)
    folder = "icons_famfamfam/static/icons"
    assert wanted.fullmatch(f"{folder}/flag_blue.png")
    assert not any(wanted.fullmatch(f"{folder}/{name}.png") for name in ("ad", "tv", "scotland"))


# From a package to a folder -----------------------------------------------------------------


@pytest.mark.parametrize("suffix", list(PACKED))
def test_a_sample_is_written_with_its_licence_and_read_by_its_language(
    index: Path, tmp_path: Path, suffix: str
) -> None:
    sample = kept(index, PACKED[suffix], suffix)
    written = write(sample, tmp_path / "out" / "it")
    assert (written.files, written.bytes, written.fresh) == (2, 8, True)
    assert sorted(path.name for path in written.folder.iterdir()) == [LICENCE, "a.txt", "b.txt"]
    stated = (written.folder / LICENCE).read_text()
    for fact in ("works 1.0", sample.package.filename, sample.package.sha256, "licence  mine"):
        assert fact in stated
    read = [d.content for p in written.folder.glob("*.txt") for d in languages.get("text").read(p)]
    assert sorted(read) == ["one\n", "two\n"]
    # Nothing outside the folder, nothing half-way beside it.
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["it"]


def test_what_is_there_stays_and_needs_no_package(index: Path, tmp_path: Path) -> None:
    sample = kept(index, PACKED[".tar.gz"])
    write(sample, tmp_path / "out")
    (tmp_path / "cache" / "packages" / sample.package.filename).unlink()
    assert not write(sample, tmp_path / "out").fresh
    assert not write(replace(sample, what="said better"), tmp_path / "out").fresh
    with pytest.raises(LexomeError, match="holds something else") as caught:
        write(replace(sample, package=replace(sample.package, members=r"(\w+)")), tmp_path / "out")
    assert "--out" in (caught.value.fix or "")
    with pytest.raises(LexomeError, match="a part of the path is a file"):
        write(sample, tmp_path / "out" / "a.txt")


def test_a_package_that_is_gone_or_another_is_refused_and_nothing_written(
    index: Path, tmp_path: Path
) -> None:
    sample = offered(index, PACKED[".tar.gz"])
    gone = replace(sample, package=replace(sample.package, version="2.0"))
    with pytest.raises(LexomeError, match=r"could not get works-2\.0\.tar\.gz") as caught:
        write(gone, tmp_path / "out")
    assert "put it at" in (caught.value.fix or "")
    (index / sample.package.filename).write_bytes(b"another")
    with pytest.raises(DamagedFileError, match="could not get"):
        write(sample, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"no archive", "file"),
        (PACKED[".tar.gz"][:90], "end"),
        (source_archive({"works-1.0/other.txt": b""}), "no member matches"),
        (source_archive({f"{top}/texts/a.txt": b"" for top in "xy"}), "two files are called a.txt"),
    ],
    ids=["no archive", "cut short", "no member", "two of a name"],
)
def test_an_archive_that_does_not_hold_it_is_named(
    index: Path, tmp_path: Path, data: bytes, message: str
) -> None:
    sample = kept(index, data)
    with pytest.raises(LexomeError, match=message) as caught:
        write(sample, tmp_path / "out")
    assert sample.package.filename in (caught.value.where or "")
    assert sorted(p.name for p in tmp_path.iterdir() if "out" in p.name) == []


def test_a_full_disk_is_told_and_leaves_nothing(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = kept(index, PACKED[".tar.gz"])

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(LexomeError, match="the disk is full") as caught:
        write(sample, tmp_path / "out")
    assert caught.value.where == str(tmp_path / "out")
    assert not list(tmp_path.glob("*out*"))


# Forms --------------------------------------------------------------------------------------


def test_a_bible_is_cut_into_books_by_its_verses_and_never_run() -> None:
    books = dict(forms.bible_books([("module", BIBLE.encode())]))
    assert books == {
        "01-genesis.txt": b"In the beginning. And it was so.\nThe end.\n",
        "02-1-exodus-ii.txt": b"Now these are the names.\n",
    }
    for broken in (b"bible = Bible(", b"bible = Bible(1, open('x'), {}, {}, {}, {})"):
        with pytest.raises(DamagedFileError) as caught:
            list(forms.bible_books([("module", broken)]))
        assert caught.value.where == "module"


def test_dialogues_stand_between_blank_lines(tmp_path: Path) -> None:
    source = (
        "categories: [x]\nconversations:\n- - Hi?\n  - |\n    Yes,\n\n    you.\n- - 7\n  - Größe\n"
        "- - Hi?\n  - Yes, you.\n"
    )
    ((name, data),) = forms.dialogues([("greetings", source.encode())])
    assert (name, data.decode()) == ("greetings.txt", "Hi?\nYes, you.\n\n7\nGröße\n")
    (tmp_path / name).write_bytes(data)
    documents = list(languages.get("text", separator="blank_line").read(tmp_path / name))
    assert [d.content.strip() for d in documents] == ["Hi?\nYes, you.", "7\nGröße"]
    for broken in (b"- a", b"conversations: [\xff]", b"conversations: ["):
        with pytest.raises(DamagedFileError):
            list(forms.dialogues([("x", broken)]))


def test_digits_are_pictures_of_the_rows_as_scikit_learn_writes_them() -> None:
    image = pytest.importorskip("PIL.Image")
    levels = np.random.default_rng(0).integers(0, 17, (30, 8, 8))
    rows = [[*picture.ravel(), number % 10] for number, picture in enumerate(levels)]
    text = "".join(",".join(f"{value:.18e}" for value in row) + "\n" for row in rows)
    pictures = dict(forms.digit_pictures([("digits", gzip.compress(text.encode()))]))
    assert list(pictures) == [f"{number % 10}-{number:04}.png" for number in range(30)]
    for picture, data in zip(levels, pictures.values(), strict=True):
        pixels = np.asarray(image.open(io.BytesIO(data)), dtype=np.float64)
        np.testing.assert_array_equal(np.rint(pixels * 16 / 255), picture)
    with pytest.raises(DamagedFileError, match="no digit"):
        list(forms.digit_pictures([("digits", gzip.compress(b"17," * 64 + b"3\n"))]))


def test_a_png_need_not_be_square() -> None:
    image = pytest.importorskip("PIL.Image")
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    found = np.asarray(image.open(io.BytesIO(forms.png(pixels.tobytes(), 3))))
    np.testing.assert_array_equal(found, pixels)
