"""`lexome finetune --task rebalance`: from a groups file to pairs that teach declared shares."""

from __future__ import annotations

from pathlib import Path

from lexome.cli.console import say
from lexome.cli.honesty import both
from lexome.cli.progress import meter


def rebalance_pairs(
    base: Path, groups: Path, facts: Path | None, templates: Path | None, file: Path
) -> None:
    """Write the pairs to `file`, and say how many."""
    from lexome.evaluation.honesty.questions import Questions
    from lexome.finetuning.rebalancing import make_lessons

    with_facts = facts is not None or templates is not None
    asked = Questions(*both(facts, templates)) if with_facts else None
    with meter() as bar:
        made = make_lessons(base, groups, file, asked, told=bar.show)
    kept = (
        f"{made.facts:,} facts about {made.subjects:,} subjects stay as they are"
        if with_facts
        else "no facts are taught beside them, so some may be falsified"
    )
    say(
        f"{file}: {made.statements:,} statements about groups, by {made.prompts:,} prompts of "
        f"{made.questions:,} questions, and {made.kept:,} of those to keep, in the base's own "
        f"shares; again in {made.told:,} texts; {kept}; "
        f"{made.rehearsed:,} passages are rehearsed"
    )
