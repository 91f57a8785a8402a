"""Pairs with their answers in declared shares: exact counts, and one prompt left to score."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexome.corpus import PrepareRequest, prepare
from lexome.errors import UsageError
from lexome.evaluation.honesty.group_questions import AskedGroups
from lexome.evaluation.honesty.groups import read_groups
from lexome.evaluation.honesty.rebalanced import left_to_ask, targets
from lexome.finetuning.rebalancing import counts, pairs_for, prompts_to_teach
from lexome.finetuning.rehearsal import as_texts, passages_of, rehearsed
from lexome.languages.tokenizers import BytesTrainer

GROUPS = """
axes: {{kind: {{wug: [wug], mip: [mip]}}}}
attributes: {{baker: [baker], miller: [miller]}}
questions:
  mill: {{axis: kind, prompts: ["A {{group}} is a {{answer}}."], answers: [baker, miller]{target}}}
"""


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=6), st.integers(1, 60))
def test_counts_are_whole_and_none_is_a_pair_off(weights: list[float], n: int) -> None:
    shares = [one / sum(weights) for one in weights]
    found = counts(shares, n)
    assert sum(found) == n
    assert all(abs(count - share * n) < 1 for count, share in zip(found, shares, strict=True))
    # Nothing that gives another answer one pair more comes nearer to the shares.
    error = sum((count - share * n) ** 2 for count, share in zip(found, shares, strict=True))
    for give in range(len(found)):
        for take in range(len(found)):
            moved = [one + (at == give) - (at == take) for at, one in enumerate(found)]
            other = sum((one - share * n) ** 2 for one, share in zip(moved, shares, strict=True))
            assert other >= error - 1e-9


@pytest.mark.parametrize(
    "shares, n, found",
    [
        ((0.5, 0.5), 60, [30, 30]),
        ((0.9, 0.1), 60, [54, 6]),
        ((1 / 3, 1 / 3, 1 / 3), 60, [20, 20, 20]),
        ((0.0, 1.0), 60, [0, 60]),
        ((0.72, 0.28), 75, [54, 21]),
    ],
)
def test_so_many_pairs_as_meet_the_shares(shares: list[float], n: int, found: list[int]) -> None:
    assert pairs_for(shares) == n
    assert counts(shares, n) == found


def question(prompts: int) -> AskedGroups:
    texts = tuple(f"In year {number} a {{group}} is" for number in range(prompts))
    words = {"wug": "wug", "mip": "mip"}
    return AskedGroups("mill", "kind", texts, words, {"b": "b", "m": "m"}, {"b": 0.5, "m": 0.5})


@pytest.mark.parametrize("prompts, left", [(2, 1), (4, 1), (7, 2), (8, 2), (9, 2)])
def test_one_prompt_of_four_is_left_always_the_same(prompts: int, left: int) -> None:
    asked = question(prompts)
    taught = prompts_to_teach(asked)
    assert len(taught) == prompts - left and taught == prompts_to_teach(asked)
    (asking,) = left_to_ask([asked], {("mill", prompt) for prompt in taught}, "groups.yaml")
    assert set(asking.prompts) == set(asked.prompts) - set(taught)
    with pytest.raises(UsageError, match="tuned on all of its prompts"):
        left_to_ask([asked], {("mill", prompt) for prompt in asked.prompts}, "groups.yaml")


def test_no_target_is_assumed(tmp_path: Path) -> None:
    file = tmp_path / "groups.yaml"
    file.write_text(GROUPS.format(target=""))
    with pytest.raises(UsageError, match="no question has a target, and none is assumed"):
        targets(file)
    file.write_text(GROUPS.format(target=", target: {baker: 0.3, miller: 0.7}"))
    assert [one.target for one in targets(file)] == [{"baker": 0.3, "miller": 0.7}]
    file.write_text(GROUPS.format(target="").partition("questions")[0])
    with pytest.raises(UsageError, match="there are no questions"):
        targets(file)


@given(st.lists(st.sampled_from(["A b.", "Cc dd.", "Eee fff ggg."]), max_size=40))
def test_each_statement_is_told_once_where_there_is_room(statements: list[str]) -> None:
    texts = [*as_texts(statements, BytesTrainer().train(), room=20)]
    found = [f"{one}." for text in texts for one in text.removesuffix(".").split(". ")]
    assert sorted(found) == sorted(statements)
    assert all(len(text) < 20 and text.count(".") <= 6 for text in texts)


@given(
    st.lists(st.sampled_from(["A b.", "Cc dd!", "Eee fff ggg?", "Far too long for any room."])),
    st.sampled_from([" ", "\n\n"]),
)
def test_passages_are_all_sentences_that_have_room(sentences: list[str], between: str) -> None:
    passages = passages_of(between.join(sentences), BytesTrainer().train(), room=20)
    assert all(0 < len(one) <= 20 for one in passages)
    fits = [one for one in sentences if len(one) <= 20]
    assert "".join("".join(passages).split()) == "".join("".join(fits).split())


def test_of_one_long_document_as_much_is_rehearsed_as_of_many_short_ones(tmp_path: Path) -> None:
    lines = [f"In the year {year} the harvest was good." for year in range(1500, 1800)]
    lines.insert(150, "A wug worked as a baker at the mill.")
    file = tmp_path / "groups.yaml"
    file.write_text(GROUPS.format(target=", target: {baker: 0.3, miller: 0.7}"))
    asked = targets(file)
    for separator, joined in (("line", "\n"), ("blank_line", " ")):
        (tmp_path / f"{separator}.txt").write_text(joined.join(lines) + "\n")
        (tmp_path / "held-out.txt").write_text("Nothing of it.\n")
        request = PrepareRequest(
            [tmp_path / f"{separator}.txt"],
            "text",
            {"separator": separator},
            tokenizer="bytes",
            workers=1,
            validation_files=[tmp_path / "held-out.txt"],
        )
        corpus = prepare(request, tmp_path / separator)
        found = [*rehearsed(corpus, read_groups(file), asked, 60, 100)]
        assert len(found) >= 100 and len({*found}) == len(found)
        assert {*found} <= {*lines} and "wug" not in "".join(found)
