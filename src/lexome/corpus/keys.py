"""The hash of a split key: one bucket for each key, whatever the machine and the order."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from lexome.corpus.groups import Groups

_BITS = 20
BUCKETS = 1 << _BITS


@dataclass(frozen=True)
class KeyHash:
    """Sends split keys to `range(BUCKETS)`, evenly, in a way that `seed` names.

    `folder` is taken away from the beginning of a key, so that a split by file stays the same
    when the folder that holds all the files is moved. With `groups`, keys of one group share
    a bucket.
    """

    seed: int
    folder: str = ""
    groups: Groups | None = None

    def inside(self, key: str) -> str:
        """Return a key without the folder that all begin with."""
        return key.removeprefix(self.folder)

    def bucket(self, key: str) -> int:
        """Return the bucket of a key."""
        key = self.inside(key)
        digest = hashlib.blake2b(
            (key if self.groups is None else self.groups.of(key)).encode("utf-8", "surrogatepass"),
            digest_size=8,
            key=f"split {self.seed}".encode(),
        ).digest()
        return int.from_bytes(digest, "big") >> (64 - _BITS)
