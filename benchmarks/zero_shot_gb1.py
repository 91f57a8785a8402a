"""Zero-shot fitness: does the likelihood of GB1's mutants go with what was measured?

Of the four-site landscape of protein G's domain B1 (Wu et al. 2016) as FLIP packs it (Dallago et
al. 2021), the mutants of few sites are scored by a run of `lexome train` on proteins, which never
saw a fitness, and each score's Spearman correlation with fitness is printed with its 95 %
bootstrap interval. Beside it stand scores that need no model: BLOSUM62, which says how often
evolution puts one residue for another, and the change of hydrophobicity (Kyte & Doolittle 1982).

    python benchmarks/zero_shot_gb1.py runs/proteins flip_gb1_three_vs_rest.csv.gz
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from Bio.Align import substitution_matrices
from Bio.SeqUtils.ProtParam import ProtParamData
from scipy.stats import spearmanr

BOOTSTRAPS = 2000
# FLIP's sequences end in an expression tag of the construct; the domain is what was mutated.
DOMAIN = 56
_BLOSUM = substitution_matrices.load("BLOSUM62")
_HYDROPHOBICITY: Mapping[str, float] = ProtParamData.kd


class Mutant(NamedTuple):
    """Sites are (wild type, position from 1, residue)."""

    sites: tuple[tuple[str, int, str], ...]
    fitness: float

    @property
    def name(self) -> str:
        """Return it as `lexome score` reads it."""
        return ":".join(f"{old}{position}{new}" for old, position, new in self.sites)


def main() -> None:
    """Print one JSON line for each number of sites."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path, help="a FLIP file: columns sequence, target")
    parser.add_argument("--sites", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--method", help="as of `lexome score`")
    parser.add_argument(
        "--whole", action="store_true", help="score the whole construct, not the domain alone"
    )
    options = parser.parse_args()
    rows = read(options.data)
    wild_type = wild_type_of(rows)
    mutants = [
        mutant for sequence, fitness in rows if (mutant := compare(wild_type, sequence, fitness))
    ]
    counts = Counter(len(mutant.sites) for mutant in mutants)
    shown = wild_type if options.whole else wild_type[:DOMAIN]
    for sites in options.sites:
        chosen = [mutant for mutant in mutants if len(mutant.sites) == sites]
        row = {
            "benchmark": "zero_shot_gb1",
            "run": options.run.name,
            "sites": sites,
            "mutants": len(chosen),
            "mutants_by_sites": dict(sorted(counts.items())),
            "residues_shown": len(shown),
        }
        if chosen:
            method, scores = score(options.run, shown, chosen, options.method)
            fitness = np.array([mutant.fitness for mutant in chosen])
            row |= {"method": method, "model": spearman(scores, fitness)}
            row |= {name: spearman(known(chosen), fitness) for name, known in BASELINES.items()}
        print(json.dumps(row), flush=True)


def read(path: Path) -> list[tuple[str, float]]:
    """Return sequence and fitness of each row."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        return [(row["sequence"], float(row["target"])) for row in csv.DictReader(file)]


def wild_type_of(rows: Sequence[tuple[str, float]]) -> str:
    """Return the sequence whose fitness is exactly 1.

    Fitness is a ratio to that of the wild type. The sequence that all others are near would be
    another: most rows differ at all four sites, where the fit residues are then the common ones.
    """
    found = [sequence for sequence, fitness in rows if fitness == 1.0]
    if len(found) != 1:
        sys.exit(f"error: {len(found)} rows have fitness 1, so none is known as the wild type")
    return found[0]


def compare(wild_type: str, sequence: str, fitness: float) -> Mutant | None:
    """Return a sequence as a mutant; the wild type is none."""
    sites = tuple(
        (old, position, new)
        for position, (old, new) in enumerate(zip(wild_type, sequence, strict=True), start=1)
        if old != new
    )
    return Mutant(sites, fitness) if sites else None


def score(
    run: Path, wild_type: str, mutants: Sequence[Mutant], method: str | None
) -> tuple[str, np.ndarray]:
    """Return the method and the scores in nats, by `lexome score`."""
    with tempfile.TemporaryDirectory() as temporary:
        table = Path(temporary) / "mutants.csv"
        table.write_text("mutant\n" + "".join(f"{mutant.name}\n" for mutant in mutants))
        reference = Path(temporary) / "wild_type.fasta"
        reference.write_text(f">wild_type\n{wild_type}\n")
        command = [sys.executable, "-m", "lexome", "score", str(run), str(table), "--json"]
        command += ["--reference", str(reference), *(["--method", method] if method else [])]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    return "+".join(found["methods"]), np.array([row["score"] for row in found["scores"]])


def blosum(mutants: Sequence[Mutant]) -> np.ndarray:
    """Return the sum of BLOSUM62 over the sites."""
    return np.array([sum(_BLOSUM[old][new] for old, _, new in one.sites) for one in mutants])


def hydrophobicity(mutants: Sequence[Mutant]) -> np.ndarray:
    """Return minus the sum of the changes of hydrophobicity, whichever way they go."""
    return np.array(
        [
            -sum(abs(_HYDROPHOBICITY[new] - _HYDROPHOBICITY[old]) for old, _, new in one.sites)
            for one in mutants
        ]
    )


BASELINES: Mapping[str, Callable[[Sequence[Mutant]], np.ndarray]] = {
    "blosum62": blosum,
    "hydrophobicity": hydrophobicity,
}


def spearman(scores: np.ndarray, fitness: np.ndarray) -> dict[str, float]:
    """Return Spearman's correlation and the ends of its 95 % bootstrap interval."""
    draw = np.random.default_rng(0)
    samples = draw.integers(0, len(scores), (BOOTSTRAPS, len(scores)))
    drawn = [spearmanr(scores[rows], fitness[rows]).statistic for rows in samples]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    value = spearmanr(scores, fitness).statistic
    return {"spearman": round(float(value), 3), "low": round(low, 3), "high": round(high, 3)}


if __name__ == "__main__":
    main()
