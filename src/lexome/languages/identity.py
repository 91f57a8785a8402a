"""Which proteins are alike: clusters by sequence identity from sketches of their k-mers.

The way is that of linclust (Steinegger and Söding 2018,
https://doi.org/10.1038/s41467-018-04964-5), whose time grows with the number of sequences and not
with that of their pairs, with bottom-s sketches (Broder 1997) as in Mash (Ondov et al. 2016,
https://doi.org/10.1186/s13059-016-0997-x):

1. A sketch of each sequence: its `SKETCH` distinct k-mers of least hash. Relatives choose alike.
2. All entries are sorted by hash. Of the sequences that share an entry, each is paired with the
   next few in the order of length, if each can cover `COVERAGE` of the other. A pair stays if the
   residues around the shared k-mer agree half as often as the wanted identity would have it.
3. Each pair is laid side by side as the shared k-mer has it, without gaps. It is alike if the share
   of equal residues is at least the identity. Insertions break that, so a pair that fails is alike
   too if its k-mers say so: a share C of common k-mers, of the larger set, stands for an
   identity of C^(1/k), if residues change independently of each other (Mash, equation 4, with
   containment for the Jaccard index). They do not quite: conserved stretches share more k-mers
   than their identity says, so that estimate is rather too high, and errs by joining.
4. What is alike is joined, and so are the relatives of relatives (single linkage): no pair that was
   found alike is ever parted.

A pair of which not one k-mer survives in both sketches is not found. That is rare for some hundred
residues at 50 % and common for fifty; below 40 % many pairs are missed, and MMseqs2 finds more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import log
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lexome.files import naming
from lexome.languages.grouping import Linked

Array = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]
Shares = npt.NDArray[np.float64]

# The share of either sequence that the other must cover; MMseqs2 is asked for the same.
COVERAGE = 0.8
SKETCH = 400

_UNKNOWN = ord("X")
_NEIGHBOURS = 4
# Residues to each side of a shared k-mer that are looked at first.
_AROUND = 16
_SHORTEST_K, _LONGEST_K = 4, 12
_BITS = 5
# Common k-mers that so short a sequence still has at the wanted identity decide how long they are.
_SHORT, _COMMON = 100, 6
# Chance alone gives a k-mer about this many owners.
_OWNERS = 3

_BLOCK = 1 << 22
_PART = 1 << 23
_PAIRS = 1 << 18
_ENTRY = np.dtype([("hash", np.uint64), ("record", np.uint32), ("place", np.uint32)])


@dataclass(frozen=True)
class Sequences:
    """Residues in a row, memory-mapped [residues]; record r is `starts[r]` to `starts[r + 1]`."""

    residues: Bytes
    starts: Array

    @classmethod
    def write(cls, sequences: Iterable[str], path: Path) -> Sequences:
        """Write sequences, as they come, to a file at `path`."""
        sizes = [0]
        with naming(path), path.open("wb") as stream:
            for sequence in sequences:
                sizes.append(stream.write(sequence.encode("ascii")))
        total = sum(sizes)
        held = np.memmap(path, np.uint8, "r") if total else np.zeros(0, np.uint8)
        return cls(np.asarray(held), np.cumsum(sizes))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def lengths(self, records: Array) -> Array:
        """Return the lengths of some records."""
        return self.starts[records + 1] - self.starts[records]

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Yield ranges of records, each of a bounded number of residues, or one record."""
        first = 0
        while first < len(self):
            end = int(np.searchsorted(self.starts, self.starts[first] + _BLOCK, side="right")) - 1
            yield first, max(end, first + 1)
            first = max(end, first + 1)


class Pairs(NamedTuple):
    """Pairs of records; `right` is shifted by `shift` against `left`. [pairs]

    `near` is the share of equal residues around the k-mer that brought the pair together.
    """

    left: Array
    right: Array
    shift: Array
    near: Shares

    def where(self, chosen: Array | npt.NDArray[np.bool_]) -> Pairs:
        """Return some of them, by mask or by place."""
        return Pairs(self.left[chosen], self.right[chosen], self.shift[chosen], self.near[chosen])

    def once(self) -> Pairs:
        """Return each pair and shift once, the best place of it."""
        order = np.lexsort((-self.near, self.shift, self.right, self.left))
        pairs = self.where(order)
        new = np.ones(len(order), np.bool_)
        new[1:] = np.any([np.diff(part) != 0 for part in pairs[:3]], axis=0)
        return pairs.where(new)


def cluster(sequences: Iterable[str], identity: float, scratch: Path) -> Array:
    """Return for each sequence the number of the first one of its cluster, [sequences].

    `identity` is the share of equal residues, from 0 to 1, from which on two sequences that cover
    one another belong together. In `scratch` go the residues and the sketches, up to 16 bytes for
    each residue; in memory stays what is worked on, and some 30 bytes a sequence.
    """
    held = Sequences.write(sequences, scratch / "residues")
    linked = Linked(len(held))
    linked.join(*_copies(held))
    k = word_length(identity, len(held.residues))
    for entries in _parts(held, k, scratch):
        judge = _Judge(held, linked, k, identity)
        for pairs in _candidates(held, entries, k):
            judge.join(pairs.where(pairs.near >= identity / 2).once())
    return linked.groups()


