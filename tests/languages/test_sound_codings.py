"""Mu-law and the learned codec: what they keep, any codes, any chunks, saved and loaded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sound_files import RATE, babble, tone

from lexome import languages
from lexome.errors import DamagedFileError, LexomeError, UsageError
from lexome.languages.base import Document, Source
from lexome.languages.sound import Sound, codec, language
from lexome.languages.sound.clustering import nearest, quantise
from lexome.languages.sound.codec import Codec
from lexome.languages.sound.fidelity import log_mel_distance, measure, si_sdr
from lexome.languages.sound.levels import from_pcm
from lexome.languages.sound.mulaw import MuLaw, MuLawTrainer
from lexome.languages.sound.spectra import Frames, log_mel, mel_filters
from lexome.languages.sound.training import CodecTrainer
from lexome.languages.tokenizers import CodedTokenizer

SMALL = {"codebooks": 3, "codebook_size": 16, "rounds": 4}
pcm = arrays(np.int16, st.integers(0, 700))
quick = settings(deadline=None, max_examples=30)


@pytest.fixture(scope="module")
def tokenizer() -> CodedTokenizer:
    return CodecTrainer(RATE).with_options(SMALL).train([babble(2, seed) for seed in range(3)])


def coding(tokenizer: CodedTokenizer) -> Codec:
    assert isinstance(tokenizer.coding, Codec)
    return tokenizer.coding


@quick
@given(content=pcm)
def test_mulaw_is_as_near_as_its_steps_are_fine(content):
    law = MuLaw(RATE)
    codes = law.encode(content)
    back = law.decode(codes)
    assert back.dtype == np.int16 and len(back) == len(content) == len(codes)
    assert np.all((codes >= 0) & (codes < 255))
    # Half a step, ln(256) / 254 of 1 / 255 + |x|, and half a unit for each of two roundings.
    bound = np.expm1(np.log(256) / 254) * (128.5 + np.abs(content.astype(float))) + 1
    assert np.all(np.abs(back.astype(float) - content) <= bound)
    assert np.array_equal(law.encode(back), codes)


def test_mulaw_is_the_law_of_g711_and_keeps_silence():
    law = MuLaw(RATE)
    assert not law.decode(law.encode(np.zeros(9, np.int16))).any()
    samples = np.array([-32768, -1000, 0, 1000, 32767], np.int16)
    bent = np.sign(samples) * np.log(1 + 255 * np.abs(samples / 32768)) / np.log(256)
    assert law.encode(samples).tolist() == (np.rint(127 * bent) + 127).astype(int).tolist()
    assert law.names[0] == "-127" and law.names[127] == "+0" and len(set(law.names)) == 255
    with pytest.raises(UsageError, match="259 tokens"):
        MuLawTrainer(RATE).train((), 300)


@quick
@given(codes=arrays(np.int64, st.integers(0, 60), elements=st.integers(0, 95)))
def test_any_codes_give_samples_of_the_length_that_they_stand_for(tokenizer, codes):
    codec = coding(tokenizer)
    content = codec.decode(codes)
    assert content.dtype == np.int16
    assert len(content) == codec.unit_lengths[codes].sum() == len(codec.unit_codes(codes))


@quick
@given(content=pcm)
def test_encoding_gives_a_level_and_a_row_of_each_codebook_for_each_frame(tokenizer, content):
    codec = coding(tokenizer)
    codes = codec.encode(content).reshape(-1, 3)
    assert len(codes) == -(-len(content) // codec.hop)
    for column, book in zip(codes.T, codec.codebooks, strict=True):
        assert np.all((column >= book.start) & (column < book.stop))
    assert len(codec.decode(codes.ravel())) == len(codes) * codec.hop


def test_chunks_and_company_change_no_code(tokenizer, monkeypatch):
    content = babble(6, seed=9)
    whole = coding(tokenizer).encode(content)
    for size in (1, 7, 100):
        monkeypatch.setattr(codec, "_CHUNK", size)
        assert np.array_equal(coding(tokenizer).encode(content), whole)


def test_a_frame_sees_a_window_and_no_more(tokenizer):
    content, hop = babble(2, seed=4), coding(tokenizer).hop
    whole = coding(tokenizer).encode(content)
    part = coding(tokenizer).encode(content[: 40 * hop])
    # The window of the last frame reaches beyond the cut.
    assert np.array_equal(part[:-3], whole[: len(part) - 3])


def test_learning_is_the_same_for_the_same_sound_and_seed(tokenizer):
    contents = [babble(2, seed) for seed in range(3)]
    again = CodecTrainer(RATE).with_options(SMALL).train(iter(contents))
    other = CodecTrainer(RATE).with_options({**SMALL, "seed": 1}).train(contents)
    for name, array in coding(tokenizer).arrays.items():
        assert np.array_equal(array, coding(again).arrays[name])
    assert not np.array_equal(coding(tokenizer).arrays["book_1"], coding(other).arrays["book_1"])


def test_the_codec_keeps_more_than_silence_and_more_codes_keep_more(tokenizer):
    held_out = [babble(1, seed=50)]
    known = [babble(2, seed) for seed in range(3)]
    large = CodecTrainer(RATE).with_options({**SMALL, "codebook_size": 64}).train(known)
    figures = [measure(coding(made), known) for made in (tokenizer, large)]
    few, many = (found["log-mel distance, dB"] for found in figures)
    true = from_pcm(known[0])
    assert many < few < log_mel_distance(true, np.zeros_like(true), RATE) / 2
    found = measure(coding(tokenizer), held_out)
    assert found["bit rate, kbit/s"] == pytest.approx(50 * (6 + 4 + 4) / 1000)
    for number in (1, 2, 3):
        assert 0 < found[f"codebook {number} used, %"] <= 100
        assert 1 <= found[f"codebook {number} perplexity"] <= 64
    assert measure(coding(tokenizer), []) == {"bit rate, kbit/s": 0.7, "measured on, s": 0}


def test_what_is_kept_is_measured_on_some_two_minutes(monkeypatch):
    monkeypatch.setattr(language, "_MEASURED_SECONDS", 2)
    documents = [Document(babble(1, seed), Source("x")) for seed in range(7)]
    found = Sound(rate=RATE).fidelity(MuLawTrainer(RATE).train(), documents)
    assert found["measured on, s"] == 2


def test_decoding_keeps_the_pitch_and_the_level(tokenizer):
    pitch = CodecTrainer(RATE).train([tone(1, pitch=p) for p in (300, 600, 1200)])
    content = tone(1, pitch=600)
    back = coding(pitch).decode(coding(pitch).encode(content))
    spectrum = np.abs(np.fft.rfft(back))
    assert abs(int(spectrum.argmax()) - 600) <= 25
    assert np.std(back) == pytest.approx(np.std(content), rel=0.3)


def test_digital_silence_stays_silent(tokenizer):
    silence = np.zeros(1000, np.int16)
    made = CodecTrainer(RATE).with_options(SMALL).train([babble(1), np.zeros(8000, np.int16)])
    assert np.abs(coding(made).decode(coding(made).encode(silence))).max() <= 8


def test_a_saved_codec_loads_and_a_broken_one_does_not(tmp_path, tokenizer):
    tokenizer.save(tmp_path / "t")
    loaded = languages.load_tokenizer(tmp_path / "t")
    assert loaded.encode([babble(1)])[0].tolist() == tokenizer.encode([babble(1)])[0].tolist()
    law = MuLawTrainer(RATE).train()
    law.save(tmp_path / "m")
    assert languages.load_tokenizer(tmp_path / "m").vocab_size == law.vocab_size
    with pytest.raises(ValueError, match="shapes"):
        Codec(RATE, 160, [np.zeros((4, 3), np.int16)])
    (tmp_path / "t" / "codec.safetensors").write_bytes(b"none")
    with pytest.raises(DamagedFileError):
        languages.load_tokenizer(tmp_path / "t")


def test_a_tokenizer_of_another_rate_is_refused(tokenizer):
    with pytest.raises(UsageError, match="8,000 samples per second, not 16,000"):
        Sound(rate=16_000).baselines(tokenizer)
    names = [baseline.name for baseline in Sound(rate=RATE).baselines(tokenizer)]
    assert names[0] == "entropy code of each codebook"


@pytest.mark.parametrize(
    "options", [{"codebooks": 1}, {"codebook_size": 1}, {"frames_per_second": 10}, {"rounds": 0}]
)
def test_options_of_the_codec_have_limits(options):
    with pytest.raises(UsageError):
        CodecTrainer(RATE).with_options(options)


def test_nothing_to_learn_from_is_an_error():
    with pytest.raises(LexomeError, match="no sound"):
        CodecTrainer(RATE).train([])
    with pytest.raises(UsageError, match="this codec has"):
        CodecTrainer(RATE).with_options(SMALL).train([babble(1)], 7)


def test_baselines_code_what_they_are_given(tokenizer):
    law = MuLawTrainer(RATE).train()
    train, test = law.encode([tone(1)]), law.encode([tone(1, pitch=500)])
    bits = {b.name: b.token_bits(train, test) / RATE for b in Sound(rate=RATE).baselines(law)}
    assert 0 < bits["trigram of tokens"] < bits["unigram of tokens"] < 8.1
    assert 0 < bits["FLAC of the codes"] < 8
    many = tokenizer.encode([babble(2)])
    entropy, unigram, *_ = Sound(rate=RATE).baselines(tokenizer)
    # Which codebook comes next, log2(3) bits at most, is not known to the unigram.
    assert unigram.token_bits(many, many) - entropy.token_bits(many, many) > 0


def test_units_measures_and_parse():
    sound = Sound(rate=RATE)
    document = Document(tone(), Source("x"))
    assert sound.units(document) == 4000 and sound.measures == {"bits per second": 8000.0}
    assert sound.run_units == 1024
    assert np.array_equal(sound.cut(document, 5, 9).content, tone()[5:9])
    with pytest.raises(LexomeError, match="cannot be typed") as caught:
        sound.parse("hello")
    assert "--from FILE" in caught.value.fix


@quick
@given(
    vectors=arrays(np.int16, st.tuples(st.integers(1, 40), st.just(5))),
    book=arrays(np.int16, st.tuples(st.integers(1, 9), st.just(5))),
)
def test_the_nearest_row_is_the_nearest(vectors, book):
    left, rows = vectors.astype(np.float64), book.astype(np.float64)
    distances = np.square(left[:, None] - rows).sum(axis=2)
    assert np.array_equal(nearest(left, rows), distances.argmin(axis=1))
    taken = quantise(left, [rows, rows], 4)
    greedy = quantise(left, [rows, rows], 1)

    def error(found: np.ndarray) -> np.ndarray:
        return np.square(left - rows[found[:, 0]] - rows[found[:, 1]]).sum(axis=1)

    assert error(taken).sum() <= error(greedy).sum()
    assert np.array_equal(greedy[:, 0], nearest(left, rows))


def test_spectra_come_back_and_a_sine_at_full_scale_has_power_one():
    frames = Frames(RATE, 200, 80)
    samples = from_pcm(babble(0.5))
    again = frames.samples(frames.spectra(samples))
    assert np.allclose(again[: len(samples)], samples, atol=1e-4)
    sine = np.sin(2 * np.pi * 1000 * np.arange(4000) / RATE).astype(np.float32)
    powers = frames.powers(sine, 10, 20)
    assert powers[:, 64].mean() == pytest.approx(1, rel=1e-3)  # 64 of 512 bins are 1000 Hz
    filters = mel_filters(RATE, 512, 64)
    assert filters.shape == (257, 64) and filters.max() <= 1
    assert mel_filters(1000, 64, 64).any(axis=0).all()


def test_distances_are_what_they_are_defined_to_be():
    true = from_pcm(babble(1))
    assert log_mel_distance(true, true, RATE) == 0
    assert log_mel_distance(true, true / 2, RATE) == pytest.approx(6.02, abs=0.7)
    assert log_mel(true, RATE).min() >= -80
    noise = np.random.default_rng(0).normal(0, 1, len(true)).astype(np.float32)
    noise -= (noise @ true) / (true @ true) * true
    noise *= np.linalg.norm(true) / np.linalg.norm(noise)
    assert si_sdr(true, 3 * (true + 0.1 * noise)) == pytest.approx(20, abs=0.01)
    assert si_sdr(true, np.zeros_like(true)) == pytest.approx(0, abs=0.01)
