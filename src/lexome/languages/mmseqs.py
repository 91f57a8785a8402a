"""Clusters of proteins by MMseqs2, where that program is installed.

Steinegger and Söding 2017, https://doi.org/10.1038/nbt.3988. It aligns sequences, gaps and all, and
so finds more distant relatives than sketches do.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lexome.errors import LexomeError
from lexome.files import naming
from lexome.languages.identity import COVERAGE

PROGRAM = "mmseqs"
_WITHOUT = f"correct that, or take {PROGRAM} off the PATH: then lexome's own sketches are used"


@dataclass(frozen=True)
class MMseqs:
    """The program at `path`, and the version that it says it has."""

    path: str
    version: str

    @classmethod
    def find(cls) -> MMseqs | None:
        """Return the program on the PATH, if there is one."""
        path = shutil.which(PROGRAM)
        return None if path is None else cls(path, _run([path, "version"]).strip())

    def cluster(
        self, sequences: Iterable[str], identity: float, scratch: Path, workers: int
    ) -> npt.NDArray[np.int64]:
        """Return for each sequence the number of the representative of its cluster, [sequences].

        Two sequences belong together if an alignment that covers `COVERAGE` of both has at least
        the share `identity` of equal residues, and so do the relatives of relatives (the
        program's connected components). Raises `LexomeError` with the program's last words
        if it fails.
        """
        fasta, out = scratch / "proteins.fasta", scratch / "out"
        count = _write(sequences, fasta)
        asked = ["--min-seq-id", str(identity), "-c", str(COVERAGE)]
        asked += ["--cov-mode", "0", "--cluster-mode", "1"]
        asked += ["--threads", str(workers), "-v", "1"]
        _run([self.path, "easy-cluster", str(fasta), str(out), str(scratch / "work"), *asked])
        return _read(scratch / "out_cluster.tsv", count)


def _write(sequences: Iterable[str], path: Path) -> int:
    """Write sequences as FASTA, named by their numbers; return how many there are."""
    count = 0
    with naming(path), path.open("w", encoding="ascii") as stream:
        for count, sequence in enumerate(sequences, start=1):
            # A stop is no residue to MMseqs2.
            stream.write(f">{count - 1}\n{sequence.replace('*', 'X')}\n")
    return count


def _read(path: Path, count: int) -> npt.NDArray[np.int64]:
    with naming(path):
        text = path.read_text("ascii")
    pairs = np.array(text.split(), np.int64).reshape(-1, 2)
    groups = np.full(count, -1)
    groups[pairs[:, 1]] = pairs[:, 0]
    if missing := int((groups < 0).sum()):
        raise LexomeError(
            f"{PROGRAM} left {missing} of {count} sequences without a cluster",
            where=str(path),
            fix=_WITHOUT,
        )
    return groups


def _run(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise LexomeError(
            f"{PROGRAM} cannot be started: {error.strerror}", where=command[0], fix=_WITHOUT
        ) from error
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()[-3:]
        raise LexomeError(
            f"{PROGRAM} ended with status {done.returncode}: {' / '.join(said) or 'no word'}",
            where=" ".join(command[:2]),
            fix=_WITHOUT,
        )
    return done.stdout
