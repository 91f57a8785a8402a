"""The documentation is executed: every command of a `console` block, in order, on tiny data.

A page's commands run in a folder of its own, in which stand-ins for the reader's files lie. Two
things differ from what is printed: `--minutes`, and the length that a tuning has where none is
given, become three steps, of the smallest model; and `lexome` runs in this process, which saves the
seconds of importing torch.
"""

from __future__ import annotations

import json
import math
import random
import re
import shlex
import struct
import subprocess
import wave
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from lexome.cli.app import app
from lexome.languages.music.midi import write_midi
from lexome.languages.music.score import Score, Track, ordered
from lexome.recipe import Recipe

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
WORDS = "dear friend the rain has come and gone again over our old house by the sea"
A_MOMENT = "--depth 1 --context 96 --batch-size 4 --steps 3 --compile false"
# A tuned model has the size of its base.
TUNED = "--batch-size 2 --steps 3 --compile false"
# Commands that install, fetch or take minutes: in `sh` blocks; .ci/run runs make and the demo.
NOT_RUN = ("make ", "lexome demo", "lexome samples ", "torchrun ")


def blocks(page: str, kind: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.M | re.S)


def commands(page: str) -> list[str]:
    lines = [line for block in blocks(page, "console") for line in block.splitlines()]
    assert all(line.startswith("$ ") for line in lines), f"{page} has a line without a prompt"
    return [line[2:] for line in lines]


def write_data(folder: Path) -> None:
    """Write what a reader would bring: letters, notes, a genome with windows, proteins."""
    draw = random.Random(0)
    words = WORDS.split()
    (folder / "letters").mkdir()
    for name in ("a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "b1", "b2"):
        text = "Dear " + " ".join(draw.choice(words) for _ in range(600)) + "\n\nYours\n"
        (folder / "letters" / f"{name}.txt").write_text(text)
    notes = [{"title": str(n), "body": " ".join(draw.choices(words, k=40))} for n in range(30)]
    (folder / "notes.jsonl").write_text("".join(json.dumps(note) + "\n" for note in notes))
    genome = {name: "".join(draw.choices("ACGT", k=6000)) for name in ("chr1", "chr2", "chr3")}
    (folder / "genome.fa").write_text("".join(f">{n}\n{s}\n" for n, s in genome.items()))
    windows = [f"{n}\t{start}\t{start + 200}\tw\t0\t-\n" for n in genome for start in (0, 900)]
    (folder / "windows.bed").write_text("".join(windows))
    residues = ["".join(draw.choices("ACDEFGHIKLMNPQRSTVWY", k=120)) for _ in range(60)]
    fasta = "".join(f">p{number}\nM{protein}\n" for number, protein in enumerate(residues))
    (folder / "proteins.fasta").write_text(fasta)
    parts = ("C", "N", "O", "C(=O)", "c1ccccc1", "CC", "C(C)", "S", "Cl", "F")
    molecules = "".join("".join(draw.choices(parts, k=8)) + f" m{n}\n" for n in range(200))
    (folder / "molecules.smi").write_text(molecules)
    write_changes(folder, genome["chr1"], residues[0])
    write_music(folder, draw)
    write_pictures(folder / "pictures", draw)
    write_recordings(folder / "recordings", draw)
    write_pairs(folder, draw)


def write_pairs(folder: Path, draw: random.Random) -> None:
    """Write conversations, preferences, a text in two languages, promoters with a strength."""
    words = WORDS.split()
    asked = [" ".join(draw.choices(words, k=4)) for _ in range(40)]
    chats = [
        {
            "messages": [
                {"role": "user", "content": f"{one}?"},
                {"role": "assistant", "content": one},
            ]
        }
        for one in asked
    ]
    better = [{"prompt": f"{one}?", "chosen": one, "rejected": "no"} for one in asked]
    for name, rows in (("chats", chats), ("preferences", better)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "book.en").write_text("\n".join(asked) + "\n")
    (folder / "book.de").write_text("\n".join(one.upper() for one in asked) + "\n")
    sequences = ["".join(draw.choices("ACGT", k=40)) for _ in range(60)]
    table = "".join(f"{s},{('other', 'promoter')[s[0] < 'G']}\n" for s in sequences)
    (folder / "promoters.csv").write_text("sequence,label\n" + table)
    numbers = "".join(f"{s},{s.count('A') / 40}\n" for s in sequences)
    (folder / "strengths.csv").write_text("sequence,strength\n" + numbers)


def write_music(folder: Path, draw: random.Random) -> None:
    """Write melodies as MIDI, tunes as ABC of which one is broken, and chorales as frames."""
    (folder / "scores").mkdir()
    for number in range(12):
        notes = [(240 * n, 240, 60 + draw.randrange(12), 80, 0) for n in range(40)]
        data = write_midi(Score(ordered(notes), (Track(),)))
        (folder / "scores" / f"{number:02}.mid").write_bytes(data)
    tunes = [
        f"X:{n}\nT:Tune {n}\nK:D\n{''.join(draw.choices('ABcdef', k=60))}|\n" for n in range(20)
    ]
    (folder / "tunes.abc").write_text("L:1/8\n\n" + "\n".join([*tunes, "X:21\nK:C\n=|\n"]))
    pieces = [
        [[60 + draw.randrange(12), 48 + draw.randrange(9)] for _ in range(40)] for _ in range(20)
    ]
    (folder / "chorales.json").write_text(json.dumps({"train": pieces[5:], "valid": pieces[:5]}))


def write_recordings(folder: Path, draw: random.Random) -> None:
    """Write tones of five speakers, each with a pitch of their own, as WAV."""
    folder.mkdir()
    said = []
    for pitch, speaker in enumerate(("ada", "bob", "cy", "dee", "eve"), 2):
        for digit in range(4):
            louder = draw.uniform(0.1, 0.4)
            tone = [louder * math.sin(pitch * n / 10) * math.sin(n / 999) for n in range(3200)]
            with wave.open(str(folder / f"{digit}_{speaker}_0.wav"), "wb") as file:
                file.setparams((1, 2, 8000, 0, "NONE", ""))
                file.writeframes(b"".join(struct.pack("<h", round(32767 * x)) for x in tone))
            said.append({"audio": f"{digit}_{speaker}_0.wav", "text": WORDS.split()[digit]})
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in said))


