"""What a corpus says: how often any span of tokens occurs, and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice

import numpy as np
import numpy.typing as npt

from lexome.corpus.corpus import Corpus
from lexome.corpus.index.build import LONGEST, SHARD_TOKENS, Told, build
from lexome.corpus.index.places import Place, Places
from lexome.corpus.index.prefixes import Numbers, Prefixes
from lexome.corpus.index.record import IndexRecord, IndexShard, again
from lexome.corpus.index.search import Queries, SuffixArray
from lexome.corpus.index.text import Text
from lexome.corpus.manifest import TRAIN, ShardFile
from lexome.corpus.shards import Tokens, open_shard
from lexome.errors import DamagedFileError, LexomeError, UsageError
from lexome.files import check_sha256, naming
from lexome.languages.base import Ids


@dataclass(frozen=True, slots=True)
class Span:
    """The tokens `start` to `stop` of a text occur in the corpus, as one, `count` times."""

    start: int
    stop: int
    count: int


class CorpusIndex:
    """Counts and finds spans of tokens in one split of a corpus, exactly.

    A span lies inside one document; it may begin with the document's begin token and end with its
    end token. Documents that were made by augmentation count as others do, as they are trained
    on; `find` says which these are. Reading is lazy: all but the tables is memory-mapped.
    """

    def __init__(self, corpus: Corpus, record: IndexRecord, arrays: Sequence[SuffixArray]) -> None:
        self.record = record
        self._corpus = corpus
        self._arrays = list(arrays)

    @classmethod
    def build(
        cls,
        corpus: Corpus,
        split: str = TRAIN,
        *,
        shard_tokens: int = SHARD_TOKENS,
        longest: int = LONGEST,
        told: Told | None = None,
    ) -> CorpusIndex:
        """Write the index of a split beside the corpus's shards and open it; see `build`."""
        build(corpus, split, shard_tokens=shard_tokens, longest=longest, told=told)
        return cls.open(corpus, split)

    @classmethod
    def open(cls, corpus: Corpus, split: str = TRAIN) -> CorpusIndex:
        """Open the index of a split, and check it as the corpus was when it was opened.

        Sizes are always checked; of a corpus that is `verified`, every checksum is. Raises
        `LexomeError` if there is none, or if it is of another corpus or tokenizer, and
        `DamagedFileError` if a file is missing or not as it was written.
        """
        record = IndexRecord.read(corpus, split)
        text = Text.of(corpus, split)
        arrays = [_opened(corpus, record, shard, text) for shard in record.shards]
        return cls(corpus, record, arrays)

    def count(self, span: Ids | Sequence[int]) -> int:
        """Return how often a span of one token or more occurs.

        Raises `UsageError` for an empty span, and for one longer than `record.longest`.
        """
        return int(self.counts([span])[0])

    def counts(self, spans: Sequence[Ids | Sequence[int]]) -> npt.NDArray[np.int64]:
        """Return how often each span occurs; many at once take far less time; [spans]."""
        counts = np.zeros(len(spans), np.int64)
        possible, queries = self._queries(spans)
        counts[possible] = self._count(queries)
        return counts

    def find(self, span: Ids | Sequence[int], limit: int) -> list[Place]:
        """Return where a span occurs: the first `limit` places, in the order of the corpus.

        Raises `UsageError` as `count` does.
        """
        return self.finds([span], limit)[0]

    def finds(self, spans: Sequence[Ids | Sequence[int]], limit: int) -> list[list[Place]]:
        """Return where each span occurs, as `find` does; many at once take far less time."""
        found = self.positions(spans, limit)
        places = iter(self._places(list(chain.from_iterable(found))))
        return [list(islice(places, len(own))) for own in found]

    def positions(self, spans: Sequence[Ids | Sequence[int]], limit: int) -> list[list[int]]:
        """Return at which tokens of the split's stream each span begins, the first `limit`."""
        found: list[list[int]] = [[] for _ in spans]
        possible, queries = self._queries(spans)
        for rows, part in queries.parts():
            for array in self._arrays:
                low, high = array.interval(part)
                for row, first, last in zip(possible[rows], low, high, strict=True):
                    if (wanted := limit - len(found[row])) > 0 and first < last:
                        found[row] += array.places(int(first), int(last), wanted).tolist()
        return found

    def where(self, positions: Sequence[int]) -> list[Place]:
        """Return the documents, and the places in them, of tokens of the split's stream."""
        return self._places(positions)

    def spans(self, ids: Ids | Sequence[int], shortest: int = 1) -> list[Span]:
        """Return the maximal spans of `ids` that occur in the corpus, by their starts.

        A maximal span would occur nowhere if it were longer on either side; two may overlap, and
        none lies inside another. Those of under `shortest` tokens are left out. Raises
        `UsageError` where the ids of one document are more than `record.longest`.
        """
        text: Numbers = np.asarray(ids, np.int64)
        starts = np.arange(len(text))
        reach = self._reach(text, starts[:0])
        possible = np.flatnonzero(reach)
        lengths = np.zeros(len(text), np.int64)
        for rows, part in Queries(text, possible, reach[possible]).parts():
            found = [array.longest(part) for array in self._arrays]
            lengths[possible[rows]] = np.max(found, axis=0)
        stops = starts + lengths
        # What goes on to where the run before it does lies inside that one.
        new = stops > np.concatenate([[0], stops])[:-1]
        chosen = np.flatnonzero(new & (lengths >= max(1, shortest)))
        counts = self._count(Queries(text, chosen, lengths[chosen]))
        return [
            Span(*numbers)
            for numbers in zip(
                chosen.tolist(), stops[chosen].tolist(), counts.tolist(), strict=True
            )
        ]

    def _queries(self, spans: Sequence[Ids | Sequence[int]]) -> tuple[Numbers, Queries]:
        """Return the numbers of the spans that may occur at all, and these as they are looked up.

        Raises `UsageError` as `count` does.
        """
        lengths = np.array([len(span) for span in spans], np.int64)
        if len(lengths) and not lengths.min():
            raise UsageError(
                "an empty span occurs everywhere and nowhere", fix="ask for one token or more"
            )
        ids = np.concatenate([np.zeros(0, np.int64), *(np.asarray(s, np.int64) for s in spans)])
        starts = np.cumsum(lengths) - lengths
        possible = np.flatnonzero(self._reach(ids, starts)[starts] == lengths)
        return possible, Queries(ids, starts[possible], lengths[possible])

    def _count(self, queries: Queries) -> Numbers:
        counts = np.zeros(len(queries.starts), np.int64)
        for rows, part in queries.parts():
            for array in self._arrays:
                low, high = array.interval(part)
                counts[rows] += high - low
        return counts

    def _reach(self, ids: Numbers, borders: Numbers) -> Numbers:
        """Return how long a span that begins at each token may be; [len(ids)].

        It ends at `borders`, before a begin token and behind an end token. An id that is not in
        the vocabulary is in no span.
        """
        special = self._corpus.tokenizer.special
        unknown = (ids < 0) | (ids >= self.record.vocab_size)
        border = np.zeros(len(ids) + 1, np.bool_)
        border[:-1] |= unknown | (ids == special.begin)
        border[1:] |= ids == special.end
        border[borders] = border[-1] = True
        stops = np.flatnonzero(border)
        places = np.arange(len(ids))
        reach = np.where(unknown, 0, stops[stops.searchsorted(places, "right")] - places)
        if len(reach) and reach.max() > self.record.longest:
            raise UsageError(
                f"a span of {reach.max():,} tokens is longer than the {self.record.longest:,} that "
                "the index tells apart",
                fix="ask for its parts",
            )
        return reach

    @cached_property
    def _places(self) -> Places:
        return Places(self._corpus, self.record.split)


def _opened(corpus: Corpus, record: IndexRecord, shard: IndexShard, text: Text) -> SuffixArray:
    with _naming_the_fix(again(corpus, record.split)):
        # A table is small, and one that is wrong would give wrong counts in silence.
        prefixes = _array(corpus, shard.prefixes, verify=True)
        order = _array(corpus, shard.order, verify=corpus.verified)
    table = Prefixes(prefixes, record.vocab_size, shard.prefix_length)
    return SuffixArray(text, shard.first, order, table, corpus.folder / shard.order.path)


def _array(corpus: Corpus, file: ShardFile, *, verify: bool) -> Tokens:
    path = corpus.folder / file.path
    with naming(path):
        size = path.stat().st_size
    if size != file.bytes:
        raise DamagedFileError(
            f"the file has {size} bytes, recorded were {file.bytes}", where=str(path)
        )
    if verify:
        check_sha256(path, file.sha256)
    return open_shard(path, file.tokens)


@contextmanager
def _naming_the_fix(fix: str) -> Iterator[None]:
    try:
        yield
    except LexomeError as error:
        raise DamagedFileError(error.what, where=error.where, fix=fix) from error
