"""The hash of a split key: one bucket for each key, whatever the machine and the order."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

_BITS = 20
BUCKETS = 1 << _BITS


@dataclass(frozen=True)
class KeyHash:
    """Sends split keys to `range(BUCKETS)`, evenly, in a way that `seed` names.

    `folder` is taken away from the beginning of a key, so that a split by file stays the same
    when the folder that holds all the files is moved.
    """

    seed: int
    folder: str = ""

    def bucket(self, key: str) -> int:
        """Return the bucket of a key."""
        digest = hashlib.blake2b(
            key.removeprefix(self.folder).encode("utf-8", "surrogatepass"),
            digest_size=8,
            key=f"split {self.seed}".encode(),
        ).digest()
        return int.from_bytes(digest, "big") >> (64 - _BITS)
