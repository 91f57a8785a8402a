"""Folk tunes as ABC text: bits a byte beside n-grams and xz, and how many tunes are well-formed.

    python benchmarks/tunes.py music21/corpus/ryansMammoth --minutes 4 --seeds 0 1 2

Of tunes with the same notes only the first one is kept, so that no held-out tune is also in train;
tunes with errors are left out. Fields that say where a tune was printed and who typed it are too.

Generated tunes are judged three times: by music21's ABC parser, which must read it and find notes;
by abc2midi, which must say no "Error"; and by the check that reading a tune goes through here. The
real tunes that are held out are judged in the same way, for comparison.
"""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lexome import languages
from lexome.corpus import Corpus
from lexome.languages.base import Document
from lexome.languages.music import conversion
from lexome.languages.music.abc_text import has_notes, problem
from running import lexome

DROPPED = "BDFHNORSZ"
# The longest tunes have about so many characters.
LONGEST = 1200


def main() -> None:
    """Prepare once; train, evaluate, generate and judge for each seed; print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="a folder of .abc files")
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--tokenizer", default="characters")
    parser.add_argument("--tunes", type=int, default=100)
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--train", default="", help="more options of `lexome train`")
    parser.add_argument("--keep", type=Path, help="a folder for the corpus and the runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        kept, doubles = write_different_tunes(options.data, folder / "tunes")
        corpus = folder / "corpus"
        prepared = lexome(
            *("prepare", folder / "tunes", "--language", "music", "--option", "form=abc"),
            *("--tokenizer", options.tokenizer, "--out", corpus, "--workers", 1),
        )
        rows = [measured(options, corpus, folder / f"seed-{seed}", seed) for seed in options.seeds]
        real = [document.content for document in Corpus.open(corpus).documents("valid")]
    bits = [row["bits_per_byte"] for row in rows]
    print(
        json.dumps(
            {
                "benchmark": "tunes",
                "tunes": kept,
                "doubles_left_out": doubles,
                "leak": {
                    name: prepared["leak"][f"{name}_duplicates"] for name in ("exact", "near")
                },
                "bits_per_byte": {
                    "mean": statistics.mean(bits),
                    "min": min(bits),
                    "max": max(bits),
                },
                "held_out_tunes_accepted": accepted(real),
                "runs": rows,
            }
        )
    )


def write_different_tunes(data: Path, folder: Path) -> tuple[int, int]:
    """Write the tunes that have no error, one of each; return how many, and how many doubles."""
    reader = languages.get("music", form="abc", invalid="skip", drop_fields=DROPPED)
    folder.mkdir(parents=True, exist_ok=True)
    seen: set[str] = set()
    doubles = 0
    for path in sorted(data.glob("*.abc")):
        for number, found in enumerate(reader.read(path)):
            if not isinstance(found, Document):
                continue
            notes = "".join(found.content.partition("\nK:")[2].split())
            if notes in seen:
                doubles += 1
                continue
            seen.add(notes)
            (folder / f"{path.stem}-{number}.abc").write_text(found.content, encoding="utf-8")
    return len(seen), doubles


def measured(options: argparse.Namespace, corpus: Path, run: Path, seed: int) -> dict[str, Any]:
    """Return the figures of one run."""
    made = lexome(
        *("train", "--corpus", corpus, "--out", run, "--minutes", options.minutes),
        *("--seed", seed, "--context", options.context),
        *("--set", f"model.layers={options.layers}", "--set", f"model.width={options.width}"),
        *("--set", f"model.heads={options.width // 32}", *shlex.split(options.train)),
    )
    score = lexome("evaluate", run)
    written = lexome(
        *("generate", run, "--count", options.tunes, "--max-tokens", LONGEST, "--seed", seed),
        *("--temperature", options.temperature),
    )
    return {
        "seed": seed,
        "trained": made,
        "bits_per_byte": score["model"]["bits_per_unit"],
        "baselines": {one["name"]: one["bits_per_unit"] for one in score["baselines"]},
        "ended": sum(one["finish"] != "length" for one in written),
        "accepted": accepted([one["text"] for one in written]),
    }


def accepted(texts: Sequence[str]) -> dict[str, Any]:
    """Return how many tunes each judge accepts."""
    judges = {"music21": by_music21, "abc2midi": by_abc2midi, "lexome": by_lexome}
    counts = {name: sum(judge(text) for text in texts) for name, judge in judges.items()}
    return {"of": len(texts), **counts}


def by_music21(text: str) -> bool:
    """Return whether music21 reads a tune and finds a note."""
    from music21 import converter

    try:
        score = converter.parseData(text, format="abc")
        return bool(score.recurse().notes)
    # music21 raises all kinds of errors where a tune is broken.
    except Exception:
        return False


def by_abc2midi(text: str) -> bool:
    """Return whether abc2midi reads a tune without an error."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "tune.abc"
        source.write_text(text, encoding="utf-8")
        line = [str(conversion.abc2midi()), str(source), "-o", str(source.with_suffix(".mid"))]
        try:
            done = subprocess.run(
                line, capture_output=True, text=True, errors="replace", timeout=20, check=False
            )
        except subprocess.TimeoutExpired:
            return False
        wrong = [line for line in done.stdout.splitlines() if line.startswith("Error")]
        return not wrong and source.with_suffix(".mid").is_file()


def by_lexome(text: str) -> bool:
    """Return whether the tune would be read here."""
    return problem(text) is None and has_notes(text)


if __name__ == "__main__":
    main()
