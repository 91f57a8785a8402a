"""Baselines of tasks: simple models, fitted on the training split, that a fine-tuned one must beat.

`source_kind` says what sources are, `baselines_for` what to compare with.
"""

from __future__ import annotations

from lexome.evaluation.baselines.choice import baselines_for
from lexome.evaluation.baselines.contents import (
    SourceKind,
    TargetKind,
    TaskBaseline,
    source_kind,
)

__all__ = ["SourceKind", "TargetKind", "TaskBaseline", "baselines_for", "source_kind"]
