"""Spoken digits: what the codec keeps, and what a model of its codes has learned.

The data are the recordings of the Free Spoken Digit Dataset, DIGIT_SPEAKER_INDEX.wav, as a folder
or as a zip file. One speaker is held out. Prints one line of JSON for each part:

    python benchmarks/spoken_digits.py recordings --part codec
    python benchmarks/spoken_digits.py recordings --part model --minutes 3 --seeds 0 1

`codec`: log-mel distance and SI-SDR at 1.5 kbit/s beside mu-law of as many bits, that is of so low
a rate; how well digits are told apart before and after. `model`: bits per second of the held-out
speaker beside the baselines; what the clips that it writes are like.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lexome import languages
from lexome.languages.base import Document
from lexome.languages.sound.fidelity import log_mel_distance, measure, si_sdr
from lexome.languages.sound.levels import from_pcm, level
from lexome.languages.sound.mulaw import MuLaw
from lexome.languages.sound.spectra import log_mel

RATE = 8000
OPTIONS = {"rate": RATE, "names": "{digit}_{speaker}_{take}", "group": "speaker", "speed": 0.1}
# A clip of the classifier: level and shape in bands at this many places in time.
PLACES, BANDS = 12, 32


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="the folder of the WAV files, or a zip of it")
    parser.add_argument("--part", choices=("codec", "model"), required=True)
    parser.add_argument("--speakers", nargs="+", default=[], help="hold out each of these in turn")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--clips", type=int, default=64, help="clips that the model writes")
    parser.add_argument("--temperature", type=float, default=0.8, help="of what it writes")
    parser.add_argument("--train", default="", help="more options of `lexome train`")
    parser.add_argument("--keep", type=Path, help="a folder for corpora, runs and clips")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        room = (options.keep or Path(temporary)).resolve()
        folder = unpacked(options.data.resolve(), room)
        for speaker in options.speakers or ["nicolas"]:
            if options.part == "codec":
                print(json.dumps(codec(folder, room, speaker)), flush=True)
                continue
            for seed in options.seeds:
                print(json.dumps(model(folder, room, speaker, seed, options)), flush=True)


def unpacked(data: Path, room: Path) -> Path:
    """Return the folder of the recordings; those of a zip file are unpacked in `room`."""
    if data.is_dir():
        return data
    zipfile.ZipFile(data).extractall(room / "recordings")
    return next((room / "recordings").rglob("*_*_*.wav")).parent


def codec(folder: Path, room: Path, speaker: str) -> dict[str, Any]:
    """Return what the codec keeps of a speaker that it has not heard, beside mu-law."""
    corpus = prepare(folder, room, speaker, "codec")
    coding = languages.load_tokenizer(corpus / "tokenizer").coding  # type: ignore[attr-defined]
    train, test = clips(folder, speaker)
    true = [from_pcm(clip.content) for clip in test]
    decoded = [
        from_pcm(coding.decode(coding.encode(clip.content)))[: len(clip.content)] for clip in test
    ]
    low = [mulaw_at(coding.bits_per_second / 8, samples) for samples in true]
    classifier = digit_classifier(train)
    digits = [clip.metadata["digit"] for clip in test]
    return {
        "benchmark": "spoken_digits codec",
        "held_out": speaker,
        "clips": len(test),
        "codec": measure(coding, [clip.content for clip in test]),
        "mulaw_at_that_rate": {
            "samples_per_second": coding.bits_per_second / 8,
            "log-mel distance, dB": mean_distance(true, low),
            "SI-SDR, dB": float(np.mean([si_sdr(*pair) for pair in zip(true, low, strict=True)])),
        },
        "mulaw_at_8_kHz": measure(MuLaw(RATE), [clip.content for clip in test]),
        "silence": mean_distance(true, [np.zeros_like(samples) for samples in true]),
        "digits_recognised": {
            name: float(np.mean(classifier.predict(features(sounds)) == digits))
            for name, sounds in (
                ("original", true),
                ("codec", decoded),
                ("mulaw_at_that_rate", low),
            )
        },
    }


def model(
    folder: Path, room: Path, speaker: str, seed: int, options: argparse.Namespace
) -> dict[str, Any]:
    """Train on all speakers but one; return its bits per second and what it writes."""
    corpus = prepare(folder, room, speaker, "codec")
    run = room / f"run-{speaker}-{seed}"
    made = lexome(
        *("train", "--corpus", corpus, "--out", run, "--minutes", options.minutes),
        *("--seed", seed, *options.train.split(), "--json"),
    )
    score = json.loads(lexome("evaluate", run, "--json"))
    clips_folder = room / f"clips-{speaker}-{seed}"
    how = ("--count", options.clips, "--temperature", options.temperature, "--seed", seed)
    lexome("generate", run, *how, "--out", clips_folder)
    written = [read_one(path) for path in sorted(clips_folder.glob("*.wav"))]
    train, _ = clips(folder, speaker)
    per_second = {"model": RATE * score["model"]["bits_per_unit"]}
    per_second |= {line["name"]: RATE * line["bits_per_unit"] for line in score["baselines"]}
    return {
        "benchmark": "spoken_digits model",
        "held_out": speaker,
        "seed": seed,
        "minutes": options.minutes,
        "trained": json.loads(made),
        "bits_per_second": per_second,
        "standard_error": RATE * score["model"]["standard_error"],
        "written": heard(written, train),
    }


def heard(written: Sequence[Document], train: Sequence[Document]) -> dict[str, float]:
    """Return what clips are like: length, level, nearness to real ones, sureness of the digit."""
    sounds = [from_pcm(clip.content) for clip in written if len(clip.content) >= RATE // 20]
    real = [from_pcm(clip.content) for clip in train]
    levels = [level(samples) for samples in sounds]
    chances = digit_classifier(train).predict_proba(features(sounds)).max(axis=1)
    table = features(real)
    nearest = [np.abs(table - row).mean(axis=1) for row in features(sounds)]
    own = [np.sort(np.abs(table - row).mean(axis=1))[1] for row in table[::10]]
    return {
        "clips": len(written),
        "shorter than 50 ms": len(written) - len(sounds),
        "silent": sum(found.is_silent for found in levels),
        "median seconds": float(np.median([len(samples) / RATE for samples in sounds])),
        "median seconds of real ones": float(np.median([len(samples) / RATE for samples in real])),
        "median RMS, dBFS": float(np.median([found.rms_dbfs for found in levels])),
        "median RMS of real ones, dBFS": float(np.median([level(s).rms_dbfs for s in real])),
        "median distance to the nearest real one, dB": float(np.median([d.min() for d in nearest])),
        "median distance of a real one to the nearest other, dB": float(np.median(own)),
        "median chance of the likeliest digit": float(np.median(chances)),
        "likeliest digit surer than 0.9": float(np.mean(chances > 0.9)),
    }


def mulaw_at(rate: float, samples: Any) -> Any:
    """Return samples after mu-law at a low rate: resampled to it, coded, and back."""
    low = soxr.resample(samples, RATE, rate)
    kept = np.round(np.clip(low, -1, 1) * 32767).astype(np.int16)
    coding = MuLaw(RATE)
    back = soxr.resample(from_pcm(coding.decode(coding.encode(kept))), rate, RATE)
    return np.pad(back, (0, max(len(samples) - len(back), 0)))[: len(samples)].astype(np.float32)


def digit_classifier(train: Sequence[Document]) -> Any:
    """Return a logistic regression from features to digits, fitted on real clips."""
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
    digits = [clip.metadata["digit"] for clip in train]
    return classifier.fit(features([from_pcm(clip.content) for clip in train]), digits)


def features(sounds: Sequence[Any]) -> Any:
    """Return log-mel levels at 12 places, relative to the loudest band; [clips, 12 * 32]."""
    rows = []
    for samples in sounds:
        levels = log_mel(samples, RATE, BANDS)
        edges = np.linspace(0, len(levels), PLACES + 1)
        means = [levels[int(a) : max(int(b), int(a) + 1)].mean(axis=0) for a, b in pairwise(edges)]
        rows.append(np.concatenate(means))
    table = np.array(rows)
    return np.maximum(table - table.max(axis=1, keepdims=True), -60)


def mean_distance(true: Sequence[Any], other: Sequence[Any]) -> float:
    """Return the mean log-mel distance, each clip weighing what it lasts."""
    distances = [log_mel_distance(a, b, RATE) for a, b in zip(true, other, strict=True)]
    return float(np.average(distances, weights=[len(samples) for samples in true]))


def clips(folder: Path, speaker: str) -> tuple[list[Document], list[Document]]:
    """Return the recordings of the other speakers, and of this one."""
    language = languages.get("sound", **OPTIONS)
    found = [item for path in sorted(folder.glob("[0-9]_*_*.wav")) for item in language.read(path)]
    documents = [item for item in found if isinstance(item, Document)]
    mine = [language.split_key(document) == speaker for document in documents]
    pairs = list(zip(documents, mine, strict=True))
    return [d for d, own in pairs if not own], [d for d, own in pairs if own]


def read_one(path: Path) -> Document:
    """Return the recording in a file; one without samples is an empty one."""
    found = next(iter(languages.get("sound", rate=RATE).read(path)))
    return found if isinstance(found, Document) else Document(np.zeros(0, np.int16), found.source)


def prepare(folder: Path, room: Path, speaker: str, tokenizer: str) -> Path:
    """Make the corpus with one speaker held out, where it is not there yet."""
    corpus = room / f"corpus-{speaker}"
    options = [word for key, value in OPTIONS.items() for word in ("--option", f"{key}={value}")]
    held_out = ("--validation-files", folder / f"[0-9]_{speaker}_*.wav")
    language = ("--language", "sound", "--tokenizer", tokenizer, "--workers", 1)
    sources = folder / "[0-9]_*_*.wav"
    lexome("prepare", sources, *language, *options, *held_out, "--out", corpus)
    return corpus


def lexome(command: str, *arguments: Any) -> str:
    """Run one command of `lexome`; return what it prints."""
    line = [sys.executable, "-m", "lexome", command, *map(str, arguments)]
    return subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    main()
