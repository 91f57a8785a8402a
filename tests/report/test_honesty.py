"""The records of honesty.json: equal to the file; what is absent, stale or damaged says so."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import honest_run
import pytest
import typer
from fake_run import FakeRun
from tuned_run import read

from lexome.cli.app import app
from lexome.report.data import Missing
from lexome.report.honesty import honesty
from lexome.report.honesty_data import Honesty, JudgedTexts
from lexome.report.reading import RunFiles


@pytest.fixture(scope="module")
def asked(causal: FakeRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("honest")
    return honest_run.asked(causal.folder, root, root / "runs" / "honest")


@pytest.fixture
def run(asked: Path, tmp_path: Path) -> Path:
    """A run of one's own that was asked."""
    return Path(shutil.copytree(asked, tmp_path / "run"))


def shown(run: Path) -> Honesty | Missing | None:
    return honesty(RunFiles.read(run))


def honesty_of(run: Path) -> Honesty:
    found = shown(run)
    assert isinstance(found, Honesty), found
    return found


def changed(run: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    told = read(run / "honesty.json")
    change(told)
    (run / "honesty.json").write_text(json.dumps(told))
    return run


def test_figures_are_those_of_the_file(asked: Path) -> None:
    found, told = honesty_of(asked), read(asked / "honesty.json")
    assert (found.known.n, found.known.of) == (9, 3) and (found.unknown.n, found.unknown.of) == (
        4,
        2,
    )
    for group, said in ((found.known, told["facts"]), (found.unknown, told["unknown"])):
        assert {one.verdict: one.count for one in group.shares} == said["verdicts"]
        known = {one["name"]: one for one in said["shares"]}
        for one in group.shares:
            assert (one.low is None) == (one.verdict not in known)
            if one.verdict in known:
                figure = known[one.verdict]
                assert (one.share, one.low, one.high) == pytest.approx(
                    (figure["value"], figure["low"], figure["high"])
                )
    every = [*told["facts"]["figures"], *told["unknown"]["figures"]]
    assert [(one.name, one.value, one.low) for one in found.figures] == [
        (one["name"], one.get("value"), one.get("low")) for one in every
    ]
    for relation in found.relations:
        said = told["facts"]["relations"][relation.name]
        assert (relation.recall, relation.low, relation.high) == (
            said["recall"],
            said["low"],
            said["high"],
        )
        assert (relation.chance, relation.commonest) == (said["chance"], said["commonest"])
    assert [one.n for one in found.reliability] == [
        one["n"] for one in told["facts"]["reliability"]
    ]
    assert found.silence.curve[-1][0] == 1.0, "the curve ends where all is answered"
    assert sum(relation.questions for relation in found.relations) == found.known.n


def test_whose_word_the_facts_are_stands_in_the_notes(run: Path) -> None:
    told = {"untold": 4, "untold_facts": ["does of The cat: sleeps"]}
    assert any("is the table's word" in one for one in honesty_of(run).notes)
    found = honesty_of(changed(run, lambda file: file["facts"].update(told, indexed=True)))
    (note,) = found.notes
    assert "object together: 4 (does of The cat: sleeps, …)" in note


def test_relations_add_up_to_the_whole(asked: Path) -> None:
    found = honesty_of(asked)
    whole = {one.name: one.value for one in found.figures}
    for name, of in (("recall", "recall"), ("chance", "chance"), ("commonest answer", "commonest")):
        parts = sum(one.questions * getattr(one, of) for one in found.relations)
        assert parts / found.known.n == pytest.approx(whole[name])


def test_examples_are_of_every_verdict_and_of_a_subject_one(asked: Path) -> None:
    found = honesty_of(asked)
    for group, known in ((found.known, True), (found.unknown, False)):
        own = [one for one in found.examples if one.known is known]
        for share in group.shares:
            shown = [one for one in own if one.verdict == share.verdict]
            assert bool(shown) == bool(share.count)
            for one in shown:
                assert (one.answer in one.right) == (one.verdict == "supported")
                assert 0 < one.confidence <= 1


def test_the_command_asks_the_same_again(asked: Path) -> None:
    words = shlex.split(honesty_of(asked).command)
    told = read(asked / "honesty.json")["asked"]
    assert words[:3] == ["lexome", "evaluate", str(asked)]
    assert words[3:] == [
        *("--facts", told["facts"], "--templates", told["templates"], "--unseen", told["unseen"])
    ]
    evaluate = typer.main.get_command(app).commands["evaluate"]  # type: ignore[attr-defined]
    parsed = evaluate.make_context("evaluate", words[2:]).params
    assert str(parsed["templates"]) == told["templates"] and parsed["subjects"] is None
    assert "how they are asked" in told["templates"], "a name that a shell needs quoted"


def test_texts_are_real_and_cut_into_all_of_their_pieces(asked: Path) -> None:
    found, told = honesty_of(asked).texts, read(asked / "honesty.json")["texts"]
    assert isinstance(found, JudgedTexts)
    assert (found.known.of, found.unknown.of) == (3, 2)
    assert sorted("".join(piece.text for piece in one.pieces) for one in found.texts) == sorted(
        one["text"] for one in told["texts"]
    )
    assert all(one["text"].startswith(one["prompt"]) for one in told["texts"])


def test_claims_are_pieces_of_their_own_and_half_true_comes_first(run: Path) -> None:
    told = honest_run.biography()
    found = honesty_of(changed(run, lambda file: file.update(texts=told))).texts
    assert isinstance(found, JudgedTexts)
    first = found.texts[0]
    assert (first.subject, first.supported, first.claims) == ("Ada \N{GRINNING FACE}", 2, 3)
    assert [(one.text, one.verdict) for one in first.pieces] == [
        ("Ada \N{GRINNING FACE} is from Senn.", "supported"),
        (" ", ""),
        ("Ada is a guard.", "contradicted"),
        (" ", ""),
        ("Bo is from Ura.", "supported"),
        (" And so on.", ""),
    ]
    assert first.pieces[2].right == ("poet", "cook")
    assert [one.elsewhere for one in first.pieces if one.verdict] == [False, False, True]
    assert [one.subject for one in found.texts[1:]] == ["Bo", "Eve"]


def test_without_statements_the_page_says_what_to_write(run: Path) -> None:
    found = honesty_of(changed(run, lambda file: file.update(texts=None)))
    assert isinstance(found.texts, Missing) and "`statements`" in found.texts.missing
    assert found.texts.command == found.command


@pytest.mark.parametrize(("wrong", "says"), [(1, "(1.0%)."), (9, "more than was promised")])
def test_a_threshold_is_told_with_what_it_does(run: Path, wrong: int, says: str) -> None:
    found = honesty_of(changed(run, lambda file: file.update(silence=honest_run.silence(wrong))))
    silence = found.silence
    assert silence.threshold == 0.9 and says in silence.finding
    assert "from a confidence of 0.9 on" in silence.finding
    assert "at a certainty of 90%" in silence.finding
    assert f"100 of 200 questions, {wrong} of them wrongly" in silence.finding
    assert [one.target for one in silence.scores] == [0, 0.5, 0.75, 0.9]
    assert silence.scores[0].everything.value == -0.5
    assert silence.scores[0].threshold.value == 0.4


def test_silence_by_names_stands_beside_it(run: Path) -> None:
    told = read(run / "honesty.json")
    found = honesty_of(run)
    assert found.silence_by_names is not None
    assert found.silence_by_names.curve == tuple(
        (one["coverage"], one["risk"]) for one in told["silence by names"]["risk_coverage"]
    )
    by_names = {"silence by names": honest_run.silence(wrong=2)}
    found = honesty_of(changed(run, lambda file: file.update(by_names)))
    assert found.silence_by_names is not None
    assert "from a probability of name and answer together of 0.9 on" in (
        found.silence_by_names.finding
    )
    assert "2 of them wrongly" in found.silence_by_names.finding
    assert found.silence.finding != found.silence_by_names.finding
    found = honesty_of(changed(run, lambda file: file.update({"silence by names": None})))
    assert found.silence_by_names is None, "a tuned run is not asked for names"


def test_where_no_threshold_exists_it_is_said_in_words(run: Path) -> None:
    told = honest_run.silence()
    told["threshold"] = {"confidence": None, "answered": 0, "wrong": 0, "bound": 0.0}
    none = honesty_of(changed(run, lambda file: file.update(silence=told))).silence
    assert none.threshold is None and "say nothing at all" in none.finding
    few = honesty_of(
        changed(run, lambda file: file.update(silence=told | {"enough": False}))
    ).silence
    assert "too few subjects" in few.finding and "nothing at all" not in few.finding
    told |= {"threshold": None, "reason": "all questions are about one subject"}
    one = honesty_of(changed(run, lambda file: file.update(silence=told))).silence
    assert one.finding == "No threshold was chosen: all questions are about one subject."


def test_who_was_never_asked_is_told_how(causal: FakeRun, masked: FakeRun) -> None:
    found = shown(causal.folder)
    assert isinstance(found, Missing)
    asks = ("lexome", "evaluate", str(causal.folder), "--facts", "TABLE", "--templates", "FILE")
    assert found.command == shlex.join(asks)
    assert shown(masked.folder) is None, "a masked model is asked in no such way"


def test_a_tuned_run_needs_no_facts(tuned_labels: Path) -> None:
    assert shown(tuned_labels) is None


def test_answers_of_other_weights_are_told_as_such(run: Path) -> None:
    again = honesty_of(run).command
    changed(run, lambda file: file.update(weights="0"))
    found = shown(run)
    assert isinstance(found, Missing) and "other weights" in found.missing
    assert found.command == again


DAMAGED: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no facts": (lambda told: told.pop("facts"), "no object 'facts'"),
    "unknown": (lambda told: told.update(unknown=3), "no object 'unknown'"),
    "figures": (lambda told: told["facts"].update(figures=3), "figures are no list"),
    "untold": (lambda told: told["facts"].pop("untold"), "'untold'"),
    "untold facts": (lambda told: told["facts"].update(untold_facts=[3]), "list of texts"),
    "a count": (lambda told: told["facts"]["verdicts"].update(supported="x"), "no number"),
    "the sum": (lambda told: told["facts"].update(questions=1), "not as many"),
    "relations": (lambda told: told["facts"].update(relations=[]), "relations"),
    "recall": (lambda told: told["facts"]["relations"]["does"].pop("recall"), "'recall'"),
    "bins": (lambda told: told["facts"].update(reliability=[3]), "list of objects"),
    "a verdict": (lambda told: told["examples"][0].update(verdict="<b>"), "no verdict"),
    "an answer": (lambda told: told["examples"][0].update(answer=3), "'answer' is no text"),
    "right": (lambda told: told["examples"][0].update(right=[3]), "list of texts"),
    "curve": (lambda told: told["silence"]["risk_coverage"][0].pop("risk"), "'risk'"),
    "a claim": (lambda told: _claim(told).update(start=10**6), "not inside its text"),
    "overlap": (lambda told: _claim(told, 1).update(start=0), "behind the one before"),
    "targets": (lambda told: _scores(told)["threshold"].pop(), "same targets"),
    "a target": (lambda told: _renamed(told, "score at confidence x"), "could not convert"),
    "an endless one": (lambda told: _renamed(told, "score at confidence inf"), "below 1"),
}


