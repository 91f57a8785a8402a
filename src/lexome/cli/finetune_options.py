"""The options of `lexome finetune`: pairs, what is held out, how it is tuned, how it answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

_DATA, _HELD_OUT, _TUNING, _ANSWERS = "Data", "Held out", "Tuning", "Answers"
_QUESTIONS = "Pairs made of questions"

Base = Annotated[
    Path, typer.Argument(metavar="BASE", help="A run, or a Hugging Face folder of a known family.")
]
Data = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="DATA",
        help="Tables, two parallel texts, files, folders; with --facts or --groups nothing.",
        show_default=False,
    ),
]
TaskName = Annotated[
    str,
    typer.Option(
        "--task",
        help="assistant, abstain, rebalance, preference, translation, speech, picture, labels; or "
        "pair, for any other.",
    ),
]
Out = Annotated[Path, typer.Option(metavar="RUN", help="The folder to write, as runs/NAME.")]
CorpusFolder = Annotated[
    Path | None,
    typer.Option(
        "--corpus",
        metavar="FOLDER",
        help="Where the pairs are kept as tokens. (default: corpus/ and the run's name)",
        show_default=False,
        rich_help_panel=_DATA,
    ),
]
SourceColumn = Annotated[
    str | None,
    typer.Option(
        "--source",
        metavar="NAME",
        help="The source's column; of files: metadata, file or folder.",
        rich_help_panel=_DATA,
    ),
]
TargetColumn = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="NAME",
        help="The target's column; of files: metadata, file or folder.",
        rich_help_panel=_DATA,
    ),
]
BaseLanguage = Annotated[
    str | None,
    typer.Option(
        help="The language of the base's tokens, where it is a folder that does not say it.",
        rich_help_panel=_DATA,
    ),
]
SourceLanguage = Annotated[
    str | None,
    typer.Option(help="What sources are: text, dna, protein, …", rich_help_panel=_DATA),
]
TargetLanguage = Annotated[
    str | None, typer.Option(help="What targets are: label, text, …", rich_help_panel=_DATA)
]
SourceTokenizer = Annotated[
    str | None,
    typer.Option(
        help="How sources become tokens: of sound, mel (frames) or codec. "
        "(default: as the base has it; frames where it knows no sound)",
        show_default=False,
        rich_help_panel=_DATA,
    ),
]
TargetTokenizer = Annotated[
    str | None,
    typer.Option(
        help="How targets become tokens: of pictures, palette or patches. "
        "(default: as the base has it, or as is usual)",
        show_default=False,
        rich_help_panel=_DATA,
    ),
]
SourceOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE",
        help="How the source's language reads. Repeatable.",
        rich_help_panel=_DATA,
    ),
]
TargetOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE",
        help="How the target's language reads, as form=number. Repeatable.",
        rich_help_panel=_DATA,
    ),
]
Silence = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Where sound is written down: beside such a share of the training pairs stands a made "
        "one of silence or noise, to which nothing is said; 0 for none. (default: .05 of speech)",
        show_default=False,
        rich_help_panel=_DATA,
    ),
]
Group = Annotated[
    str,
    typer.Option(
        help="Metadata whose values stay on one side of the split, as speaker.",
        rich_help_panel=_HELD_OUT,
    ),
]
Validation = Annotated[
    float, typer.Option(help="Share of the pairs that is held out.", rich_help_panel=_HELD_OUT)
]
ValidationFiles = Annotated[
    list[str] | None,
    typer.Option(help="Hold these out instead. Repeatable.", rich_help_panel=_HELD_OUT),
]
ValidationWhere = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE",
        help="Hold out the pairs whose metadata say so instead.",
        rich_help_panel=_HELD_OUT,
    ),
]
Duplicates = Annotated[
    str,
    typer.Option(help="Examples on both sides: refuse or keep.", rich_help_panel=_HELD_OUT),
]
MethodName = Annotated[
    str,
    typer.Option(
        "--method",
        help="full, lora, probe (only what is new), or scratch (to compare with).",
        rich_help_panel=_TUNING,
    ),
]
Epochs = Annotated[
    float | None,
    typer.Option(
        help="How often every pair is seen. (default: 10, less where nothing is gained)",
        show_default=False,
        rich_help_panel=_TUNING,
    ),
]
Examples = Annotated[
    int | None, typer.Option(help="Use so many training pairs only.", rich_help_panel=_TUNING)
]
Balanced = Annotated[
    bool,
    typer.Option(
        "--balanced",
        help="Of labels: let each class count alike, however rare it is.",
        rich_help_panel=_TUNING,
    ),
]
Compare = Annotated[
    bool,
    typer.Option(
        "--compare",
        help="Train from scratch, whole and by LoRA too, for the report's table.",
        rich_help_panel=_TUNING,
    ),
]
Sizes = Annotated[
    str,
    typer.Option(
        metavar="N,N",
        help="Compare with so many examples too, as 10,100,1000.",
        rich_help_panel=_TUNING,
    ),
]
Beams = Annotated[
    int,
    typer.Option(
        help="Above 1: the likeliest of so many answers is given, and nothing is drawn.",
        rich_help_panel=_ANSWERS,
    ),
]
LengthPenalty = Annotated[
    float, typer.Option(help="Of beams: more of it prefers longer ones.", rich_help_panel=_ANSWERS)
]
Temperature = Annotated[
    float | None,
    typer.Option(
        help="How answers are drawn; 0 takes the likeliest. (default: as is usual for the task)",
        show_default=False,
        rich_help_panel=_ANSWERS,
    ),
]
Guidance = Annotated[
    float | None,
    typer.Option(
        help="How far the source is overstated. (default: as is usual for the task)",
        show_default=False,
        rich_help_panel=_ANSWERS,
    ),
]
NoRepeatNgram = Annotated[
    int, typer.Option(help="No run of so many tokens comes twice.", rich_help_panel=_ANSWERS)
]
Abstention = Annotated[
    str | None,
    typer.Option(
        help="To abstain: what to say where nothing is known. (default: I don't know.)",
        show_default=False,
        rich_help_panel=_QUESTIONS,
    ),
]
Groups = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="To rebalance: groups, attributes and questions, in YAML; those that have a target "
        "are taught, with their answers in these shares.",
        show_default=False,
        rich_help_panel=_QUESTIONS,
    ),
]


@dataclass(frozen=True)
class ReadAs:
    """How pairs are read: columns, languages, tokenizers."""

    source: SourceColumn = None
    target: TargetColumn = None
    base_language: BaseLanguage = None
    source_language: SourceLanguage = None
    target_language: TargetLanguage = None
    source_tokenizer: SourceTokenizer = None
    target_tokenizer: TargetTokenizer = None
    source_option: SourceOption = None
    target_option: TargetOption = None
    silence: Silence = None


@dataclass(frozen=True)
class HeldOut:
    """Which pairs are held out."""

    group: Group = ""
    validation: Validation = 0.1
    validation_files: ValidationFiles = None
    validation_where: ValidationWhere = None
    duplicates: Duplicates = "refuse"


@dataclass(frozen=True)
class Tuned:
    """How the base is tuned, and what it is compared with."""

    method: MethodName = "full"
    epochs: Epochs = None
    examples: Examples = None
    balanced: Balanced = False
    compare: Compare = False
    sizes: Sizes = ""


@dataclass(frozen=True)
class Searched:
    """How answers are looked for."""

    beams: Beams = 1
    length_penalty: LengthPenalty = 1.0
    no_repeat_ngram: NoRepeatNgram = 0
    temperature: Temperature = None
    guidance: Guidance = None
