"""Features beside tokens: stored as the tokenizer gives them, laid where their frames stand."""

from __future__ import annotations

import json
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lexome import languages
from lexome.corpus import Corpus, PackedBatches, PrepareRequest, mix, prepare
from lexome.corpus.manifest import folder_sha256
from lexome.errors import DamagedFileError, UsageError
from lexome.languages.base import Document
from lexome.languages.pair import BaseTokens, Pair, PairTokenizer
from lexome.languages.tokenizers import BytesTrainer

RATE = 8000


def write_sounds(folder: Path, count: int = 24, seed: int = 0) -> Path:
    """Write tones of many lengths with a table that says how high each one is."""
    random = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    lines = []
    for number in range(count):
        pitch, seconds = 200 + 50 * (number % 5), random.uniform(0.05, 0.6)
        time = np.arange(round(seconds * RATE)) / RATE
        samples = 9000 * np.sin(2 * np.pi * pitch * time) + random.normal(0, 200, len(time))
        with wave.open(str(folder / f"{number}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(samples.astype("<i2").tobytes())
        lines.append(json.dumps({"audio": f"{number}.wav", "text": f"pitch {pitch}"}))
    (folder / "table.jsonl").write_text("\n".join(lines) + "\n")
    return folder / "table.jsonl"


def pair(kinds: str = '{"sound": "mel"}', speed: float = 0.0) -> Pair:
    options = {"rate": RATE} | ({"speed": speed} if speed else {})
    roles = {
        "source": {"language": "sound", "options": options, "predicted": False},
        "target": {"language": "text", "options": {}, "predicted": True},
    }
    return Pair(
        json.dumps(roles),
        columns='{"source": "audio", "target": "text"}',
        kinds=kinds,
        base=BaseTokens(BytesTrainer().train(), "text"),
    )


def made(table: Path, folder: Path, language: Pair | None = None, workers: int = 1) -> Corpus:
    language = language or pair()
    request = PrepareRequest(
        [table], language.name, language.options, validation=0.3, workers=workers
    )
    return prepare(request, folder, language=language)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sounds(tmp_path_factory.mktemp("sounds"))


@pytest.fixture(scope="module")
def corpus(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return made(table, tmp_path_factory.mktemp("corpus") / "made")


def by_record(table: Path, language: Pair) -> dict[str, Document]:
    documents = [one for one in language.read(table) if isinstance(one, Document)]
    return {one.source.record: one for one in documents}


def tokenizer_of(corpus: Corpus) -> PairTokenizer:
    assert isinstance(corpus.tokenizer, PairTokenizer)
    return corpus.tokenizer


@pytest.mark.parametrize("split", ["train", "valid"])
def test_each_document_has_the_features_of_its_sound(
    corpus: Corpus, table: Path, split: str
) -> None:
    sounds, tokenizer = by_record(table, pair()), tokenizer_of(corpus)
    features = corpus.features(split)
    assert features is not None and tokenizer.frame is not None
    rows = list(corpus.rows(split))
    assert rows
    for number, row in enumerate(rows):
        expected = tokenizer.features(sounds[row["record"]].content)
        found = features.document(number)
        assert found.dtype == np.float16 and np.array_equal(found, expected)
        ids = corpus.stream(split).read(row["first_token"], row["first_token"] + row["tokens"])
        assert (ids == tokenizer.frame.token).sum() == len(found) > 0


def test_batches_lay_features_where_frames_stand(corpus: Corpus) -> None:
    features, frame = corpus.features("train"), tokenizer_of(corpus).frame
    assert features is not None and frame is not None
    stream = corpus.stream("train")
    batches = PackedBatches(stream, 90, 3, 0, "f", 0, features=features)
    for step in range(5):
        batch = batches(step)
        assert batch.features is not None
        assert batch.features.shape == (3, 91, frame.width) and batch.features.dtype == np.float32
        for row in range(3):
            documents = batches.row_documents(step * 3 + row)
            expected = np.concatenate([features.document(number) for number in documents])
            here = batch.tokens[row] == frame.token
            assert np.array_equal(batch.features[row][here], expected)
            assert not batch.features[row][~here].any()
        part = batches(step, slice(1, 3))
        assert part.features is not None
        assert np.array_equal(part.features, batch.features[1:])


def test_augmented_forms_bring_features_of_their_own(table: Path, tmp_path: Path) -> None:
    language = pair(speed=0.1)
    corpus = made(table, tmp_path / "made", language)
    features, tokenizer = corpus.features("train"), tokenizer_of(corpus)
    assert features is not None
    sounds = by_record(table, language)
    forms: dict[str, list[Document]] = {
        record: [one, *language.augment(one)] for record, one in sounds.items()
    }
    rows = list(corpus.rows("train"))
    assert sum(row["augmented"] for row in rows) == 2 * len(rows) // 3 > 0
    for number, row in enumerate(rows):
        own = forms[row["record"]].pop(0)
        assert np.array_equal(features.document(number), tokenizer.features(own.content))


def test_other_sounds_of_one_length_are_another_corpus_and_no_duplicates(tmp_path: Path) -> None:
    tables = [write_sounds(tmp_path / str(seed), 8, seed) for seed in (0, 1)]
    for folder, table in enumerate(tables):
        for path in table.parent.glob("*.wav"):
            seed = 100 * folder + int(path.stem)
            samples = np.random.default_rng(seed).normal(0, 3000, 2000)
            with wave.open(str(path), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(RATE)
                file.writeframes(samples.astype("<i2").tobytes())
        lines = [{"audio": f"{number}.wav", "text": "same"} for number in range(8)]
        table.write_text("".join(json.dumps(line) + "\n" for line in lines))
    first, second = (made(table, tmp_path / f"c{n}") for n, table in enumerate(tables))
    streams = [one.stream("train") for one in (first, second)]
    assert np.array_equal(*(one.read(0, len(streams[0])) for one in streams))
    assert first.fingerprint != second.fingerprint
    leak = first.manifest.leak
    assert (leak.exact_duplicates, leak.near_duplicates) == (0, 0)


def test_a_recording_on_both_sides_is_a_duplicate(table: Path, tmp_path: Path) -> None:
    lines = table.read_text().splitlines()
    (table.parent / "held.jsonl").write_text(lines[3] + "\n")
    language = pair()
    request = PrepareRequest(
        [table],
        language.name,
        language.options,
        validation_files=[table.parent / "held.jsonl"],
        workers=1,
    )
    corpus = prepare(request, tmp_path / "made", language=language)
    assert corpus.manifest.leak.exact_duplicates == 1


def test_workers_change_nothing(table: Path, corpus: Corpus, tmp_path: Path) -> None:
    again = made(table, tmp_path / "made", workers=2)
    assert again.fingerprint == corpus.fingerprint
    assert folder_sha256(again.folder / "shards") == folder_sha256(corpus.folder / "shards")


@pytest.mark.parametrize("fault", ["missing", "torn", "changed"])
def test_damaged_features_are_named(table: Path, tmp_path: Path, fault: str) -> None:
    corpus = made(table, tmp_path / "made")
    path = corpus.folder / corpus.manifest.train.features[0].path
    data = bytearray(path.read_bytes())
    if fault == "missing":
        path.unlink()
    elif fault == "torn":
        path.write_bytes(data[:-8])
    else:
        data[-1] ^= 1
        path.write_bytes(data)
    with pytest.raises(Exception, match=r"features\.npy") as error:
        Corpus.open(corpus.folder, verify=True)
    assert fault == "missing" or isinstance(error.value, DamagedFileError)


def test_a_shard_of_another_shape_is_named(table: Path, tmp_path: Path) -> None:
    corpus = made(table, tmp_path / "made")
    path = corpus.folder / corpus.manifest.train.features[0].path
    np.save(path, np.load(path).reshape(-1))
    with pytest.raises(DamagedFileError, match="recorded were float16 of shape"):
        corpus.features("train")


def test_corpora_without_frames_have_none(table: Path, tmp_path: Path) -> None:
    corpus = made(table, tmp_path / "made", pair('{"sound": "codec"}'))
    assert corpus.features("train") is None and corpus.features("valid") is None
    assert corpus.manifest.train.features == ()
    batches = PackedBatches(corpus.stream("train"), 400, 2, 0, "f", 0)
    assert batches(0).features is None
    assert not list(corpus.folder.rglob("*.features.npy"))


def test_frames_alone_teach_nothing_and_are_refused(table: Path, tmp_path: Path) -> None:
    request = PrepareRequest([table.parent / "*.wav"], "sound", tokenizer="mel", workers=1)
    with pytest.raises(UsageError, match="nothing to learn in them alone"):
        prepare(request, tmp_path / "made")


def test_a_mixture_does_not_drop_them(corpus: Corpus, table: Path, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("some words\n" * 20 + "and others\n")
    request = PrepareRequest(
        [tmp_path / "words.txt"], "text", {"separator": "line"}, tokenizer="bytes", workers=1
    )
    words = prepare(request, tmp_path / "words")
    with pytest.raises(UsageError, match="holds features of frames"):
        mix([(corpus.folder, 1.0), (words.folder, 1.0)], tmp_path / "mixed")


def test_a_target_in_frames_is_refused(table: Path, tmp_path: Path) -> None:
    language = pair()
    roles = json.loads(language.roles)
    roles["source"]["predicted"], roles["target"]["predicted"] = True, False
    turned = {name: roles[name] for name in ("target", "source")}
    with pytest.raises(UsageError, match="can be read and not said"):
        made(table, tmp_path / "made", replace(language, roles=json.dumps(turned)))


def test_the_language_is_rebuilt_with_its_kinds(corpus: Corpus) -> None:
    again = languages.get(corpus.manifest.language, **corpus.manifest.options)
    assert isinstance(again, Pair) and again.kinds == '{"sound": "mel"}'
