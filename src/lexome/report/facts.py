"""The parts of the page that are read rather than computed: summary, data, ledger, recipe."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from lexome.corpus import Manifest
from lexome.corpus.manifest import LeakCheck, SplitSide
from lexome.model import ledger as ledgers
from lexome.model.config import TransformerConfig
from lexome.report.curves import Step, last_step
from lexome.report.data import (
    CorpusFacts,
    Leak,
    Ledger,
    LedgerRow,
    Missing,
    Reproduction,
    Side,
    Skip,
    SourceFile,
    Summary,
)
from lexome.report.reading import RunFiles, command
from lexome.report.tuning import finetune_command, pair_of, tuned_sentence
from lexome.training.run import RECIPE

SOURCES_SHOWN = 50
_KMER = ("k", "stride")
_PREPARE_FLAGS = (
    *("language", "tokenizer", "vocab_size", "tokenizer_folder", "sample_units"),
    *("validation", "split", "seed", "licence"),
)


def summary(run: RunFiles, verdict: str, built: Ledger | Missing) -> Summary:
    """Return what the model is, from whatever parts of the run there are.

    `verdict` says how it stands beside its baselines.
    """
    config = None if isinstance(run.config, Missing) else run.config
    last = _last(run)
    parameters = run.fact("parameters")
    if parameters is None and not isinstance(built, Missing):
        parameters = built.parameters
    return Summary(
        name=run.folder.resolve().name,
        language=run.fact("language"),
        unit=run.fact("unit"),
        family=config.family if config else None,
        objective=_objective(run.fact("objective"), config),
        parameters=parameters,
        shape=None if config is None else _shape(config),
        steps=last.step if last else None,
        tokens=last.tokens if last else None,
        minutes=last.seconds / 60 if last and last.seconds is not None else None,
        verdict=verdict,
        tuned=tuned_sentence(run),
    )


def corpus_facts(run: RunFiles) -> CorpusFacts | Missing:
    """Return what the data was, from the manifest of the corpus."""
    manifest = run.manifest
    if isinstance(manifest, Missing):
        return manifest
    kind = manifest.tokenizer
    origin = "given" if kind.given else _trained_on(manifest)
    return CorpusFacts(
        folder=str(run.fact("corpus") or ""),
        language=_language(run, manifest),
        unit=manifest.unit,
        licence=manifest.licence,
        fingerprint=manifest.fingerprint,
        tokenizer=f"{kind.kind}, {origin}" if origin else kind.kind,
        vocab_size=kind.vocab_size,
        sources=tuple(
            SourceFile(file.path, file.bytes, file.sha256)
            for file in manifest.sources[:SOURCES_SHOWN]
        ),
        source_files=len(manifest.sources),
        source_bytes=sum(file.bytes for file in manifest.sources),
        sides=(_side("training", manifest.train), _side("validation", manifest.valid)),
        split=_split(manifest),
        skipped=tuple(
            Skip(reason, record.count, record.examples)
            for reason, record in sorted(manifest.skipped.items())
        ),
        leak=_leak(manifest.leak),
        fidelity=manifest.fidelity,
    )


def ledger(run: RunFiles) -> Ledger | Missing:
    """Return where the parameters of the model are."""
    if isinstance(run.config, Missing):
        return run.config
    built = ledgers.ledger(run.config)
    notes = [
        f"Not in the table: {item.parameters:,} parameters of {item.name} ({item.what})."
        for item in built.left_out
    ]
    if built.shared:
        notes.append(
            f"The unembedding is the embedding (tied): {built.shared:,} weights are stored once."
        )
    notes.append(f"The module as built has {built.parameters:,} parameters.")
    return Ledger(
        rows=tuple(
            LedgerRow(row.name, row.numbers, row.formula, row.weights, row.matrices)
            for row in built.rows
        ),
        weights=built.total,
        matrices=built.matrices,
        parameters=built.parameters,
        notes=tuple(notes),
    )


def reproduction(run: RunFiles) -> Reproduction:
    """Return the recipe, the commands and the facts that make the run again."""
    folder = str(run.folder)
    again = command("train", "--recipe", f"{folder}/{RECIPE}", "--out", f"{folder}-again")
    commands = [again, command("evaluate", folder), command("report", folder)]
    if run.tuned is not None:
        commands = [line for line in (finetune_command(run), *commands) if line]
    elif isinstance(run.manifest, Manifest) and run.manifest.request.get("sources"):
        commands.insert(0, _prepare(run.manifest.request, str(run.fact("corpus"))))
    if isinstance(run.manifest, Manifest) and run.manifest.parts:
        parts = [f"{part.corpus}={part.weight:g}" for part in run.manifest.parts]
        commands.insert(0, command("mix", *parts, "--out", str(run.fact("corpus"))))
    return Reproduction(
        recipe=run.recipe_text,
        commands=tuple(commands),
        facts=() if isinstance(run.facts, Missing) else tuple(_flat(run.facts)),
    )


def _last(run: RunFiles) -> Step | None:
    return None if isinstance(run.metrics, Missing) else last_step(run.metrics)


def _objective(named: Any, config: TransformerConfig | None) -> Literal["causal", "masked"] | None:
    if named in ("next-token", "masked-token"):
        return "causal" if named == "next-token" else "masked"
    if config is None:
        return None
    return "causal" if config.attention == "causal" else "masked"


def _heads(count: int) -> str:
    return "1 head" if count == 1 else f"{count} heads"


def _shape(config: TransformerConfig) -> str:
    return (
        f"{config.layers} layers, {config.width:,} wide, {_heads(config.heads)}, "
        f"context of {config.context:,} tokens, vocabulary of {config.vocab_size:,}"
    )


def _prepare(request: Mapping[str, Any], folder: str) -> str:
    """Return the command that prepares the corpus again, from what its manifest says was asked."""
    words = [str(source) for source in request["sources"]]
    for flag in _PREPARE_FLAGS:
        if request.get(flag) not in (None, ""):
            words += [f"--{flag.replace('_', '-')}", str(request[flag])]
    for option, value in (request.get("tokenizer_options") or {}).items():
        # k-mers have options of their own on the command line.
        own = [f"--{option}", str(value)]
        words += own if option in _KMER else ["--tokenizer-option", f"{option}={value}"]
    for option, value in (request.get("options") or {}).items():
        words += ["--option", f"{option}={value if isinstance(value, str) else json.dumps(value)}"]
    for file in request.get("validation_files") or ():
        words += ["--validation-files", str(file)]
    for name, value in (request.get("validation_where") or {}).items():
        words += ["--validation-where", f"{name}={value}"]
    return command("prepare", *words, "--out", folder)


def _language(run: RunFiles, manifest: Manifest) -> str:
    pair = pair_of(run)
    if pair is None:
        return manifest.language
    return f"pairs, {pair.asking.language} → {pair.answering.language}"


def _side(name: str, side: SplitSide) -> Side:
    return Side(name, side.documents, side.augmented, side.units, side.tokens)


def _trained_on(manifest: Manifest) -> str:
    record = manifest.tokenizer
    if not record.sample_units:
        return ""
    return (
        f"trained on {record.sample_units:,} {manifest.unit}s "
        f"of {record.sample_documents:,} documents"
    )


def _split(manifest: Manifest) -> str:
    split = manifest.split
    how = {
        "document": f"by document, {split.fraction:.3g} of the data for validation, "
        f"seed {split.seed}",
        "tail": f"the last {split.fraction:.3g} of the data is for validation",
        "files": "validation files were named",
        "mixture": "as in the corpora that were mixed",
        "metadata": f"documents with {split.asked} are for validation",
    }[split.how]
    cut = (
        f"; {split.cut_documents:,} documents were cut at the border" if split.cut_documents else ""
    )
    return f"{how}{cut}. {split.note}".strip()


def _leak(leak: LeakCheck) -> Leak:
    return Leak(
        documents=leak.documents,
        exact=leak.exact_duplicates,
        near=leak.near_duplicates,
        too_short=leak.too_short,
        threshold=leak.threshold,
        mean_containment=leak.mean_containment,
        ngram_units=leak.ngram_units,
    )


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            numbered = {str(number): item for number, item in enumerate(value, 1)}
            yield from _flat(numbered, f"{prefix}{key}.")
        elif isinstance(value, list):
            yield f"{prefix}{key}", ", ".join(map(str, value))
        elif isinstance(value, int) and not isinstance(value, bool):
            yield f"{prefix}{key}", f"{value:,}"
        else:
            yield f"{prefix}{key}", str(value)
