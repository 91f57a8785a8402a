"""Silence and noise beside recordings of which none is silent: made, counted, learned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import prepared, recipe, text_base
from vowels import RATE, Pcm, vowel, write_wav

from lexome.cli.prepare import summary
from lexome.corpus import Corpus, PackedBatches, PrepareObserver
from lexome.errors import UsageError
from lexome.finetuning import tasks
from lexome.finetuning.answering import answers, contents, questions
from lexome.finetuning.data import PairData, pairs_language
from lexome.finetuning.paired import Pairs
from lexome.finetuning.pairs import HeldOut, open_base, prepare_pairs
from lexome.generation import Settings
from lexome.generation.writer import write
from lexome.languages.pair import PairTokenizer
from lexome.training import open_run, train

SETTINGS = Settings(max_tokens=4, temperature=0.0)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return text_base(tmp_path_factory.mktemp("base") / "base")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a table of which no recording is silent."""
    folder = tmp_path_factory.mktemp("speaking")
    random, rows = np.random.default_rng(1), []
    for number in range(60):
        word = ("ou", "ee")[number % 2]
        write_wav(folder / f"{number}.wav", vowel(word, random.uniform(0.2, 0.4), random))
        rows.append({"audio": f"{number}.wav", "text": word})
    return _table(folder / "table.jsonl", rows)