def word_length(identity: float, residues: int) -> int:
    """Return the length of k-mers: long enough to be rare, and to be found in relatives."""
    rare = log(max(residues, 1) / _OWNERS, 20) if residues > _OWNERS else 0
    found = log(_SHORT / _COMMON) / -log(identity) if identity < 1 else _LONGEST_K
    return int(min(max(np.ceil(rare), found, _SHORTEST_K), _LONGEST_K))


def _mixed(values: Hashes) -> Hashes:
    """Return evenly spread numbers for others (the finaliser of SplitMix64, Steele et al. 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Hashes = values ^ (values >> np.uint64(31))
    return mixed


def _copies(held: Sequences) -> tuple[Array, Array]:
    """Return each record that equals another one of the same residues, and that one."""
    digests = np.zeros(len(held), np.uint64)
    for first, end in held.blocks():
        begin, stop = held.starts[first], held.starts[end]
        places = np.arange(stop - begin, dtype=np.uint64)
        owners = np.repeat(np.arange(end - first), np.diff(held.starts[first : end + 1]))
        places -= (held.starts[first:end] - begin).astype(np.uint64)[owners]
        letters = _mixed((places << np.uint64(8)) + held.residues[begin:stop])
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(letters, dtype=np.uint64)])
        bounds = held.starts[first : end + 1] - begin
        digests[first:end] = sums[bounds[1:]] - sums[bounds[:-1]]
    order = np.argsort(digests, kind="stable")
    same = digests[order[1:]] == digests[order[:-1]]
    return order[:-1][same], order[1:][same]


def _parts(held: Sequences, k: int, scratch: Path) -> Iterator[npt.NDArray[np.void]]:
    """Yield all entries of the sketches, part by part, all those of one hash in one part."""
    count = 1 + len(held.residues) // _PART
    paths = [scratch / f"sketches-{number}" for number in range(count)]
    for path in paths:
        with naming(path):
            path.touch()
    for first, end in held.blocks():
        entries = _sketches(held, first, end, k)
        part = (entries["hash"] >> np.uint64(32)) % np.uint64(count)
        for number, path in enumerate(paths):
            with naming(path), path.open("ab") as stream:
                entries[part == number].tofile(stream)
    for path in paths:
        with naming(path):
            yield np.fromfile(path, _ENTRY)
            path.unlink()


def _sketches(held: Sequences, first: int, end: int, k: int) -> npt.NDArray[np.void]:
    """Return the entries of the sketches of some records."""
    bounds = held.starts[first : end + 1] - held.starts[first]
    words, places, owners = _words(held, first, end, k)
    hashes: Hashes = _mixed(words)
    # By owner, then by hash: its leading bits are enough to sort by.
    order = np.argsort(
        (owners.astype(np.uint64) << np.uint64(40)) | (hashes >> np.uint64(24)), kind="stable"
    )
    hashes, owners, places = hashes[order], owners[order], places[order]
    new = np.ones(len(hashes), np.bool_)
    new[1:] = (hashes[1:] != hashes[:-1]) | (owners[1:] != owners[:-1])
    hashes, owners, places = hashes[new], owners[new], places[new]
    rank = np.arange(len(owners)) - np.searchsorted(owners, owners)
    kept = rank < SKETCH
    entries = np.zeros(int(kept.sum()), _ENTRY)
    entries["hash"], entries["record"] = hashes[kept], first + owners[kept]
    entries["place"] = places[kept] - bounds[owners[kept]]
    return entries


def _words(held: Sequences, first: int, end: int, k: int) -> tuple[Hashes, Array, Array]:
    """Return each k-mer of some records as a number, its place among them, and its owner.

    k-mers with an unknown residue are left out.
    """
    begin, stop = int(held.starts[first]), int(held.starts[end])
    letters = held.residues[begin:stop]
    count = max(len(letters) - k + 1, 0)
    words = np.zeros(count, np.uint64)
    known = np.ones(count, np.bool_)
    for place in range(k):
        part = letters[place : place + count]
        words = (words << np.uint64(_BITS)) | (part & 31).astype(np.uint64)
        known &= (part != _UNKNOWN) & (part != ord("*"))
    owners = np.repeat(np.arange(end - first), np.diff(held.starts[first : end + 1]))
    if count:
        known &= owners[:count] == owners[k - 1 :]
    places = np.flatnonzero(known)
    return words[places], places, owners[places]


def _candidates(held: Sequences, entries: npt.NDArray[np.void], k: int) -> Iterator[Pairs]:
    """Yield pairs that share an entry and may cover one another."""
    lengths = held.lengths(entries["record"].astype(np.int64))
    entries = entries[np.lexsort((entries["record"], lengths, entries["hash"]))]
    for step in range(1, _NEIGHBOURS + 1):
        for first in range(0, len(entries) - step, _PAIRS):
            one = entries[first : min(first + _PAIRS, len(entries) - step)]
            other = entries[first + step : first + step + len(one)]
            same = one["hash"] == other["hash"]
            left, right = (part["record"][same].astype(np.int64) for part in (one, other))
            at, partner = (part["place"][same].astype(np.int64) for part in (one, other))
            covered = held.lengths(left) >= COVERAGE * held.lengths(right)
            left, right, at, partner = (part[covered] for part in (left, right, at, partner))
            near = _agreement(held, left, right, at, partner, k)
            yield Pairs(left, right, partner - at, near)


def _agreement(
    held: Sequences, left: Array, right: Array, at: Array, partner: Array, k: int
) -> Shares:
    """Return the share of equal residues around k-mers at `at` in left and `partner` in right."""
    equal, there = np.zeros(len(at), np.int64), np.zeros(len(at), np.int64)
    before = np.minimum(at, partner)
    behind = np.minimum(held.lengths(left) - at, held.lengths(right) - partner)
    at, partner = held.starts[left] + at, held.starts[right] + partner
    for offset in (*range(-_AROUND, 0), *range(k, k + _AROUND)):
        inside = (offset >= -before) & (offset < behind)
        a = held.residues[np.where(inside, at + offset, 0)]
        b = held.residues[np.where(inside, partner + offset, 0)]
        equal += inside & (a == b) & (a != _UNKNOWN)
        there += inside
    # Where nothing stands around it there is nothing against it.
    return np.where(there, equal / np.maximum(there, 1), 1.0)


@dataclass
class _Judge:
    """Joins the pairs that are alike, and looks at none twice that their k-mers speak against."""

    held: Sequences
    linked: Linked
    k: int
    identity: float
    _unlike: Array = field(default_factory=lambda: np.zeros(0, np.int64))

    def join(self, pairs: Pairs) -> None:
        """Join those of some pairs that are alike and not joined yet."""
        pairs = self._parted(pairs)
        alike = _side_by_side(self.held, pairs) >= self.identity
        self.linked.join(pairs.left[alike], pairs.right[alike])
        # With an insertion some stretch is still as alike as the whole is to be.
        pairs = self._parted(pairs.where(~alike & (pairs.near >= self.identity)))
        names = np.unique(pairs.left * len(self.held) + pairs.right)
        names = names[~np.isin(names, self._unlike)]
        left, right = np.divmod(names, len(self.held))
        alike = np.array(
            [
                common_words(self.held, one, other, self.k) >= self.identity
                for one, other in zip(left.tolist(), right.tolist(), strict=True)
            ],
            np.bool_,
        )
        self.linked.join(left[alike], right[alike])
        self._unlike = np.union1d(self._unlike, names[~alike])

    def _parted(self, pairs: Pairs) -> Pairs:
        return pairs.where(self.linked.roots(pairs.left) != self.linked.roots(pairs.right))


def _side_by_side(held: Sequences, pairs: Pairs) -> Shares:
    """Return the share of equal residues of each pair; 0 where they do not cover one another."""
    first = np.maximum(0, -pairs.shift)
    sizes, others = held.lengths(pairs.left), held.lengths(pairs.right)
    overlap = np.minimum(sizes, others - pairs.shift) - first
    covered = np.flatnonzero(overlap >= COVERAGE * np.maximum(sizes, others))
    result = np.zeros(len(overlap))
    total, begun = 0, 0
    for place, size in enumerate([*overlap[covered].tolist(), _BLOCK]):
        total += size
        if total >= _BLOCK:
            some = covered[begun : place + 1]
            result[some] = _equal(held, pairs, some, first[some], overlap[some])
            total, begun = 0, place + 1
    return result


def _equal(held: Sequences, pairs: Pairs, some: Array, first: Array, overlap: Array) -> Shares:
    ends = np.cumsum(overlap)
    step = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - overlap, overlap)
    a = held.starts[pairs.left[some]] + first
    b = held.starts[pairs.right[some]] + first + pairs.shift[some]
    one = held.residues[np.repeat(a, overlap) + step]
    other = held.residues[np.repeat(b, overlap) + step]
    equal = np.concatenate([[0], np.cumsum((one == other) & (one != _UNKNOWN))])
    share: Shares = (equal[ends] - equal[ends - overlap]) / overlap
    return share


def common_words(held: Sequences, left: int, right: int, k: int) -> float:
    """Return the identity for which the common k-mers of two records speak."""
    one, other = (np.unique(_words(held, record, record + 1, k)[0]) for record in (left, right))
    if not len(one) or not len(other):
        return 0.0
    common = len(np.intersect1d(one, other, assume_unique=True))
    return float((common / max(len(one), len(other))) ** (1 / k))
