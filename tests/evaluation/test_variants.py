"""Scores of variants against differences of sums made token by token by `transformers`."""

from __future__ import annotations

import random
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import brute_force as brute
import pytest
import torch

from lexome import languages
from lexome.errors import LexomeError, UsageError
from lexome.evaluation.variants import Score, score_variants
from lexome.languages.base import Document, Language, Skipped, Source, Tokenizer
from lexome.languages.bases import reverse_complement
from lexome.languages.tokenizers import KmerTrainer
from lexome.languages.variants import Mutable, Variant
from lexome.model import Transformer

PROTEIN = languages.get("protein")
DNA = languages.get("dna")
HERE = Source("variants")
SHORT, LONG = "MKTAYIAKQRQISFVKS", "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSG"


def mutant(wild_type: str, *sites: tuple[int, str]) -> Variant:
    residues = list(wild_type)
    for position, residue in sites:
        residues[position - 1] = residue
    pair = Document(wild_type, HERE), Document("".join(residues), HERE)
    return Variant("mutant", *pair, True, True, HERE)


MUTANTS = [
    mutant(SHORT, (4, "G")),
    mutant(SHORT, (4, "G"), (17, "W")),
    mutant(LONG, (2, "A")),
    mutant(LONG, (30, "C"), (33, "P"), (49, "A")),
]


def ids_of(tokenizer: Tokenizer, content: str) -> list[int]:
    special = tokenizer.special
    return [special.begin, *tokenizer.encode([content])[0].tolist(), special.end]


def scores_of(
    model: Transformer, language: Language, variants: Sequence[Variant], **options: object
) -> list[Score]:
    tokenizer = brute.symbols_of(language)
    found = list(score_variants(model, tokenizer, language, variants, **options))  # type: ignore[arg-type]
    assert all(isinstance(one, Score) for one in found)
    return [one for one in found if isinstance(one, Score)]


@pytest.mark.parametrize("family", ["llama", "gpt2", "nanochat"])
def test_a_causal_score_is_a_difference_of_log_likelihoods(family: str, tmp_path: Path) -> None:
    tokenizer = brute.symbols_of(PROTEIN)
    model = brute.model_of(family, tokenizer.vocab_size)
    loaded = brute.theirs(model, tmp_path)
    for variant, score in zip(MUTANTS, scores_of(model, PROTEIN, MUTANTS), strict=True):
        before, after = (
            brute.log_likelihood(loaded, ids_of(tokenizer, document.content))
            for document in (variant.reference, variant.alternative)
        )
        assert score.nats == pytest.approx(after - before, abs=1e-3, rel=1e-4)
        assert (score.method, len(score.readings)) == ("likelihood", 1)


@pytest.mark.parametrize("family", ["modernbert", "bert", "esm"])
def test_masked_marginals_hide_all_sites_at_once(family: str, tmp_path: Path) -> None:
    tokenizer = brute.symbols_of(PROTEIN)
    model = brute.model_of(family, tokenizer.vocab_size)
    loaded = brute.theirs(model, tmp_path)
    mask = tokenizer.special.mask
    for variant, score in zip(MUTANTS, scores_of(model, PROTEIN, MUTANTS), strict=True):
        before = ids_of(tokenizer, variant.reference.content)
        after = ids_of(tokenizer, variant.alternative.content)
        sites = [place for place in range(len(before)) if before[place] != after[place]]
        expected = sum(
            brute.hidden_log_probability(loaded, mask, before, sites, place, after[place])
            - brute.hidden_log_probability(loaded, mask, before, sites, place, before[place])
            for place in sites
        )
        assert score.nats == pytest.approx(expected, abs=1e-4)
        assert score.method == "masked-marginals"


def test_a_pseudo_likelihood_ratio_hides_one_token_at_a_time(tmp_path: Path) -> None:
    tokenizer = brute.symbols_of(PROTEIN)
    model = brute.model_of("modernbert", tokenizer.vocab_size)
    loaded = brute.theirs(model, tmp_path)
    chosen = [MUTANTS[1], MUTANTS[3]]
    found = scores_of(model, PROTEIN, chosen, method="pseudo-likelihood")
    for variant, score in zip(chosen, found, strict=True):
        before, after = (
            brute.pseudo_log_likelihood(
                loaded, tokenizer.special.mask, ids_of(tokenizer, document.content)
            )
            for document in (variant.reference, variant.alternative)
        )
        assert score.nats == pytest.approx(after - before, abs=1e-3)


def test_a_passage_without_its_ends_has_no_special_tokens(tmp_path: Path) -> None:
    tokenizer = brute.symbols_of(DNA)
    model = brute.model_of("llama", tokenizer.vocab_size)
    loaded = brute.theirs(model, tmp_path)
    pair = Document("ACGGTAC", HERE), Document("ACGCTAC", HERE)
    for opens, closes in [(False, False), (True, False), (False, True)]:
        variant = Variant("inside", *pair, opens, closes, HERE)
        (score,) = scores_of(model, DNA, [variant], both_strands=False)
        before, after = (
            brute.log_likelihood(
                loaded, ids_of(tokenizer, one.content)[1 - opens : None if closes else -1]
            )
            for one in pair
        )
        assert score.nats == pytest.approx(after - before, abs=1e-3)