def _table(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def speech(folder: Path, base: Path, table: Path, **said: Any) -> Corpus:
    options = {"source_options": {"rate": RATE}, "held_out": HeldOut(share=0.3), **said}
    return prepared(folder, base, "speech", [table], **options)


def heard(run: Path, folder: Path, recordings: list[Pcm]) -> list[str]:
    """Return what a run writes down of recordings."""
    paths = [folder / f"strange-{number}.wav" for number in range(len(recordings))]
    for path, samples in zip(paths, recordings, strict=True):
        write_wav(path, samples)
    opened = open_run(run)
    prompts = [str(path) for path in paths]
    found = write(opened.tokenizer(), opened.language(), opened.model(), prompts, SETTINGS)
    return [one.text for one in found]


@pytest.mark.parametrize(("share", "quiet"), [(0.3, 1.0), (0.0, 0.0)])
def test_only_a_model_that_heard_silence_says_nothing_to_it(
    base: Path, table: Path, tmp_path: Path, share: float, quiet: float
) -> None:
    corpus = speech(tmp_path / "corpus", base, table, silence=share)
    steps = {"training__steps": 120, "training__batch_size": 4, "training__evaluate_every": 40}
    run = tmp_path / "run"
    train(recipe("speech", corpus, base, **steps), run)

    asked = questions(Pairs.of(corpus), "valid")
    said = answers(open_run(run).model(), Pairs.of(corpus), asked, SETTINGS)
    references = contents(Pairs.of(corpus), [one.reference for one in asked])
    assert set(references) == {"ou", "ee"} and len(references) >= 10
    assert contents(Pairs.of(corpus), [one.ids for one in said]) == references

    random = np.random.default_rng(5)
    sizes = [round(random.uniform(0.2, 0.4) * RATE) for _ in range(12)]
    silent: list[Pcm] = [np.zeros(size, np.int16) for size in sizes[:4]]
    noisy: list[Pcm] = [
        random.normal(0, level, size).astype(np.int16)
        for size, level in zip(sizes[4:], (2, 20, 200, 2000) * 2, strict=True)
    ]
    assert np.mean([one == "" for one in heard(run, tmp_path, silent + noisy)]) == quiet


def test_made_pairs_are_named_and_counted_and_of_training_alone(
    base: Path, table: Path, tmp_path: Path
) -> None:
    plain = speech(tmp_path / "plain", base, table, silence=0.0).manifest
    corpus = speech(tmp_path / "made", base, table, silence=0.5)
    train_side, valid_side = corpus.manifest.train, corpus.manifest.valid
    assert plain.train.made == plain.valid.made == valid_side.made == {}
    assert valid_side == plain.valid
    assert set(train_side.made) == {"silence", "white noise", "pink noise"}
    assert sum(train_side.made.values()) == train_side.augmented > 10
    assert train_side.documents == plain.train.documents + train_side.augmented
    assert 0.3 < train_side.augmented / plain.train.documents < 0.7
    (shown,) = [line for line in summary(corpus.manifest) if line.startswith("made ")]
    assert f"{train_side.made['pink noise']} × pink noise" in shown
    assert not [line for line in summary(plain) if line.startswith("made ")]
    again = speech(tmp_path / "again", base, table, silence=0.5).manifest
    assert again.fingerprint == corpus.manifest.fingerprint != plain.fingerprint


def test_a_made_pair_is_as_long_as_its_recording_and_has_no_words(
    base: Path, table: Path, tmp_path: Path
) -> None:
    corpus = speech(tmp_path / "made", base, table, silence=0.5)
    assert isinstance(corpus.tokenizer, PairTokenizer)
    end, marker = corpus.tokenizer.special.end, corpus.tokenizer.markers["target"]
    stream, rows = corpus.stream("train"), list(corpus.rows("train"))
    starts = [*stream.document_starts.tolist(), len(stream)]
    for number, row in enumerate(rows):
        ids = stream.read(starts[number], starts[number + 1]).tolist()
        assert (ids[-2:] == [marker, end]) == row["augmented"] == ("made" in row["metadata"])
        beside = int(stream.document_originals[number])
        assert not rows[beside]["augmented"] and rows[beside]["record"] == row["record"]
        whole = stream.read(starts[beside], starts[beside + 1]).tolist()
        assert ids.count(corpus.tokenizer.frame.token) == whole.count(corpus.tokenizer.frame.token)


def test_made_pairs_are_no_examples(base: Path, table: Path, tmp_path: Path) -> None:
    corpus = speech(tmp_path / "made", base, table, silence=1.0)
    originals = corpus.manifest.train.documents - corpus.manifest.train.augmented
    assert corpus.manifest.train.augmented == originals
    assert len(questions(Pairs.of(corpus), "train")) == originals
    # Of few examples those are trained on that stand beside them.
    few = PackedBatches.of(corpus, "train", 64, batch_size=1, seed=0, examples=5)
    assert len(few.chosen) == 10


def test_each_speed_of_a_recording_has_silence_beside_it(
    base: Path, table: Path, tmp_path: Path
) -> None:
    options = {"rate": RATE, "speed": 0.1}
    side = speech(
        tmp_path / "made", base, table, source_options=options, silence=1.0
    ).manifest.train
    assert side.documents == 2 * sum(side.made.values())
    assert side.augmented == 5 * (side.documents - side.augmented)


def test_silence_is_usual_for_speech_and_refused_where_there_is_none(
    base: Path, table: Path
) -> None:
    known = open_base(base)

    def share(task: str, **named: Any) -> float:
        return pairs_language(tasks.get(task), PairData([table], **named), known)[0].silence

    sound = {"source": "audio", "source_language": "sound", "target": "text"}
    written = {**sound, "target_language": "text"}
    assert share("speech") == 0.05 and share("speech", silence=0.0) == 0
    assert share("pair", **written) == 0 and share("pair", **written, silence=0.2) == 0.2
    assert share("labels", **sound) == 0
    for task, named in (("labels", sound), ("assistant", {})):
        with pytest.raises(UsageError, match="where sound is written down") as refused:
            share(task, silence=0.2, **named)
        assert refused.value.where == "--silence"
    for wrong in (-0.1, 1.5, float("nan")):
        with pytest.raises(UsageError, match="between 0 and 1"):
            share("speech", silence=wrong)


def test_where_no_silence_is_drawn_that_is_told(base: Path, table: Path, tmp_path: Path) -> None:
    told: list[str] = []

    class Told(PrepareObserver):
        def told(self, message: str) -> None:
            told.append(message)

    data = PairData([table], source_options={"rate": RATE}, silence=1e-9)
    prepare_pairs(tasks.get("speech"), data, open_base(base), tmp_path / "made", observer=Told())
    assert [one for one in told if "no pair of silence was drawn" in one]


def test_held_out_silence_is_no_copy_of_a_made_one(base: Path, table: Path, tmp_path: Path) -> None:
    """Digital silence of one length is always the same, and no recording gave it away."""
    rows = []
    for number in range(20, 40):
        path = tmp_path / f"{number}.wav"
        write_wav(path, np.zeros(number * RATE // 100, np.int16))
        rows.append({"audio": str(path), "text": ""})
    held_out = HeldOut(files=[_table(tmp_path / "held.jsonl", rows)])
    corpus = speech(tmp_path / "made", base, table, silence=1.0, held_out=held_out)

    def silent(split: str) -> set[int]:
        features = corpus.features(split)
        assert features is not None
        read = [features.document(n) for n in range(len(list(corpus.rows(split))))]
        return {len(one) for one in read if not one.any()}

    assert silent("train") & silent("valid"), "or there was nothing to confuse"
    assert corpus.manifest.leak.exact_duplicates == 0