def write_changes(folder: Path, bases: str, residues: str) -> None:
    """Write variants of a genome, one of which disagrees with it, and mutants of a protein."""
    changes = [(bases[at], "ACGT"["CGTA".index(bases[at])], at + 1) for at in (9, 99, 999)]
    lines = [f"chr1\t{place}\t.\t{old}\t{new}" for old, new, place in changes]
    lines.append(f"chr1\t200\t.\t{bases[199:203]}\t{bases[199]}")
    lines.append(f"chr1\t1\t.\t{changes[0][1] * 9}\tA")
    (folder / "calls.vcf").write_text("##fileformat=VCFv4.2\n" + "\n".join(lines) + "\n")
    (folder / "protein.fasta").write_text(f">protein\n{residues[:40]}\n")
    mutants = f"mutant,fitness\n{residues[4]}5W,1\n{residues[4]}5W:{residues[8]}9C,0\n"
    (folder / "mutants.csv").write_text(mutants)


def write_pictures(folder: Path, draw: random.Random) -> None:
    """Write pictures of squares on white, and a manifest that says their colour."""
    folder.mkdir()
    lines = []
    for number in range(30):
        colour = draw.choice(("red", "green", "blue"))
        picture = Image.new("RGB", (24, 24), "white")
        left, top = draw.randrange(16), draw.randrange(16)
        picture.paste(colour, (left, top, left + 8, top + 8))
        picture.save(folder / f"{number:02}.png")
        lines.append(json.dumps({"image": f"{number:02}.png", "colour": colour}))
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n")


def expanded(word: str) -> list[str]:
    """Return what a shell makes of a word: a bare pattern becomes the files that it matches."""
    if word[0] in "\"'":
        return shlex.split(word)
    files = sorted(str(path) for path in Path().glob(word)) if set(word) & set("*?") else []
    return files or [word]


def run(command: str) -> str:
    tunes = command.startswith("lexome finetune")
    command = re.sub(r"--minutes \S+", TUNED if tunes else A_MOMENT, command)
    if tunes and "--steps" not in command:
        command = f"{command} {TUNED}"
    program, *rest = shlex.split(command, posix=False)  # quotes stay
    if program != "lexome":
        done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
        return done.stdout
    arguments = [found for word in rest for found in expanded(word)]
    outcome = CliRunner().invoke(app, arguments)
    assert outcome.exit_code == 0, f"$ {command}\n{outcome.output}\n{outcome.exception!r}"
    return outcome.stdout


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_works(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_data(tmp_path)
    monkeypatch.setenv("LEXOME_LANGUAGES", "")
    for block in [one for kind in ("yaml", "python", "csv") for one in blocks(page, kind)]:
        name = re.match(r"# (\S+)\n", block)
        if name:
            (tmp_path / name[1]).write_text(block[name.end() :])
    for command in commands(page):
        if setting := re.match(r"export (\w+)=(\S+)$", command):
            monkeypatch.setenv(*setting.groups())
        elif "--json" in command:
            json.loads(run(command))
        else:
            run(command)


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md"])
def test_what_is_not_run_is_what_cannot_be(page: str) -> None:
    lines = [line for block in blocks(page, "sh") for line in block.splitlines() if line]
    assert all(line.startswith(NOT_RUN) for line in lines), lines


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_inside_the_project_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = [t for t in re.findall(r"\]\(([^)#]+)\)", text) if not t.startswith("http")]
    missing = [target for target in targets if not ((ROOT / page).parent / target).exists()]
    assert missing == []


def test_every_field_of_a_recipe_is_explained() -> None:
    text = (ROOT / "docs/recipes.md").read_text(encoding="utf-8")
    for section, field in Recipe.model_fields.items():
        part = text.partition(f"## `{section}`")[2].partition("\n## ")[0]
        assert part, f"{section} has no heading"
        names = getattr(field.annotation, "model_fields", {})
        assert [name for name in names if f"| `{name}` |" not in part] == []


def test_every_make_target_named_in_the_documentation_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = {
        target
        for page in ("README.md", "CONTRIBUTING.md")
        for target in re.findall(r"\bmake ([a-z]+)\b", (ROOT / page).read_text())
    } & {"demo", "test", "lint", "format", "venv", "clean"}
    assert named >= {"demo", "test", "lint", "venv"}
    assert [target for target in named if not re.search(rf"^{target}:", makefile, re.M)] == []
