"""Sources that say nothing: what each kind is, in tokens, in text, in sound and in pictures."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest
from small import dna_base, lines, prepared, recipe, text_base

from lexome.corpus import Corpus
from lexome.finetuning.answering import Answer, Question, questions, source_contents
from lexome.finetuning.detached import Draws, identity, log_probabilities, whole_answer
from lexome.finetuning.detached_run import evaluate_detached
from lexome.finetuning.paired import Pairs
from lexome.finetuning.pairs import HeldOut
from lexome.finetuning.strange import MEANINGS, Strange, strange_sources, what_is_said
from lexome.languages.pair import PairTokenizer
from lexome.model import Transformer, load_model
from lexome.samples.forms import png
from lexome.training import train

RATE = 8000


def kinds(
    corpus: Corpus, task: str, context: int = 64
) -> tuple[Pairs, list[Question], dict[str, Strange]]:
    pairs = Pairs.of(corpus)
    asked = questions(pairs, "valid")
    found = {one.name: one for one in strange_sources(pairs, task, asked, context, 0)}
    assert found.keys() <= MEANINGS.keys()
    for again in strange_sources(pairs, task, asked, context, 0):
        assert [*map(identity, again.asked)] == [*map(identity, found[again.name].asked)]
    return pairs, asked, found


def test_texts_are_nothing_noise_another_and_no_language(pairs: Corpus) -> None:
    made, asked, found = kinds(pairs, "translation")
    assert list(found) == ["nothing", "noise", "monotone", "another language", "no language"]
    (empty,) = found["nothing"].asked
    assert source_contents(made, [empty]) == [""]
    assert len(empty.prompt) == 3 and empty.prompt[0] == asked[0].prompt[0]
    sources = source_contents(made, asked)
    targets = ["".join(text.upper()) for text in sources]
    assert source_contents(made, found["another language"].asked) == targets
    pool = {token for one in asked for token in one.prompt}
    for one, strange in zip(asked, found["noise"].asked, strict=True):
        assert len(one.prompt) == len(strange.prompt) and {*strange.prompt} <= pool
        assert (strange.prompt[-1], strange.prompt[1]) == (one.prompt[-1], one.prompt[1])
        assert (strange.reference, strange.place) == (one.reference, one.place)
    assert any(a.prompt != b.prompt for a, b in zip(asked, found["noise"].asked, strict=True))
    for text in source_contents(made, found["monotone"].asked):
        assert len(set(text)) == 1
    coded = source_contents(made, found["no language"].asked)
    letters: dict[str, str] = {}
    for text, other in zip(sources, coded, strict=True):
        assert [one.isalpha() for one in text] == [one.isalpha() for one in other]
        for a, b in zip(text, other, strict=True):
            assert letters.setdefault(a, b) == b and (a != b or not a.isalpha())
    assert len(set(letters.values())) == len(letters)


def test_what_does_not_fit_the_context_is_counted(pairs: Corpus) -> None:
    _, asked, found = kinds(pairs, "translation", context=10)
    fitting = sum(len(one.prompt) < 10 for one in asked)
    assert found["noise"].too_long == len(asked) - fitting
    assert len(found["noise"].asked) <= fitting and found["nothing"].too_long == 0


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Corpus, Path, Path]:
    """Recordings of two tones as frames, and what they are called."""
    folder = tmp_path_factory.mktemp("spoken")
    random, rows = np.random.default_rng(0), []
    for n in range(24):
        time = np.arange(1600 + 80 * n) / RATE
        tone = 4000 * np.sin(2 * np.pi * (300 if n % 2 else 1500) * time) + random.normal(
            0, 50, len(time)
        )
        with wave.open(str(folder / f"{n}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(tone.astype("<i2").tobytes())
        rows.append({"audio": f"{n}.wav", "text": "low" if n % 2 else "high"})
    table = lines(folder / "table.jsonl", [json.dumps(row) for row in rows])
    base = text_base(folder / "base", context=96)
    corpus = prepared(folder / "corpus", base, "speech", [table], held_out=HeldOut(0.4),
                      source_options={"rate": RATE})  # fmt: skip
    return corpus, base, folder


def test_recordings_are_silent_noisy_and_backwards(spoken: tuple[Corpus, Path, Path]) -> None:
    pairs, asked, found = kinds(spoken[0], "speech", 96)
    assert list(found) == ["nothing", "noise", "silence", "white noise", "backwards"]
    tokenizer = pairs.tokenizer.part("source").tokenizer
    assert isinstance(pairs.tokenizer, PairTokenizer) and pairs.tokenizer.frame is not None
    one, frame = asked[0], pairs.tokenizer.frame.token
    frames = np.array(one.prompt) == frame
    number = int(Path(json.loads((spoken[2] / "table.jsonl").read_text().splitlines()[
        int(one.place.rsplit(" ", 1)[1]) - 1])["audio"]).stem)  # fmt: skip
    with wave.open(str(spoken[2] / f"{number}.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    for name, content in (("silence", np.zeros_like(samples)), ("backwards", samples[::-1].copy())):
        strange = found[name].asked[0]
        assert strange.features is not None and strange.prompt == one.prompt
        expected = tokenizer.features(content)  # type: ignore[attr-defined]
        np.testing.assert_allclose(strange.features[frames], expected, atol=1e-5)
        assert not strange.features[~frames].any()
    rows = {row.tobytes() for q in asked if q.features is not None for row in q.features}
    noise = found["noise"].asked[0]
    assert noise.features is not None and {row.tobytes() for row in noise.features} <= rows
    (empty,) = found["nothing"].asked
    assert empty.features is not None and len(empty.features) == len(empty.prompt) == 3


def test_recordings_that_are_gone_are_said_and_the_rest_is_asked(
    spoken: tuple[Corpus, Path, Path],
) -> None:
    corpus, _, folder = spoken
    (folder / "table.jsonl").rename(folder / "gone.jsonl")
    try:
        _, _, found = kinds(corpus, "speech", 96)
    finally:
        (folder / "gone.jsonl").rename(folder / "table.jsonl")
    assert found["noise"].asked and not found["noise"].note
    for name in ("silence", "white noise", "backwards"):
        assert not found[name].asked and "table.jsonl" in found[name].note


def test_a_speech_run_is_asked_all_of_it(spoken: tuple[Corpus, Path, Path], tmp_path: Path) -> None:
    corpus, base, _ = spoken
    train(recipe("speech", corpus, base), tmp_path / "run")
    found = evaluate_detached(tmp_path / "run", Draws(others=2))
    rows = {one["name"]: one for one in found["strange"]}
    assert rows["silence"]["n"] >= 1 and rows["nothing"]["n"] == 1
    for row in found["strange"]:
        answered, sureness, length = (one["value"] for one in row["figures"])
        assert 0 <= answered <= 1 and 0 < sureness <= 1 and length >= 0


def test_pictures_are_blank_and_random(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for n in range(40):
        (tmp_path / f"{n}.png").write_bytes(png(bytes(random.integers(0, 256, 16).tolist()), 4))
    rows = [{"image": f"{n}.png", "label": "ab"[n % 2]} for n in range(40)]
    table = lines(tmp_path / "t.jsonl", [json.dumps(row) for row in rows])
    base = text_base(tmp_path / "base")
    corpus = prepared(tmp_path / "corpus", base, "labels", [table], language="text",
                      source_language="image", source="image",
                      source_options={"size": 4, "colour": "grey"})  # fmt: skip
    pairs, asked, found = kinds(corpus, "labels")
    assert list(found) == ["nothing", "noise", "blank", "random pixels"]
    for picture in source_contents(pairs, found["blank"].asked):
        assert np.unique(picture).size == 1
    assert len(found["random pixels"].asked) == len(asked)


def test_any_language_has_an_empty_source_noise_and_one_token(tmp_path: Path) -> None:
    rows = [
        {"sequence": "ACGT"[n % 4] + "ACGT"[n // 4 % 4] * n, "label": "xy"[n % 2]}
        for n in range(30)
    ]
    file = lines(tmp_path / "g.jsonl", [json.dumps(row) for row in rows])
    base = dna_base(tmp_path / "base")
    corpus = prepared(tmp_path / "corpus", base, "labels", [file], language="dna")
    pairs, _, found = kinds(corpus, "labels")
    assert list(found) == ["nothing", "noise", "monotone"]
    assert all(len(set(text)) == 1 for text in source_contents(pairs, found["monotone"].asked))


def test_figures_are_of_the_answers_that_were_given(
    pairs: Corpus, base: Path, tmp_path: Path
) -> None:
    train(recipe("translation", pairs, base), tmp_path / "run")
    model: Transformer = load_model(tmp_path / "run/model")
    made = Pairs.of(pairs)
    asked = questions(made, "valid")[:3]
    ids = asked[0].reference
    said = [Answer(ids, "end"), Answer((), "end"), Answer(ids, "length")]
    found = what_is_said(model, made, Strange("noise", tuple(asked)), said)
    answered, sureness, length = found["figures"]
    assert answered["value"] == pytest.approx(2 / 3)
    assert length["value"] == pytest.approx(2 * len(ids) / 3)
    wanted = [(0, whole_answer(made, ids)), (1, (made.tokenizer.special.end,)), (2, ids)]
    logs = log_probabilities(model, made, asked, wanted)
    means = [np.exp(log / len(one)) for log, (_, one) in zip(logs, wanted, strict=True)]
    assert sureness["value"] == pytest.approx(np.mean(means))
    assert found["commonest"]["share"] == pytest.approx(2 / 3)
    nothing = what_is_said(model, made, Strange("silence", (), note="gone"), [])
    assert (nothing["n"], nothing["figures"], nothing["note"]) == (0, [], "gone")
