"""The audit that lies in a corpus's folder, bound to the corpus and the groups that it is of."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lexome.corpus import Corpus
from lexome.evaluation.honesty.audit import Audit
from lexome.evaluation.honesty.rates import FEWEST
from lexome.files import sha256, write_json

NAME = "audit.json"


def write_audit(corpus: Corpus, groups: Path, found: Audit) -> dict[str, Any]:
    """Write an audit, and what it is of, to the folder of its corpus; return audit.json.

    `fingerprint` and `documents` are those of the corpus, `groups_sha256` is that of the file that
    declares the groups. What it said before is replaced.
    """
    told = {
        "corpus": str(corpus.folder),
        "fingerprint": corpus.fingerprint,
        "documents_sha256": corpus.manifest.documents.sha256,
        "groups": str(groups),
        "groups_sha256": sha256(groups),
        "command": shlex.join(("lexome", "audit", str(corpus.folder), "--groups", str(groups))),
        "fewest": FEWEST,
        **as_plain(found),
    }
    write_json(corpus.folder / NAME, told)
    return told


def as_plain(found: Audit) -> dict[str, Any]:
    """Return an audit as JSON has it, with what is flagged and what has too few cases."""
    plain = asdict(found)
    for finding, one in zip(plain["findings"], found.findings, strict=True):
        finding["flagged"] = one.odds is not None and one.odds.flagged
    too_few = [{"axis": axis, "group": group, "cases": n} for axis, group, n in found.too_few]
    return {**plain, "too_few": too_few}
