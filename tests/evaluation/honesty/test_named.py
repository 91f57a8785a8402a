"""Names in texts: whole words, in any case."""

from __future__ import annotations

from lexome.evaluation.honesty.named import Named


def test_names_are_found_as_whole_words() -> None:
    named = Named(["Ann Bell", "Bell", "", "山田", "Ann"])
    assert named.of("ANN  BELL left.") == {"Ann Bell", "Ann", "Bell"}
    assert named.of("Anne Bells left.") == frozenset()
    assert named.of("山田さん") == {"山田"}
