"""Pictures: bits per dimension beside PNG and an n-gram of pixels, and what a codec keeps.

    python benchmarks/pictures.py digits FOLDER
    python benchmarks/pictures.py model FOLDER --context 256 --keep RUNS --train="--minutes 3" \\
        --prepare="--option size=8 --option colour=grey"
    python benchmarks/pictures.py codec PICTURES --size 64
    python benchmarks/pictures.py judge SAMPLES FOLDER --corpus CORPUS

`digits` writes scikit-learn's handwritten digits as PNGs; `model` takes a folder of pictures
through prepare, train and evaluate, once for each seed; `codec` compares patches with JPEG and
WebP on held-out pictures; `judge` asks a classifier of real digits what generated ones are, and
how near they come to those that were trained on.
"""

from __future__ import annotations

import argparse
import io
import json
import shlex
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lexome import languages
from lexome.languages.image.fidelity import figures, psnr

_HEADERS = {"JPEG": b"\xff\xda", "WEBP": b"VP8"}


def main() -> None:
    """Run the part that is asked for and print a JSON line for each result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = parser.add_subparsers(dest="part", required=True)
    parts.add_parser("digits").add_argument("folder", type=Path)
    model = parts.add_parser("model")
    model.add_argument("folder", type=Path)
    model.add_argument("--context", type=int, default=1032)
    model.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    model.add_argument("--prepare", default="", help="more options of `lexome prepare`")
    model.add_argument("--train", default="--minutes 4", help="more options of `lexome train`")
    model.add_argument("--keep", type=Path, required=True, help="a folder for corpus and runs")
    codec = parts.add_parser("codec")
    codec.add_argument("folder", type=Path)
    codec.add_argument("--size", type=int, default=64)
    judge = parts.add_parser("judge")
    judge.add_argument("samples", type=Path, help="what `lexome generate --out` wrote")
    judge.add_argument("folder", type=Path, help="the digits")
    judge.add_argument("--corpus", type=Path, required=True, help="what the model was trained on")
    options = parser.parse_args()
    for row in globals()[f"_{options.part}"](options):
        print(json.dumps({"benchmark": f"pictures {options.part}", **row}), flush=True)


def _digits(options: argparse.Namespace) -> list[dict[str, Any]]:
    from sklearn.datasets import load_digits

    data = load_digits()
    options.folder.mkdir(parents=True, exist_ok=True)
    for number, (image, target) in enumerate(zip(data.images, data.target, strict=True)):
        picture = Image.fromarray((image * 15).astype(np.uint8))
        picture.save(options.folder / f"{number:04d}-{target}.png")
    return [{"written": len(data.images)}]


def _model(options: argparse.Namespace) -> Any:
    corpus = options.keep / "corpus"
    how = ["--language", "image", "--out", corpus, *shlex.split(options.prepare)]
    prepared = _lexome("prepare", options.folder, *how)
    yield {"data": options.folder.name, "fidelity": prepared["fidelity"], "leak": prepared["leak"]}
    found = []
    for seed in options.seeds:
        run = options.keep / f"seed-{seed}"
        train = ["--context", options.context, "--seed", seed, *shlex.split(options.train)]
        trained = _lexome("train", "--corpus", corpus, "--out", run, *train)
        score = _lexome("evaluate", run)
        found.append(score["model"]["bits_per_unit"] * _per_dimension(score))
        yield {"data": options.folder.name, "seed": seed, "trained": trained, **score}
    spread = [min(found), statistics.median(found), max(found)]
    yield {"data": options.folder.name, "bits per dimension: least, median, most": spread}


def _per_dimension(score: dict[str, Any]) -> float:
    return float(score["measures"]["bits per dimension"])


def _lexome(command: str, *arguments: Any) -> Any:
    line = [sys.executable, "-m", "lexome", command, *map(str, arguments), "--json"]
    done = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def _codec(options: argparse.Namespace) -> Any:
    language = languages.get("image", size=options.size)
    files = sorted(options.folder.glob("*.png"))
    pictures = [next(iter(language.read(file))).content for file in files]
    order = np.random.default_rng(0).permutation(len(pictures)).tolist()
    test = [pictures[place] for place in order[: len(order) // 10]]
    train = [pictures[place] for place in order[len(order) // 10 :]]
    trainer = language.tokenizers()["patches"]
    for count in (1, 2, 3):
        tokenizer = trainer.with_options({"codebooks": count}).train(train)
        yield {"codebooks": count, **figures(tokenizer, test)}
    for kind, qualities in (("JPEG", (1, 5, 10, 25, 50)), ("WEBP", (0, 1, 5, 10, 25, 50))):
        for quality in qualities:
            rows = [_compressed(picture, kind, quality) for picture in test]
            bits, ratio, behind = np.mean(rows, axis=0).tolist()
            row = {"bits per pixel": bits, "PSNR, dB": ratio, "without headers": behind}
            yield {"format": kind, "quality": quality, **row}


def _compressed(picture: np.ndarray, kind: str, quality: int) -> tuple[float, float, float]:
    """Return bits per pixel of the file, PSNR, and bits per pixel behind the headers."""
    data = io.BytesIO()
    Image.fromarray(picture).save(data, kind, quality=quality, optimize=True)
    whole = data.getvalue()
    behind = len(whole) - whole.index(_HEADERS[kind])
    size = picture.shape[0] * picture.shape[1] / 8
    return len(whole) / size, psnr(picture, np.asarray(Image.open(data))), behind / size


def _judge(options: argparse.Namespace) -> Any:
    from sklearn.svm import SVC

    from lexome.corpus import Corpus

    corpus = Corpus.open(options.corpus)
    sides = {}
    for split in ("train", "valid"):
        files = [row["file"] for row in corpus.rows(split) if not row["augmented"]]
        sides[split] = np.stack([_flat(Path(file)) for file in files])
        sides[f"{split} labels"] = np.array([int(Path(file).stem[-1]) for file in files])
    made = [path for path in sorted(options.samples.glob("[0-9]*.png")) if path.stem.isdigit()]
    generated = np.stack([_flat(path) for path in made])
    classifier = SVC(gamma=0.001 / 225, C=10, probability=True, random_state=0)
    classifier.fit(sides["train"], sides["train labels"])
    chosen = classifier.predict_proba(generated)
    real = classifier.predict_proba(sides["valid"])
    yield {
        "generated": len(generated),
        "accuracy on held-out digits": classifier.score(sides["valid"], sides["valid labels"]),
        "mean confidence, generated": float(chosen.max(1).mean()),
        "mean confidence, held out": float(real.max(1).mean()),
        "of each digit, generated": np.bincount(chosen.argmax(1), minlength=10).tolist(),
        "of each digit, held out": np.bincount(real.argmax(1), minlength=10).tolist(),
        "median distance to nearest training picture, generated": _near(generated, sides["train"]),
        "median distance to nearest training picture, held out": _near(
            sides["valid"], sides["train"]
        ),
        "copies": int((_distances(generated, sides["train"]).min(1) == 0).sum()),
    }


def _flat(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("L"), np.float64).reshape(-1)


def _near(some: np.ndarray, others: np.ndarray) -> float:
    return float(np.median(_distances(some, others).min(1)))


def _distances(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.sqrt(((some[:, None] - others[None]) ** 2).sum(-1))


if __name__ == "__main__":
    main()
