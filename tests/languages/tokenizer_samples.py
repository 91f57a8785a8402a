"""Tokenizers of every kind, and strange content, for the tests of tokenizers."""

from __future__ import annotations

from hypothesis import strategies as st

from lexome.languages.tokenizers import (
    IUPAC,
    BpeTrainer,
    BytesTrainer,
    CharactersTrainer,
    KmerTrainer,
    StringTokenizer,
    SymbolsTrainer,
)

PROTEIN = "ACDEFGHIKLMNPQRSTVWYBZUOX*"
SAMPLE = [
    "the rain in Spain stays mainly in the plain, the rain, the train\r\n" * 20,
    "naïve café — 12,345 naïve cafés 😀😀 日本語の文字 日本語\n\n    indented    \n" * 20,
]
GENES = ["ACGTTGCAACGTACGTTGCA" * 40, "TTGACAATTNNNNRYACGTATAAT" * 40]

TEXT: dict[str, StringTokenizer] = {
    "bytes": BytesTrainer().train(),
    "characters": CharactersTrainer().train(SAMPLE),
    "few characters": CharactersTrainer().train(SAMPLE, 4 + 256 + 5),
    "bpe": BpeTrainer().train(SAMPLE, 330),
}
KMERS = {
    (k, s): KmerTrainer(k, s, core="ACG", alphabet="ACGNR").train()
    for k in range(1, 7)
    for s in range(1, k + 1)
}
DNA: dict[str, StringTokenizer] = {
    "symbols": SymbolsTrainer(IUPAC).train(),
    "bpe": BpeTrainer(IUPAC).train(GENES, 120),
    "3-mers": KmerTrainer(3).train(),
    "3-mers, stride 1": KmerTrainer(3, 1).train(),
    "4-mers, stride 3": KmerTrainer(4, 3).train(),
}
PROTEINS: dict[str, StringTokenizer] = {
    "symbols": SymbolsTrainer(PROTEIN).train(),
    "bpe": BpeTrainer(PROTEIN).train(["MKVLAAGIVGLMKVLAAGX*" * 30], 60),
}

WEIRD = [
    "",
    "\0",
    "\r\n\r\n\n\r",
    " " * 1000 + "x",
    "<|end|>",
    "a<|begin|><|end|> <|mask|><|pad|>",
    "<0x41><0xFF>",
    "\ufeffBOM",
    "👩‍👩‍👧‍👦🏳️‍🌈e\u0301\u202e\u2028\u0085",
    "Ġthe Ċ",
    "1234567890" * 9,
    "x" * 700,
    "'s 'll don't\tDON'T",
    "\U0010ffff\ue000\x7f\x80",
    " a  b   c \n  d\n\n\n e ",
]
texts = st.one_of(
    st.sampled_from(WEIRD),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.lists(
        st.sampled_from(
            ["the ", "rain", " ", "\n", "\r\n", "<|end|>", "é", "日本", "😀", "12", "'s"]
        )
    ).map("".join),
)
genes = st.text(IUPAC, max_size=80) | st.text("ACGT", max_size=80)
