"""Copies are found and named, held-out items are not; matches are those of brute force."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scipy.stats import binomtest

from lexome.corpus import Corpus, PrepareRequest, prepare
from lexome.corpus.index import CorpusIndex
from lexome.errors import LexomeError, UsageError
from lexome.evaluation.honesty import copied, copying, pieces
from lexome.evaluation.honesty.comparing import nearer
from lexome.evaluation.honesty.matches import matches
from lexome.evaluation.honesty.near_pictures import nearest
from lexome.evaluation.honesty.reference import reference
from lexome.languages.features import FrameToken
from lexome.languages.pair import BaseTokens, Pair
from lexome.languages.tokenizers import BytesTrainer

pytest.importorskip("pydivsufsort")

Ids = npt.NDArray[np.int64]
LETTERS = list("abcdefgh ")


@dataclass(frozen=True)
class World:
    """A corpus with its index."""

    corpus: Corpus
    index: CorpusIndex

    def ids(self, content: object) -> Ids:
        return np.asarray(self.corpus.tokenizer.encode([content])[0], np.int64)

    def contents(self, split: str) -> list[Any]:
        return [document.content for document in self.corpus.documents(split)]


def made(folder: Path, language: str, tokenizer: str, **options: Any) -> World:
    request = PrepareRequest(
        [folder / "train"],
        language,
        options,
        tokenizer=tokenizer,
        workers=1,
        validation_files=[folder / "valid"],
    )
    corpus = prepare(request, folder / "out")
    return World(corpus, CorpusIndex.build(corpus))


def lines(draw: np.random.Generator, count: int) -> list[str]:
    return ["".join(draw.choice(LETTERS, draw.integers(90, 110))).strip() for _ in range(count)]


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Lines of random letters; of 303 held-out ones, two stand in train and one nearly does."""
    folder = tmp_path_factory.mktemp("texts")
    draw = np.random.default_rng(1)
    train, valid = lines(draw, 300), lines(draw, 300)
    valid += [train[3], train[200], train[7][:-4] + "!!!!"]
    for name, own in (("train", train), ("valid", valid)):
        (folder / name).mkdir()
        (folder / name / "a.txt").write_text("".join(f"{line}\n" for line in own))
    return made(folder, "text", "bytes", separator="line")


def brute_longest(texts: list[str], text: str) -> int:
    lengths = range(len(text), 0, -1)
    runs = ((n, text[at : at + n]) for n in lengths for at in range(len(text) - n + 1))
    return next((n for n, run in runs if any(run in other for other in texts)), 0)


def test_matches_are_those_of_brute_force(texts: World) -> None:
    train = texts.contents("train")
    asked = ["zzz", "ab", train[5], train[9][20:60] + "zz" + train[4][10:25], "?"]
    asked += [train[0][:70] + "?" * 10 + train[1][30:], *lines(np.random.default_rng(2), 3)]
    found = matches(texts.corpus, texts.index, [texts.ids(one) for one in asked])
    assert found.longest.tolist() == [brute_longest(train, one) for one in asked]
    run = texts.corpus.language.run_units
    for text, share in zip(asked, found.contained.tolist(), strict=True):
        runs = [text[at : at + run] for at in range(len(text) - run + 1)]
        if not runs:
            assert np.isnan(share)
        else:
            expected = np.mean([any(one in other for other in train) for one in runs])
            assert share == pytest.approx(expected)
    assert 0 < found.contained[5] < 1 == found.contained[2]


def test_pieces_are_the_documents_cut_evenly(texts: World, monkeypatch: pytest.MonkeyPatch) -> None:
    every = pieces.pieces(texts.corpus, "valid", 40)
    assert max(map(len, every)) <= 40 and min(map(len, every)) >= 29
    whole = np.concatenate(every).tolist()
    assert whole == [token for text in texts.contents("valid") for token in texts.ids(text)]
    assert len(pieces.pieces(texts.corpus, "valid", 1000)) == 303
    monkeypatch.setattr(pieces, "MOST_ITEMS", 10)
    some = pieces.pieces(texts.corpus, "valid", 40)
    places = [next(n for n, one in enumerate(every) if np.array_equal(one, own)) for own in some]
    assert places == np.linspace(0, len(every) - 1, 10).astype(int).tolist()


