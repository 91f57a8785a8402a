"""Which baselines stand beside a task, by what its target and its sources are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lexome.errors import UsageError
from lexome.evaluation.baselines.classes import Forest, Logistic, MajorityClass, RidgeClasses
from lexome.evaluation.baselines.contents import SourceKind, TargetKind, TaskBaseline
from lexome.evaluation.baselines.features import Features, Kmers, LogMel, OneHot, Pictures, TfIdf
from lexome.evaluation.baselines.numbers import MeanNumber, RidgeNumber
from lexome.evaluation.baselines.retrieval import (
    ClosedSet,
    MajorityTarget,
    NearestTarget,
    is_closed_set,
)
from lexome.evaluation.baselines.several import LabelByLabel
from lexome.evaluation.baselines.token_labels import MajorityLabel, WindowLabel
from lexome.evaluation.baselines.translation import CopySource, WordByWord


def baselines_for(
    target: TargetKind,
    source: SourceKind,
    *,
    classes: int = 2,
    rate: int | None = None,
    targets: Sequence[Any] = (),
) -> list[TaskBaseline]:
    """Return the baselines of a task, the simplest one first.

    `classes` counts those of a `class` target. `rate`, in samples per second, is needed where the
    source is sound, else that is a `UsageError`. `targets` are those of training: transcripts
    that repeat are told apart as classes. Labels of each part have baselines where sources are
    strings; sources of no known kind have those that do not look at them.
    """
    if target == "class":
        return _class_baselines(source, classes, rate)
    if target == "several":
        return [LabelByLabel(baseline) for baseline in _class_baselines(source, 2, rate)]
    if target == "each":
        strings = source in ("text", "symbols", "aligned")
        return [MajorityLabel(), WindowLabel()] if strings else []
    if target == "number":
        return [MeanNumber(), *(RidgeNumber(each) for each in _features(source, rate))]
    if target == "text":
        return _text_baselines(source, rate, targets)
    return [NearestTarget(each) for each in _features(source, rate)]


def _class_baselines(source: SourceKind, classes: int, rate: int | None) -> list[TaskBaseline]:
    found: list[TaskBaseline] = [MajorityClass(classes)]
    for features in _features(source, rate):
        if source == "sound":
            found.append(RidgeClasses(features, classes))
        else:
            found.append(Logistic(features, classes))
    if source in ("symbols", "aligned"):
        kmers = Kmers()
        found += [Logistic(kmers, classes)] if source == "aligned" else []
        found.append(Forest(kmers, classes))
    elif source == "text":
        found.append(Forest(TfIdf(), classes))
    return found


def _text_baselines(
    source: SourceKind, rate: int | None, targets: Sequence[Any]
) -> list[TaskBaseline]:
    found: list[TaskBaseline] = [MajorityTarget()]
    for features in _features(source, rate):
        closed = source == "sound" and is_closed_set(targets)
        found.append(ClosedSet(features) if closed else NearestTarget(features))
    return [CopySource(), WordByWord(), *found] if source == "text" else found


def _features(source: SourceKind, rate: int | None) -> list[Features]:
    """Return what the linear baselines of a kind of source see: one thing, or nothing."""
    if source == "sound":
        if rate is None:
            fix = "give the samples per second of the sources"
            raise UsageError("sound has no levels without its rate", where="rate", fix=fix)
        return [LogMel(rate)]
    known: dict[SourceKind, list[Features]] = {
        "text": [TfIdf()],
        "symbols": [Kmers()],
        "aligned": [OneHot()],
        "image": [Pictures()],
    }
    return known.get(source, [])
