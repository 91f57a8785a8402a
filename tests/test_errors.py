"""Errors: the three things they say, and that they survive a way through another process."""

from __future__ import annotations

import pickle

import pytest

from lexome.errors import DamagedFileError, LexomeError, UsageError, located, nearest


def test_an_error_says_what_where_and_how_to_fix_it() -> None:
    error = LexomeError("it broke", where="file.txt, line 3", fix="mend it")
    assert str(error) == "it broke\n  where: file.txt, line 3\n  fix:   mend it"
    assert str(LexomeError("it broke")) == "it broke"


@pytest.mark.parametrize(
    ("kind", "status"), [(LexomeError, 1), (DamagedFileError, 1), (UsageError, 2)]
)
def test_the_exit_status_tells_a_failure_from_bad_usage(
    kind: type[LexomeError], status: int
) -> None:
    assert kind("x").exit_status == status


@pytest.mark.parametrize("kind", [LexomeError, UsageError, DamagedFileError])
def test_a_worker_process_hands_an_error_on_whole(kind: type[LexomeError]) -> None:
    error = kind("what", where="where", fix="fix")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (again.what, again.where, again.fix) == ("what", "where", "fix")


def test_the_nearest_known_name_is_suggested_and_else_all_are_listed() -> None:
    assert nearest("stpes", ["steps", "seed"]) == "did you mean 'steps'?"
    assert nearest("q", ["b", "a"]) == "known: a, b"


@pytest.mark.parametrize(
    ("inner", "outer"), [(None, "prompt 2"), ("letter 3", "prompt 2, letter 3")]
)
def test_a_place_is_put_before_the_one_that_an_error_names(inner: str | None, outer: str) -> None:
    with pytest.raises(UsageError, match="what") as caught, located("prompt 2"):
        raise UsageError("what", where=inner, fix="fix")
    assert (caught.value.where, caught.value.fix) == (outer, "fix")