def test_copies_are_flagged_and_named_and_nothing_else_is(texts: World) -> None:
    train = texts.contents("train")
    mine = lines(np.random.default_rng(3), 60)
    mine[10], mine[20] = train[100], train[50][:50] + mine[20][:50]
    samples = [texts.ids(one) for one in mine]
    samples.insert(0, samples[0][:0])
    found = copying.copying(texts.corpus, texts.index, samples)
    (measure,) = found["measures"]
    assert (found["samples"], found["empty"], found["sample_tokens"]) == (60, 1, 100)
    assert found["held_out"]["duplicate_tokens"] == sum(map(len, texts.contents("valid")[-3:]))
    assert measure["flagged"] == 2 and measure["set"]["auc"]["value"] < 0.65
    whole, half = found["flagged"]
    assert (whole["number"], whole["value"], whole["text"]) == (12, len(train[100]), train[100])
    assert (half["number"], half["count"]) == (22, 1)
    assert half["unit"] == sum(len(line) + 1 for line in train[:50])
    assert half["text"].startswith(train[50][:50]) and half["place"].endswith("line 51")
    json.dumps(found)


def test_a_set_of_copies_is_nearer_as_a_whole(texts: World) -> None:
    train = texts.contents("train")
    others = lines(np.random.default_rng(4), 30)
    mine = [own[:95] + other for own, other in zip(train[:30], others, strict=True)]
    (measure,) = copying.copying(texts.corpus, texts.index, [*map(texts.ids, mine)])["measures"]
    assert measure["set"]["auc"]["value"] > 0.99 and measure["set"]["p"] < 1e-9


