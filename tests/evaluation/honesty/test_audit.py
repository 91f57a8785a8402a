"""The audit of prepared corpora whose counts are known beforehand; words are invented."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lexome.cli.audit import audit_lines, audited
from lexome.corpus import Corpus, PrepareRequest, prepare
from lexome.errors import LexomeError, UsageError
from lexome.evaluation.honesty.audit import Audit, Odds, audit
from lexome.evaluation.honesty.groups import parse_groups

GROUPS: dict[str, Any] = {
    "axes": {"kind": {"wug": ["wug", "wugs"], "mip": ["mip"]}},
    "attributes": {"loud": ["thrums"], "blue": {"pattern": "blu+e"}},
}


def corpus_of(folder: Path, records: list[dict[str, str]], **options: Any) -> Corpus:
    """Prepare records, all of them for training; one more is held out."""
    folder.mkdir()
    source = folder / "records.jsonl"
    held = {"text": "Held out: the wug thrums.", "part": "held"}
    rows = [*[{**record, "part": "train"} for record in records], held]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    request = PrepareRequest(
        [source],
        "text",
        tokenizer="bytes",
        options=options,
        validation_where={"part": "held"},
        workers=1,
    )
    return prepare(request, folder / "corpus")


def planted(seed: int, documents: int, rates: tuple[float, float]) -> list[dict[str, str]]:
    """Return documents of four sentences each; wugs and mips thrum at their own rates."""
    draw = np.random.default_rng(seed)
    records = []
    for _ in range(documents):
        said = []
        for group in draw.integers(0, 2, 4):
            does = "thrums" if draw.random() < rates[group] else "sleeps"
            said.append(f"The {('wug', 'MIP')[group]} {does}.")
        records.append({"text": " ".join(said)})
    return records


@pytest.fixture(scope="module")
def skewed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corpus]:
    records = planted(0, 150, (0.2, 0.5))
    records[0] = {"text": "A wug and a mip. Wugs! A bluuue wug thrums\n\nthrums"}
    yield corpus_of(tmp_path_factory.mktemp("audit") / "skewed", records)


def by_name(found: Audit) -> dict[tuple[str, str], Any]:
    return {(one.group, one.attribute): one for one in found.findings}


def test_a_planted_skew_is_found_and_counted(skewed: Corpus) -> None:
    told: list[tuple[int, int]] = []
    found = audit(skewed, parse_groups(GROUPS), lambda *done: told.append(done))
    assert (found.context, found.documents, found.contexts) == ("sentence", 150, 149 * 4 + 4)
    assert told[-1] == (150, 150) and found.clusters == "document"
    assert found.several == {"kind": 1}
    texts = [" ".join(document.content.split()) for document in skewed.documents("train")]
    wugs = sum(text.count("The wug") for text in texts)
    assert found.cases == {"kind": {"wug": wugs + 2, "mip": 149 * 4 - wugs}}
    one = by_name(found)
    assert one["wug", "loud"].hits == sum(text.count("wug thrums") for text in texts)
    assert (one["wug", "blue"].hits, one["mip", "blue"].hits) == (1, 0)
    assert one["wug", "loud"].alone == one["wug", "loud"].hits - 1
    assert found.comparisons == 2
    assert [(x.group, x.attribute) for x in found.flagged] == [("wug", "loud"), ("mip", "loud")]
    assert one["wug", "loud"].odds.high < 0 < one["mip", "loud"].odds.low
    json.dumps(asdict(found), allow_nan=False)


def test_another_context_counts_other_things(skewed: Corpus) -> None:
    whole = audit(skewed, parse_groups({**GROUPS, "context": "document"}))
    assert whole.contexts == whole.documents == 150
    assert whole.several["kind"] > 100, "most documents name both"
    windows = audit(skewed, parse_groups({**GROUPS, "context": "window", "window": 10}))
    assert windows.contexts == sum(
        -(-len(document.content) // 10) for document in skewed.documents("train")
    )


def test_one_long_document_is_taken_by_stretches(tmp_path: Path) -> None:
    whole = " ".join(record["text"] for record in planted(1, 150, (0.2, 0.5)))
    found = audit(corpus_of(tmp_path / "one", [{"text": whole}]), parse_groups(GROUPS))
    assert (found.documents, found.contexts) == (1, 600)
    assert "100 contexts" in found.clusters
    assert {one.group for one in found.flagged} == {"wug", "mip"}


def test_metadata_group_documents(tmp_path: Path) -> None:
    records = [
        {"text": f"It {'thrums' if n % 4 == 0 or n % 3 == 0 else 'sleeps'}.", "sea": str(n % 3)}
        for n in range(240)
    ]
    corpus = corpus_of(tmp_path / "sea", records)
    axes = {
        "sea": {
            "none": {"metadata": "sea", "values": ["0"]},
            "some": {"metadata": "sea", "pattern": "[12]"},
            "deep": {"metadata": "sea", "values": ["9"]},
        }
    }
    found = audit(corpus, parse_groups({**GROUPS, "axes": axes}))
    assert found.cases == {"sea": {"none": 80, "some": 160, "deep": 0}}
    assert found.too_few == [("sea", "deep", 0)]
    one = by_name(found)
    assert (one["none", "loud"].hits, one["some", "loud"].hits) == (80, 40)
    assert one["deep", "loud"].rate is None and one["deep", "loud"].odds is None
    only = {"axes": axes, "attributes": {"third": {"metadata": "sea", "values": ["0"]}}}
    with pytest.raises(UsageError, match="by spelling alone"):
        parse_groups(only)
    only["attributes"] = {"odd": {"metadata": "sea", "values": ["1"]}}
    assert by_name(audit(corpus, parse_groups(only)))["some", "odd"].hits == 80


def test_what_no_document_has_is_refused(skewed: Corpus) -> None:
    unknown = {**GROUPS, "attributes": {"sea": {"metadata": "parts", "values": ["x"]}}}
    with pytest.raises(UsageError, match="'parts'") as caught:
        audit(skewed, parse_groups(unknown))
    assert caught.value.where == "attributes.sea" and "'part'" in (caught.value.fix or "")
    labelled = {**GROUPS, "attributes": {"rare": {"labels": ["rare"]}}}
    with pytest.raises(UsageError, match="no labels"):
        audit(skewed, parse_groups(labelled))


def test_words_of_what_has_none_are_refused(tmp_path: Path) -> None:
    from PIL import Image

    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(6):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    request = PrepareRequest([folder], "image", options={"size": 8}, workers=1, validation=0.3)
    corpus = prepare(request, tmp_path / "corpus")
    with pytest.raises(UsageError, match="no text in documents of image") as caught:
        audit(corpus, parse_groups(GROUPS))
    assert caught.value.where == "axes.kind.wug"


def test_a_flag_never_contradicts_its_interval() -> None:
    """Holm's steps find more than intervals that hold all at once, which stand beside them."""
    assert Odds(1.1, 0.2, 2.4, 0.03).flagged
    assert not Odds(1.1, -0.1, 2.4, 0.03).flagged
    assert not Odds(-1.9, -3.7, -0.1, 0.12).flagged


def test_contexts_that_name_two_groups_are_said_to_count_for_none(skewed: Corpus) -> None:
    lines = audit_lines(audit(skewed, parse_groups(GROUPS)))
    told = "contexts that name two or more groups of kind, counted for none of them: 1"
    assert told in lines


def test_a_corpus_that_is_gone_is_not_the_fault_of_the_groups_file(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path / "own", [{"text": "A wug thrums."}] * 3)
    (tmp_path / "groups.yaml").write_text(json.dumps(GROUPS))
    (corpus.folder / "documents.parquet").unlink()
    with pytest.raises(LexomeError) as caught:
        audited(corpus, tmp_path / "groups.yaml")
    assert str(corpus.folder) in str(caught.value) and "groups.yaml" not in str(caught.value)
    gone = {"axes": {"kind": {"wug": {"metadata": "x", "values": ["a"]}, "mip": ["mip"]}}}
    (tmp_path / "groups.yaml").write_text(json.dumps(GROUPS | gone))
    corpus = corpus_of(tmp_path / "whole", [{"text": "A wug thrums."}] * 3)
    with pytest.raises(UsageError, match=r"groups.yaml, axes.kind.wug"):
        audited(corpus, tmp_path / "groups.yaml")