def _claim(told: dict[str, Any], number: int = 0) -> dict[str, Any]:
    told["texts"] = honest_run.biography()
    found: dict[str, Any] = told["texts"]["texts"][1]["claims"][number]
    return found


def _scores(told: dict[str, Any]) -> dict[str, Any]:
    told["silence"] = honest_run.silence()
    found: dict[str, Any] = told["silence"]["held_out"]["scores"]
    return found


def _renamed(told: dict[str, Any], name: str) -> None:
    for figures in _scores(told).values():
        figures[0]["name"] = name


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_file_is_missing_and_says_why(run: Path, kind: str) -> None:
    change, why = DAMAGED[kind]
    again = honesty_of(run).command
    found = shown(changed(run, change))
    assert isinstance(found, Missing) and "is damaged" in found.missing and why in found.missing
    assert found.command == again


@pytest.mark.parametrize("other", [None, 0, 99, "1"])
def test_another_format_is_called_so_and_not_damaged(run: Path, other: object) -> None:
    again = honesty_of(run).command
    # What else such a file lacks is not complained about.
    found = shown(changed(run, lambda file: (file.update(format=other), file.pop("facts"))))
    assert isinstance(found, Missing) and "another version" in found.missing
    assert "damaged" not in found.missing and found.command == again


def test_a_file_from_before_there_were_formats_is_called_so(run: Path) -> None:
    def change(file: dict[str, Any]) -> None:
        kept = {name: file[name] for name in ("weights", "facts", "unknown", "examples")}
        file.clear()
        file.update(kept)

    found = shown(changed(run, change))
    assert isinstance(found, Missing) and "another format" in found.missing
    assert found.command.startswith(f"lexome evaluate {run} --facts TABLE")


@pytest.mark.parametrize("text", ["{", "[]", "\xff"])
def test_a_file_that_is_none_is_missing(run: Path, text: str) -> None:
    (run / "honesty.json").write_bytes(text.encode("latin-1"))
    found = shown(run)
    assert isinstance(found, Missing) and "honesty.json" in found.missing
    assert "--facts TABLE" in found.command
