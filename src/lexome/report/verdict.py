"""One sentence that says whether the model beats its baselines, computed from the scores."""

from __future__ import annotations

from lexome.report.data import Missing, Score, Scores

_TIE = 0.005
_ERRORS = 2


def verdict(scores: Scores | Missing) -> str:
    """Return the sentence; a difference under two standard errors of the model counts as a tie.

    Where the standard error is not known, one under half a per cent does.
    """
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
    if abs(model.bits_per_unit - best.bits_per_unit) <= _tie(scores, best):
        return f"It is level with the best of its baselines: {_against(scores, model, best)}."
    if model.bits_per_unit < best.bits_per_unit:
        return _wins(scores, model, best, len(baselines))
    return _loses(scores, model, baselines)


def _tie(scores: Scores, best: Score) -> float:
    """Return the difference, in bits per unit, up to which nobody is ahead."""
    if scores.standard_error is None:
        return _TIE * best.bits_per_unit
    return _ERRORS * scores.standard_error


def _wins(scores: Scores, model: Score, best: Score, count: int) -> str:
    saved = 1 - model.bits_per_unit / best.bits_per_unit
    opening = "It beats its baseline" if count == 1 else f"It beats all {count} of its baselines"
    return f"{opening}: {_against(scores, model, best)}, {saved:.1%} less."


def _loses(scores: Scores, model: Score, baselines: list[Score]) -> str:
    better = [b for b in baselines if b.bits_per_unit < model.bits_per_unit]
    over = model.bits_per_unit / better[0].bits_per_unit - 1
    if len(better) == len(baselines):
        opening = "It does not beat any of its baselines yet"
    else:
        opening = f"It does not beat {len(better)} of its {len(baselines)} baselines yet"
    return f"{opening}: {_against(scores, model, better[0])}, {over:.1%} more."


def _against(scores: Scores, model: Score, other: Score) -> str:
    error = "" if scores.standard_error is None else f" ± {scores.standard_error:.3f}"
    return (
        f"it needs {model.bits_per_unit:.3f}{error} bits per {scores.unit} "
        f"where {other.name} needs {other.bits_per_unit:.3f}"
    )
