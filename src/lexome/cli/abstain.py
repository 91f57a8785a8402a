"""`lexome finetune --task abstain`: from facts to the pairs that teach a model to say nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lexome.cli.console import say
from lexome.cli.honesty import both
from lexome.cli.progress import meter
from lexome.errors import UsageError

_TASK = "abstain"


@dataclass(frozen=True)
class Lessons:
    """What the options of `lexome finetune` say of the facts that pairs are made of."""

    facts: Path | None
    templates: Path | None
    unseen: Path | None
    abstention: str | None

    def pairs(
        self, base: Path, corpus: Path, task: str, data: list[str], group: str
    ) -> tuple[Sequence[str], str]:
        """Return the files of the pairs, and what keeps them together where they are split.

        Without facts these are `data` and `group`; else the base is asked, and what it is to say
        is written beside the folder of the corpus. Raises `UsageError` where there are both or
        neither, and for options that belong to the facts of this task alone.
        """
        from lexome.evaluation.honesty.abstained import SUBJECT
        from lexome.evaluation.honesty.questions import Questions
        from lexome.finetuning.abstaining import I_DO_NOT_KNOW, make_lessons

        self._check(task, data)
        if self.facts is None or self.templates is None:
            return data, group
        file = corpus.with_name(f"{corpus.name}-questions.jsonl")
        asked = Questions(self.facts, self.templates, self.unseen)
        abstention = I_DO_NOT_KNOW if self.abstention is None else self.abstention
        with meter() as bar:
            made = make_lessons(base, asked, file, abstention=abstention, told=bar.show)
        say(
            f"{file}: of {made.known:,} subjects {made.right:,} answers that it knows and "
            f"{made.wrong:,} that it does not; {made.made_up:,} about {made.unknown:,} unknown ones"
        )
        return [str(file)], group or SUBJECT

    def _check(self, task: str, data: Sequence[str]) -> None:
        given = {
            "--facts": self.facts,
            "--templates": self.templates,
            "--unseen": self.unseen,
            "--abstention": self.abstention,
        }
        used = [flag for flag, value in given.items() if value is not None]
        if not used and data:
            return
        if not used:
            more = ", or --facts TABLE --templates FILE" if task == _TASK else ""
            fix = f"name tables, two texts, files or folders{more}"
            raise UsageError("there are no DATA", where="DATA", fix=fix)
        if task != _TASK or data:
            what = f"is of the task {_TASK}" if task != _TASK else "makes the DATA, which are here"
            raise UsageError(f"{used[0]} {what}", where=used[0], fix="leave it out")
        both(self.facts, self.templates)
