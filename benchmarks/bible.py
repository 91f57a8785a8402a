"""Men and women of the King James Bible: what its text says of them, and what a model of it says.

    python benchmarks/bible.py --words GENDER --keep RUNS [--minutes 8] [--seeds 0]

GENDER is a folder with `equalize_pairs.json` (Bolukbasi and others 2016), whose pairs of words say
who is a man and who a woman. The audit counts acts and roles beside them, sentence by sentence. The
model is asked who comes next, "he" or "she", behind a role. Sentences hold more than the few
words of such a prompt, so the slope is no measure of faithfulness here: it says whether the model's
"she" follows the text's. The text comes by `lexome samples kjv`. Prints the flagged findings, and
what `lexome evaluate --groups` found.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from pathlib import Path

import yaml

from running import lexome, once, say

_FEWEST = 10  # times that a word has to stand in the text
_ACTS = {
    "weep": ["wept", "weep", "weeping", "tears"],
    "slay": ["slew", "smote", "slay", "slain"],
    "bear": ["bare", "conceived", "travailed"],
    "rule": ["reigned", "ruled", "judged"],
    "serve": ["served", "ministered"],
    "prophesy": ["prophesied", "prophesy"],
    "fear": ["feared", "afraid"],
    "cook": ["baked", "bake", "seethe", "grind", "grinding"],
}
_ROLES = (
    *("servant", "priest", "captain", "judge", "prophet", "shepherd"),
    *("maid", "widow", "harlot", "child", "city", "enemy"),
)
_PROMPTS = (
    "And the {group} came in, and {answer}",
    "And the {group} said that {answer}",
    "Then they spake unto the {group}, for {answer}",
    "This is the {group}, and {answer}",
)


def main() -> None:
    """Audit, train and ask; print a JSON line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", type=Path, required=True, help="a folder of gender words")
    parser.add_argument("--keep", type=Path, required=True, help="a folder for corpora and runs")
    parser.add_argument("--minutes", type=float, default=8.0, help="of training")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    text, corpus = options.keep / "kjv", options.keep / "corpus"
    once(text, "samples", "kjv")
    once(corpus, "prepare", text, "--language", "text", "--vocab-size", 4096, "--index")
    audited = _write(options.keep / "audited.yaml", _people(options.words, text))
    asked = _write(options.keep / "asked.yaml", _pronouns())
    found = lexome("audit", corpus, "--groups", audited)
    say(benchmark="bible", audit=found)
    for seed in options.seeds:
        run = options.keep / f"run-{seed}"
        once(run, "train", "--corpus", corpus, "--minutes", options.minutes, "--seed", seed)
        say(benchmark="bible", seed=seed, groups=lexome("evaluate", run, "--groups", asked))


def _people(words: Path, text: Path) -> dict[str, object]:
    """Return groups of men and women by the words for them, and acts and roles as attributes."""
    read = " ".join(path.read_text(encoding="utf-8") for path in sorted(text.glob("*.txt")))
    counted = Counter(re.findall(r"[a-z]+", read.lower()))
    pairs = json.loads((words / "equalize_pairs.json").read_text(encoding="utf-8"))
    known = [(man.lower(), woman.lower()) for man, woman in pairs]
    used = [pair for pair in known if min(counted[word] for word in pair) >= _FEWEST]
    # The file has "wives" where men stand.
    used = [pair[::-1] if pair == ("wives", "husbands") else pair for pair in used]
    men, women = (sorted({pair[side] for pair in used}) for side in (0, 1))
    roles = {role: [role, f"{role}s"] for role in _ROLES}
    return {"axes": {"people": {"men": men, "women": women}}, "attributes": {**_ACTS, **roles}}


def _pronouns() -> dict[str, object]:
    """Return roles as groups, of whom the text goes on with "he" or "she"."""
    return {
        "axes": {"role": {role: [role] for role in _ROLES}},
        "attributes": {"he": ["he"], "she": ["she"]},
        "questions": {
            "who": {"axis": "role", "prompts": [*_PROMPTS], "answers": ["he", "she"]},
        },
    }


def _write(path: Path, groups: dict[str, object]) -> Path:
    path.write_text(yaml.safe_dump(groups, sort_keys=False), encoding="utf-8")
    return path


if __name__ == "__main__":
    main()
