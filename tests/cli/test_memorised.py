"""A run whose validation loss rises is told so."""

from __future__ import annotations

from lexome.cli.train import memorised


def rows(*losses: float) -> list[dict[str, float]]:
    return [{"step": 10 * n, "validation_loss": loss} for n, loss in enumerate(losses, 1)]


def test_a_rising_validation_loss_is_said_with_its_least() -> None:
    said = " ".join(memorised([{"step": 1, "loss": 0.1}, *rows(3.0, 2.5, 2.9)], kept=False))
    assert "2.5000 at step 20" in said and "by heart" in said
    said = " ".join(memorised(rows(3.0, 2.5, 2.9), kept=True))
    assert "step 20, whose weights are kept" in said and "2.9000" in said


def test_a_falling_or_flat_one_is_not() -> None:
    assert memorised(rows(3.0, 2.5, 2.51), kept=True) == []
    assert memorised([{"step": 1, "loss": 0.1}], kept=False) == []