def test_both_strands_are_averaged() -> None:
    model = brute.model_of("llama", brute.symbols_of(DNA).vocab_size)
    pair = Document("ACGGTACCA", HERE), Document("ACGCTACCA", HERE)
    other = [Document(reverse_complement(one.content), HERE) for one in pair]
    (both,) = scores_of(model, DNA, [Variant("v", *pair, True, False, HERE)])
    (forward,) = scores_of(model, DNA, [Variant("v", *pair, True, False, HERE)], both_strands=False)
    (backward,) = scores_of(
        model, DNA, [Variant("v", other[0], other[1], False, True, HERE)], both_strands=False
    )
    assert both.readings == pytest.approx((forward.nats, backward.nats), abs=1e-5)
    assert both.nats == pytest.approx((forward.nats + backward.nats) / 2, abs=1e-5)
    assert abs(forward.nats - backward.nats) > 0.01


def write_genome(folder: Path, sequence: str, lines: Sequence[tuple[int, str, str]]) -> list[Path]:
    folder.mkdir()
    (folder / "genome.fa").write_text(f">chr1\n{sequence}\n")
    rows = "".join(f"chr1\t{pos}\t.\t{ref}\t{alt}\t.\t.\t.\n" for pos, ref, alt in lines)
    (folder / "calls.vcf").write_text(f"##fileformat=VCFv4.2\n{rows}")
    return [folder / "calls.vcf", folder / "genome.fa"]


@pytest.mark.parametrize("family", ["llama", "modernbert"])
@pytest.mark.parametrize("tokens", ["symbols", "kmer"])
def test_a_variant_and_its_reverse_complement_score_alike(
    family: str, tokens: str, tmp_path: Path
) -> None:
    draw = random.Random(3)
    sequence = "".join(draw.choices("ACGT", k=90))
    # A substitution, one at each end, an insertion, a deletion: (first base, from 0, what, by what)
    changes = [(40, sequence[40], "ACGT"["CGTA".index(sequence[40])]), (0, sequence[0], "N")]
    changes += [(89, sequence[89], "N"), (30, "", "NN"), (60, sequence[60:65], "")]

    def line(at: int, old: str, new: str, whole: str) -> tuple[int, str, str]:
        # An allele has at least one base: the one before it stands in both.
        before = "" if old and new else whole[at - 1]
        return at + 1 - len(before), before + old, before + new

    other = reverse_complement(sequence)
    flipped = [
        (len(sequence) - at - len(old), reverse_complement(old), reverse_complement(new))
        for at, old, new in changes
    ]
    tokenizer = brute.symbols_of(DNA) if tokens == "symbols" else KmerTrainer(3).train([], None)
    model = brute.model_of(family, tokenizer.vocab_size)
    scores = []
    for name, whole, calls in [("a", sequence, changes), ("b", other, flipped)]:
        files = write_genome(tmp_path / name, whole, [line(*call, whole) for call in calls])
        assert isinstance(DNA, Mutable)
        variants = DNA.variants(*files, flank=9, mismatch="error")
        found = list(score_variants(model, tokenizer, DNA, variants))
        scores.append([one.nats for one in found if isinstance(one, Score)])
    assert len(scores[0]) == len(changes)
    assert scores[0] == pytest.approx(scores[1], abs=1e-4)
    assert all(abs(score) > 1e-3 for score in scores[0])


def test_where_tokens_differ_in_number_a_masked_model_is_asked_for_pseudo_likelihoods() -> None:
    model = brute.model_of("modernbert", brute.symbols_of(DNA).vocab_size)
    longer = Variant("i", Document("ACGT", HERE), Document("ACGGT", HERE), True, True, HERE)
    alike = Variant("s", Document("ACGT", HERE), Document("ACCT", HERE), True, True, HERE)
    found = scores_of(model, DNA, [longer, alike])
    assert [one.method for one in found] == ["pseudo-likelihood", "masked-marginals"]


def test_nothing_changes_nothing() -> None:
    same = Variant("same", Document(SHORT, HERE), Document(SHORT, HERE), True, True, HERE)
    for family in ("llama", "modernbert"):
        model = brute.model_of(family, brute.symbols_of(PROTEIN).vocab_size)
        assert scores_of(model, PROTEIN, [same])[0].nats == 0.0


def test_batches_and_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for family in ("llama", "modernbert"):
        model = brute.model_of(family, brute.symbols_of(PROTEIN).vocab_size)
        together = [one.nats for one in scores_of(model, PROTEIN, MUTANTS)]
        with monkeypatch.context() as patch:
            patch.setattr(import_module("lexome.evaluation.passages"), "TOKENS_A_BATCH", 1)
            patch.setattr(import_module("lexome.evaluation.variants"), "_CHUNK", 1)
            alone = [one.nats for one in scores_of(model, PROTEIN, MUTANTS)]
        assert alone == pytest.approx(together, abs=2e-4)


def test_what_was_skipped_goes_through_in_its_place() -> None:
    model = brute.model_of("llama", brute.symbols_of(PROTEIN).vocab_size)
    skipped = Skipped(HERE, "a reason")
    items: list[Variant | Skipped] = [MUTANTS[0], skipped, MUTANTS[1]]
    found = list(score_variants(model, brute.symbols_of(PROTEIN), PROTEIN, items))
    assert found[1] is skipped
    assert [type(one) for one in found] == [Score, Skipped, Score]


def test_a_method_that_does_not_suit_the_model_is_an_error() -> None:
    causal = brute.model_of("llama", brute.symbols_of(PROTEIN).vocab_size)
    with pytest.raises(UsageError, match="does not suit"):
        scores_of(causal, PROTEIN, MUTANTS, method="masked-marginals")
    masked = brute.model_of("modernbert", brute.symbols_of(PROTEIN).vocab_size)
    with pytest.raises(UsageError, match="does not suit"):
        scores_of(masked, PROTEIN, MUTANTS, method="likelihood")
    torch.nn.init.constant_(causal.embedding.weight, torch.nan)
    with pytest.raises(LexomeError, match="not a number"):
        scores_of(causal, PROTEIN, MUTANTS)
