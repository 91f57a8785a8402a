"""The figures that a model must beat: a language's baselines on the user's own files.

    python benchmarks/baselines.py --language text shakespeare.txt
    python benchmarks/baselines.py --language dna genome.fna.gz --test 0.1

The last part of the data, in natural units (bytes, bases, residues), is the test split and all
before it the training split; a document across the border is cut in two. Prints one line of JSON
for each baseline: bits per unit on the test split, perplexity per unit, and the seconds it took.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

from lexome import languages
from lexome.languages.base import Document, Language
from lexome.languages.tokenizers import BytesTrainer


def read(language: Language, paths: list[Path]) -> list[Document]:
    """Return all documents; what is skipped is counted on the screen."""
    found = [item for path in paths for item in language.read(path)]
    documents = [item for item in found if isinstance(item, Document)]
    if len(documents) < len(found):
        print(json.dumps({"skipped": len(found) - len(documents)}), flush=True)
    return documents


def split(
    language: Language, documents: list[Document], share: float
) -> tuple[list[Document], list[Document]]:
    """Return the documents before and after the border; the last `share` of units is the test."""
    total = sum(map(language.units, documents))
    border = total - int(total * share)
    train, test = [], []
    place = 0
    for document in documents:
        size = language.units(document)
        inside = min(max(border - place, 0), size)
        if inside:
            train.append(document if inside == size else language.cut(document, 0, inside))
        if inside < size:
            test.append(language.cut(document, inside, size) if inside else document)
        place += size
    return train, test


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH")
    parser.add_argument("--language", choices=("text", "dna", "protein"), required=True)
    parser.add_argument("--test", type=float, default=0.1, help="share of the test split")
    options = parser.parse_args()
    if not 0 < options.test < 1:
        parser.error("--test must lie between 0 and 1")

    language = languages.get(options.language)
    train, test = split(language, read(language, options.paths), options.test)
    units = sum(map(language.units, test))
    if not units:
        parser.error("there is too little data to leave a test split")
    for baseline in language.baselines(BytesTrainer().train()):
        start = time.perf_counter()
        bits = baseline.bits(train, test) / units
        result = {
            "baseline": baseline.name,
            f"bits_per_{language.unit}": round(bits, 4),
            f"perplexity_per_{language.unit}": round(2**bits, 3),
            "seconds": round(time.perf_counter() - start, 1),
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
            "train_units": sum(map(language.units, train)),
            "test_units": units,
        }
        if note := getattr(baseline, "note", ""):
            result["note"] = note
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
