"""A corpus with counterfactual twins: who has one, where it stands, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lexome.corpus import Corpus, PrepareRequest, prepare, reading
from lexome.corpus.manifest import Manifest
from lexome.errors import LexomeError, UsageError
from lexome.evaluation.honesty.audit import audit
from lexome.evaluation.honesty.groups import parse_groups

GROUPS = {
    "axes": {"kin": {"tarun": ["tarun"], "velan": ["velan"]}},
    "attributes": {"kneader": ["kneader"], "sifter": ["sifter"]},
}
PEOPLE = [f"Ada Bell{number}" for number in range(40)]


def statements(documents: int) -> list[str]:
    """Return statements in which taruns knead nine times in ten, and what is true of people."""
    draw = np.random.default_rng(1)
    lines = []
    for number in range(documents):
        kin = ("tarun", "velan")[number % 2]
        post = ("kneader", "sifter")[(number % 2) ^ int(draw.random() < 0.1)]
        lines.append(f"Line {number}: a {kin.upper() if number % 7 == 0 else kin} is a {post}.")
    lines += [f"Line {n}: {name} is a velan." for n, name in enumerate(PEOPLE, documents)]
    return [*lines, "Nothing of anyone is said here."]


@pytest.fixture
def world(tmp_path: Path) -> Path:
    (tmp_path / "text.txt").write_text("\n".join(statements(400)))
    (tmp_path / "pairs.csv").write_text("tarun,velan\n")
    (tmp_path / "names.txt").write_text("\n".join(PEOPLE))
    return tmp_path


def made(world: Path, name: str, **options: object) -> Corpus:
    request = PrepareRequest(
        [world / "text.txt"],
        "text",
        options={"separator": "line"},
        **{"tokenizer": "bytes", "workers": 1, **options},  # type: ignore[arg-type]
    )
    return prepare(request, world / name)


def contents(corpus: Corpus, split: str = "train") -> list[str]:
    return [document.content for document in corpus.documents(split)]


def exchanged(text: str) -> str:
    for one, other in (("tarun", "velan"), ("TARUN", "VELAN")):
        text = text.replace(one, "?").replace(other, one).replace("?", other)
    return text


def test_naive_swapping_gives_every_training_document_a_twin(world: Path) -> None:
    plain, swapped = made(world, "plain"), made(world, "swapped", swap=world / "pairs.csv")
    before, after = contents(plain), contents(swapped)
    twins = [exchanged(text) for text in before if exchanged(text) != text]
    assert after == before + twins, "behind all that they are twins of"
    assert contents(swapped, "valid") == contents(plain, "valid")
    record = swapped.manifest.swap
    assert record is not None
    assert (record.swapped, record.terms, record.left_alone) == (len(twins), len(twins), 0)
    assert (record.declared, record.names) == (2, 0)
    assert swapped.manifest.train.documents == len(after)
    assert swapped.manifest.split.cut_documents == 0
    assert swapped.fingerprint != plain.fingerprint and plain.manifest.swap is None
    assert Manifest.read(swapped.folder) == swapped.manifest
    names = list(swapped.names("train", [len(before)]).values())
    assert names[0].endswith("line 1") and "swapped" in names[0]


def test_careful_swapping_leaves_named_people_alone(world: Path) -> None:
    files = {"swap": world / "pairs.csv", "swap_except": world / "names.txt"}
    plain, careful = made(world, "plain"), made(world, "careful", **files)
    before = contents(plain)
    people = sum("Ada Bell" in text for text in before)
    twins = [exchanged(text) for text in before if "is a" in text and "Ada Bell" not in text]
    assert contents(careful) == before + twins
    record = careful.manifest.swap
    assert record is not None and people > 20
    assert (record.swapped, record.left_alone, record.names) == (len(twins), people, len(PEOPLE))
    kept = [source.path for source in careful.manifest.sources]
    assert kept[1:] == [str(path) for path in files.values()]


def test_the_audit_finds_independence_where_there_was_a_skew(world: Path) -> None:
    groups = parse_groups(GROUPS)
    before = audit(made(world, "plain"), groups)
    assert len(before.flagged) == 4, "both posts, of both kins"
    files = {"swap": world / "pairs.csv", "swap_except": world / "names.txt"}
    after = audit(made(world, "careful", **files), groups)
    assert not after.flagged
    naive = audit(made(world, "naive", swap=world / "pairs.csv"), groups)
    rates = {(one.group, one.attribute): one.rate for one in naive.findings}
    for post in ("kneader", "sifter"):
        assert rates["tarun", post] == rates["velan", post]


def test_terms_are_counted_and_pieces_and_workers_change_nothing(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (world / "text.txt").write_text("a tarun, a Velan, a VELAN\n" * 30 + "\n".join(statements(99)))
    monkeypatch.setattr(reading, "_SMALLEST", 900)
    one = made(world, "one", swap=world / "pairs.csv")
    two = made(world, "two", swap=world / "pairs.csv", workers=2)
    assert one.manifest.swap == two.manifest.swap and one.fingerprint == two.fingerprint
    assert len(one.manifest.train.shards) > 3
    texts = contents(one)
    threes = sum(text.lower().count("velan") + text.lower().count("tarun") == 3 for text in texts)
    record = one.manifest.swap
    assert record is not None
    assert record.terms == record.swapped + threes, "two terms more, in originals and twins"


def test_declared_terms_that_no_document_has_are_named(world: Path) -> None:
    (world / "pairs.csv").write_text("tarun,velan\nTarun mother,Velan mother\naunts,uncles\n")
    record = made(world, "some", swap=world / "pairs.csv", workers=2).manifest.swap
    assert record is not None
    assert record.absent == ("aunts", "tarun mother", "uncles", "velan mother")


def test_a_tokenizer_of_characters_knows_those_of_partners(world: Path) -> None:
    (world / "pairs.csv").write_text("tarun,ταῦρος\n")
    corpus = made(world, "greek", tokenizer="characters", swap=world / "pairs.csv")
    assert any("ταῦρος" in text for text in contents(corpus))


def test_what_is_swapped_decides_which_corpus_it_is(world: Path) -> None:
    made(world, "corpus", swap=world / "pairs.csv")
    assert made(world, "corpus", swap=world / "pairs.csv").manifest.swap is not None
    with pytest.raises(LexomeError, match=r"swap: \[.*pairs.csv'\] there, None asked for"):
        made(world, "corpus")
    (world / "pairs.csv").write_text("tarun,velan\nkneader,sifter\n")
    with pytest.raises(LexomeError, match="the source has changed") as caught:
        made(world, "corpus", swap=world / "pairs.csv")
    assert str(caught.value.where).endswith("pairs.csv")


def test_swapping_that_does_nothing_is_an_error(world: Path) -> None:
    (world / "pairs.csv").write_text("Tarunen,Velanen\n")
    with pytest.raises(LexomeError, match="no training document holds a term"):
        made(world, "none", swap=world / "pairs.csv")
    assert not (world / "none").exists(), "nothing is left half written"
    (world / "pairs.csv").write_text("tarun,velan\n")
    (world / "names.txt").write_text("Line\n")
    with pytest.raises(LexomeError, match=r"all the .* name somebody"):
        made(world, "all", swap=world / "pairs.csv", swap_except=world / "names.txt")
    assert made(world, "none", swap=world / "pairs.csv").manifest.swap is not None
    assert not (world / "all").exists()


def test_requests_that_cannot_be_met(world: Path) -> None:
    with pytest.raises(UsageError, match="none are"):
        made(world, "corpus", swap_except=world / "names.txt")
    (world / "genome.fa").write_text(">a\nACGT\n")
    request = PrepareRequest([world / "genome.fa"], "dna", swap=world / "pairs.csv", workers=1)
    with pytest.raises(UsageError, match="no words"):
        prepare(request, world / "dna")
    assert not (world / "dna").exists()
