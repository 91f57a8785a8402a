"""A prepared corpus on disk: its manifest, its two streams of tokens, its documents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from lexome import languages
from lexome.corpus.documents import document_names, read_rows
from lexome.corpus.features import FeatureStream, open_features
from lexome.corpus.manifest import NAME, TRAIN, VALID, Manifest, ShardFile, folder_sha256
from lexome.corpus.shards import TokenStream, open_shard
from lexome.errors import DamagedFileError, LexomeError, UsageError, nearest
from lexome.files import check_sha256, naming
from lexome.languages.base import Document, Language, Source, Tokenizer
from lexome.languages.features import frame_token

DOCUMENTS = "documents.parquet"
TOKENIZER = "tokenizer"
SHARDS = "shards"


class Corpus:
    """A corpus that `prepare` has finished.

    Open one with `Corpus.open`. Reading is lazy: streams are memory-mapped, the language and
    the tokenizer are built when they are asked for. `verified` says whether its checksums were
    checked.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        language: Language | None = None,
        tokenizer: Tokenizer | None = None,
        *,
        verified: bool = False,
    ) -> None:
        self.folder = folder
        self.verified = verified
        self.manifest = manifest
        self._language = language
        self._tokenizer = tokenizer
        self._streams: dict[str, TokenStream] = {}

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        verify: bool = False,
        language: Language | None = None,
        tokenizer: Tokenizer | None = None,
    ) -> Corpus:
        """Open the corpus in `folder`; sizes are always checked, with `verify` every checksum.

        `language` and `tokenizer` stand in for those that the manifest names, for a language
        that lexome does not know by name. Raises `LexomeError` if there is no finished corpus
        and `DamagedFileError` if a file is missing or not what the manifest says.
        """
        folder = Path(folder)
        if not (folder / NAME).is_file():
            raise LexomeError(
                "there is no finished corpus here",
                where=str(folder),
                fix="make one with `lexome prepare`; run it again if it was stopped half-way",
            )
        manifest = Manifest.read(folder)
        for file in _files(manifest):
            _check(folder / file.path, file, verify)
        if verify and folder_sha256(folder / TOKENIZER) != manifest.tokenizer.sha256:
            raise DamagedFileError(
                "the tokenizer is not the one that this corpus was made with",
                where=str(folder / TOKENIZER),
                fix="restore the folder, or prepare the corpus again",
            )
        return cls(folder, manifest, language, tokenizer, verified=verify)

    @property
    def fingerprint(self) -> str:
        """Return the hexadecimal digits that name this corpus's tokens."""
        return self.manifest.fingerprint

    @cached_property
    def language(self) -> Language:
        """Return the corpus's language, with the options that it was read with."""
        return self._language or languages.get(self.manifest.language, **self.manifest.options)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Return the corpus's tokenizer."""
        return self._tokenizer or languages.load_tokenizer(self.folder / TOKENIZER)

    def stream(self, split: str) -> TokenStream:
        """Return the tokens of "train" or "valid"; memory-mapped, the same object each time."""
        if split not in (TRAIN, VALID):
            raise UsageError(f"there is no split {split!r}", fix=nearest(split, (TRAIN, VALID)))
        if split not in self._streams:
            self._streams[split] = self._open_stream(split)
        return self._streams[split]

    def features(self, split: str) -> FeatureStream | None:
        """Return the features of a split; `None` where the tokenizer makes no frames."""
        side = self.manifest.side(split)
        if not side.features or (frame := frame_token(self.tokenizer)) is None:
            return None
        shards = [
            open_features(self.folder / shard.path, shard.tokens, frame.width)
            for shard in side.features
        ]
        return FeatureStream(self.stream(split), frame, shards)

    def documents(self, split: str, *, augmented: bool = False) -> Iterator[Document]:
        """Yield the documents of a split, decoded from their tokens, in the order of the stream.

        Documents that were made by augmentation are left out unless `augmented` is true.
        """
        for row in self.rows(split):
            if row["augmented"] and not augmented:
                continue
            content = self.content(split, row["first_token"], row["tokens"])
            source = Source(row["file"], row["record"], row["line"], row["offset"])
            yield Document(content, source, json.loads(row["metadata"]))

    def content(self, split: str, first: int, tokens: int) -> Any:
        """Return the content of the document whose `tokens` tokens begin at `first`."""
        # The first and the last token are begin and end.
        ids = self.stream(split).read(first + 1, first + tokens - 1)
        return self.tokenizer.decode(ids)

    def names(self, split: str, numbers: Sequence[int]) -> dict[int, str]:
        """Return where the documents of these numbers in a split come from, in words."""
        found = document_names(self.folder / DOCUMENTS, {split: numbers})
        return {number: name for (_, number), name in found.items()}

    def rows(self, split: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of documents.parquet that belong to a split."""
        return read_rows(self.folder / DOCUMENTS, split)

    def _open_stream(self, split: str) -> TokenStream:
        side = self.manifest.side(split)
        return TokenStream(
            self.folder,
            split,
            [open_shard(self.folder / shard.path, shard.tokens) for shard in side.shards],
            [
                open_shard(self.folder / shard.path, shard.tokens) if shard else None
                for shard in side.weights
            ],
            self.folder / DOCUMENTS,
        )


def _files(manifest: Manifest) -> Iterator[ShardFile]:
    yield manifest.documents
    if manifest.groups is not None:
        yield manifest.groups.keys
        yield manifest.groups.numbers
    for side in (manifest.train, manifest.valid):
        yield from side.shards
        yield from (shard for shard in side.weights if shard)
        yield from side.features


def _check(path: Path, file: ShardFile, verify: bool) -> None:
    with naming(path):
        size = path.stat().st_size
    if size != file.bytes:
        raise DamagedFileError(
            f"the file has {size} bytes, recorded were {file.bytes}",
            where=str(path),
            fix="restore the file, or prepare the corpus again",
        )
    if verify:
        check_sha256(path, file.sha256)
