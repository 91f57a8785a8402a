"""Which options of `lexome finetune` make pairs of questions, and of which tasks they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from lexome.cli.fact_options import FactsTable, Templates, Unseen
from lexome.cli.finetune_options import Abstention, Groups, HeldOut
from lexome.errors import UsageError

ABSTAIN, REBALANCE = "abstain", "rebalance"
_FACTS = ("--facts", "--templates")
_OPTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {ABSTAIN: (*_FACTS, "--unseen", "--abstention"), REBALANCE: ("--groups", *_FACTS)}
)
# What such pairs are made of at least.
_MADE_OF: Mapping[str, str] = MappingProxyType(
    {ABSTAIN: "--facts TABLE --templates FILE", REBALANCE: "--groups FILE"}
)


@dataclass(frozen=True)
class Lessons:
    """What the options of `lexome finetune` say of the questions that pairs are made of."""

    facts: FactsTable = None
    templates: Templates = None
    unseen: Unseen = None
    abstention: Abstention = None
    groups: Groups = None

    def pairs(
        self, base: Path, corpus: Path, task: str, data: list[str], held: HeldOut
    ) -> tuple[Sequence[str], HeldOut]:
        """Return the files of the pairs, and what is held out of them.

        Without questions these are `data` and `held`; else the base is asked, and what it is to
        say is written beside the folder of the corpus. What pairs say of themselves is held out,
        or a share of those whom they are about, unless a person says something else. Raises
        `UsageError` where there are both or neither, and for options that are of another task.
        """
        from lexome.cli.abstain import abstain_pairs
        from lexome.cli.rebalance import rebalance_pairs
        from lexome.corpus.manifest import VALID
        from lexome.finetuning.lessons import ABOUT, SIDE

        self._check(task, data)
        file = corpus.with_name(f"{corpus.name}-questions.jsonl")
        if task == REBALANCE and self.groups is not None:
            rebalance_pairs(base, self.groups, self.facts, self.templates, file)
        elif task == ABSTAIN and not data:
            tables = (self.facts, self.templates, self.unseen)
            abstain_pairs(base, *tables, self.abstention, file, held.validation)
            if not (held.group or held.validation_files or held.validation_where):
                return [str(file)], replace(held, validation_where=[f"{SIDE}={VALID}"])
        else:
            return data, held
        return [str(file)], replace(held, group=held.group or ABOUT)

    def _check(self, task: str, data: Sequence[str]) -> None:
        given = {
            "--facts": self.facts,
            "--templates": self.templates,
            "--unseen": self.unseen,
            "--abstention": self.abstention,
            "--groups": self.groups,
        }
        used = [flag for flag, value in given.items() if value is not None]
        own, made_of = _OPTIONS.get(task, ()), _MADE_OF.get(task, "")
        if other := [flag for flag in used if flag not in own]:
            tasks = [name for name, flags in _OPTIONS.items() if other[0] in flags]
            of = f"the task{'s' if len(tasks) > 1 else ''} {' and '.join(tasks)}"
            raise UsageError(f"{other[0]} is of {of}", where=other[0], fix="leave it out")
        if used and data:
            what = f"{used[0]} makes the DATA, which are here"
            raise UsageError(what, where=used[0], fix="leave it out")
        if not data and (not used or (task == REBALANCE and self.groups is None)):
            fix = "name tables, two texts, files or folders"
            fix = f"{fix}, or {made_of}" if made_of else fix
            raise UsageError("there are no DATA", where="DATA", fix=fix)
