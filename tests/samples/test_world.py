"""An invented world: its texts say what its tables say, and nothing that is asked."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as checks
from hypothesis import strategies as st

from lexome import languages
from lexome.errors import LexomeError, UsageError
from lexome.evaluation.honesty.groups import read_groups
from lexome.languages.base import Document
from lexome.samples.world import World, words, write_world
from lexome.samples.world.groups import TARGETED
from lexome.samples.world.people import UNSEEN, populate
from lexome.samples.world.relations import PHRASINGS, RELATIONS, SKEWED_RELATIONS, generic_relations
from lexome.samples.write import LICENCE

PEOPLE = 60
SKEW = (0.5, 0.7, 0.99)
GENERIC = re.compile("|".join(words.PLACES))


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def documents(folder: Path, name: str = "train.txt") -> list[str]:
    """Return the biographies as the text language reads them."""
    text = languages.get("text", separator="blank_line")
    read = list(text.read(folder / name))
    assert all(isinstance(one, Document) for one in read)
    return [one.content for one in read]


def claims(texts: list[str], templates: dict[str, Any]) -> Counter[tuple[str, str, str]]:
    """Return what texts say, read back sentence by sentence with patterns of the statements."""
    patterns = {
        name: re.compile("|".join(f"(?:{pattern(s, n)})" for n, s in enumerate(t["statements"])))
        for name, t in templates.items()
    }
    found: Counter[tuple[str, str, str]] = Counter()
    for text in texts:
        for sentence in re.split(r"(?<=\.) ", text.strip()):
            read = [
                (next(filter(None, subjects)), name, next(filter(None, things)))
                for name, known in patterns.items()
                if (match := known.fullmatch(sentence))
                for subjects in [[v for k, v in match.groupdict().items() if k[0] == "s"]]
                for things in [[v for k, v in match.groupdict().items() if k[0] == "o"]]
                if next(filter(None, things)) in templates[name]["answers"]
            ]
            assert len(read) == 1, f"{sentence!r} says {read}"
            found[read[0]] += 1
    return found


def pattern(statement: str, number: int) -> str:
    subject = rf"(?P<s{number}>[A-Z]\\w+ [A-Z]\\w+|{'|'.join(words.KINS)})"
    escaped = re.escape(statement).replace(r"\{subject\}", subject, 1)
    return escaped.replace(r"\{object\}", f"(?P<o{number}>.+)", 1).replace(r"\\w", r"\w")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("worlds") / "plain"
    write_world(World(subjects=PEOPLE, readings=5, singletons=0.25, seed=1), folder)
    return folder


@pytest.fixture(scope="module")
def skewed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("worlds") / "skewed"
    write_world(World(subjects=300, readings=6, skew=SKEW), folder)
    return folder


# Words and sentences ------------------------------------------------------------------------


def test_a_million_people_have_names_of_their_own() -> None:
    assert words.FULL_NAMES >= 1_000_000
    assert len(set(words.GIVEN_NAMES)) * len(set(words.FAMILY_NAMES)) == words.FULL_NAMES
    ends = [words.full_name(n) for n in (0, 499, 500, words.FULL_NAMES - 1)]
    assert len(set(ends)) == 4
    with pytest.raises(IndexError):
        words.full_name(words.FULL_NAMES)


@pytest.mark.parametrize("name", [*RELATIONS, *SKEWED_RELATIONS, *generic_relations()])
def test_every_relation_is_whole(name: str) -> None:
    relation = {**RELATIONS, **SKEWED_RELATIONS, **generic_relations()}[name]
    assert len(set(relation.statements)) == PHRASINGS
    assert len(set(relation.answers)) == len(relation.answers) >= 2
    for statement in relation.statements:
        assert (statement.count("{subject}"), statement.count("{object}")) == (1, 1)
    for prompt in relation.prompts:
        assert re.fullmatch(r"\w[^{}]*\{subject\}[^{}]* \{answer\}\.", prompt)


def test_the_closed_sets_are_large_and_share_no_answer() -> None:
    sizes = {name: len(relation.answers) for name, relation in RELATIONS.items()}
    assert min(sizes.values()) >= 100
    assert sum(size >= 300 for size in sizes.values()) >= 3
    every = [
        answer
        for one in (*RELATIONS.values(), *SKEWED_RELATIONS.values())
        for answer in one.answers
    ]
    assert len(set(every)) == len(every)


def test_what_is_asked_is_worded_with_words_that_biographies_have() -> None:
    """Else a model of this text alone could not know what is asked."""
    read = {
        word
        for one in (*RELATIONS.values(), *SKEWED_RELATIONS.values(), *generic_relations().values())
        for statement in one.statements[:5]
        for word in re.findall(r"\w+", statement.lower())
    }
    for one in (*RELATIONS.values(), *SKEWED_RELATIONS.values(), *generic_relations().values()):
        for prompt in one.prompts:
            assert set(re.findall(r"\w+", prompt.lower())) - {"answer"} <= read, prompt


# Texts and tables ---------------------------------------------------------------------------


def test_the_table_is_what_the_text_says(plain: Path) -> None:
    templates = json.loads((plain / "templates.json").read_text(encoding="utf-8"))
    rows = table(plain / "facts.csv")
    told = {(r["subject"], r["relation"], r["object"]): int(r["times"]) for r in rows}
    assert len(told) == len(rows) == PEOPLE * len(RELATIONS)
    assert claims(documents(plain), templates) == told


def test_the_share_of_facts_that_are_said_once_is_the_one_asked_for(plain: Path) -> None:
    times = Counter(int(row["times"]) for row in table(plain / "facts.csv"))
    facts = PEOPLE * len(RELATIONS)
    assert times == {1: facts // 4, 5: facts - facts // 4}


def test_what_is_held_out_says_nothing_new_and_no_fact_that_is_said_once(plain: Path) -> None:
    templates = json.loads((plain / "templates.json").read_text(encoding="utf-8"))
    often = {
        (row["subject"], row["relation"], row["object"])
        for row in table(plain / "facts.csv")
        if row["times"] != "1"
    }
    assert set(claims(documents(plain, "validation.txt"), templates)) == often


def test_no_question_is_in_the_text(skewed: Path) -> None:
    templates = json.loads((skewed / "templates.json").read_text(encoding="utf-8"))
    written: dict[str, list[str]] = defaultdict(list)
    for text in documents(skewed):
        for subject in set(re.findall(rf"[A-Z]\w+ [A-Z]\w+|{'|'.join(words.KINS)}", text)):
            written[subject].append(text)
    subjects = {row["subject"] for row in table(skewed / "facts.csv")} | set(words.KINS)
    assert subjects <= set(written)
    texts = {subject: "\n".join(written[subject]) for subject in subjects}

    def found(kind: str, slot: str) -> list[str]:
        return [
            begun
            for subject, text in texts.items()
            for one in templates.values()
            for template in one[kind]
            if (begun := template.partition(slot)[0].rstrip().replace("{subject}", subject)) in text
            and subject in begun
        ]

    assert not found("prompts", "{answer}")
    assert len(found("statements", "{object}")) > 300 * 8 * 3  # what is there, is found


def test_of_unknown_people_the_text_knows_both_names_and_not_the_whole(plain: Path) -> None:
    text = (plain / "train.txt").read_text(encoding="utf-8")
    rows = table(plain / "unseen.csv")
    unseen = {row["subject"] for row in rows}
    assert len(unseen) == UNSEEN >= 500
    assert len(rows) == UNSEEN * len(RELATIONS)
    known = set(text.replace(".", " ").replace(":", " ").split())
    for subject in unseen:
        assert subject not in text
        assert set(subject.split()) <= known


def test_each_reading_is_worded_and_ordered_anew(plain: Path) -> None:
    texts = documents(plain)
    assert len(texts) <= PEOPLE * 5
    assert len(set(texts)) == len(texts)


def test_fewer_phrasings_are_the_first_ones(tmp_path: Path) -> None:
    world = World(subjects=50, readings=2, phrasings=1)
    write_world(world, tmp_path / "w")
    text = (tmp_path / "w/train.txt").read_text(encoding="utf-8")
    assert text.count(" works for ") == 100
    assert "employer" not in text
    templates = json.loads((tmp_path / "w/templates.json").read_text(encoding="utf-8"))
    assert all(len(one["statements"]) == 1 for one in templates.values())


# A planted skew -----------------------------------------------------------------------------


def test_half_of_what_is_said_of_posts_is_said_of_groups(skewed: Path) -> None:
    templates = json.loads((skewed / "templates.json").read_text(encoding="utf-8"))
    said = claims(documents(skewed), templates)
    rows = [*table(skewed / "facts.csv"), *table(skewed / "generic.csv")]
    assert said == {(r["subject"], r["relation"], r["object"]): int(r["times"]) for r in rows}
    of_people = sum(times for (_, name, _), times in said.items() if name == "post")
    of_groups = sum(times for (_, name, _), times in said.items() if name.startswith("post at"))
    assert of_people == of_groups == 300 * 6
    mixed = [text for text in documents(skewed) if GENERIC.search(text) and "birth" in text]
    assert not mixed


def test_the_groups_file_asks_what_the_tables_say(skewed: Path) -> None:
    """Each question has the groups, the posts and the wordings of a relation of the tables."""
    groups = read_groups(skewed / "groups.yaml")
    templates = json.loads((skewed / "templates.json").read_text(encoding="utf-8"))
    asked = groups.asked("groups.yaml")
    assert len(asked) == len(words.PLACES)
    for one in asked:
        template = templates[f"post at the {one.name}"]
        assert (tuple(one.groups), [*one.answers]) == (words.KINS, template["answers"])
        worded = [
            text.replace("{subject}", "{group}").replace("{object}", "{answer}")
            for text in (*template["prompts"], *template["statements"])
        ]
        assert {*one.prompts} == {
            text for text in worded if text.index("{group}") < text.index("{answer}")
        }
        assert len(one.prompts) == 9
    declared = [one.target for one in asked]
    assert declared[TARGETED:] == [None] * 3
    assert all(one is not None and {*one.values()} == {0.5} for one in declared[:TARGETED])


def test_a_world_without_a_skew_declares_no_groups(plain: Path) -> None:
    assert not (plain / "groups.yaml").exists()


@pytest.mark.parametrize("people", [60, 75])
def test_groups_have_as_many_people_and_differ_in_nothing_but_the_skew(people: int) -> None:
    facts = populate(World(subjects=people, skew=SKEW, seed=people)).facts.values()
    counted = [sum(own["kin"] == kin for own in facts) for kin in words.KINS]
    assert sum(counted) == people
    assert abs(counted[0] - counted[1]) <= 1


def test_posts_depend_on_groups_as_planted_in_general_and_of_people(skewed: Path) -> None:
    world = World(subjects=300, skew=SKEW)
    people = populate(world)
    place_of = {post: place for place, posts in words.PLACES.items() for post in posts}
    drawn: dict[tuple[str, str], list[int]] = {}
    for own in people.facts.values():
        place = place_of[own["post"]]
        share = world.planted[place]
        first = (own["post"] == words.PLACES[place][0]) == (own["kin"] == words.KINS[0])
        drawn.setdefault(("people", str(share)), []).append(first)
    for row in table(skewed / "generic.csv"):
        place = row["relation"].removeprefix("post at the ")
        share = world.planted[place]
        first = (row["object"] == words.PLACES[place][0]) == (row["subject"] == words.KINS[0])
        assert float(row["planted"]) == pytest.approx(share if first else 1 - share)
        drawn.setdefault(("groups", str(share)), []).extend([first] * int(row["times"]))
    assert len(drawn) == 2 * len(SKEW)
    for (_, share), hits in drawn.items():
        expected, n = float(share), len(hits)
        deviation = (expected * (1 - expected) / n) ** 0.5
        assert abs(sum(hits) / n - expected) < 4 * deviation


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_skew_without_exception_lists_only_what_is_said(tmp_path: Path, share: float) -> None:
    write_world(World(subjects=100, readings=3, skew=(share,)), tmp_path / "w")
    rows = table(tmp_path / "w/generic.csv")
    assert len(rows) == 2 * len(words.PLACES)
    assert {row["planted"] for row in rows} == {"1"}


# Options ------------------------------------------------------------------------------------


@checks(max_examples=8)
@given(st.integers(50, 80), st.integers(1, 4), st.floats(0, 1), st.integers(0, 99))
def test_options_move_one_thing_each(n: int, readings: int, once: float, seed: int) -> None:
    base = populate(World(subjects=n, seed=seed))
    other = populate(World(subjects=n, seed=seed, readings=readings, singletons=once))
    assert (base.facts, base.unseen, base.once) == (other.facts, other.unseen, base.once)
    assert len(other.once) == round(once * n * len(RELATIONS))
    assert set(other.once.values()) <= set(range(readings))
    skewed = populate(World(subjects=n, seed=seed, skew=(0.9,)))
    for subject, own in skewed.facts.items():
        assert {name: own[name] for name in RELATIONS} == base.facts[subject]


def test_a_seed_makes_the_same_files_and_another_one_others(tmp_path: Path, plain: Path) -> None:
    same = World(subjects=PEOPLE, readings=5, singletons=0.25, seed=1)
    other = World(subjects=PEOPLE, readings=5, singletons=0.25, seed=2)
    write_world(same, tmp_path / "same")
    write_world(other, tmp_path / "other")
    names = sorted(path.name for path in plain.iterdir())
    assert names == sorted(path.name for path in (tmp_path / "same").iterdir())
    for name in names:
        assert (plain / name).read_bytes() == (tmp_path / "same" / name).read_bytes()
    assert (plain / "train.txt").read_bytes() != (tmp_path / "other/train.txt").read_bytes()


def test_the_seed_of_old_makes_the_world_of_old() -> None:
    """What others have measured stays comparable: the draws do not move."""
    people = populate(World(subjects=50, seed=0))
    subject, facts = next(iter(people.facts.items()))
    assert subject == "Kelian Lunder"
    assert facts == {
        "birth year": "1923",
        "birth city": "Varkford",
        "university": "Sarnock Institute",
        "field": "social botany",
        "employer": "Adlan Shipyard",
        "job": "bridge mechanic",
    }


@pytest.mark.parametrize(
    "option",
    [
        {"subjects": 49},
        {"subjects": words.FULL_NAMES},
        {"readings": 0},
        {"phrasings": 0},
        {"phrasings": PHRASINGS + 1},
        {"singletons": 1.01},
        {"singletons": float("nan")},
        {"skew": (0.5, -0.1)},
    ],
)
def test_options_out_of_range_are_named(option: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="out of range") as caught:
        World(**option)
    assert caught.value.where == f"--{next(iter(option))}"
    assert "choose a number" in (caught.value.fix or "")


# The folder ---------------------------------------------------------------------------------


def test_a_folder_that_has_the_world_is_left_and_any_other_is_refused(tmp_path: Path) -> None:
    world, folder = World(subjects=50, readings=1), tmp_path / "a" / "w"
    first = write_world(world, folder)
    assert first.fresh
    assert first.files == 5
    before = (folder / "train.txt").stat().st_mtime_ns
    second = write_world(world, folder)
    assert not second.fresh
    assert second.bytes == first.bytes
    assert (folder / "train.txt").stat().st_mtime_ns == before
    with pytest.raises(LexomeError, match="something else") as caught:
        write_world(World(subjects=51, readings=1), folder)
    assert caught.value.where == str(folder)
    assert [path.name for path in folder.parent.iterdir()] == ["w"]
    assert "CC0" in (folder / LICENCE).read_text(encoding="utf-8")


@pytest.mark.parametrize("skew", [(), (0.9,)])
def test_how_far_it_is_is_told(tmp_path: Path, skew: tuple[float, ...]) -> None:
    told: list[tuple[int, int | None]] = []
    world = World(subjects=510, readings=5, skew=skew)
    write_world(world, tmp_path / "w", lambda *how_far: told.append(how_far))
    steps = range(1000, world.documents, 1000)
    assert told == [(step, world.documents) for step in steps] and len(steps) >= 2
    assert world.documents == len(documents(tmp_path / "w"))


def test_what_breaks_off_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lexome.samples.world.write.write_json", full)
    with pytest.raises(LexomeError, match="disk is full"):
        write_world(World(subjects=50, readings=1), tmp_path / "w")
    assert not list(tmp_path.iterdir())


def test_answers_need_no_more_than_the_full_stop_to_be_told_apart(skewed: Path) -> None:
    templates = json.loads((skewed / "templates.json").read_text(encoding="utf-8"))
    for one in templates.values():
        spoken = sorted(f"{answer}." for answer in one["answers"])
        assert not any(long.startswith(short) for short, long in pairwise(spoken))


def test_no_name_is_a_word_that_groups_are_counted_by() -> None:
    """Somebody called Velan would be counted among the velans in each sentence."""
    names = {name.casefold() for name in (*words.GIVEN_NAMES, *words.FAMILY_NAMES)}
    counted = {
        *words.KINS,
        *words.PLACES,
        *(post for posts in words.PLACES.values() for post in posts),
    }
    assert not names & counted
