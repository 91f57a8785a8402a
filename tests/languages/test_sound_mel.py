"""Log-mel frames: what they hold, silence, any length, saved and loaded, in pairs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sound_files import RATE, babble, tone, write_wav
from transformers.audio_utils import mel_filter_bank, spectrogram

from lexome import languages
from lexome.errors import LexomeError, UsageError
from lexome.languages.base import Document, Skipped
from lexome.languages.features import frame_token, placed
from lexome.languages.pair import BaseTokens, Pair, PairTokenizer, Turn
from lexome.languages.pair.training import PairTrainer
from lexome.languages.sound import Sound
from lexome.languages.sound.mel import BANDS, STACKED, Mel, MelTrainer
from lexome.languages.sound.training import CodecTrainer
from lexome.languages.tokenizers import BytesTrainer, CodedTokenizer

SIZE, HOP, TRANSFORM = 200, 80, 512


def trained() -> CodedTokenizer:
    return MelTrainer(RATE).train([babble(1, seed) for seed in range(3)])


def mel() -> Mel:
    coding = trained().coding
    assert isinstance(coding, Mel)
    return coding


def theirs(content: Any, windows: int) -> Any:
    """Return levels in dB as `transformers` computes them; [windows, bands]."""
    lead = (SIZE - HOP) // 2
    padded = np.concatenate([np.zeros(lead), content / 32768, np.zeros((windows + 4) * HOP + SIZE)])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(SIZE) + 0.5) / SIZE)
    filters = mel_filter_bank(TRANSFORM // 2 + 1, BANDS, 0, RATE / 2, RATE, None, "htk")
    found = spectrogram(
        padded,
        window * 2 / window.sum(),
        SIZE,
        HOP,
        TRANSFORM,
        power=2.0,
        center=False,
        mel_filters=filters,
        mel_floor=1e-8,
        log_mel="dB",
        min_value=1e-8,
        db_range=None,
        dtype=np.float64,
    )
    return found.T[:windows]


@pytest.mark.parametrize("samples", [4000, 4001, 79, 81, 1])
def test_levels_are_those_of_transformers(samples: int) -> None:
    coding, content = mel(), babble(1, 9)[:samples]
    windows = -(-samples // HOP)
    frames = -(-windows // STACKED)
    levels = theirs(content, windows)
    loudness = levels.mean(axis=1)
    usual = levels[loudness >= np.median(loudness)].mean(axis=0)
    filled = np.pad(levels, ((0, frames * STACKED - windows), (0, 0)), mode="edge")
    expected = ((filled - usual) / coding.deviation).reshape(frames, -1)
    found = coding.features(content)
    assert found.shape == (frames, STACKED * BANDS) and found.dtype == np.float16
    np.testing.assert_allclose(found, expected, atol=0.02, rtol=0.002)


@settings(deadline=None, max_examples=30)
@given(arrays(np.int16, st.integers(0, 1500)))
def test_every_frame_token_has_its_features(content: Any) -> None:
    tokenizer = CodedTokenizer(Mel(RATE, STACKED, np.ones(BANDS, np.float32)))
    frame = frame_token(tokenizer)
    assert frame is not None and frame.width == STACKED * BANDS
    (ids,) = tokenizer.encode([content])
    rows = tokenizer.features(content)
    assert len(ids) == len(rows) == -(-len(content) // (HOP * STACKED))
    assert (ids == frame.token).all() and np.isfinite(rows).all()
    assert len(tokenizer.decode(ids)) == 0 == tokenizer.unit_lengths[ids].sum()


def test_a_recording_is_heard_alike_at_any_level_and_silence_as_nothing() -> None:
    # Noise keeps every band above the floor of -80 dB.
    coding, noise = mel(), np.random.default_rng(0).normal(0, 900, 4000)
    loud = (babble(0.5) + noise).astype(np.int16)
    np.testing.assert_allclose(coding.features(loud), coding.features(loud // 4), atol=0.1)
    assert not coding.features(np.zeros(4000, np.int16)).any()


def test_silence_around_what_is_said_does_not_change_it() -> None:
    coding, said = mel(), babble(0.8)
    quiet = np.random.default_rng(0).normal(0, 3, 8 * HOP * STACKED).astype(np.int16)
    alone, inside = coding.features(said), coding.features(np.concatenate([quiet, said]))
    # The window on the border hears both.
    difference = np.abs(inside[9:].astype(float) - alone[1:]).mean()
    assert difference < 0.5 * alone.std()


def test_a_long_recording_is_read_in_parts_that_do_not_show(monkeypatch: Any) -> None:
    coding, content = mel(), babble(1)
    whole = coding.features(content)
    monkeypatch.setattr("lexome.languages.sound.mel._CHUNK", 7)
    assert np.array_equal(mel().features(content), whole)


def test_it_is_saved_and_loaded(tmp_path: Path) -> None:
    tokenizer = trained()
    tokenizer.save(tmp_path)
    again = languages.load_tokenizer(tmp_path)
    assert again.kind == "mel" and frame_token(again) == frame_token(tokenizer)
    assert isinstance(again, CodedTokenizer)
    assert np.array_equal(again.features(tone()), tokenizer.features(tone()))


def test_the_trainer_needs_sound_and_has_one_size() -> None:
    with pytest.raises(LexomeError, match="no sound to learn"):
        MelTrainer(RATE).train([])
    with pytest.raises(UsageError, match="has 5 tokens, not 9"):
        MelTrainer(RATE).train([tone()], 9)
    with pytest.raises(LexomeError, match="makes no frames"):
        CodecTrainer(RATE).with_options({"codebooks": 2, "codebook_size": 4, "rounds": 1}).train(
            [tone()]
        ).features(tone())


# In pairs

ROLES = {
    "source": {"language": "sound", "options": {"rate": RATE}, "predicted": False},
    "target": {"language": "text", "options": {}, "predicted": True},
}


def pair(base: BaseTokens | None = None, **options: Any) -> Pair:
    options = {"kinds": '{"sound": "mel"}', **options}
    return Pair(
        json.dumps(ROLES),
        columns='{"source": "audio", "target": "text"}',
        base=base or BaseTokens(BytesTrainer().train(), "text"),
        **options,
    )


def tokenizer_of(language: Pair) -> PairTokenizer:
    trainer = language.tokenizers()["pair"]
    assert isinstance(trainer, PairTrainer)
    found = trainer.train([(Turn("source", babble(1)), Turn("target", "a b"))], None)
    assert isinstance(found, PairTokenizer)
    return found


def test_a_pair_knows_its_frames_and_their_features(tmp_path: Path) -> None:
    tokenizer = tokenizer_of(pair())
    tokenizer.save(tmp_path)
    again = languages.load_tokenizer(tmp_path)
    turns = (Turn("source", tone()), Turn("target", "hi"))
    for one in (tokenizer, again):
        assert isinstance(one, PairTokenizer) and one.frame is not None
        (ids,) = one.encode([turns])
        frames = np.flatnonzero(ids == one.frame.token)
        assert one.token_label(one.frame.token) == "<|sound:frame|>"
        assert frames.tolist() == list(range(1, 1 + len(frames)))
        rows = one.features(turns)
        assert np.array_equal(placed(ids, rows, one.frame)[frames], rows.astype(np.float32))
        assert one.frame.token in one.never
        (heard, said) = one.decode(ids)
        assert len(heard.content) == 0 and said.content == "hi"


def test_a_pair_without_frames_has_none() -> None:
    tokenizer = tokenizer_of(pair(kinds='{"sound": "mulaw"}'))
    assert tokenizer.frame is None and frame_token(tokenizer) is None
    assert tokenizer.features((Turn("source", tone()),)).shape == (0, 0)


def test_a_base_that_knows_sound_keeps_its_tokens_unless_asked() -> None:
    codec = CodecTrainer(RATE).with_options({"codebooks": 2, "codebook_size": 4, "rounds": 1})
    base = BaseTokens(codec.train([babble(1)]), "sound")
    roles = {**ROLES, "target": {**ROLES["target"], "language": "text"}}
    for kinds, frames in (("{}", False), ('{"sound": "codec"}', False), ('{"sound": "mel"}', True)):
        language = Pair(json.dumps(roles), base=base, kinds=kinds)
        tokenizer = tokenizer_of(language)
        assert (tokenizer.frame is not None) == frames
        assert ("sound" in tokenizer.added) == frames


def test_an_unknown_kind_names_what_there_is() -> None:
    with pytest.raises(UsageError, match="no tokenizer 'mell'") as error:
        tokenizer_of(pair(kinds='{"sound": "mell"}'))
    assert error.value.fix is not None and "mel" in error.value.fix


def test_an_empty_transcript_is_skipped_or_kept_and_a_missing_one_skipped(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", tone())
    rows: list[dict[str, Any]] = [
        {"audio": "a.wav", "text": "tone"},
        {"audio": "a.wav", "text": ""},
        {"audio": "a.wav", "text": None},
    ]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    skipping, keeping = (
        list(pair(empty=empty).read(tmp_path / "t.jsonl")) for empty in ("skip", "keep")
    )
    assert [isinstance(one, Skipped) for one in skipping] == [False, True, True]
    assert [isinstance(one, Skipped) for one in keeping] == [False, False, True]
    kept = keeping[1]
    assert isinstance(kept, Document) and kept.content[1] == Turn("target", "")
    tokenizer = tokenizer_of(pair())
    (ids,) = tokenizer.encode([kept.content])
    assert ids[-1] == tokenizer.markers["target"]


def test_an_empty_sound_is_skipped_also_where_an_empty_text_is_kept(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", tone()[:0])
    (tmp_path / "t.jsonl").write_text('{"audio": "a.wav", "text": ""}\n')
    with pytest.raises(LexomeError, match="left out: no samples"):
        list(pair(empty="keep").read(tmp_path / "t.jsonl"))


def test_recordings_of_any_rate_are_heard_at_one(tmp_path: Path) -> None:
    for rate in (8000, 16000, 44100):
        write_wav(tmp_path / f"{rate}.wav", tone(0.5, rate), rate)
    lines = [json.dumps({"audio": f"{rate}.wav", "text": "a"}) for rate in (8000, 16000, 44100)]
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    documents = [one for one in pair().read(tmp_path / "t.jsonl") if isinstance(one, Document)]
    tokenizer = tokenizer_of(pair())
    heard = [tokenizer.features(one.content).astype(float) for one in documents]
    assert len({one.shape for one in heard}) == 1
    for other in heard[1:]:
        assert np.abs(other - heard[0]).mean() < 0.15 * np.abs(heard[0]).mean()


def test_a_path_that_does_not_exist_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"audio": "gone.wav", "text": "a"}\n')
    with pytest.raises(LexomeError, match=r"no file 'gone\.wav'") as error:
        list(pair().read(tmp_path / "t.jsonl"))
    assert "line 1" in str(error.value)


def test_sound_offers_frames_beside_codes() -> None:
    assert list(Sound(rate=RATE).tokenizers()) == ["codec", "mulaw", "mel"]
