"""Proteins grouped by sequence identity: by MMseqs2 where it is installed, else by sketches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lexome.languages import identity as sketches
from lexome.languages.base import Document
from lexome.languages.grouping import Grouped
from lexome.languages.mmseqs import PROGRAM, MMseqs


@dataclass(frozen=True)
class IdentityClusters:
    """Clusters in which proteins are joined from `identity` on, a share of equal residues."""

    identity: float

    @property
    def name(self) -> str:
        """Return what the groups are, in the plural."""
        return f"clusters of {100 * self.identity:g} % identity"

    def group(self, documents: Iterable[Document], scratch: Path, workers: int) -> Grouped:
        """Return the cluster of each protein, and which of the two ways found it."""
        sequences = (document.content for document in documents)
        if program := MMseqs.find():
            found = program.cluster(sequences, self.identity, scratch, workers)
            return Grouped(found, f"MMseqs2 {program.version}")
        found = sketches.cluster(sequences, self.identity, scratch)
        return Grouped(found, f"lexome's k-mer sketches, as {PROGRAM} is not on the PATH")
