"""One sentence that says whether the model beats its baselines, computed from the scores."""

from __future__ import annotations

from lexome.report.data import Missing, Score, Scores

_TIE = 0.005


def verdict(scores: Scores | Missing) -> str:
    """Return the sentence; differences under half a per cent count as a tie."""
    if isinstance(scores, Missing):
        return "Not yet scored: how it stands beside its baselines is not known."
    model = next(score for score in scores.scores if score.is_model)
    where = "" if scores.split == "valid" else f" This was scored on the {scores.split} split."
    return _standing(scores, model) + where


def _standing(scores: Scores, model: Score) -> str:
    if not scores.comparable:
        return (
            f"It needs {model.bits_per_unit:.3f} bits per {scores.unit} for what is hidden from "
            "it; as it sees both sides, that cannot be compared with baselines that see one."
        )
    baselines = sorted(
        (score for score in scores.scores if not score.is_model), key=lambda s: s.bits_per_unit
    )
    if not baselines:
        return (
            f"It needs {model.bits_per_unit:.3f} bits per {scores.unit}; "
            "no baseline was computed to compare that with."
        )
    best = baselines[0]
    if model.bits_per_unit < best.bits_per_unit * (1 - _TIE):
        return _wins(model, best, len(baselines), scores.unit)
    if model.bits_per_unit <= best.bits_per_unit * (1 + _TIE):
        return f"It is level with the best of its baselines: {_against(model, best, scores.unit)}."
    return _loses(model, baselines, scores.unit)


def _wins(model: Score, best: Score, count: int, unit: str) -> str:
    saved = 1 - model.bits_per_unit / best.bits_per_unit
    opening = "It beats its baseline" if count == 1 else f"It beats all {count} of its baselines"
    return f"{opening}: {_against(model, best, unit)}, {saved:.1%} less."


def _loses(model: Score, baselines: list[Score], unit: str) -> str:
    better = [b for b in baselines if b.bits_per_unit < model.bits_per_unit]
    over = model.bits_per_unit / better[0].bits_per_unit - 1
    if len(better) == len(baselines):
        opening = "It does not beat any of its baselines yet"
    else:
        opening = f"It does not beat {len(better)} of its {len(baselines)} baselines yet"
    return f"{opening}: {_against(model, better[0], unit)}, {over:.1%} more."


def _against(model: Score, other: Score, unit: str) -> str:
    return (
        f"it needs {model.bits_per_unit:.3f} bits per {unit} "
        f"where {other.name} needs {other.bits_per_unit:.3f}"
    )
