"""Tables of facts become questions; what a table has wrong is told by file and row."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lexome.errors import DamagedFileError, LexomeError, UsageError
from lexome.evaluation.facts import Facts, Question, ask, encoded, read_facts, read_unanswered
from lexome.evaluation.templates import read_templates, template
from lexome.generation import answer_distribution
from lexome.languages.base import Source
from lexome.languages.tokenizers import BpeTrainer, BytesTrainer, CharactersTrainer
from lexome.model import Transformer, depth
from lexome.samples.world import World, write_world

ROWS = [
    ("Ada", "city", "Sal"),
    ("Ada", "year", "1901"),
    ("Bo", "city", "Salem"),
    ("Ada", "city", "Sal"),
    ("Bo", "city", "Ulm"),
    ("Bo", "year", "1902"),
]
TEMPLATES = {
    "city": template(["The city of {subject} is {answer}."]),
    "year": template(["{subject} is of {answer},"], ["1901", "1902", "1903"]),
}


def write_rows(path: Path, rows: list[tuple[Any, ...]]) -> Path:
    """Write rows in the form that the name of the file says."""
    columns = ("subject", "relation", "object")[: len(rows[0])]
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    else:
        between = "," if path.suffix == ".csv" else "\t"
        path.write_text("".join(f"{between.join(map(str, row))}\n" for row in [columns, *rows]))
    return path


def facts_of(*rows: tuple[str, str, str]) -> Facts:
    objects: dict[tuple[str, str], tuple[str, ...]] = {}
    for subject, relation, thing in rows:
        objects[subject, relation] = (*objects.get((subject, relation), ()), thing)
    return Facts(objects, {key: Source("facts.csv", "1", 2) for key in objects}, 0)


# Tables -------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_every_form_of_table_says_the_same(tmp_path: Path, suffix: str) -> None:
    found = read_facts(write_rows(tmp_path / f"facts{suffix}", ROWS))
    assert found.objects == {
        ("Ada", "city"): ("Sal",),
        ("Ada", "year"): ("1901",),
        ("Bo", "city"): ("Salem", "Ulm"),
        ("Bo", "year"): ("1902",),
    }
    assert (found.duplicates, len(found.conflicts)) == (1, 1)
    assert found.sources["Bo", "city"].record == "3"


@given(st.lists(st.tuples(*[st.sampled_from("abc")] * 3), min_size=1))
def test_no_row_is_lost(rows: list[tuple[str, str, str]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        found = read_facts(write_rows(Path(folder) / "facts.csv", rows))
    kept = {(*key, one) for key, objects in found.objects.items() for one in objects}
    assert kept == set(rows)
    assert len(kept) + found.duplicates == len(rows)
    several = Counter((subject, relation) for subject, relation, _ in set(rows))
    assert len(found.conflicts) == sum(count > 1 for count in several.values())


def test_numbers_are_texts_and_white_space_around_is_no_part(tmp_path: Path) -> None:
    found = read_facts(write_rows(tmp_path / "facts.jsonl", [(" Ada ", "year", 1901)]))
    assert found.objects == {("Ada", "year"): ("1901",)}


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (("Ada", "city", ""), "the object is empty"),
        (("Ada", "city", "  "), "the object is empty"),
        (("Ada", "city", None), "the object is empty"),
        (("", "city", "Sal"), "the subject is empty"),
        (("Ada", "city", ["Sal", "Ulm"]), "the object is no text"),
        (("Ada", "city", True), "the object is no text"),
        (("Ada", 1.5, "Sal"), "the relation is no text"),
        (("Ada", "city"), "there is no column 'object'"),
    ],
)
def test_a_bad_value_is_told_by_file_and_line(
    tmp_path: Path, row: tuple[Any, ...], what: str
) -> None:
    path = tmp_path / "facts.jsonl"
    good = json.dumps({"subject": "Bo", "relation": "city", "object": "Ulm"})
    write_rows(path, [row])
    path.write_text(f"{good}\n{path.read_text()}")
    with pytest.raises(LexomeError, match=what) as caught:
        read_facts(path)
    assert caught.value.where == f"{path}, record '2', line 2"
    assert caught.value.fix


def test_a_table_without_rows_is_told(tmp_path: Path) -> None:
    path = tmp_path / "facts.csv"
    path.write_text("subject,relation,object\n")
    with pytest.raises(LexomeError, match="no rows") as caught:
        read_facts(path)
    assert caught.value.where == str(path)


def test_a_table_that_only_asks_has_no_objects(tmp_path: Path) -> None:
    rows = [("Cy", "city"), ("Cy", "year"), ("Cy", "city")]
    found = read_unanswered(write_rows(tmp_path / "unseen.csv", rows))
    assert found.objects == {("Cy", "city"): (), ("Cy", "year"): ()}
    assert (found.duplicates, len(found.conflicts)) == (1, 0)
    with pytest.raises(LexomeError, match="has a column 'object'"):
        read_unanswered(write_rows(tmp_path / "facts.csv", ROWS))


# Questions ----------------------------------------------------------------------------------


def test_a_question_has_its_prompt_its_answers_and_what_is_right(tmp_path: Path) -> None:
    asked = ask(read_facts(write_rows(tmp_path / "facts.csv", ROWS)), TEMPLATES)
    cities, years = ("Sal", "Salem", "Ulm"), ("1901", "1902", "1903")
    assert list(asked.questions) == [
        Question("The city of Ada is", cities, ("Sal",), "Ada", "city", " ", "."),
        Question("Ada is of", years, ("1901",), "Ada", "year", " ", ","),
        Question("The city of Bo is", cities, ("Salem", "Ulm"), "Bo", "city", " ", "."),
        Question("Bo is of", years, ("1902",), "Bo", "year", " ", ","),
    ]
    assert not asked.absent
    assert asked.questions[0].spoken == [" Sal.", " Salem.", " Ulm."]


def test_subjects_that_never_occur_are_asked_apart() -> None:
    calls = Counter[str]()

    def said(subject: str) -> int:
        calls[subject] += 1
        return 3 if subject == "Ada" else 0

    facts = facts_of(*dict.fromkeys(ROWS))
    asked = ask(facts, TEMPLATES, said)
    assert [question.subject for question in asked.questions] == ["Ada", "Ada"]
    assert [question.subject for question in asked.absent] == ["Bo", "Bo"]
    assert calls == {"Ada": 1, "Bo": 1}
    assert len(ask(facts, TEMPLATES).questions) == 4


def test_each_prompt_of_a_relation_is_a_question_of_its_own() -> None:
    both = template(["{subject} is from {answer}.", "Of {subject}: {answer};"], ["Sal", "Ulm"])
    asked = ask(facts_of(("{answer}", "city", "Sal")), {"city": both}).questions
    assert [question.prompt for question in asked] == ["{answer} is from", "Of {answer}:"]
    assert [question.spoken[1] for question in asked] == [" Ulm.", " Ulm;"]


@pytest.mark.parametrize(
    ("prompt", "around"),
    [
        ("Of {subject}", ("Of Ada", " ", "")),
        ("Of {subject} ", ("Of Ada", " ", "")),
        ("{subject} -> {answer}", ("Ada ->", " ", "")),
        ("{subject}={answer}\n", ("Ada=", "", "\n")),
        ("{subject}, {subject}:\n {answer}!", ("Ada, Ada:", "\n ", "!")),
    ],
)
def test_white_space_before_an_answer_goes_with_it(
    prompt: str, around: tuple[str, str, str]
) -> None:
    assert template([prompt]).prompts[0].around("Ada") == around


def test_a_relation_without_template_is_told_by_its_row() -> None:
    with pytest.raises(LexomeError, match="relation 'job'") as caught:
        ask(facts_of(("Ada", "job", "cook")), TEMPLATES)
    assert caught.value.where == "facts.csv, record '1', line 2"
    assert "'city', 'year'" in (caught.value.fix or "")


def test_an_object_outside_the_closed_set_is_told() -> None:
    with pytest.raises(LexomeError, match="'1950' is none of the 3 answers of 'year'") as caught:
        ask(facts_of(("Ada", "year", "1950")), TEMPLATES)
    assert "line 2" in (caught.value.where or "")


def test_one_answer_is_no_question() -> None:
    with pytest.raises(UsageError, match="there is 1 answer"):
        ask(facts_of(("Ada", "city", "Sal")), TEMPLATES)
    with pytest.raises(UsageError, match="there are no answers"):
        unanswered = Facts({("Ada", "city"): ()}, {("Ada", "city"): Source("unseen.csv")}, 0)
        ask(unanswered, TEMPLATES)


def test_a_beginning_of_another_answer_needs_what_stands_behind() -> None:
    facts = facts_of(("Ada", "city", "Sal"), ("Bo", "city", "Ulm"), ("Cy", "city", "Salem"))
    with pytest.raises(UsageError, match="'Sal' is the beginning of 'Salem'") as caught:
        ask(facts, {"city": template(["The city of {subject} is"])})
    assert "{answer}." in (caught.value.fix or "")
    assert len(ask(facts, {"city": template(["The city of {subject} is {answer}."])}).questions)
    with pytest.raises(UsageError, match="beginning"):
        points = facts_of(("Ada", "city", "St"), ("Bo", "city", "St. Ulm"))
        ask(points, {"city": template(["The city of {subject} is {answer}."])})


# Templates ----------------------------------------------------------------------------------


def test_templates_are_read_from_json_and_yaml(tmp_path: Path) -> None:
    content = {
        "city": "{subject} is from {answer}.",
        "year": {"prompts": ["Of {subject}:"], "answers": [1901, "1902"]},
        "job": {"prompts": ["{subject}"], "statements": ["{subject}: {object}"]},
    }
    (tmp_path / "t.json").write_text(json.dumps(content))
    (tmp_path / "t.yaml").write_text(
        "city: '{subject} is from {answer}.'\n"
        "year:\n  prompts: ['Of {subject}:']\n  answers: [1901, '1902']\n"
        "job: {prompts: ['{subject}'], statements: ['{subject}: {object}']}\n"
    )
    found = read_templates(tmp_path / "t.json")
    assert found == read_templates(tmp_path / "t.yaml")
    assert found["year"] == template(["Of {subject}:"], ["1901", "1902"])
    assert found["job"].statements == ("{subject}: {object}",)


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("The city is {answer}.", r"has no \{subject\}"),
        ({"prompts": ["Of {subject}", "Of whom?"]}, r"'Of whom\?' has no \{subject\}"),
        ("{subject}: {answer} or {answer}", r"has \{answer\} 2 times"),
        ("{answer} is the city of {subject}", "subject stands behind the answer"),
        ("In {year}, {subject} lived in {answer}.", "nothing fills {year}"),
        ({"prompts": []}, "there is no prompt"),
        ({"prompts": "Of {subject}"}, "no list"),
        ({"prompts": ["{subject}"], "answers": ["Sal", ""]}, "is empty or has white space"),
        ({"prompts": ["{subject}"], "answers": ["Sal "]}, "is empty or has white space"),
        ({"prompts": ["{subject}"], "answers": ["Sal", "Sal"]}, "stands there twice"),
        ({"prompts": ["{subject} is"] * 2}, "the prompt stands there 2 times"),
        ({"prompts": ["{subject}"], "answers": [None]}, "no text"),
        ({"prompts": ["{subject}"], "answer": ["Sal"]}, "unknown key 'answer'"),
        ({"prompts": ["{subject}"], "statements": ["{subject}."]}, r"has no \{object\}"),
        (["{subject}"], "a template is a prompt, or a mapping"),
    ],
)
def test_a_bad_template_is_told_by_file_and_relation(tmp_path: Path, value: Any, what: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"year": "{subject}", "city": value}))
    with pytest.raises(UsageError, match=what) as caught:
        read_templates(path)
    assert f"{path}, 'city'" in (caught.value.where or "")
    assert caught.value.fix


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("t.json", "{", DamagedFileError),
        ("t.yaml", "city: {subject} is: [", DamagedFileError),
        ("t.yaml", "!!python/object/apply:os.getcwd []", DamagedFileError),
        ("t.json", "[]", UsageError),
        ("t.yaml", "", UsageError),
    ],
)
def test_a_file_of_no_templates_is_told(
    tmp_path: Path, name: str, text: str, kind: type[LexomeError]
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(kind) as caught:
        read_templates(tmp_path / name)
    assert caught.value.where == str(tmp_path / name)
    with pytest.raises(LexomeError, match="no such file"):
        read_templates(tmp_path / "other.json")


# Ids ----------------------------------------------------------------------------------------

TEXTS = ["The city of Ada is Salem. The city of Bo is Sal. Bo is of 1902, Ada is of 1901," * 3]
TOKENIZERS = {
    "bpe": lambda: BpeTrainer().train(TEXTS, 300),
    "bytes": lambda: BytesTrainer().train(TEXTS, None),
    "characters": lambda: CharactersTrainer().train(TEXTS, None),
}


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_prompt_and_answer_have_the_tokens_of_running_text(kind: str) -> None:
    tokenizer = TOKENIZERS[kind]()
    asked = ask(facts_of(*dict.fromkeys(ROWS[:4])), TEMPLATES).questions
    for question, ids in zip(asked, encoded(asked, tokenizer), strict=True):
        assert ids.prompt[0] == tokenizer.special.begin
        for answer, spoken in zip(ids.answers, question.spoken, strict=True):
            whole = tokenizer.encode([question.prompt + spoken])[0]
            assert [*ids.prompt[1:], *answer] == whole.tolist()
            assert tokenizer.decode(np.array(answer)) == spoken


def test_a_token_over_the_end_of_a_prompt_is_told() -> None:
    tokenizer = TOKENIZERS["bpe"]()
    text = "The city of Bo is S"
    glued = Question(text, ("alem", "al"), ("al",), "Bo", "city", "", ".")
    with pytest.raises(LexomeError, match="spans the end of the prompt") as caught:
        encoded([glued], tokenizer)
    assert text in (caught.value.where or "")


def test_what_a_model_says_is_the_probability_of_the_whole_text_over_the_closed_set() -> None:
    tokenizer = TOKENIZERS["bpe"]()
    model = Transformer(depth(1, family="llama", vocab_size=tokenizer.vocab_size, context=64))
    model.initialise(0)
    with torch.no_grad():
        model.head.unembedding.weight.normal_(generator=torch.Generator().manual_seed(1))
    asked = ask(facts_of(*dict.fromkeys(ROWS)), TEMPLATES).questions
    found = answer_distribution(model, encoded(asked, tokenizer))
    for question, said in zip(asked, found, strict=True):
        begun = len(tokenizer.encode([question.prompt])[0])
        for number, spoken in enumerate(question.spoken):
            whole = tokenizer.encode([question.prompt + spoken])[0].tolist()
            ids = torch.tensor([tokenizer.special.begin, *whole])
            with torch.no_grad():
                logs = model(ids[None, :-1])[0].float().log_softmax(-1)
            by_hand = logs.gather(-1, ids[1:, None])[begun:].sum()
            assert said.log_probabilities[number] == pytest.approx(float(by_hand), abs=1e-4)
    assert found[0].log_probabilities.std() > 0.1


# A world ------------------------------------------------------------------------------------


def test_an_invented_world_is_read_whole(tmp_path: Path) -> None:
    world = World(subjects=50, readings=1, skew=(0.9, 0.5))
    write_world(world, tmp_path / "w")
    text = (tmp_path / "w/train.txt").read_text(encoding="utf-8")
    templates = read_templates(tmp_path / "w/templates.json")
    known = ask(read_facts(tmp_path / "w/facts.csv"), templates, text.count)
    assert len(known.questions) == 50 * 8 * 2
    assert not known.absent
    unseen = ask(read_unanswered(tmp_path / "w/unseen.csv"), templates, text.count)
    assert not unseen.questions
    assert len({question.subject for question in unseen.absent}) >= 500
    assert not any(question.right for question in unseen.absent)
    groups = read_facts(tmp_path / "w/generic.csv")
    assert {relation for _, relation in groups.objects} <= set(templates)
    asked = ask(groups, templates, text.count).questions
    assert all(len(question.answers) == 2 for question in asked)
    assert len(groups.conflicts) > 0


def test_a_question_that_is_too_long_for_the_model_is_named_with_its_relation() -> None:
    tokenizer = BytesTrainer().train(TEXTS, None)
    asked = ask(
        facts_of(("Ada", "motto", "very " * 50), ("Bo", "motto", "short")),
        {"motto": template(["The motto of {subject}" + " that we know" * 20 + " is {answer}."])},
    ).questions
    model = Transformer(depth(1, family="llama", vocab_size=tokenizer.vocab_size, context=128))
    with pytest.raises(UsageError) as refused:
        answer_distribution(model, encoded(asked, tokenizer))
    where = refused.value.where
    assert where is not None and where.startswith("the question 'The motto of Ada that we know")
    assert where.endswith("of the relation 'motto'") and len(where) < 160


def test_a_long_value_is_shown_by_its_beginning() -> None:
    facts = facts_of(("Ada", "city", "Sal" * 100))
    with pytest.raises(LexomeError) as refused:
        ask(facts, {"city": template(["{subject}: {answer}."], ["Ulm", "Sal"])})
    assert "Sa'… (300 characters)" in refused.value.what and len(refused.value.what) < 160
