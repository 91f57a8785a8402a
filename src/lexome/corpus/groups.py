"""The groups of documents that a language found: a table from split keys to groups, on disk.

Two arrays of the same length lie in the corpus's folder: the 64-bit hashes of all split keys,
rising, and the group of each. Workers map them into memory, where they cost nothing twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lexome.corpus.manifest import GroupsRecord
from lexome.corpus.shards import Tokens, open_shard, write_shard
from lexome.errors import LexomeError
from lexome.languages.grouping import Grouped, Linked

_KEYS, _NUMBERS = "groups/keys.npy", "groups/groups.npy"


@dataclass(frozen=True)
class Groups:
    """The table that `record` describes, in the corpus's `folder`."""

    folder: Path
    record: GroupsRecord

    def of(self, key: str) -> str:
        """Return what stands for the key's group; an unknown key is a `LexomeError`."""
        digest = key_digest(key)
        place = int(np.searchsorted(self._keys, np.uint64(digest)))
        if place == len(self._keys) or int(self._keys[place]) != digest:
            raise LexomeError(
                "the source has changed since its documents were grouped",
                where=key,
                fix="remove the folder of this corpus and prepare it anew",
            )
        return f"group {self._numbers[place]}"

    @cached_property
    def _keys(self) -> Tokens:
        return open_shard(self.folder / self.record.keys.path, self.record.keys.tokens)

    @cached_property
    def _numbers(self) -> Tokens:
        return open_shard(self.folder / self.record.numbers.path, self.record.numbers.tokens)

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process maps the files itself.
        return Groups, (self.folder, self.record)


def key_digest(key: str) -> int:
    """Return the 64-bit hash of a split key."""
    data = key.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def write_groups(folder: Path, name: str, keys: Sequence[int], grouped: Grouped) -> Groups:
    """Write the table of a corpus; `keys` are the digests of the documents' split keys.

    Documents of one key are one thing: their groups become one. A group is named by the number
    of its first document.
    """
    digests = np.array(keys, np.uint64)
    first = _firsts(np.unique(grouped.groups, return_inverse=True)[1])
    unique, place = np.unique(digests, return_inverse=True)
    own = _firsts(place)
    linked = Linked(len(digests))
    linked.join(first, np.arange(len(first)))
    linked.join(own, np.arange(len(own)))
    numbers: npt.NDArray[np.int64] = linked.groups()
    of_keys = np.zeros(len(unique), np.uint32)
    of_keys[place] = numbers
    record = GroupsRecord(
        name=name,
        how=grouped.how,
        documents=len(digests),
        groups=len(np.unique(numbers)),
        largest=int(np.bincount(numbers).max(initial=0)),
        keys=write_shard(folder, _KEYS, unique),
        numbers=write_shard(folder, _NUMBERS, of_keys),
    )
    return Groups(folder, record)


def _firsts(labels: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    """Return for each item the place of the first one of the same label, from 0 on."""
    firsts = np.full(labels.max(initial=-1) + 1, len(labels))
    np.minimum.at(firsts, labels, np.arange(len(labels)))
    return firsts[labels]