def test_too_few_held_out_items_flag_nothing(texts: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MOST_ITEMS", 50)
    found = copying.copying(texts.corpus, texts.index, [texts.ids(texts.contents("train")[0])])
    assert found["flagged"] == [] and found["measures"][0]["flagged"] is None
    assert "it takes 100 or more" in found["measures"][0]["reason"]


HEADER = "each of these documents begins with this licence, whoever has written it:"


@pytest.fixture(scope="module")
def headed(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Lines of random letters behind one header, which is more than half of a short one."""
    folder = tmp_path_factory.mktemp("headed")
    draw = np.random.default_rng(7)
    for name, count in (("train", 200), ("valid", 200)):
        (folder / name).mkdir()
        text = "".join(f"{HEADER} {line}\n" for line in lines(draw, count))
        (folder / name / "a.txt").write_text(text)
    return made(folder, "text", "bytes", separator="line")


def test_a_common_header_is_no_copy(headed: World) -> None:
    """Honest samples of the documents' own distribution, cut where a model's context ends."""
    fresh = lines(np.random.default_rng(8), 240)
    samples = [headed.ids(f"{HEADER} {line}")[:110] for line in fresh]
    usual = reference(headed.corpus, headed.index, samples)
    assert (usual.kind, usual.lead, len(usual.items)) == ("beginnings", 0, 200)
    (own,) = copying.compared(headed.corpus, headed.index, samples, usual)
    assert own.flags(copying.LEVEL).sum() <= 1
    held_out = own.held_out
    p = [
        nearer(one, held_out.windows, held_out.documents)
        for one in np.split(own.samples.windows, 12)
    ]
    assert binomtest(int((np.array(p) <= 0.05).sum()), 12, 0.05).pvalue > 0.01
    assert nearer(own.samples.windows, held_out.windows, held_out.documents) > 0.01


def test_copies_behind_a_common_header_are_found(headed: World) -> None:
    train = headed.contents("train")
    mine = [f"{HEADER} {line}" for line in lines(np.random.default_rng(10), 20)]
    mine[5], mine[14] = train[20], train[90][:130] + mine[14][130:]
    found = copying.copying(headed.corpus, headed.index, [*map(headed.ids, mine)])
    assert [one["number"] for one in found["flagged"]] == [6, 15]
    copies = [headed.ids(own)[:110] for own in train[:20]]
    (measure,) = copying.copying(headed.corpus, headed.index, copies)["measures"]
    assert measure["flagged"] == 20 and measure["set"]["p"] < 1e-9


def test_a_beginning_that_one_training_document_has_is_a_duplicate(tmp_path: Path) -> None:
    """Without a header, held-out documents that begin as others do say nothing of what is usual."""
    draw = np.random.default_rng(13)
    train, valid = lines(draw, 150), lines(draw, 130)
    valid[:20] = [own[:80] + 3 * other for own, other in zip(train, valid[:20], strict=False)]
    for name, own in (("train", train), ("valid", valid)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text("".join(f"{line}\n" for line in own))
    world = made(tmp_path, "text", "bytes", separator="line")
    usual = reference(world.corpus, world.index, [world.ids(valid[-1])[:80]])
    assert usual.kind == "beginnings" and len(usual.items) == 110


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A few long documents of random letters, behind one header."""
    folder = tmp_path_factory.mktemp("books")
    draw = np.random.default_rng(11)
    for name, count in (("train", 12), ("valid", 6)):
        (folder / name).mkdir()
        for number in range(count):
            book = "".join(draw.choice(LETTERS, 4500))
            (folder / name / f"{number:02d}.txt").write_text(f"{HEADER} {book}")
    return made(folder, "text", "bytes")


def test_of_few_long_documents_the_common_header_is_left_out(books: World) -> None:
    draw = np.random.default_rng(12)
    mine = [f"{HEADER} {''.join(draw.choice(LETTERS, 160))}" for _ in range(40)]
    copy = books.contents("train")[3]
    mine[7], mine[9] = copy[:200], mine[9][:100] + copy[2000:2100]
    samples = [books.ids(one) for one in mine]
    samples[11] = samples[11][:30]
    found = copying.copying(books.corpus, books.index, samples)
    held_out, (measure,) = found["held_out"], found["measures"]
    assert held_out["kind"] == "stretches" and held_out["items"] >= 100
    assert len(HEADER) < held_out["lead"] < len(HEADER) + 15
    assert found["short"] == 1 and measure["samples"] == 39
    assert {8, 10} <= {one["number"] for one in found["flagged"]} and measure["flagged"] <= 3
    assert measure["set"]["p"] > 0.01
    for one in found["flagged"]:
        assert len(one["ids"]) > one["tokens"] == sum(map(len, one["around"]))


def test_where_few_documents_begin_alike_for_long_nothing_is_flagged(books: World) -> None:
    samples = [books.ids(f"{HEADER} abc{letter}")[:70] for letter in "abcd" * 5]
    found = copying.copying(books.corpus, books.index, samples)
    assert (found["held_out"]["kind"], found["held_out"]["items"]) == ("beginnings", 6)
    assert found["flagged"] == [] and found["measures"][0]["flagged"] is None
    assert found["measures"][0]["set"]["p"] > 0.05


def test_the_other_strand_is_a_copy_too(tmp_path: Path) -> None:
    draw = np.random.default_rng(5)
    for name, size in (("train", 3000), ("valid", 12_000)):
        (tmp_path / name).mkdir()
        bases = "".join(draw.choice(list("ACGT"), size))
        (tmp_path / name / "a.fa").write_text(f">{name}\n{bases}\n")
    world = made(tmp_path, "dna", "symbols")
    (train,) = world.contents("train")
    mirrored = train[400:500].translate(str.maketrans("ACGT", "TGCA"))[::-1]
    foreign = "".join(draw.choice(list("ACGT"), 100))
    found = copying.copying(world.corpus, world.index, [world.ids(mirrored), world.ids(foreign)])
    (flag,) = found["flagged"]
    assert (flag["number"], flag["reading"], flag["unit"]) == (1, "mirrored", 400)


def test_pictures_are_compared_by_pixels_too(tmp_path: Path) -> None:
    draw = np.random.default_rng(6)
    for name, count in (("train", 40), ("valid", 120)):
        (tmp_path / name).mkdir()
        for number in range(count):
            pixels = draw.integers(0, 256, (8, 8), np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number:03d}.png")
    world = made(tmp_path, "image", "palette", size=8, colour="grey")
    train = np.stack(world.contents("train"))
    near = train[17].copy()
    near[0, :4] = train[18][0, :4]
    pictures = [near, draw.integers(0, 256, (8, 8, 1), np.uint8)]
    found = nearest(world.corpus, pictures)
    errors = [((train - one.astype(float)) ** 2).mean(axis=(1, 2, 3)) for one in pictures]
    assert found.document.tolist() == [int(one.argmin()) for one in errors]
    assert found.nearness == pytest.approx([255 / one.min() ** 0.5 for one in errors])
    told = copying.copying(world.corpus, world.index, [*map(world.ids, pictures)])
    assert [one["level"] for one in told["measures"]] == [0.0005, 0.0005]
    by_pixels = [one for one in told["flagged"] if one["measure"] == copying.PIXELS]
    assert [one["number"] for one in by_pixels] == [1] and "017.png" in by_pixels[0]["place"]


def test_what_cannot_be_compared(texts: World, tmp_path: Path) -> None:
    with pytest.raises(LexomeError, match="no sample with content"):
        copying.copying(texts.corpus, texts.index, [texts.ids("a")[:0]])
    manifest = SimpleNamespace(side=lambda split: SimpleNamespace(documents=0))
    tokenizer = texts.corpus.tokenizer
    nothing: Any = SimpleNamespace(folder=tmp_path, tokenizer=tokenizer, manifest=manifest)
    with pytest.raises(LexomeError, match="nothing is held out"):
        copying.check_comparable(nothing)
    frames: Any = SimpleNamespace(
        folder=tmp_path, tokenizer=SimpleNamespace(frame=FrameToken(4, 1, 8), features=len)
    )
    with pytest.raises(UsageError, match="rows of numbers"):
        copying.check_comparable(frames)


def test_a_corpus_of_pairs_is_refused(tmp_path: Path) -> None:
    for name in ("train", "valid"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jsonl").write_text('{"source": "a b", "target": "c d"}\n')
    roles = {
        "source": {"language": "text", "predicted": False},
        "target": {"language": "text", "predicted": True},
    }
    columns = json.dumps({name: name for name in roles})
    pair = Pair(json.dumps(roles), columns=columns, base=BaseTokens(BytesTrainer().train(), "text"))
    request = PrepareRequest(
        [tmp_path / "train"], "pair", workers=1, validation_files=[tmp_path / "valid"]
    )
    corpus = prepare(request, tmp_path / "out", language=pair)
    with pytest.raises(UsageError, match="answer sources"):
        copying.check_comparable(corpus)


@pytest.fixture
def run(texts: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of the texts, whose model writes training line 8 whenever it is asked."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"weights")
    corpus = texts.corpus
    opened = SimpleNamespace(
        folder=tmp_path,
        corpus=lambda verify=False: corpus,
        tokenizer=lambda: corpus.tokenizer,
        language=lambda: corpus.language,
        model=lambda: SimpleNamespace(config=SimpleNamespace(context=128)),
    )

    def write(tokenizer: Any, language: Any, model: Any, prompts: list[str], settings: Any) -> Any:
        assert settings.max_tokens == 128 and set(prompts) == {""}
        ids = tuple(texts.ids(texts.contents("train")[8]).tolist())
        return [SimpleNamespace(ids=ids) for _ in prompts]

    monkeypatch.setattr(copied, "open_run", lambda folder: opened)
    monkeypatch.setattr(copied, "write", write)
    return tmp_path


def test_the_figures_of_a_run_are_kept_in_it(run: Path) -> None:
    told: list[tuple[str, int, int]] = []
    found = copied.evaluate_copying(run, copied.Samples(40), told=lambda *how: told.append(how))
    assert found["measures"][0]["flagged"] == 40 == found["samples"]
    assert len(found["flagged"]) == 20
    assert json.loads((run / "copying.json").read_text()) == found
    assert ("samples", 32, 40) in told


def test_samples_are_read_from_files(run: Path, texts: World) -> None:
    file = run / "mine.txt"
    file.write_text(f"{texts.contents('train')[30]}\nnobody has written this\n")
    found = copied.evaluate_copying(run, copied.Samples(files=[file]))
    assert found["asked"]["files"] == [str(file)] and found["samples"] == 2
    assert [one["number"] for one in found["flagged"]] == [1]
