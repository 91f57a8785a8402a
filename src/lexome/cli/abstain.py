"""`lexome finetune --task abstain`: from facts to the pairs that teach a model to say nothing."""

from __future__ import annotations

from pathlib import Path

from lexome.cli.console import say
from lexome.cli.honesty import both
from lexome.cli.progress import meter


def abstain_pairs(
    base: Path,
    facts: Path | None,
    templates: Path | None,
    unseen: Path | None,
    abstention: str | None,
    file: Path,
    share: float,
) -> None:
    """Write the pairs to `file`, a `share` of them to be held out, and say how many."""
    from lexome.evaluation.honesty.questions import Questions
    from lexome.evaluation.honesty.told import told_notes
    from lexome.finetuning.abstaining import I_DO_NOT_KNOW, make_lessons

    asked = Questions(*both(facts, templates), unseen)
    said = I_DO_NOT_KNOW if abstention is None else abstention
    with meter() as bar:
        made = make_lessons(base, asked, file, abstention=said, share=share, told=bar.show)
    say(
        f"{file}: of {made.known:,} subjects {made.right:,} answers that it knows and "
        f"{made.wrong:,} that it does not, each {made.times:,} times, {made.held_out:,} of them "
        f"held out; {made.made_up:,} about {made.unknown:,} unknown ones"
    )
    for note in told_notes(True, made.untold, made.untold_facts):
        say(note)
    if made.named:
        say(
            f"{unseen}: {made.named:,} subjects are named by the corpus or the facts, and are not "
            "taught as unknown"
        )
